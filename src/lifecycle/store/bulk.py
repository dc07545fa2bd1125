"""Many rows in one statement: arrays that PostgreSQL unnests, and a prepared statement that SQLite repeats.

Written for speed, for most of what a firing costs is here: values go to the driver as they are, without SQLAlchemy's
conversion of each.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Connection, Integer, LargeBinary, Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

from lifecycle.store.types import Instant, aware, instant_text

Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a table, as records that have the columns for attributes; what is in `written` is JSON already, by
    column, with a text for each record."""

    table: Table
    records: Sequence[Any]
    written: Mapping[str, list[str]] = field(default_factory=dict)

    def column(self, name: str, convert: Convert | None) -> list[Any]:
        """A column, as the driver takes it."""
        if name in self.written:
            return self.written[name]
        values = map(attrgetter(name), self.records)
        return list(values) if convert is None else [None if value is None else convert(value) for value in values]


def insert(connection: Connection, rows: Rows, names: Sequence[str]) -> None:
    """Insert these columns."""
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(names))
        _repeat(connection, f"INSERT INTO {rows.table.name} ({', '.join(names)}) VALUES ({places})", rows, names)
    else:
        _unnest(connection, _insert_unnested(rows.table, tuple(names)), rows, names)


def update(connection: Connection, rows: Rows, names: Sequence[str], key: Sequence[str]) -> None:
    """Write these columns of the rows that have the records' keys."""
    if connection.dialect.name == "sqlite":
        written = ", ".join(f"{name} = ?" for name in names)
        _repeat(connection, f"UPDATE {rows.table.name} SET {written} WHERE {_matches(key)}", rows, (*names, *key))
    else:
        _unnest(connection, _update_unnested(rows.table, tuple(names), tuple(key)), rows, (*names, *key))


def delete(connection: Connection, rows: Rows, key: Sequence[str]) -> None:
    """Delete the rows that have the records' keys."""
    if connection.dialect.name == "sqlite":
        _repeat(connection, f"DELETE FROM {rows.table.name} WHERE {_matches(key)}", rows, key)
    else:
        _unnest(connection, _delete_unnested(rows.table, tuple(key)), rows, key)


# SQLite


def _repeat(connection: Connection, statement: str, rows: Rows, names: Sequence[str]) -> None:
    if rows.records:
        columns = [rows.column(name, _for_sqlite(rows.table.c[name])) for name in names]
        connection.exec_driver_sql(statement, list(zip(*columns, strict=True)))


def _matches(key: Iterable[str]) -> str:
    return " AND ".join(f"{name} = ?" for name in key)


@cache
def _for_sqlite(column: Column[Any]) -> Convert | None:
    if isinstance(column.type, Instant):
        return instant_text
    return _written if isinstance(column.type, JSON) else None


# PostgreSQL


def _unnest(connection: Connection, statement: TextClause, rows: Rows, names: Sequence[str]) -> None:
    if rows.records:
        connection.execute(statement, {name: rows.column(name, _for_postgresql(rows.table.c[name])) for name in names})


@cache
def _for_postgresql(column: Column[Any]) -> Convert | None:
    if isinstance(column.type, Instant):
        return aware
    return _written if isinstance(column.type, JSON) else None


@cache
def _insert_unnested(table: Table, names: tuple[str, ...]) -> TextClause:
    selected = ", ".join(_value(table.c[name]) for name in names)
    return text(f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {selected} FROM {_arrays(table, names)}")


@cache
def _update_unnested(table: Table, names: tuple[str, ...], key: tuple[str, ...]) -> TextClause:
    written = ", ".join(f"{name} = {_value(table.c[name])}" for name in names)
    return text(f"UPDATE {table.name} SET {written} FROM {_arrays(table, (*names, *key))} WHERE {_joined(table, key)}")


@cache
def _delete_unnested(table: Table, key: tuple[str, ...]) -> TextClause:
    return text(f"DELETE FROM {table.name} USING {_arrays(table, key)} WHERE {_joined(table, key)}")


def _arrays(table: Table, names: tuple[str, ...]) -> str:
    arrays = ", ".join(f"CAST(:{name} AS {_element(table.c[name])}[])" for name in names)
    return f"unnest({arrays}) AS given ({', '.join(names)})"


def _joined(table: Table, key: Iterable[str]) -> str:
    return " AND ".join(f"{table.name}.{name} = given.{name}" for name in key)


def _value(column: Column[Any]) -> str:
    """JSON travels as text: PostgreSQL would take a list of documents apart."""
    if not isinstance(column.type, JSON):
        return f"given.{column.name}"
    is_binary = isinstance(column.type.dialect_impl(_POSTGRESQL), JSONB)
    return f"CAST(given.{column.name} AS {'jsonb' if is_binary else 'json'})"


def _element(column: Column[Any]) -> str:
    return next((name for kind, name in _ELEMENTS.items() if isinstance(column.type, kind)), "text")


_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
_ELEMENTS = {BigInteger: "bigint", Integer: "integer", Boolean: "boolean", LargeBinary: "bytea", Instant: "timestamptz"}


# Both


def _written(value: object) -> str:
    """A JSON document. Raises ValueError for what is none."""
    try:
        return _encode(value)
    except TypeError as error:
        raise ValueError(f"no JSON: {error}") from error


_encode = json.JSONEncoder().encode
