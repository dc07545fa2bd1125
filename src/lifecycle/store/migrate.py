"""The schema's revision: what the database has, what this package needs, and the way from one to the other."""

from __future__ import annotations

import threading

from sqlalchemy import Column, Connection, MetaData, Table, Text, insert, inspect, select, text

from lifecycle.errors import SchemaError
from lifecycle.store.connections import Connections
from lifecycle.store.database import Database
from lifecycle.store.schema import HEAD, metadata

VERSION_TABLE = "lifecycle_schema"
_versions = Table(VERSION_TABLE, MetaData(), Column("version_num", Text))
_version = _versions.c.version_num
_LOCK = 4_115_113_909
"""The advisory lock under which PostgreSQL is migrated: two that upgrade at once do it one after the other."""
_one_at_a_time = threading.Lock()
"""Alembic keeps what it is doing in module globals, so one process upgrades one database at a time."""


def current(database: Connections) -> str | None:
    """The revision of the database's schema, or None where it has none."""
    with database.reading() as connection:
        if not inspect(connection).has_table(VERSION_TABLE):
            return None
        return connection.scalar(select(_version))


def check(database: Connections) -> None:
    """Raise SchemaError (`schema_missing`, `schema_stale`, `schema_newer`) unless the schema is the one needed."""
    revision = current(database)
    if revision == HEAD:
        return
    if revision is None:
        raise SchemaError("The database has no schema yet. Run: lifecycle db upgrade", code="schema_missing")
    if revision < HEAD:
        raise SchemaError(
            f"The database's schema is at revision {revision}; this release needs {HEAD}. Run: lifecycle db upgrade",
            code="schema_stale",
        )
    raise SchemaError(
        f"The database's schema is at revision {revision}; this release knows {HEAD} only. "
        "Run: pip install --upgrade lifecycle-engine",
        code="schema_newer",
    )


def upgrade(database: Database) -> None:
    """Bring the schema to the revision that this package needs; in one transaction, harmless when repeated."""
    with _one_at_a_time, database.writing() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _run(connection)


def create(database: Database) -> None:
    """Make the newest schema at once in an empty database that is not kept, without the steps that have led to it."""
    with database.writing() as connection:
        metadata.create_all(connection, checkfirst=False)
        _versions.create(connection)
        connection.execute(insert(_versions), [{"version_num": HEAD}])


def _run(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415  # dear to import, and needed for this alone
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "lifecycle.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
