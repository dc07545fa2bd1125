"""What a transaction reads, locks and writes: bulk statements over the tables, the same on both databases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Select,
    Table,
    bindparam,
    func,
    literal_column,
    select,
    union,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, StatementError

from lifecycle.engine.ports import LiveKeyTaken, WriteFailed
from lifecycle.engine.records import (
    AnswerRecord,
    Changes,
    DeferralRecord,
    InstanceRecord,
    NumberRecord,
    RootRecord,
    Subscriber,
)
from lifecycle.store import bulk, clocks, schema
from lifecycle.store.among import among
from lifecycle.store.bulk import Rows
from lifecycle.store.clocks import on_clock
from lifecycle.store.connections import Connections
from lifecycle.store.database import is_trouble
from lifecycle.store.subscribers import subscribers

Record = TypeVar("Record")
_LIVE_KEY = ("uq_lifecycle_instances_machine_live_key", "lifecycle_instances.live_key")
"""How PostgreSQL and SQLite name the constraint that is broken."""


# Statements that are made once: to make one takes longer than to have it executed


def _select(record: type[Any], table: Table) -> Select[Any]:
    """The columns of a record, in its order."""
    return select(*(table.c[field.name] for field in fields(record)))


_ROOTS = _select(RootRecord, schema.roots).where(among(schema.roots.c.id)).order_by(schema.roots.c.id)
_ROOTS_LOCKED = _ROOTS.with_for_update()
_ROOT_OF = select(schema.instances.c.root_id).where(schema.instances.c.id == bindparam("id"))
_INSTANCE = _select(InstanceRecord, schema.instances).where(schema.instances.c.id == bindparam("id"))
_DEFERRALS = _select(DeferralRecord, schema.deferrals).where(among(schema.deferrals.c.root_id))
_ANSWER = _select(AnswerRecord, schema.answers).where(
    schema.answers.c.scope == bindparam("scope"), schema.answers.c.key == bindparam("key")
)
_RAISED = (
    update(schema.series)
    .where(schema.series.c.series == bindparam("name"))
    .values(last=schema.series.c.last + bindparam("count"))
    .returning(schema.series.c.last)
)
_OPEN: ColumnElement[bool] = literal_column(f"NOT {schema.instances.name}.closed")
"""As the partial index has it: SQLite takes that only where it is told the same."""


@cache
def _instances(apart: tuple[str, ...]) -> Executable:
    table = schema.instances
    open_ones = _select(InstanceRecord, table).where(among(table.c.root_id), _OPEN)
    open_ones = open_ones.where(*(table.c.machine != machine for machine in apart))
    return union_all(open_ones, _select(InstanceRecord, table).where(among(table.c.id), table.c.closed))


@cache
def _claim(*, named: bool, both: bool) -> Executable:
    """What wakes by `now` on no clock, or on a named one: the earliest, or some of the earliest and some of the latest.

    What is locked is what was read: rows that others have just changed are not looked up again by an old snapshot.
    """
    table = schema.roots
    clock = table.c.clock == bindparam("clock") if named else table.c.clock.is_(None)
    due = _select(RootRecord, table).where(table.c.wake_at <= bindparam("now"), clock)
    due = due.with_for_update(skip_locked=True)
    earliest = due.order_by(table.c.wake_at, table.c.id).limit(bindparam("earliest"))
    if not both:
        return earliest
    latest = due.order_by(table.c.wake_at.desc(), table.c.id.desc()).limit(bindparam("latest"))
    found = union(*(select(part.cte(name)) for part, name in ((earliest, "earliest"), (latest, "latest"))))
    return found.order_by(found.selected_columns["wake_at"], found.selected_columns["id"])


@lru_cache(maxsize=16)
def _next(clock: str | None) -> Executable:
    """When the earliest root wakes: SQLite takes the partial index only where it is told what PostgreSQL sees by
    itself."""
    return _earliest(schema.roots, clock)


def _earliest(table: Table, clock: str | None) -> Select[Any]:
    return select(func.min(table.c.wake_at)).where(table.c.wake_at.is_not(None), on_clock(table, clock))


@lru_cache(maxsize=16)
def _looks(clock: str | None) -> Executable:
    """When the earliest root wakes, and when the earliest message does, whoever serves its destination."""
    return select(*(_earliest(table, clock).scalar_subquery() for table in (schema.roots, schema.outbox)))


class SqlTransaction:
    """One transaction over a connection that may write. The caller commits. `reads_only`: it locks nothing; `clock`:
    it claims what is on this named clock, and without one what is on none."""

    def __init__(self, connection: Connection, *, reads_only: bool = False, clock: str | None = None) -> None:
        self.connection = connection
        self._reads_only = reads_only
        self._clock = clock
        self.memo: dict[str, Any] = {}
        """What surroundings keep for as long as the transaction lasts."""

    def claim(self, now: datetime, limit: int, newest: int = 0) -> list[RootRecord]:
        """Lock the earliest roots that wake by `now`, and the latest, passing over those that others hold."""
        given = {"now": now, "earliest": limit - newest, "latest": newest, "clock": self._clock}
        return self._read(RootRecord, _claim(named=self._clock is not None, both=newest > 0), given)

    def lock(self, root_ids: Sequence[str]) -> list[RootRecord]:
        """Lock these roots in order of their ids, so that nobody waits in a circle."""
        query = _ROOTS if self._reads_only else _ROOTS_LOCKED
        return self._read(RootRecord, query, {"ids": list(root_ids)}) if root_ids else []

    def look(self, root_ids: Sequence[str]) -> list[RootRecord]:
        """Read these roots, and leave them to others."""
        return self._read(RootRecord, _ROOTS, {"ids": list(root_ids)})

    def root_of(self, instance_id: str) -> str | None:
        """The root of an instance; an instance never changes its root."""
        return self.connection.scalar(_ROOT_OF, {"id": instance_id})

    def instances(self, root_ids: Sequence[str], apart: Collection[str]) -> list[InstanceRecord]:
        """The instances of these roots, which are locked, that can still change, but not those of the machines that are
        `apart`; and those that roots are named by."""
        return self._read(InstanceRecord, _instances(tuple(sorted(apart))), {"ids": list(root_ids)})

    def instance(self, instance_id: str) -> InstanceRecord | None:
        """One instance of a root that is locked."""
        found = self._read(InstanceRecord, _INSTANCE, {"id": instance_id})
        return found[0] if found else None

    def deferrals(self, root_ids: Sequence[str]) -> list[DeferralRecord]:
        """The live deferrals of these roots, which are locked: a statement of its own sees what is committed."""
        return self._read(DeferralRecord, _DEFERRALS, {"ids": list(root_ids)})

    def time_of(self, clock: str) -> datetime:
        """Where a named clock stands, by its row. Raises NotFound."""
        return clocks.time_of(self.connection, clock)

    def answer(self, scope: str, key: str) -> AnswerRecord | None:
        """What was answered to an idempotency key, however long ago."""
        found = self._read(AnswerRecord, _ANSWER, {"scope": scope, "key": key})
        return found[0] if found else None

    def subscribers(self) -> list[Subscriber]:
        """Everybody who wants to be told of transitions."""
        return subscribers(self.connection)

    def write(self, changes: Changes) -> None:
        """Everything at once, parents before children. Raises WriteFailed."""
        with writing_failures():
            self._insert(schema.roots, changes.new_roots)
            self._update(schema.roots, changes.roots, "seq", "head", "status", "wake_at", "attempts", "error")
            # before the new ones: an end frees its live key
            self._update(schema.instances, changes.instances, "version", "state", "facts", "live_key", "closed")
            self._insert(schema.instances, changes.new_instances)
            self._delete(schema.deferrals, changes.withdrawn, "instance_id", "event")
            self._update(schema.deferrals, changes.moved, "due_at")
            self._insert(schema.deferrals, changes.deferred)
            self._insert(schema.log, changes.log, _by_column(changes.documents))
            self._insert(schema.reasons, changes.reasons)
            self._insert(schema.outbox, changes.outbox)
            self._insert(schema.ledger, changes.ledger)
            self._delete(schema.seats, changes.vacated, "root_id", "member_id")
            self._insert(schema.seats, changes.seats)
            # by its instant too: what another transaction has remembered meanwhile stands in the way of ours
            self._delete(schema.answers, changes.forgotten, "scope", "key", "created_at")
            self._insert(schema.answers, changes.answers)
            self._number(changes.numbers)  # the last lock, for all who number wait for it

    def _number(self, wanted: Sequence[NumberRecord]) -> None:
        for name in sorted({one.series for one in wanted}):
            asking = [one for one in wanted if one.series == name]
            last = self._take(name, len(asking))
            first = last - len(asking) + 1
            numbered = [replace(one, number=number) for number, one in enumerate(asking, first)]
            self._insert(schema.numbers, numbered)

    def _take(self, name: str, count: int) -> int:
        """Take so many numbers of a series; the last of them."""
        given = {"name": name, "count": count}
        last = self.connection.scalar(_RAISED, given)
        if last is None:
            # who begins the series at the same moment waits here, and then raises it
            insert_or = postgresql.insert if self.connection.dialect.name == "postgresql" else sqlite.insert
            begun = insert_or(schema.series).values(series=name, last=0, deleted=0).on_conflict_do_nothing()
            self.connection.execute(begun)
            last = self.connection.scalar(_RAISED, given)
        return int(last or 0)

    def _read(self, record: type[Record], query: Executable, given: Mapping[str, object]) -> list[Record]:
        return [record(*row) for row in self.connection.execute(query, given).all()]

    def _insert(self, table: Table, records: Sequence[Any], written: Mapping[str, list[str]] | None = None) -> None:
        if records:
            names = [field.name for field in fields(records[0])]
            bulk.insert(self.connection, Rows(table, records, written or {}), names)

    def _update(self, table: Table, records: Sequence[Any], *names: str) -> None:
        """Write these columns of rows that are there; their others never change."""
        bulk.update(self.connection, Rows(table, records), names, [column.name for column in table.primary_key])

    def _delete(self, table: Table, records: Sequence[Any], *key: str) -> None:
        bulk.delete(self.connection, Rows(table, records), key)


class SqlStore:
    """Gives transactions on a database: for what is on this named clock, or without one for what is on none."""

    def __init__(self, database: Connections, clock: str | None = None) -> None:
        self.database = database
        self._clock = clock
        self._next, self._looks = _next(clock), _looks(clock)

    @contextmanager
    def begin(self) -> Iterator[SqlTransaction]:
        """A transaction: committed at the end, rolled back when the block raises."""
        with self.database.writing() as connection:
            yield SqlTransaction(connection, clock=self._clock)

    @contextmanager
    def look(self) -> Iterator[SqlTransaction]:
        """A transaction that only reads."""
        with self.database.reading() as connection:
            yield SqlTransaction(connection, reads_only=True, clock=self._clock)

    def next_wake_at(self) -> datetime | None:
        """When the earliest root is to be looked at; None where nothing is deferred."""
        with self.database.reading() as connection:
            earliest: datetime | None = connection.scalar(self._next)
            return earliest

    def looks(self) -> tuple[datetime | None, datetime | None]:
        """The same, and when the earliest message is to be looked at, whether its destination is served or not."""
        with self.database.reading() as connection:
            root, message = connection.execute(self._looks).one()
            return root, message


@contextmanager
def writing_failures() -> Iterator[None]:
    """Tell what was wrong with a row (WriteFailed) from what was wrong with the database (passed through)."""
    try:
        yield
    except StatementError as error:
        if isinstance(error, DBAPIError) and is_trouble(error):
            raise
        reason, _, _ = str(error.orig).partition("\n")  # what follows quotes the row
        if any(name in reason for name in _LIVE_KEY):
            raise LiveKeyTaken(f"A row could not be written: {reason}") from error
        raise WriteFailed(f"A row could not be written: {reason}") from error
    except (ValueError, OverflowError) as error:  # a driver's own, such as for text that is not Unicode
        raise WriteFailed(f"A row could not be written: {error}") from error


def _by_column(documents: Sequence[tuple[str, str, str]]) -> Mapping[str, list[str]]:
    """The log's documents, as they were hashed."""
    columns = map(list, zip(*documents, strict=True))
    return dict(zip(("arguments", "changes", "effects"), columns, strict=False))
