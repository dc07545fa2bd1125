"""The tables, read for judging: page by page, each in a snapshot of its own, and raw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.verify.reading import TABLES, columns, read
from lifecycle.verify.records import (
    Attempt,
    Checkpoint,
    Code,
    Deferral,
    Entry,
    Instance,
    Message,
    Number,
    Person,
    Raw,
    Root,
    Row,
    Seat,
    Unreadable,
)

PAGE = 200
"""How many roots are looked at in one snapshot."""


class Stored:
    """One root and all that names it, still raw. `rows` can be gone through once; `count` says how many came."""

    def __init__(self, root_id: str) -> None:
        self.root_id = root_id
        self.root: Raw | None = None
        self.checkpoint: Raw | None = None
        self.instances: list[Raw] = []
        self.deferrals: list[Raw] = []
        self.messages: list[Raw] = []
        self.entries: list[Raw] = []
        self.attempts: list[Raw] = []
        self.numbers: list[Raw] = []
        self.people: list[Raw] = []
        self.seats: list[Raw] = []
        self.codes: list[Raw] = []
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
            query = columns(connection, Root).order_by(schema.roots.c.id).limit(PAGE)
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
        query = columns(connection, Instance).where(live, table.c.owner_id.in_(several))
        query = query.order_by(table.c.owner_id, table.c.id)
        stream = connection.execute(query.execution_options(yield_per=1000))
        for owner, group in groupby(stream, key=lambda raw: raw.owner_id):
            yield owner, [instance for raw in group if (instance := _readable(raw))]


def checkpoints(database: Database) -> Iterator[Raw]:
    """Every checkpoint, raw, in order of the roots' ids."""
    with database.reading() as connection:
        query = columns(connection, Checkpoint).order_by(schema.checkpoints.c.root_id)
        yield from connection.execute(query.execution_options(yield_per=1000))


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
    for raw in connection.execute(_between(connection, Entry, after, upto)):
        stored(raw.root_id).entries.append(raw)
    for *raw, root_id in connection.execute(_beside(connection, Attempt, after, upto)):
        stored(root_id).attempts.append(raw)
    for *raw, root_id in connection.execute(_beside(connection, Number, after, upto)):
        stored(root_id).numbers.append(raw)
    of_account = TABLES[Person].c.account_id
    for raw in connection.execute(_bounded(columns(connection, Person), of_account, after, upto)):
        stored(raw.account_id).people.append(raw)
    for raw in connection.execute(_between(connection, Seat, after, upto)):
        stored(raw.root_id).seats.append(raw)
    for *raw, root_id in connection.execute(_beside(connection, Code, after, upto, TABLES[Code].c.id)):
        stored(root_id).codes.append(raw)
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


def _between(connection: Connection, record: type[Any], after: str | None, upto: str | None) -> Any:
    return _bounded(columns(connection, record), TABLES[record].c.root_id, after, upto)


def _beside(
    connection: Connection,
    record: type[Any],
    after: str | None,
    upto: str | None,
    named_by: ColumnElement[str] | None = None,
) -> Any:
    """What names an instance and not its root, with the root as one column more."""
    table, instances = TABLES[record], schema.instances
    query = columns(connection, record).add_columns(instances.c.root_id)
    instance = table.c.instance_id if named_by is None else named_by
    query = query.join_from(table, instances, instances.c.id == instance)
    return _bounded(query, instances.c.root_id, after, upto)


def _bounded(query: Any, root_id: ColumnElement[str], after: str | None, upto: str | None) -> Any:
    if after is not None:
        query = query.where(root_id > after)
    return query if upto is None else query.where(root_id <= upto)
