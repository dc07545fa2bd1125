"""What a transaction reads, locks and writes: bulk statements over the tables, the same on both databases."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, func, not_, select, union_all, update
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
)
from lifecycle.store import bulk, clocks, schema
from lifecycle.store.among import among
from lifecycle.store.bulk import Rows
from lifecycle.store.clocks import on_clock
from lifecycle.store.connections import Connections
from lifecycle.store.database import is_trouble

Record = TypeVar("Record")
_LIVE_KEY = ("uq_lifecycle_instances_machine_live_key", "lifecycle_instances.live_key")
"""How PostgreSQL and SQLite name the constraint that is broken."""


class SqlTransaction:
    """One transaction over a connection that may write. The caller commits. `reads_only`: it locks nothing; `clock`:
    it claims what is on this named clock, and without one what is on none."""

    def __init__(self, connection: Connection, *, reads_only: bool = False, clock: str | None = None) -> None:
        self.connection = connection
        self._reads_only = reads_only
        self._clock = clock
        self.memo: dict[str, Any] = {}
        """What surroundings keep for as long as the transaction lasts."""

    def claim(self, now: datetime, limit: int) -> list[RootRecord]:
        """Lock the earliest roots that wake by `now`, passing over those that others hold."""
        table = schema.roots
        query = (
            select(table)
            .where(table.c.wake_at <= now, on_clock(table, self._clock))
            .order_by(table.c.wake_at, table.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return self._read(RootRecord, query)

    def lock(self, root_ids: Sequence[str]) -> list[RootRecord]:
        """Lock these roots in order of their ids, so that nobody waits in a circle."""
        table = schema.roots
        query = select(table).where(among(table.c.id, root_ids)).order_by(table.c.id)
        if not self._reads_only:
            query = query.with_for_update()
        return self._read(RootRecord, query) if root_ids else []

    def look(self, root_ids: Sequence[str]) -> list[RootRecord]:
        """Read these roots, and leave them to others."""
        table = schema.roots
        return self._read(RootRecord, select(table).where(among(table.c.id, root_ids)).order_by(table.c.id))

    def root_of(self, instance_id: str) -> str | None:
        """The root of an instance; an instance never changes its root."""
        table = schema.instances
        return self.connection.scalar(select(table.c.root_id).where(table.c.id == instance_id))

    def instances(self, root_ids: Sequence[str], apart: Collection[str]) -> list[InstanceRecord]:
        """The instances of these roots, which are locked, that can still change, but not those of the machines that are
        `apart`; and those that roots are named by."""
        table = schema.instances
        columns = [table.c[field.name] for field in fields(InstanceRecord)]
        open_ones = select(*columns).where(among(table.c.root_id, root_ids), not_(table.c.closed))
        if apart:
            open_ones = open_ones.where(table.c.machine.not_in(sorted(apart)))
        named_by = select(*columns).where(among(table.c.id, root_ids), table.c.closed)
        return [InstanceRecord(*row) for row in self.connection.execute(union_all(open_ones, named_by)).all()]

    def instance(self, instance_id: str) -> InstanceRecord | None:
        """One instance of a root that is locked."""
        table = schema.instances
        found = self._read(InstanceRecord, select(table).where(table.c.id == instance_id))
        return found[0] if found else None

    def deferrals(self, root_ids: Sequence[str]) -> list[DeferralRecord]:
        """The live deferrals of these roots, which are locked: a statement of its own sees what is committed."""
        table = schema.deferrals
        return self._read(DeferralRecord, select(table).where(among(table.c.root_id, root_ids)))

    def time_of(self, clock: str) -> datetime:
        """Where a named clock stands, by its row. Raises NotFound."""
        return clocks.time_of(self.connection, clock)

    def answer(self, scope: str, key: str) -> AnswerRecord | None:
        """What was answered to an idempotency key, however long ago."""
        table = schema.answers
        found = self._read(AnswerRecord, select(table).where(table.c.scope == scope, table.c.key == key))
        return found[0] if found else None

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
        table = schema.series
        raised = update(table).where(table.c.series == name).values(last=table.c.last + count)
        last = self.connection.scalar(raised.returning(table.c.last))
        if last is None:
            # who begins the series at the same moment waits here, and then raises it
            insert_or = postgresql.insert if self.connection.dialect.name == "postgresql" else sqlite.insert
            self.connection.execute(insert_or(table).values(series=name, last=0, deleted=0).on_conflict_do_nothing())
            last = self.connection.scalar(raised.returning(table.c.last))
        return int(last or 0)

    def _read(self, record: type[Record], query: Any) -> list[Record]:
        names = [field.name for field in fields(record)]  # type: ignore[arg-type]  # every record is a dataclass
        columns = [query.selected_columns[name] for name in names]
        return [record(*row) for row in self.connection.execute(query.with_only_columns(*columns)).all()]

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
        wake_at = schema.roots.c.wake_at
        # SQLite takes the partial index only where it is told what PostgreSQL sees by itself
        ours = (wake_at.is_not(None), on_clock(schema.roots, self._clock))
        with self.database.reading() as connection:
            earliest: datetime | None = connection.scalar(select(func.min(wake_at)).where(*ours))
            return earliest


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
