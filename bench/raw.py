"""The machine's limit: the reads and writes of our renewals in plain SQL, in the same batches, and nothing else.

What is written was written by us before, on a copy of the same database; it is handed to the driver as fast as that
takes it: arrays that PostgreSQL unnests in prepared statements, and prepared statements that SQLite repeats.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from sqlalchemy import Table, make_url

from lifecycle.store import schema

UPDATED = {
    schema.roots: ("seq", "head", "status", "wake_at", "attempts", "error"),
    schema.instances: ("version", "state", "facts", "live_key", "closed"),
    schema.deferrals: ("due_at",),
}
INSERTED = (schema.instances, schema.log, schema.outbox, schema.ledger, schema.numbers)
Row = tuple[Any, ...]
Execute = Callable[[str, Sequence[Any]], Sequence[Row]]


@dataclass(frozen=True)
class Written:
    """What we have written about each root: the rows of its tables, updated and new."""

    updated: dict[str, dict[Table, list[Row]]]
    inserted: dict[str, dict[Table, list[Row]]]


class Raw:
    """A connection, and the few statements of a firing; the drivers' own types pass through, JSON as text."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._connection: Any = self._sqlite() if self.is_sqlite else self._postgresql()

    def _sqlite(self) -> Any:
        connection = sqlite3.connect(str(self.url.database), isolation_level=None)
        for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _postgresql(self) -> Any:
        import psycopg  # noqa: PLC0415  # an extra
        from psycopg.types.string import TextLoader  # noqa: PLC0415  # likewise

        query = {key: value for key, value in self.url.query.items() if isinstance(value, str)}
        named: dict[str, Any] = {"user": self.url.username, "dbname": self.url.database, **query}
        connection = psycopg.connect(**{key: value for key, value in named.items() if value})
        for name in ("json", "jsonb"):
            connection.adapters.register_loader(name, TextLoader)
        return connection

    def read(self, statement: str, *values: Any) -> list[Row]:
        """Rows."""
        if self.is_sqlite:
            return list(self._connection.execute(statement, values))
        return list(self._connection.execute(statement, values, prepare=True))

    def begin(self) -> None:
        """A transaction that writes."""
        if self.is_sqlite:
            self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Durably."""
        self._connection.commit()

    def close(self) -> None:
        """Let go."""
        self._connection.close()

    def many(self, statement: str, table: Table, names: Sequence[str], rows: Sequence[Row]) -> None:
        """Repeat or unnest."""
        if self.is_sqlite:
            self._connection.executemany(statement, rows)
        else:
            self._connection.execute(statement, list(map(list, zip(*rows, strict=True))), prepare=True)

    def insertion(self, table: Table) -> str:
        """One statement for many rows."""
        names = [column.name for column in table.c]
        if self.is_sqlite:
            return f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(names))})"
        selected = ", ".join(f"given.{name}::{_type(table, name)}" for name in names)
        return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {selected} FROM {_arrays(table, names)}"

    def updating(self, table: Table) -> str:
        """Likewise; values first, then the key."""
        names, key = UPDATED[table], [column.name for column in table.primary_key]
        if self.is_sqlite:
            written = ", ".join(f"{name} = ?" for name in names)
            return f"UPDATE {table.name} SET {written} WHERE {' AND '.join(f'{name} = ?' for name in key)}"
        written = ", ".join(f"{name} = given.{name}::{_type(table, name)}" for name in names)
        matching = " AND ".join(f"{table.name}.{name} = given.{name}" for name in key)
        return f"UPDATE {table.name} SET {written} FROM {_arrays(table, [*names, *key])} WHERE {matching}"


def _type(table: Table, name: str) -> str:
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415

    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
    return str(table.c[name].type.compile(dialect)).lower()


def _arrays(table: Table, names: Sequence[str]) -> str:
    arrays = ", ".join(f"%b::{'text' if 'json' in (kind := _type(table, name)) else kind}[]" for name in names)
    return f"unnest({arrays}) AS given ({', '.join(names)})"


def written(url: str) -> Written:
    """What has been written to this database since it was seeded."""
    raw = Raw(url)
    updated: dict[str, dict[Table, list[Row]]] = defaultdict(lambda: defaultdict(list))
    inserted: dict[str, dict[Table, list[Row]]] = defaultdict(lambda: defaultdict(list))
    root_of = dict(raw.read("SELECT id, root_id FROM lifecycle_instances"))
    fired = {root for (root,) in raw.read("SELECT id FROM lifecycle_roots WHERE seq > 0")}
    for table, names in UPDATED.items():
        key = [column.name for column in table.primary_key]
        more = " WHERE machine = 'subscription'" if table is schema.instances else ""
        for root, *row in raw.read(f"SELECT {_root(table)}, {', '.join((*names, *key))} FROM {table.name}{more}"):
            if root in fired:
                updated[root][table].append(tuple(row))
    for table in INSERTED:
        more = " WHERE machine = 'invoice'" if table is schema.instances else ""
        columns = ", ".join(column.name for column in table.c)
        for root, *row in raw.read(f"SELECT {_root(table)}, {columns} FROM {table.name}{more}"):
            inserted[root_of[root] if table is schema.numbers else root][table].append(tuple(row))
    raw.close()
    return Written(updated, inserted)


def _root(table: Table) -> str:
    return {schema.roots: "id", schema.numbers: "instance_id"}.get(table, "root_id")


def write_again(url: str, there: Written, due: Any, batch: int) -> float:
    """Seconds that the same takes in plain SQL."""
    raw = Raw(url)
    mark = "?" if raw.is_sqlite else "%s"
    among = f"IN (SELECT value FROM json_each({mark}))" if raw.is_sqlite else f"= ANY({mark})"
    skip = "" if raw.is_sqlite else " FOR UPDATE SKIP LOCKED"
    claim = (
        f"SELECT * FROM lifecycle_roots WHERE wake_at <= {mark} AND wake_at IS NOT NULL AND clock IS NULL "
        f"ORDER BY wake_at, id LIMIT {batch}{skip}"
    )
    reads = [
        f"SELECT * FROM lifecycle_instances WHERE root_id {among} AND NOT closed",
        f"SELECT * FROM lifecycle_deferrals WHERE root_id {among}",
    ]
    updating = {table: raw.updating(table) for table in UPDATED}
    insertion = {table: raw.insertion(table) for table in INSERTED}
    owners = dict(raw.read("SELECT root_id, owner_id FROM lifecycle_instances WHERE machine = 'subscription'"))
    began = perf_counter()
    while True:
        raw.begin()
        ids = [row[0] for row in raw.read(claim, due)]
        if not ids:
            break
        for read in reads:
            raw.read(read, _list(raw, ids))
        accounts = [owners[root] for root in ids]
        raw.read(f"SELECT * FROM lifecycle_accounts WHERE id {among}", _list(raw, accounts))
        raw.read(f"SELECT * FROM lifecycle_payment_methods WHERE default_of {among}", _list(raw, accounts))
        raw.read(
            f"SELECT account_id, unit, sum(amount) FROM lifecycle_ledger WHERE account_id {among} "
            "AND book = 'balance' GROUP BY account_id, unit",
            _list(raw, accounts),
        )
        for table, statement in updating.items():
            raw.many(statement, table, (), [row for root in ids for row in there.updated[root][table]])
        for table, statement in insertion.items():
            raw.many(statement, table, (), [row for root in ids for row in there.inserted[root][table]])
        raw.read("UPDATE lifecycle_series SET last = last + 1 RETURNING last")
        raw.commit()
    seconds = perf_counter() - began
    raw.close()
    return seconds


def _list(raw: Raw, values: list[str]) -> Any:
    import json  # noqa: PLC0415

    return json.dumps(values) if raw.is_sqlite else values
