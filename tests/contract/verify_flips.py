"""Each value of a table changed by itself, leaf by leaf inside documents, and put back: what `verify` is to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Column, Table

from lifecycle.store.database import Database
from tests.conftest import is_whole
from tests.contract.verify_vandal import Vandal

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Flip:
    """One value of the row with this key, and another to put in its place."""

    table: Table = field(repr=False)
    key: Mapping[str, Any]
    name: str
    value: Any
    other: Any
    root: str
    """Whose row it is."""

    @contextmanager
    def done_by(self, vandal: Vandal) -> Iterator[None]:
        """Change it, and put it back."""
        vandal.change(self.table, self.key, **{self.name: self.other})
        yield
        there = {**self.key, self.name: self.other} if self.name in self.key else self.key
        vandal.change(self.table, there, **{self.name: self.value})


def steps(database: Database) -> int:
    """Of how many flips one is tried: on PostgreSQL of four times as many, in everyday's runs of three times."""
    return (1 if database.is_sqlite else 4) * (1 if is_whole() else 3)


def every_flip(vandal: Vandal, table: Table, columns: Sequence[str]) -> Sequence[Flip]:
    """All that can be tried on these columns."""
    return [
        Flip(
            table,
            {column.name: row[column.name] for column in table.primary_key},
            name,
            row[name],
            other,
            row.get("root_id", row.get("id", "")),
        )
        for row in vandal.all(table)
        for name in columns
        for other in replacements(table.c[name], row[name])
    ]


def others(value: object) -> Iterator[object]:
    """Values to put in the place of this one, each different in one thing."""
    match value:
        case None:
            yield "x"
        case bool():
            yield not value
        case int():
            yield value + 1000
        case bytes():
            yield bytes([*value[:-1], value[-1] ^ 1]) if value else b"x"
        case datetime():
            yield value + SECOND
            yield value + timedelta(microseconds=1)
        case str():
            yield f"{value}x"
            yield from later(value)
        case dict():
            yield value | {"x": 1}
            for name, old in value.items():
                yield {key: value[key] for key in value if key != name}
                yield from (value | {name: other} for other in others(old))
        case list():
            yield [*value, {"effect": "notice", "kind": "changed"}]
            for place, old in enumerate(value):
                yield from ([*value[:place], other, *value[place + 1 :]] for other in others(old))


def later(text: str) -> Iterator[str]:
    """An instant that is written out, a second later."""
    try:
        yield (datetime.fromisoformat(text) + SECOND).isoformat()
    except ValueError:
        return


def replacements(column: Column[Any], value: object) -> Iterator[object]:
    """Other values that the column can hold."""
    if value is None and column.name in ("wake_at", "last_due_at"):
        yield datetime.fromisoformat("2027-01-01T00:00:00+00:00")
        return
    yield from others(value)
    if column.nullable and value is not None:
        yield None
