"""Values as the database holds them, asked for raw and parsed here: one that somebody has damaged is a finding."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from sqlalchemy import JSON, Column, ColumnElement, Connection, Table, Text, TypeDecorator, select, type_coerce
from sqlalchemy import cast as sql_cast
from sqlalchemy.types import NullType

from lifecycle.store import schema
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

Record = TypeVar("Record")


def read(record: type[Record], raw: Raw) -> Record:
    """Parse one raw row. Raises Unreadable, naming the column."""
    values = []
    for (name, parse), value in zip(_PARSERS[record], raw, strict=True):
        try:
            values.append(parse(value))
        except (ValueError, TypeError, RecursionError) as error:
            raise Unreadable(f"{TABLES[record].name}.{name} can't be read: {error}") from error
    return record(*values)


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Facts and effects may have been damaged in any way: what they make raise becomes Unreadable."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, OSError) as error:
        raise Unreadable(f"{what} can't be read: {error!r}") from error


def columns(connection: Connection, record: type[Any]) -> Any:
    """A query for all columns of a record, raw."""
    table = TABLES[record]
    return select(*(_raw(table.c[field.name], connection.dialect.name) for field in fields(record)))


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


def _truth(value: Any) -> bool:
    """SQLite has 0 and 1."""
    if value not in (0, 1) or not isinstance(value, int):
        raise TypeError(f"{value!r} is neither true nor false")
    return bool(value)


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
    "bool": _truth,
    "bytes": _of(bytes),
    "datetime": instant,
    "datetime | None": lambda value: None if value is None else instant(value),
    "Json": _document(dict),
    "list[Any]": _document(list),
}
TABLES: Mapping[type[Any], Table] = {
    Root: schema.roots,
    Instance: schema.instances,
    Deferral: schema.deferrals,
    Message: schema.outbox,
    Row: schema.log,
    Checkpoint: schema.checkpoints,
    Entry: schema.ledger,
    Attempt: schema.attempts,
    Number: schema.numbers,
    Person: schema.members,
    Code: schema.invitations,
    Seat: schema.seats,
}
_PARSERS = {record: [(field.name, _PARSE[cast(str, field.type)]) for field in fields(record)] for record in TABLES}
