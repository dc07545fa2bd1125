"""The tables, read for judging: page by page, each in a snapshot of its own, and raw.

Values come as the database holds them and are parsed here, so that one that somebody has damaged is a finding and
not the end of the verification.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, TypeVar, cast

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Table,
    Text,
    TypeDecorator,
    func,
    select,
    type_coerce,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.types import NullType

from lifecycle.store import schema
from lifecycle.store.database import Database

PAGE = 200
"""How many roots are looked at in one snapshot."""

Json = dict[str, Any]
Raw = Sequence[Any]
Record = TypeVar("Record")


class Unreadable(Exception):
    """A value is not of the form that it should have."""


@dataclass(frozen=True, slots=True)
class Root:
    """A root, as far as it is judged."""

    id: str
    kind: str
    seq: int
    head: bytes
    status: str
    wake_at: datetime | None
    attempts: int


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance, as far as it is judged."""

    root_id: str
    id: str
    machine: str
    version: int
    state: str
    facts: Json
    owner_id: str | None
    live_key: str | None


@dataclass(frozen=True, slots=True)
class Deferral:
    """A deferred transition."""

    root_id: str
    instance_id: str
    event: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the outbox, as far as it is judged."""

    root_id: str
    seq: int
    place: int
    instance_id: str
    destination: str
    kind: str
    payload: Json
    status: str
    wake_at: datetime | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the log."""

    root_id: str
    seq: int
    instance_id: str
    machine: str
    version: int
    event: str
    source: str | None
    target: str
    cause: str
    actor: str
    reason_id: str | None
    due_at: datetime
    fired_at: datetime
    recorded_at: datetime
    arguments: Json
    changes: Json
    effects: list[Any]
    hash: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What stands in the place of rows that were moved out of the log."""

    root_id: str
    seq: int
    hash: bytes
    instances: Json
    last_due_at: datetime | None
    made_at: datetime
    seal: bytes


class Stored:
    """One root and all that names it, still raw. `rows` can be gone through once; `count` says how many came."""

    def __init__(self, root_id: str) -> None:
        self.root_id = root_id
        self.root: Raw | None = None
        self.checkpoint: Raw | None = None
        self.instances: list[Raw] = []
        self.deferrals: list[Raw] = []
        self.messages: list[Raw] = []
        self.rows: Iterator[Raw] = iter(())
        self.count = 0

    def log(self) -> Iterator[Row]:
        """The rows of its log, in order. Raises Unreadable."""
        for raw in self.rows:
            self.count += 1
            yield read(Row, raw)

    def skip(self) -> None:
        """Count the rows that have not been gone through."""
        self.count += sum(1 for _ in self.rows)


def size(database: Database) -> int:
    """How many roots there are."""
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(schema.roots)).scalar_one()


def pages(database: Database) -> Iterator[Iterator[Stored]]:
    """Every root with its rows, and rows that name a root that is not there; to be gone through in order."""
    after: str | None = None
    while True:
        with database.reading() as connection:
            query = _columns(connection, Root).order_by(schema.roots.c.id).limit(PAGE)
            roots = connection.execute(query if after is None else query.where(schema.roots.c.id > after)).all()
            upto = roots[-1].id if len(roots) == PAGE else None
            yield _page(connection, {raw.id: raw for raw in roots}, after, upto)
        if upto is None:
            return
        after = upto


def crowded(database: Database) -> Iterator[tuple[str, list[Instance]]]:
    """Each account that has several live subscriptions, with those that can be read."""
    table = schema.instances
    live = (table.c.machine == "subscription") & (table.c.state != "ended")
    several = select(table.c.owner_id).where(live).group_by(table.c.owner_id).having(func.count() > 1)
    with database.reading() as connection:
        query = _columns(connection, Instance).where(live, table.c.owner_id.in_(several))
        query = query.order_by(table.c.owner_id, table.c.id)
        stream = connection.execute(query.execution_options(yield_per=1000))
        for owner, group in groupby(stream, key=lambda raw: raw.owner_id):
            yield owner, [instance for raw in group if (instance := _readable(raw))]


def checkpoints(database: Database) -> Iterator[Raw]:
    """Every checkpoint, raw, in order of the roots' ids."""
    with database.reading() as connection:
        query = _columns(connection, Checkpoint).order_by(schema.checkpoints.c.root_id)
        yield from connection.execute(query.execution_options(yield_per=1000))


