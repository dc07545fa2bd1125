"""Mails in the database: which late notices reach their addressee in one mail, and what operators see of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, Select, bindparam, case, func, or_, select, update

from lifecycle.engine.records import OutboxRecord
from lifecycle.engine.telling import MAIL
from lifecycle.store import schema

MOST = 200
"""How many notices one mail tells at most."""

_TABLE, _ROOTS, _INSTANCES = schema.outbox, schema.roots, schema.instances
_COLUMNS = [_TABLE.c[field.name] for field in fields(OutboxRecord)]
_INTO = select(_TABLE.c.merged_into).where(_TABLE.c.id == bindparam("message"))
_INTO_LOCKED = _INTO.with_for_update()


@dataclass(frozen=True, slots=True)
class Sent:
    """A notice on its way, or that has been sent: as its message, the one that it was merged into, and when the mail
    that tells it was delivered."""

    message: OutboxRecord
    merged_into: str | None
    sent_at: datetime | None


def is_catching_up(connection: Connection, account_id: str, now: datetime) -> bool:
    """Whether something of an account is still to fire that is due by now."""
    due = select(_ROOTS.c.id).where(
        _ROOTS.c.id.in_(_roots(account_id)),
        _ROOTS.c.status == "live",
        _ROOTS.c.wake_at <= now,
        _ROOTS.c.clock.is_(None),
    )
    return connection.scalar(due.limit(1)) is not None


def merged_into(connection: Connection, message: str, *, lock: bool = False) -> str | None:
    """The message that this one was merged into; its own id, where it is told by itself; None: not decided yet."""
    into: str | None = connection.scalar(_INTO_LOCKED if lock else _INTO, {"message": message})
    return into


def gather(
    connection: Connection,
    message: str,
    account_id: str,
    now: datetime,
    *,
    is_late: Callable[[OutboxRecord], bool],
    without: Collection[str],
) -> None:
    """Decide for good which of an account's notices this message tells too: those that wait and are late, but for the
    kinds that go `without` others. What another transaction has in hand is left to it."""
    if merged_into(connection, message, lock=True) is not None:
        return
    waiting = (
        select(*_COLUMNS)
        .where(
            _TABLE.c.root_id.in_(_roots(account_id)),
            _TABLE.c.destination == MAIL,
            _TABLE.c.status == "waiting",
            _TABLE.c.merged_into.is_(None),
            _TABLE.c.clock.is_(None),
            _TABLE.c.kind.not_in(without),
            _TABLE.c.id != message,
        )
        .order_by(_TABLE.c.id)
        .with_for_update(skip_locked=True, of=_TABLE)
    )
    late = [one.id for one in (OutboxRecord(*row) for row in connection.execute(waiting)) if is_late(one)]
    _mark(connection, [message], {"merged_into": message})
    gone = {"merged_into": message, "status": "merged", "wake_at": None, "finished_at": now}
    _mark(connection, late[: MOST - 1], gone)


def is_told_first(connection: Connection, message: str, account_id: str, without: Collection[str]) -> bool:
    """Whether another relay has an earlier notice of the account in hand, which may be about to tell this one too."""
    earlier = select(_TABLE.c.id).where(
        _TABLE.c.root_id.in_(_roots(account_id)),
        _TABLE.c.destination == MAIL,
        _TABLE.c.status == "leased",
        _TABLE.c.clock.is_(None),
        _TABLE.c.kind.not_in(without),
        _TABLE.c.id < message,
    )
    return connection.scalar(earlier.limit(1)) is not None


def merged(connection: Connection, message: str) -> list[OutboxRecord]:
    """What was merged into a message, besides itself."""
    query = select(*_COLUMNS).where(_TABLE.c.merged_into == message, _TABLE.c.status == "merged")
    return [OutboxRecord(*row) for row in connection.execute(query)]


def sent(
    connection: Connection, *, account_id: str | None = None, kind: str | None = None, limit: int | None = None
) -> list[Sent]:
    """Notices, oldest first; of `limit`, the newest."""
    telling = _TABLE.alias("telling")
    told_by = telling.c.id == func.coalesce(_TABLE.c.merged_into, _TABLE.c.id)
    sent_at = case((telling.c.status == "delivered", telling.c.finished_at))
    query = select(*_COLUMNS, _TABLE.c.merged_into, sent_at).join(telling, told_by).where(_TABLE.c.destination == MAIL)
    if account_id is not None:
        query = query.where(_TABLE.c.root_id.in_(_roots(account_id)))
    if kind is not None:
        query = query.where(_TABLE.c.kind == kind)
    rows = connection.execute(query.order_by(_TABLE.c.created_at.desc(), _TABLE.c.id.desc()).limit(limit))
    return [Sent(OutboxRecord(*row[:-2]), *row[-2:]) for row in rows][::-1]


def _roots(account_id: str) -> Select[tuple[str]]:
    """The roots on which something is the account's, and its own."""
    owned = select(_INSTANCES.c.root_id).where(_INSTANCES.c.owner_id == account_id)
    return select(_ROOTS.c.id).where(or_(_ROOTS.c.id.in_(owned), _ROOTS.c.id == account_id))


def _mark(connection: Connection, messages: Sequence[str], values: Mapping[str, object]) -> None:
    if messages:
        connection.execute(update(_TABLE).where(_TABLE.c.id.in_(messages)).values(**values))
