"""`column IN (…)` for many values, as one parameter: the statement is the same however many there are, so that drivers
and databases know it, and need not read and plan a new one for each number of values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Dialect, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType, TypeDecorator


class _Texts(TypeDecorator[Sequence[str]]):
    """A list of texts: an array for PostgreSQL, and JSON for SQLite."""

    impl = NullType
    cache_ok = True

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> object:
        return json.dumps(value) if dialect.name == "sqlite" else value


class _Among(FunctionElement[Any]):
    """Whether a text is among those of a list.

    It has no type: behind a boolean SQLAlchemy writes `= 1`, and SQLite then takes no index.
    """

    type = NullType()
    inherit_cache = True


def among(column: ColumnElement[Any], name: str = "ids") -> ColumnElement[bool]:
    """Whether the column's text is one of the list that the statement is given by this name."""
    return _Among(column, bindparam(name, type_=_Texts()))


@compiles(_Among)
def _any(element: _Among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY (CAST({values} AS text[]))"


@compiles(_Among, "sqlite")
def _listed(element: _Among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608  # a column and a parameter
