"""Databases on PostgreSQL that go from test to test: each is emptied after a test, for to make one anew is dear.

One in which a test has changed more than rows is dropped instead, so that nobody is lent what is not as it was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Event

from sqlalchemy import URL, Connection, NullPool, create_engine

from lifecycle.gateways import sandbox_tables
from lifecycle.store import migrate, schema
from tests.postgres import Databases

_CATALOG = " UNION ALL ".join(
    f"SELECT xmin::text::bigint AS written FROM {table} "  # noqa: S608  # these tables only
    for table in ("pg_class", "pg_attribute", "pg_constraint", "pg_trigger", "pg_proc", "pg_namespace", "pg_type")
)
_SHAPE = f"SELECT count(*), max(written) FROM ({_CATALOG}) AS catalog"  # noqa: S608  # likewise
"""What changes with every table, column, index or constraint that comes, changes or goes."""

_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = "; ".join(
    f"DELETE FROM {table.name}"  # noqa: S608  # our own tables
    for metadata in (schema.metadata, sandbox_tables.metadata)
    for table in reversed(metadata.sorted_tables)
)


@dataclass(frozen=True, slots=True)
class Lent:
    """A database, and what drops it."""

    url: URL
    drop: ExitStack


class Lender:
    """Lends copies of a database that has the schema, and no rows but the schema's revision."""

    def __init__(self, databases: Databases, template: URL) -> None:
        """Nobody may be connected to the template."""
        assert template.database is not None
        self._databases, self._template = databases, template.database
        with _connected(template) as connection:
            self._shape = _shape(connection)
        self._spare: list[Lent] = []

    @contextmanager
    def lend(self) -> Iterator[URL]:
        """One for a test, which is alone in it."""
        lent = self._spare.pop() if self._spare else self._copy()
        try:
            yield lent.url
        finally:
            if self._emptied(lent.url):
                self._spare.append(lent)
            else:
                lent.drop.close()

    @contextmanager
    def new(self) -> Iterator[URL]:
        """One that nobody has had, for what the server tells of its past."""
        with self._databases.create(template=self._template) as url:
            yield url

    def close(self) -> None:
        """Drop them all."""
        while self._spare:
            self._spare.pop().drop.close()

    def _copy(self) -> Lent:
        drop = ExitStack()
        return Lent(drop.enter_context(self.new()), drop)

    def _emptied(self, url: URL) -> bool:
        with _connected(url) as connection:
            while connection.exec_driver_sql(_OTHERS).all():
                Event().wait(0.01)
            if _shape(connection) != self._shape or _revision(connection) != schema.HEAD:
                return False
            connection.exec_driver_sql(_EMPTY)
            return True


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        yield connection


def _shape(connection: Connection) -> tuple[object, ...]:
    return tuple(connection.exec_driver_sql(_SHAPE).one())


def _revision(connection: Connection) -> object:
    return connection.exec_driver_sql(f"SELECT version_num FROM {migrate.VERSION_TABLE}").scalar()  # noqa: S608  # ours
