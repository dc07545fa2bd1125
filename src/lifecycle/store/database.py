"""Connections, set up so that both databases keep the same promises.

SQLite: WAL, synchronous=FULL, foreign keys on, a busy timeout, and `BEGIN IMMEDIATE` for every transaction that may
write: with SQLAlchemy's defaults concurrent writers lose updates without an error. In one process writers take turns
by a fair lock. PostgreSQL: READ COMMITTED for writers, whose statements lock rows, and REPEATABLE READ for readers,
whatever the server's default. On both a reader sees one moment.

A process may be forked. SQLite keeps account of a file's locks per process, and a child inherits the account without
the locks: what it commits is lost once the parent closes the file. So nothing is open in the moment of a fork.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from lifecycle.errors import LifecycleError
from lifecycle.store.door import Door
from lifecycle.store.fair import FairLock

BUSY_SECONDS = 10
WAL_PAUSE = 0.01
_WRITES = "lifecycle_writes"
_UNKNOWN = "Whether the transaction was committed is not known; a command with an idempotency key can be sent again."
_TOO_LARGE = "54"
"""The class of PostgreSQL's codes for what is too large: an OperationalError to its driver, and the row's fault."""
_EMPTY = "sqlite://"
_idle: list[Engine] = []
"""Engines of databases in memory that are gone: the next ones take them, with all the statements that they have
compiled, which takes longer than all else that a short-lived database does."""
_OPTIONS: dict[str, Any] = {"hide_parameters": True}  # errors are logged, and what is written may be personal


class Database:
    """One database by its URL; nothing is opened before it is used. For use by any number of threads.

    Using it raises LifecycleError: `extra_missing` without its driver, `database_unavailable` where it can't be
    reached, opened, locked or written to, at the beginning or in the middle of a transaction. That leaves nothing
    behind, unless it comes with the commit: then the message says that nobody knows. A database in memory is one
    connection, so there nobody reads while somebody writes.
    """

    def __init__(self, url: str) -> None:
        """Raises LifecycleError (`database_unsupported`)."""
        self.url = _supported(url)
        self._turn = FairLock()
        self._opening = threading.Lock()
        self._door = Door()
        self._engine: Engine | None = None
        self._parents: list[Engine] = []

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; else it is PostgreSQL."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine."""
        with self._opening:
            if self._engine is None:
                self._engine = self._idle_engine() or (_sqlite if self.is_sqlite else _postgresql)(self.url)
            return self._engine

    def _idle_engine(self) -> Engine | None:
        with suppress(IndexError):
            return _idle.pop() if self._is_plain else None
        return None

    @property
    def _is_plain(self) -> bool:
        """Whether it is in memory, and is like any other such."""
        return self.url.render_as_string(hide_password=False) == _EMPTY

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading, in one transaction: all its statements see the same moment."""
        with self._turn if in_memory(self.url) else nullcontext(), self._connected(writes=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection in a transaction that may write: committed at the end, rolled back when the block raises."""
        with self._turn if self.is_sqlite else nullcontext(), self._connected(writes=True) as connection:
            yield connection
            with self._telling_trouble(_UNKNOWN):
                connection.commit()

    def dispose(self) -> None:
        """Close every connection; with that a database in memory is gone."""
        if self._engine is not None:
            self._engine.dispose()
            if self._is_plain:
                _idle.append(self._engine)
                self._engine = None

    def truncate_wal(self) -> bool:
        """Write SQLite's WAL into its file, and empty it; False where somebody reads what it holds. Without a WAL there
        is nothing to do."""
        if not self.is_sqlite or in_memory(self.url):
            return True
        with self._turn, self._door.passed(), self._telling_trouble(), self.engine.connect() as connection:
            cursor = connection.connection.cursor()
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() or (1,)
            return not busy

    def before_fork(self) -> None:
        """Close an SQLite file, once nobody is at work on it, until `after_fork_in_parent`."""
        if self.is_sqlite and not in_memory(self.url):
            self._door.shut(BUSY_SECONDS)
            self.dispose()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._door.reopen()

    def after_fork(self) -> None:
        """In a child process: connections and locks are the parent's, and are left alone; the child opens its own."""
        self._turn, self._opening, self._door = FairLock(), threading.Lock(), Door()
        if self._engine is not None:
            self._parents.append(self._engine)  # kept, for to let go of a connection would be to close it
            self._engine = None

    @contextmanager
    def _connected(self, *, writes: bool) -> Iterator[Connection]:
        """A connection in a transaction, which is rolled back unless it is committed."""
        with self._door.passed(), self._telling_trouble(), self.engine.connect() as connection:
            if not (writes or self.is_sqlite):
                connection.execution_options(isolation_level="REPEATABLE READ")
            connection.execution_options(**{_WRITES: writes}).begin()
            yield connection

    @contextmanager
    def _telling_trouble(self, more: str = "") -> Iterator[None]:
        """Raise LifecycleError for what is wrong with the database; what is wrong with a statement passes through."""
        try:
            yield
        except SQLAlchemyError as error:
            if not is_trouble(error):
                raise
            message = f"{self._unavailable(error)} {more}".rstrip()
            raise LifecycleError(message, code="database_unavailable") from error

    def _unavailable(self, error: SQLAlchemyError) -> str:
        reason = " ".join(str(error.orig if isinstance(error, DBAPIError) else error).split()).rstrip(".")
        if self.is_sqlite and not in_memory(self.url):
            folder = Path(str(self.url.database)).parent
            reason = reason if folder.is_dir() else f"there is no folder {folder}"
        return f"The database {self.url.render_as_string(hide_password=True)} can't be used: {reason}."


