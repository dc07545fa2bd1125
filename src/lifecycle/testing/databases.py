"""Databases for one test each: made empty, and gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from sqlalchemy import URL, create_engine, make_url, text

from lifecycle.errors import LifecycleError
from lifecycle.store.database import Database, in_memory

IN_MEMORY = "sqlite://"


@contextmanager
def empty(url: str) -> Iterator[str]:
    """The URL of an empty database: in memory, a file that is not there yet and stays, or on PostgreSQL a schema of
    its own in that database, which is dropped at the end.

    Raises LifecycleError: `database_not_empty` for a file that is there, and what `Database` raises.
    """
    database = Database(url)
    if not database.is_sqlite:
        with _schema(database.url) as made:
            yield made.render_as_string(hide_password=False)
        return
    if not in_memory(database.url) and Path(str(database.url.database)).exists():
        raise LifecycleError(
            f"{database.url.database} is there already; name a file that is not.", code="database_not_empty"
        )
    yield url


@contextmanager
def _schema(url: URL) -> Iterator[URL]:
    name = f"lifecycle_test_{token_hex(8)}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT", hide_parameters=True)
    try:
        with engine.connect() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
        try:
            yield make_url(url).update_query_dict({"options": f"-csearch_path={name}"})
        finally:
            with engine.connect() as connection:
                connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    finally:
        engine.dispose()
