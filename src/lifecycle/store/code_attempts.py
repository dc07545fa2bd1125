"""How often somebody has tried a code (rule F4): one row for each caller, by a digest of who it is."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from lifecycle.store import schema

_TABLE = schema.code_attempts
SWEPT = 1000
"""How many rows that are out of date go with an attempt at most."""


def sweep(connection: Connection, now: datetime, within: timedelta) -> None:
    """Let rows go that are out of date, whosever they are; those that somebody else has in hand are left to them."""
    past = select(_TABLE.c.caller).where(_TABLE.c.since <= now - within).order_by(_TABLE.c.since).limit(SWEPT)
    ours = past.with_for_update(skip_locked=True).scalar_subquery()
    connection.execute(delete(_TABLE).where(_TABLE.c.caller.in_(ours)))


def count(connection: Connection, caller: str, now: datetime, attempts: int, within: timedelta) -> bool:
    """Take down one more attempt; False, and nothing is taken down, where the caller has had all of them."""
    past = _TABLE.c.since <= now - within
    insert_or = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    counted = insert_or(_TABLE).values(caller=caller, since=now, count=1)
    counted = counted.on_conflict_do_update(
        index_elements=[_TABLE.c.caller],
        set_={
            "count": case((past, 1), else_=_TABLE.c.count + 1),
            "since": case((past, counted.excluded.since), else_=_TABLE.c.since),
        },
        where=or_(past, _TABLE.c.count < attempts),
    )
    return connection.scalar(counted.returning(_TABLE.c.count)) is not None


def give_back(connection: Connection, caller: str) -> None:
    """One attempt less: it was none."""
    fewer = update(_TABLE).where(_TABLE.c.caller == caller, _TABLE.c.count > 0)
    connection.execute(fewer.values(count=_TABLE.c.count - 1))
