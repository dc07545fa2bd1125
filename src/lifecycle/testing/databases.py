"""Databases for one test each: made empty, and gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from sqlalchemy import URL, Engine, create_engine, text

from lifecycle.errors import LifecycleError
from lifecycle.store import migrate
from lifecycle.store.database import Database, in_memory

IN_MEMORY = "sqlite://"


@contextmanager
def fresh(url: str) -> Iterator[Database]:
    """A database with the schema and nothing in it: in memory, in a file that is not there yet and stays, or on
    PostgreSQL in a schema of its own, which is dropped at the end.

    Raises LifecycleError: `database_not_empty` for a file that is there, and what `Database` raises.
    """
    database = Database(url)
    with _on_sqlite(database) if database.is_sqlite else _in_schema(database.url) as empty:
        migrate.create(empty)
        yield empty


@contextmanager
def _on_sqlite(database: Database) -> Iterator[Database]:
    if not in_memory(database.url) and Path(str(database.url.database)).exists():
        raise LifecycleError(
            f"{database.url.database} is there already; name a file that is not.", code="database_not_empty"
        )
    try:
        yield database
    finally:
        database.dispose()


@contextmanager
def _in_schema(url: URL) -> Iterator[Database]:
    name = f"lifecycle_test_{token_hex(8)}"
    inside = url.update_query_dict({"options": f"-csearch_path={name}"})
    database = Database(inside.render_as_string(hide_password=False))
    administration = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        _run(administration, f"CREATE SCHEMA {name}")
        try:
            yield database
        finally:
            database.dispose()
            _run(administration, f"DROP SCHEMA {name} CASCADE")
    finally:
        administration.dispose()


def _run(engine: Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execute(text(statement))