def is_trouble(error: SQLAlchemyError) -> bool:
    """Whether it is the database that can't be used (connection, lock, disk, file), and not a statement or a row."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, NoConnectionFree | PendingRollbackError)  # the second: the connection died before
    reason = error.orig
    if isinstance(reason, sqlite3.OperationalError | sqlite3.InternalError) or type(reason) is sqlite3.DatabaseError:
        return _sqlite_code(reason) not in (None, sqlite3.SQLITE_ERROR)  # that is for statements that make no sense
    if str(getattr(reason, "sqlstate", None)).startswith(_TOO_LARGE):
        return False
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError | InternalError)


def _sqlite_code(reason: sqlite3.Error) -> int | None:
    """SQLite's own code, without what it extends it by; None where its driver is to blame."""
    code: int | None = getattr(reason, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _supported(url: str) -> URL:
    """The URL with the driver that is used for its database."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise LifecycleError("The database's URL can't be read.", code="database_unsupported") from error
    drivers = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    backend = parsed.get_backend_name()
    if backend not in drivers:
        raise LifecycleError(
            f"{backend} is not supported; use sqlite:/// or postgresql://.", code="database_unsupported"
        )
    return parsed.set(drivername=drivers[backend])


def in_memory(url: URL) -> bool:
    """Whether it is an SQLite database without a file."""
    if url.get_backend_name() != "sqlite":
        return False
    return not url.database or ":memory:" in url.database or url.query.get("mode") == "memory"


def _sqlite(url: URL) -> Engine:
    options = dict(_OPTIONS)
    if in_memory(url):
        options["poolclass"] = StaticPool
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, **options)
    event.listen(engine, "connect", set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(url: URL) -> Engine:
    try:
        engine = create_engine(url, isolation_level="READ COMMITTED", pool_pre_ping=True, **_OPTIONS)
        from psycopg.types.array import ListBinaryDumper  # noqa: PLC0415  # an extra
    except ImportError as error:  # no psycopg, or no libpq for it
        raise LifecycleError(
            "PostgreSQL needs its driver: pip install 'lifecycle-engine[postgres]'", code="extra_missing"
        ) from error

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        """Lists go as they are in memory: written out and read again they cost several times as much."""
        connection.adapters.register_dumper(list, ListBinaryDumper)

    return engine


def set_up_sqlite(connection: Any, _record: object) -> None:
    """What a connection of SQLite's driver needs to keep the promises, when it is opened."""
    connection.isolation_level = None  # transactions are begun below, not by the driver
    _use_wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
        _set(connection, pragma)


def _use_wal(connection: Any) -> None:
    """Of those who open a new file at the same moment one makes it a WAL, and SQLite tells the others at once that it
    is locked, however long they would wait."""
    tries = int(BUSY_SECONDS / WAL_PAUSE)
    for left in range(tries, -1, -1):
        try:
            _set(connection, "journal_mode=WAL")
            break
        except sqlite3.OperationalError as error:
            if _sqlite_code(error) != sqlite3.SQLITE_BUSY or not left:
                raise
        threading.Event().wait(WAL_PAUSE)


def _set(connection: Any, pragma: str) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
