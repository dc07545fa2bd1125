"""The schema for databases that live as long as a test."""

from __future__ import annotations

from lifecycle.store import migrate
from lifecycle.store.database import Database


def give_schema(database: Database) -> None:
    """Make the newest schema in an empty database, without the migrations, which take six times as long and make the
    same (test_schema.py); one that has it is left alone."""
    if migrate.current(database) is None:
        migrate.create(database)
    migrate.check(database)


def with_schema(url: str) -> str:
    """The same for who has no `Database`: the URL of a database that has the schema now."""
    database = Database(url)
    give_schema(database)
    database.dispose()
    return url
