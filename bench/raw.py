"""The machine's limit: what we have read and written, once more in plain SQL, and nothing else.

The rows are those that we wrote on a copy of the same database: the difference between the two. They are handed to the
driver as fast as that takes them: arrays that PostgreSQL unnests, and prepared statements that SQLite repeats.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from sqlalchemy import Table, make_url
from sqlalchemy.dialects import postgresql

from lifecycle.store import schema
from lifecycle.store.types import instant_text

TABLES = (
    schema.roots,
    schema.instances,
    schema.deferrals,
    schema.log,
    schema.reasons,
    schema.outbox,
    schema.ledger,
    schema.numbers,
)
Row = tuple[Any, ...]
ByRoot = dict[str, dict[Table, list[Row]]]


def _by_root() -> ByRoot:
    return defaultdict(lambda: defaultdict(list))


@dataclass(frozen=True)
class Written:
    """What was written about each root: rows that are new, that have changed, and the keys of those that went."""

    new: ByRoot = field(default_factory=_by_root)
    changed: ByRoot = field(default_factory=_by_root)
    gone: ByRoot = field(default_factory=_by_root)


class Raw:
    """A connection to either database, and its dialect of a few statements. JSON passes through as text."""

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

        address: dict[str, Any] = {"user": self.url.username, "dbname": self.url.database, **self.url.query}
        connection = psycopg.connect(**address)
        for name in ("json", "jsonb"):
            connection.adapters.register_loader(name, TextLoader)
        return connection

    def read(self, statement: str, *values: Any) -> list[Row]:
        """Rows; `%s` stands for a value."""
        if self.is_sqlite:
            return list(self._connection.execute(statement.replace("%s", "?"), values))
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

    def many(self, statement: str, rows: Sequence[Row]) -> None:
        """Repeat it, or have these rows unnested."""
        if rows and self.is_sqlite:
            self._connection.executemany(statement, rows)
        elif rows:
            self._connection.execute(statement, list(map(list, zip(*rows, strict=True))), prepare=True)

    def among(self, column: str) -> str:
        """Whether it is one of a list, which `listed` makes."""
        return f"{column} IN (SELECT value FROM json_each(%s))" if self.is_sqlite else f"{column} = ANY(%s)"

    def listed(self, values: list[str]) -> Any:
        """A list, as `among` takes it."""
        return json.dumps(values) if self.is_sqlite else values

    @property
    def now(self) -> Any:
        """The instant, as it is stored."""
        return instant_text(datetime.now(UTC)) if self.is_sqlite else datetime.now(UTC)

    def inserting(self, table: Table) -> str:
        """For whole rows."""
        names = [column.name for column in table.c]
        if self.is_sqlite:
            return f"INSERT INTO {table.name} VALUES ({', '.join('?' * len(names))})"
        return f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {_cast(table, names)} FROM {_given(table, names)}"

    def updating(self, table: Table) -> str:
        """For whole rows, whose key is never written."""
        names, key = [column.name for column in table.c], _key(table)
        if self.is_sqlite:
            written = ", ".join(f"{name} = ?{names.index(name) + 1}" for name in names if name not in key)
            return f"UPDATE {table.name} SET {written} WHERE " + " AND ".join(
                f"{k} = ?{names.index(k) + 1}" for k in key
            )
        written = ", ".join(f"{name} = {_cast(table, [name])}" for name in names if name not in key)
        return f"UPDATE {table.name} SET {written} FROM {_given(table, names)} WHERE {_matching(table, key)}"

    def deleting(self, table: Table) -> str:
        """For keys."""
        key = _key(table)
        if self.is_sqlite:
            return f"DELETE FROM {table.name} WHERE " + " AND ".join(f"{name} = ?" for name in key)
        return f"DELETE FROM {table.name} USING {_given(table, key)} WHERE {_matching(table, key)}"


def _key(table: Table) -> list[str]:
    return [column.name for column in table.primary_key]


def _type(table: Table, name: str) -> str:
    return str(table.c[name].type.compile(postgresql.dialect())).lower()  # type: ignore[no-untyped-call]  # SQLAlchemy's


def _cast(table: Table, names: Sequence[str]) -> str:
    return ", ".join(f"given.{name}::{_type(table, name)}" for name in names)


def _given(table: Table, names: Sequence[str]) -> str:
    arrays = ", ".join(f"%b::{'text' if 'json' in (kind := _type(table, name)) else kind}[]" for name in names)
    return f"unnest({arrays}) AS given ({', '.join(names)})"


def _matching(table: Table, key: Sequence[str]) -> str:
    return " AND ".join(f"{table.name}.{name} = given.{name}" for name in key)


# What was written


def written(before: str, after: str) -> Written:
    """The difference between two databases, by root."""
    found = Written()
    with closing(Raw(before)) as earlier, closing(Raw(after)) as later:
        root_of: dict[Any, Any] = {one: root for one, root in later.read("SELECT id, root_id FROM lifecycle_instances")}  # noqa: C416
        for table in TABLES:
            names, key = [column.name for column in table.c], _key(table)
            places = [names.index(name) for name in key]
            query = f"SELECT {', '.join(names)} FROM {table.name}"
            was, now = ({tuple(row[n] for n in places): row for row in raw.read(query)} for raw in (earlier, later))
            owner = names.index({schema.roots: "id", schema.numbers: "instance_id"}.get(table, "root_id"))
            for identifier, row in now.items():
                if was.get(identifier) != row:
                    kind = found.changed if identifier in was else found.new
                    kind[root_of.get(row[owner]) or row[owner]][table].append(row)
            for identifier in was.keys() - now.keys():
                found.gone[was[identifier][owner]][table].append(identifier)
    return found


# What it takes to write it again


class Again:
    """Reads and writes it on a fresh copy, transaction by transaction."""

    def __init__(self, url: str, there: Written) -> None:
        self.raw = Raw(url)
        self._there = there
        owners = "SELECT root_id, owner_id FROM lifecycle_instances WHERE machine = 'subscription'"
        self._owners: dict[str, str] = {root: owner for root, owner in self.raw.read(owners)}  # noqa: C416
        statements = {"gone": self.raw.deleting, "changed": self.raw.updating, "new": self.raw.inserting}
        self._statements = {kind: {table: of(table) for table in TABLES} for kind, of in statements.items()}

    def transaction(self, locking: str, *values: Any) -> int:
        """One transaction on the roots that a statement locks; how many these are."""
        self.raw.begin()
        ids = [row[0] for row in self.raw.read(locking, *values)]
        if ids:
            self._read(ids)
            for kind, statements in self._statements.items():
                of: ByRoot = getattr(self._there, kind)
                for table, statement in statements.items():
                    self.raw.many(statement, [row for root in ids if root in of for row in of[root].get(table, ())])
        self.raw.commit()
        return len(ids)

    def _read(self, ids: list[str]) -> None:
        """What a step has to know."""
        raw, roots, accounts = self.raw, self.raw.listed(ids), self.raw.listed([self._owners[root] for root in ids])
        raw.read(f"SELECT * FROM lifecycle_instances WHERE {raw.among('root_id')} AND NOT closed", roots)
        raw.read(f"SELECT * FROM lifecycle_deferrals WHERE {raw.among('root_id')}", roots)
        raw.read(f"SELECT * FROM lifecycle_accounts WHERE {raw.among('id')}", accounts)
        raw.read(f"SELECT * FROM lifecycle_payment_methods WHERE {raw.among('default_of')}", accounts)
        balances = "SELECT account_id, unit, sum(amount) FROM lifecycle_ledger WHERE book = 'balance' AND "
        raw.read(f"{balances}{raw.among('account_id')} GROUP BY account_id, unit", accounts)


def firing_again(url: str, there: Written, batch: int) -> float:
    """Seconds that a backlog takes, in batches."""
    again = Again(url, there)
    skipping = "" if again.raw.is_sqlite else " FOR UPDATE SKIP LOCKED"
    due = "wake_at <= %s AND wake_at IS NOT NULL AND clock IS NULL"
    claim = f"SELECT * FROM lifecycle_roots WHERE {due} ORDER BY wake_at, id LIMIT {batch}{skipping}"
    with closing(again.raw):
        began = perf_counter()
        while again.transaction(claim, again.raw.now):
            pass
        return perf_counter() - began


def commands_again(url: str, there: Written, roots: Sequence[str]) -> list[float]:
    """Seconds that each of these roots takes in a transaction of its own."""
    again = Again(url, there)
    lock = f"SELECT * FROM lifecycle_roots WHERE id = %s{'' if again.raw.is_sqlite else ' FOR UPDATE'}"
    with closing(again.raw):
        return [timed(lambda root=root: again.transaction(lock, root)) for root in roots]  # type: ignore[misc]  # it is called at once


def timed(do: Callable[[], object]) -> float:
    """Seconds that something takes."""
    began = perf_counter()
    do()
    return perf_counter() - began
