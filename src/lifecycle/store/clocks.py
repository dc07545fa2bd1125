"""Named clocks in the database: where each stands, who advances it, and what is on it.

A clock's row is moved in a transaction of its own before anything fires at its new instant. Whoever advances it holds
its lease, which ends by the machine's own clock, so that it ends with a process that dies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, func, insert, or_, select, true, update

from lifecycle.errors import NotFound
from lifecycle.store import schema

_CLOCKS = schema.clocks


@dataclass(frozen=True, slots=True)
class ClockRecord:
    """A named clock: where it stands, when it was made, and until when somebody has it who advances it."""

    name: str
    now: datetime
    created_at: datetime
    lease_until: datetime | None = None


_COLUMNS = [_CLOCKS.c[field.name] for field in fields(ClockRecord)]


def on_clock(table: Table, clock: str | None) -> ColumnElement[bool]:
    """Whether a row of a table is on this clock; None: on no named one."""
    on: ColumnElement[bool] = table.c.clock.is_(None) if clock is None else table.c.clock == clock
    return on


def time_of(connection: Connection, name: str) -> datetime:
    """Where a clock stands. Raises NotFound."""
    now: datetime | None = connection.scalar(select(_CLOCKS.c.now).where(_CLOCKS.c.name == name))
    if now is None:
        raise NotFound("clock", name)
    return now


def find(connection: Connection, name: str) -> ClockRecord | None:
    """The clock of this name."""
    row = connection.execute(select(*_COLUMNS).where(_CLOCKS.c.name == name)).first()
    return ClockRecord(*row) if row else None


def every(connection: Connection) -> Sequence[ClockRecord]:
    """All of them, by name."""
    return [ClockRecord(*row) for row in connection.execute(select(*_COLUMNS).order_by(_CLOCKS.c.name))]


def count(connection: Connection) -> int:
    """How many there are."""
    return connection.scalar(select(func.count()).select_from(_CLOCKS)) or 0


def add(connection: Connection, clock: ClockRecord) -> None:
    """Write a new one."""
    row = {"name": clock.name, "now": clock.now, "created_at": clock.created_at}
    connection.execute(insert(_CLOCKS), [row | {"advancer": None, "lease_until": None}])


def lease(connection: Connection, name: str, advancer: str, wall: datetime, until: datetime) -> bool:
    """Take a clock to advance it; False where somebody else has it."""
    free = or_(_CLOCKS.c.lease_until.is_(None), _CLOCKS.c.lease_until <= wall)
    taken = update(_CLOCKS).where(_CLOCKS.c.name == name, free).values(advancer=advancer, lease_until=until)
    return connection.execute(taken).rowcount == 1


def keep(connection: Connection, name: str, advancer: str, until: datetime, now: datetime | None = None) -> bool:
    """Go on having a clock, and have it stand at `now`; False where it has passed to somebody else."""
    values = {"lease_until": until} | ({} if now is None else {"now": now})
    kept = update(_CLOCKS).where(_CLOCKS.c.name == name, _CLOCKS.c.advancer == advancer).values(**values)
    return connection.execute(kept).rowcount == 1


def stand(connection: Connection, name: str, now: datetime) -> None:
    """Have a clock that nobody else knows of stand there."""
    connection.execute(update(_CLOCKS).where(_CLOCKS.c.name == name).values(now=now))


def let_go(connection: Connection, name: str, advancer: str) -> None:
    """Give a clock back."""
    ours = update(_CLOCKS).where(_CLOCKS.c.name == name, _CLOCKS.c.advancer == advancer)
    connection.execute(ours.values(advancer=None, lease_until=None))


def free_messages(connection: Connection, name: str, now: datetime) -> None:
    """Have messages delivered at `now` that were leased, or handed to somebody who was to deliver them at once: on a
    clock that stands still no lease would run out."""
    table = schema.outbox
    waits = (table.c.clock == name, table.c.wake_at > now, or_(table.c.status == "leased", table.c.fence == 0))
    connection.execute(update(table).where(*waits).values(status="waiting", wake_at=now))


def on_it(connection: Connection, name: str, destinations: Collection[str]) -> tuple[int, datetime | None]:
    """How many accounts are on a clock, and when the next thing on it is due, messages to these destinations included;
    None where nothing is."""
    accounts, outbox = schema.accounts, schema.outbox
    number = connection.scalar(select(func.count()).select_from(accounts).where(accounts.c.clock == name)) or 0
    wakes = [
        connection.scalar(select(func.min(table.wake_at)).where(table.clock == name, table.wake_at.is_not(None), what))
        for table, what in ((schema.roots.c, true()), (outbox.c, outbox.c.destination.in_(destinations)))
    ]
    return number, min((wake for wake in wakes if wake is not None), default=None)


def waiting_for(connection: Connection, name: str) -> Sequence[str]:
    """The destinations that messages on a clock wait for."""
    table = schema.outbox
    query = select(table.c.destination).where(table.c.clock == name, table.c.wake_at.is_not(None)).distinct()
    return list(connection.scalars(query))
