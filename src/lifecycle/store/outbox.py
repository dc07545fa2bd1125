"""The outbox in the database: leases and their outcomes for relays, and what operators read and change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, exists, func, or_, select, text, tuple_, update

from lifecycle.engine.records import OutboxRecord, OutboxStatus
from lifecycle.store import schema
from lifecycle.store.among import among
from lifecycle.store.clocks import on_clock
from lifecycle.store.connections import Connections
from lifecycle.store.transaction import writing_failures

_TABLE = schema.outbox
_COLUMNS = [_TABLE.c[field.name] for field in fields(OutboxRecord)]
_EARLIER = _TABLE.alias("earlier")
_BLOCKED = exists().where(
    _EARLIER.c.root_id == _TABLE.c.root_id,
    _EARLIER.c.destination == _TABLE.c.destination,
    _EARLIER.c.wake_at.is_not(None),
    tuple_(_EARLIER.c.seq, _EARLIER.c.place) < tuple_(_TABLE.c.seq, _TABLE.c.place),
)
"""Whether another one stands before it in the line of its root and destination."""
_TO = among(_TABLE.c.destination, "to")
_OUTCOME = ("status", "wake_at", "attempts", "finished_at", "error")
_SETTLE = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("message"), _TABLE.c.fence == bindparam("lease"), _TABLE.c.status == "leased")
    .values({name: bindparam(name) for name in _OUTCOME})
)
_WAITS, _PARKED = _TABLE.c.wake_at.is_not(None), text("status = 'parked'")
"""As the partial indexes have it."""
_LEASE = (
    update(_TABLE)
    .where(among(_TABLE.c.id))
    .values(status="leased", wake_at=bindparam("until"), fence=_TABLE.c.fence + 1)
)
_FIRST = (
    select(*_COLUMNS)
    .where(
        _TABLE.c.root_id == bindparam("root"), _TABLE.c.destination == bindparam("to"), _TABLE.c.wake_at.is_not(None)
    )
    .order_by(_TABLE.c.seq, _TABLE.c.place)
    .limit(1)
    .with_for_update()
)
"""The first in the line of a root and destination."""
_LEASED = (
    select(_TABLE.c.id, _TABLE.c.fence)
    .where(among(_TABLE.c.id), _TABLE.c.status == "leased")
    .order_by(_TABLE.c.id)
    .with_for_update()
)


@lru_cache(maxsize=16)
def _looks(clock: str | None) -> tuple[Select[Any], Select[Any]]:
    """When the first message to these destinations is to be looked at, and whether any is; made once, for they are
    asked all the time."""
    ours = on_clock(_TABLE, clock)
    following = select(func.min(_TABLE.c.wake_at)).where(_TABLE.c.wake_at.is_not(None), ours, _TO, ~_BLOCKED)
    return following, select(_TABLE.c.id).where(_TABLE.c.wake_at <= bindparam("now"), ours).limit(1)


@lru_cache(maxsize=16)
def _claim(clock: str | None, *, ahead: bool) -> Select[Any]:
    """What is to be looked at by `now`, the earliest first; `ahead`: and what is new, and sent by `until`."""
    due = _TABLE.c.wake_at <= bindparam("now")
    if ahead:
        is_new = and_(_TABLE.c.fence == 0, _TABLE.c.wake_at == _TABLE.c.created_at)
        due = and_(_TABLE.c.wake_at <= bindparam("until"), or_(due, is_new))
    query = select(*_COLUMNS).where(due, on_clock(_TABLE, clock), _TO, ~_BLOCKED)
    query = query.order_by(_TABLE.c.wake_at, _TABLE.c.id).limit(bindparam("limit"))
    return query.with_for_update(skip_locked=True, of=_TABLE)


@lru_cache(maxsize=16)
def _due_to(clock: str | None) -> Select[Any]:
    """The destinations that something is due for by `now`."""
    due = _TABLE.c.wake_at <= bindparam("now")
    return select(_TABLE.c.destination).where(due, on_clock(_TABLE, clock), _TO).distinct()


class SqlOutbox:
    """The messages of a database, for relays in any number of threads and processes: those on this named clock, or
    without one those on none."""

    def __init__(self, database: Connections, clock: str | None = None) -> None:
        self.database = database
        self._clock = clock
        self._next, self._any = _looks(clock)

    def claim(
        self,
        destinations: Collection[str],
        now: datetime,
        lease_until: datetime,
        limit: int,
        *,
        new_until: datetime | None = None,
    ) -> list[OutboxRecord]:
        """Lease messages; on PostgreSQL those that another relay is about to lease are passed over.

        Where nothing is due it only reads, so that an idle relay stands in no writer's way.
        """
        if not self._any_due(now):
            return []
        given = {"now": now, "until": max(now, new_until or now), "to": list(destinations), "limit": limit}
        with self.database.writing() as connection:
            query = _claim(self._clock, ahead=new_until is not None)
            found = [OutboxRecord(*row) for row in connection.execute(query, given)]
            if found:
                connection.execute(_LEASE, {"ids": [record.id for record in found], "until": lease_until})
        return [replace(record, status="leased", wake_at=lease_until, fence=record.fence + 1) for record in found]

    def claim_next(
        self, root_id: str, destination: str, now: datetime, lease_until: datetime, messages: Collection[str] | None
    ) -> OutboxRecord | None:
        """Lease the first in the line of a root and destination, if it may be taken."""
        with self.database.writing() as connection:
            row = connection.execute(_FIRST, {"root": root_id, "to": destination}).first()
            record = OutboxRecord(*row) if row else None
            if record is None or not _free(record, now, messages):
                return None
            connection.execute(_LEASE, {"ids": [record.id], "until": lease_until})
        return replace(record, status="leased", wake_at=lease_until, fence=record.fence + 1)

    def next_wake_at(self, destinations: Collection[str]) -> datetime | None:
        """When the earliest message to these destinations is to be looked at, of those that are first in their line;
        None where none waits."""
        with self.database.reading() as connection:
            earliest: datetime | None = connection.scalar(self._next, {"to": list(destinations)})
            return earliest

    def due_destinations(self, destinations: Collection[str], now: datetime) -> list[str]:
        """Those of these destinations to which something is due, in order of their names."""
        with self.database.reading() as connection:
            return sorted(connection.scalars(_due_to(self._clock), {"now": now, "to": list(destinations)}))

    def _any_due(self, now: datetime) -> bool:
        with self.database.reading() as connection:
            return connection.scalar(self._any, {"now": now}) is not None

    def settle(self, record: OutboxRecord) -> bool:
        """Write the outcome of a lease, if it is still the last one."""
        with self.database.writing() as connection, writing_failures():
            return connection.execute(_SETTLE, _outcome(record)).rowcount == 1

    def settle_all(self, records: Sequence[OutboxRecord]) -> Collection[str]:
        """Write the outcomes of leases, those that are still the last ones; the ids of these."""
        ids = [record.id for record in records]
        with self.database.writing() as connection, writing_failures():
            held = {tuple(row) for row in connection.execute(_LEASED, {"ids": ids}).all()}
            heard = [record for record in records if (record.id, record.fence) in held]
            if heard:
                connection.execute(_SETTLE, [_outcome(record) for record in heard])
        return {record.id for record in heard}


def _outcome(record: OutboxRecord) -> dict[str, object]:
    values = {name: getattr(record, name) for name in _OUTCOME}
    return values | {"message": record.id, "lease": record.fence}


def _free(record: OutboxRecord, now: datetime, messages: Collection[str] | None) -> bool:
    is_over = record.wake_at is not None and record.wake_at <= now
    if record.status == "leased":
        return is_over
    return is_over or record.fence > 0 if messages is None else record.id in messages


def find(connection: Connection, message: str, *, lock: bool = False) -> OutboxRecord | None:
    """One message; `lock`: and nobody else changes it before the transaction ends."""
    query = select(*_COLUMNS).where(_TABLE.c.id == message)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return OutboxRecord(*row) if row else None


def change(connection: Connection, record: OutboxRecord) -> None:
    """Write what an operator has made of a message that is locked."""
    values = {name: getattr(record, name) for name in _OUTCOME}
    connection.execute(update(_TABLE).where(_TABLE.c.id == record.id).values(**values))


def messages(
    connection: Connection, *, status: str | None = None, destination: str | None = None, limit: int | None = None
) -> list[OutboxRecord]:
    """Messages, oldest first; of `limit`, the newest."""
    query = select(*_COLUMNS).order_by(_TABLE.c.created_at.desc(), _TABLE.c.id.desc()).limit(limit)
    for column, value in ((_TABLE.c.status, status), (_TABLE.c.destination, destination)):
        if value is not None:
            query = query.where(column == value)
    return [OutboxRecord(*row) for row in connection.execute(query)][::-1]


def unfinished(connection: Connection, destinations: Collection[str]) -> dict[str, int]:
    """How many messages are still to be delivered to these destinations; of those to which there are any."""
    column = _TABLE.c.destination
    query = select(column, func.count()).where(column.in_(destinations)).group_by(column)
    found = Counter[str]()
    for which in (_WAITS, _PARKED):
        found.update({row[0]: row[1] for row in connection.execute(query.where(which))})
    return dict(found)


def park(connection: Connection, destination: str) -> None:
    """Lay aside what waits for a destination that is paused: no relay passes over it any more."""
    parked: OutboxStatus = "parked"
    waiting = (_TABLE.c.destination == destination, _WAITS, _TABLE.c.status == "waiting", _TABLE.c.clock.is_(None))
    connection.execute(update(_TABLE).where(*waiting).values(status=parked, wake_at=None))


def unpark(connection: Connection, destination: str, now: datetime) -> None:
    """Have what was laid aside, or is to be tried again later, delivered now, with all its attempts."""
    waits = and_(_WAITS, _TABLE.c.status == "waiting", _TABLE.c.clock.is_(None))
    for which in (waits, _PARKED):
        resumed = update(_TABLE).where(_TABLE.c.destination == destination, which)
        connection.execute(resumed.values(status="waiting", wake_at=now, attempts=0))


def drop_all(connection: Connection, destination: str, now: datetime, *, besides: str = "") -> int:
    """Give up all that is still to be delivered to a destination, but for this message; how many those were."""
    status: OutboxStatus = "dropped"
    values = {"status": status, "wake_at": None, "finished_at": now}
    given_up = update(_TABLE).where(_TABLE.c.destination == destination, _TABLE.c.id != besides).values(values)
    return sum(connection.execute(given_up.where(which)).rowcount for which in (_WAITS, _PARKED))
