"""What the parts of the API share: the configuration, the database, the clock and the engine, put together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from lifecycle.config import Config
from lifecycle.domain.subscription import Surroundings
from lifecycle.engine.clock import Clock
from lifecycle.engine.engine import Engine
from lifecycle.engine.ids import Ids
from lifecycle.engine.records import InstanceRecord
from lifecycle.engine.registry import Registry, load_machines
from lifecycle.store import migrate, queries
from lifecycle.store.accounts import actor_id, add_actor, owners_of
from lifecycle.store.database import Database
from lifecycle.store.transaction import SqlStore, SqlTransaction

KNOWN_ACTORS = frozenset({"operator", "scheduler", "system"})


@dataclass(frozen=True)
class Context:
    """One engine over one database. Nothing is opened before the engine is used for the first time."""

    config: Config
    clock: Clock
    ids: Ids
    database: Database

    @cached_property
    def registry(self) -> Registry:
        """The configured machines. Raises DefinitionError."""
        return load_machines(self.config.machines)

    @cached_property
    def engine(self) -> Engine[SqlTransaction]:
        """The engine, on a database whose schema and contents it knows. Raises SchemaError, DefinitionError."""
        migrate.check(self.database)
        with self.database.reading() as connection:
            self.registry.check_stored(queries.stored_definitions(connection))
        return Engine(
            SqlStore(self.database),
            self.registry,
            self.clock,
            self.ids,
            surround={"subscription": self._surroundings},
            batch=self.config.batch,
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
