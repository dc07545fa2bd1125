"""What the parts of the API share: the configuration, the database, the clock and the engine, put together."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from weakref import WeakSet

from sqlalchemy import Engine as SqlEngine

from lifecycle.config import Config
from lifecycle.domain.subscription import Surroundings
from lifecycle.engine.clock import Clock
from lifecycle.engine.committed import Listener
from lifecycle.engine.engine import Engine
from lifecycle.engine.ids import Ids
from lifecycle.engine.records import InstanceRecord
from lifecycle.engine.registry import Registry, load_machines
from lifecycle.store import migrate, queries
from lifecycle.store.accounts import actor_id, add_actor, owners_of
from lifecycle.store.connections import Connections
from lifecycle.store.host import HostConnection
from lifecycle.store.transaction import SqlStore, SqlTransaction

KNOWN_ACTORS = frozenset({"operator", "scheduler", "system"})


class Context:
    """One engine over one database. Nothing is opened before the engine is used for the first time."""

    def __init__(
        self, config: Config, clock: Clock, ids: Ids, database: Connections, listeners: Sequence[Listener]
    ) -> None:
        self.config = config
        self.clock = clock
        self.ids = ids
        self.database = database
        self._listeners = listeners
        self._making = threading.RLock()
        self._registry: Registry | None = None
        self._engine: Engine[SqlTransaction] | None = None
        self._known: WeakSet[SqlEngine] = WeakSet()

    @property
    def registry(self) -> Registry:
        """The configured machines. Raises DefinitionError."""
        with self._making:
            if self._registry is None:
                self._registry = load_machines(self.config.machines)
            return self._registry

    @property
    def engine(self) -> Engine[SqlTransaction]:
        """The engine, on a database whose schema and contents it knows. Raises SchemaError, DefinitionError."""
        with self._making:
            if self._engine is None:
                self._check(self.database)
                self._engine = self._engine_on(self.database, self._listeners)
            return self._engine

    def within(self, host: HostConnection, listener: Listener) -> Context:
        """The same in a host's transaction, where `listener` hears what was done. Raises as `engine` does."""
        if host.engine not in self._known:
            self._check(host)  # without a lock: other tasks of an event loop go on meanwhile, in this very thread
            with self._making:
                self._known.add(host.engine)
        inside = copy(self)
        inside.database, inside._engine = host, self._engine_on(host, [listener])
        return inside

    def after_fork(self) -> None:
        """In a child process: nobody listens yet, and no thread holds anything."""
        self._making, self._engine, self._known = threading.RLock(), None, WeakSet()

    def _check(self, database: Connections) -> None:
        migrate.check(database)
        with database.reading() as connection:
            self.registry.check_stored(queries.stored_definitions(connection))

    def _engine_on(self, database: Connections, listeners: Sequence[Listener]) -> Engine[SqlTransaction]:
        return Engine(
            SqlStore(database),
            self.registry,
            self.clock,
            self.ids,
            surround={"subscription": self._surroundings},
            batch=self.config.batch,
            listeners=listeners,
        )

    def ready(self) -> None:
        """Make sure that the engine can run on this database. Raises SchemaError, DefinitionError."""
        _ = self.engine

    @contextmanager
    def actor(self, transaction: SqlTransaction, name: str) -> Iterator[str]:
        """The id under which an actor is logged. The name stays apart from the log (rule A2), and a new one is kept
        only if the block does not raise: a refusal leaves nothing behind (rule B2)."""
        known = name if name in KNOWN_ACTORS else actor_id(transaction.connection, name)
        identifier = known or self.ids.new("act")
        yield identifier
        if known is None:
            add_actor(transaction.connection, identifier, name)

    def _surroundings(self, transaction: SqlTransaction, instances: Sequence[InstanceRecord]) -> Mapping[str, object]:
        owners = owners_of(transaction.connection, instances)
        return {instance: Surroundings(self.config.catalog, account) for instance, account in owners.items()}