def read(record: type[Record], raw: Raw) -> Record:
    """Parse one raw row. Raises Unreadable, naming the column."""
    values = []
    for (name, parse), value in zip(_PARSERS[record], raw, strict=True):
        try:
            values.append(parse(value))
        except (ValueError, TypeError, RecursionError) as error:
            raise Unreadable(f"{_TABLES[record].name}.{name} can't be read: {error}") from error
    return record(*values)


def _page(connection: Connection, roots: Mapping[str, Raw], after: str | None, upto: str | None) -> Iterator[Stored]:
    found: dict[str, Stored] = {}

    def stored(root_id: str) -> Stored:
        return found.setdefault(root_id, Stored(str(root_id)))

    for root_id, raw in roots.items():
        stored(root_id).root = raw
    for raw in connection.execute(_between(connection, Instance, after, upto)):
        stored(raw.root_id).instances.append(raw)
    for raw in connection.execute(_between(connection, Deferral, after, upto)):
        stored(raw.root_id).deferrals.append(raw)
    for raw in connection.execute(_between(connection, Message, after, upto)):
        stored(raw.root_id).messages.append(raw)
    for raw in connection.execute(_between(connection, Checkpoint, after, upto)):
        stored(raw.root_id).checkpoint = raw
    query = _between(connection, Row, after, upto).order_by(schema.log.c.root_id, schema.log.c.seq)
    for root_id, rows in groupby(connection.execute(query.execution_options(yield_per=1000)), lambda raw: raw.root_id):
        one = stored(root_id)
        one.rows = rows
        yield one
        del found[root_id]
    yield from found.values()


def _readable(raw: Raw) -> Instance | None:
    try:
        return read(Instance, raw)
    except Unreadable:
        return None  # reported with its root


# Columns, as they are stored


def _columns(connection: Connection, record: type[Any]) -> Any:
    table = _TABLES[record]
    return select(*(_raw(table.c[field.name], connection.dialect.name) for field in fields(record)))


def _between(connection: Connection, record: type[Any], after: str | None, upto: str | None) -> Any:
    query, root_id = _columns(connection, record), _TABLES[record].c.root_id
    if after is not None:
        query = query.where(root_id > after)
    return query if upto is None else query.where(root_id <= upto)


def _raw(column: Column[Any], dialect: str) -> ColumnElement[Any]:
    """Documents and instants as text: SQLite has nothing else, PostgreSQL is asked for it."""
    if dialect == "postgresql" and isinstance(column.type, JSON | TypeDecorator):
        return sql_cast(column, Text).label(column.name)
    return type_coerce(column, NullType()).label(column.name)


def _of(*kinds: type[Any]) -> Callable[[Any], Any]:
    def parse(value: Any) -> Any:
        if not isinstance(value, kinds):
            raise TypeError(f"{value!r} is not {' or '.join(kind.__name__ for kind in kinds)}")
        return value

    return parse


def _document(kind: type[Any]) -> Callable[[Any], Any]:
    check = _of(kind)
    return lambda value: check(json.loads(value))


def instant(written: str) -> datetime:
    """An aware instant in UTC, from ISO 8601. Raises ValueError or TypeError."""
    parsed = datetime.fromisoformat(written)
    if parsed.tzinfo is None:
        raise ValueError(f"{written} has no offset")
    return parsed.astimezone(UTC)


_PARSE: Mapping[str, Callable[[Any], Any]] = {
    "str": _of(str),
    "str | None": _of(str, type(None)),
    "int": _of(int),
    "bytes": _of(bytes),
    "datetime": instant,
    "datetime | None": lambda value: None if value is None else instant(value),
    "Json": _document(dict),
    "list[Any]": _document(list),
}
_TABLES: Mapping[type[Any], Table] = {
    Root: schema.roots,
    Instance: schema.instances,
    Deferral: schema.deferrals,
    Message: schema.outbox,
    Row: schema.log,
    Checkpoint: schema.checkpoints,
}
_PARSERS = {record: [(field.name, _PARSE[cast(str, field.type)]) for field in fields(record)] for record in _TABLES}
