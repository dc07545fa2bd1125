"""A host's own connection, in the host's own transaction: what is written takes effect with the host's commit.

Each block that writes is a savepoint, so that what goes wrong in it leaves the host's transaction usable. That the
host commits is only ever a hint: SQLAlchemy tells it before the database has done it, and a savepoint of the host's
may have been rolled back in between. Who hears the hint looks into the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import iscoroutinefunction
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

from sqlalchemy import Connection, Engine, event

from lifecycle.errors import LifecycleError
from lifecycle.store.database import BUSY_SECONDS, in_memory, set_up_sqlite

READS_ONLY = "lifecycle_reads_only"
"""The execution option of a host's SQLite connection that only reads, and so need not wait for writers."""

Hint = Callable[[], None]

_PREPARED = "lifecycle_prepared"
_prepared: WeakSet[Engine] = WeakSet()
_hints: WeakKeyDictionary[Connection, list[Hint]] = WeakKeyDictionary()


class HasConnection(Protocol):
    """SQLAlchemy's `Session` and `scoped_session`."""

    def connection(self) -> Connection: ...


class HasSyncEngine(Protocol):
    """SQLAlchemy's `AsyncEngine`."""

    @property
    def sync_engine(self) -> Engine: ...


class HostConnection:
    """The connection of a session, or one by itself.

    Raises LifecycleError (`session_expected`, `engine_not_prepared`, `autocommit`).
    """

    def __init__(self, of: HasConnection | Connection) -> None:
        self._of = of
        self.engine = self.connection.engine
        _listen(self.engine)

    @property
    def connection(self) -> Connection:
        """The connection of the transaction that runs now: a session's changes, and its savepoints begin with it."""
        connection = _connection_of(self._of)
        if connection.dialect.name == "sqlite" and _PREPARED not in connection.info:
            raise LifecycleError(
                "This SQLite connection could lose what is written at the same time. "
                "Call lifecycle.prepare(engine) before the engine is used for the first time.",
                code="engine_not_prepared",
            )
        if _commits_by_itself(connection):
            raise LifecycleError("This connection commits each statement by itself.", code="autocommit")
        return connection

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite; else it is PostgreSQL."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The host's connection, which sees what the host has written."""
        yield self.connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The same in a savepoint, which is rolled back when the block raises."""
        connection = self.connection
        with connection.begin_nested():
            yield connection

    def when_committing(self, hint: Hint) -> None:
        """Call this when the host commits; not when it rolls back."""
        _hints.setdefault(self.connection, []).append(hint)


def prepare(engine: Engine | HasSyncEngine) -> None:
    """Set a host's engine up for `HostConnection`, before its first connection; harmless when repeated.

    On SQLite each of its transactions takes the write lock as it begins, but for those with the execution option
    `lifecycle_reads_only`; PostgreSQL needs nothing.
    """
    sync = engine if isinstance(engine, Engine) else engine.sync_engine
    if sync.dialect.name == "sqlite" and not event.contains(sync, "connect", _connected):
        event.listen(sync, "connect", _connected)
        event.listen(sync, "begin", _begun)
        _prepared.add(sync)


def before_fork() -> None:
    """Close the SQLite files of hosts' prepared engines, as far as nobody is at work on them; see `Database`.

    An asynchronous engine can't be closed from here: its host does so before it forks.
    """
    for engine in list(_prepared):
        if not (engine.dialect.is_async or in_memory(engine.url)):
            engine.dispose()


def _connection_of(of: HasConnection | Connection) -> Connection:
    if isinstance(of, Connection):
        return of
    if hasattr(of, "run_sync") or iscoroutinefunction(getattr(of, "connection", None)):
        raise LifecycleError("For an AsyncSession or AsyncConnection there is using_async.", code="session_expected")
    if not hasattr(of, "connection"):
        raise LifecycleError(f"A {type(of).__name__} is neither a Session nor a Connection.", code="session_expected")
    return of.connection()


def _commits_by_itself(connection: Connection) -> bool:
    asked = connection.get_execution_options().get("isolation_level")
    return asked == "AUTOCOMMIT" or getattr(connection.connection.dbapi_connection, "autocommit", False) is True


def _connected(connection: Any, record: Any) -> None:
    set_up_sqlite(connection, record)
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout")
    [milliseconds] = cursor.fetchone()
    cursor.execute(f"PRAGMA busy_timeout = {max(milliseconds, BUSY_SECONDS * 1000)}")
    cursor.close()
    record.info[_PREPARED] = True


def _begun(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get(READS_ONLY)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def _listen(engine: Engine) -> None:
    if not event.contains(engine, "commit", _committing):
        event.listen(engine, "commit", _committing)
        event.listen(engine, "rollback", _rolling_back)


def _committing(connection: Connection) -> None:
    for hint in _hints.pop(connection, ()):
        hint()


def _rolling_back(connection: Connection) -> None:
    _hints.pop(connection, None)
