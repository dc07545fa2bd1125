"""`Lifecycle`: the engine as a host embeds it, from one configuration file."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self, Unpack

from sqlalchemy import make_url

from lifecycle.app.accounts import Accounts
from lifecycle.app.context import Context
from lifecycle.app.importing import Imported, Importer
from lifecycle.app.migrating import Migration, outdated
from lifecycle.app.migrating import migrate as migrate_all
from lifecycle.app.operations import Operations
from lifecycle.app.subscriptions import Said, Subscriptions
from lifecycle.config import Config, load_config
from lifecycle.engine.clock import Clock, SystemClock
from lifecycle.engine.engine import Engine
from lifecycle.engine.ids import Ids
from lifecycle.scheduler.dispatcher import SQLITE_PAUSE, Dispatcher
from lifecycle.scheduler.jobs import declare_jobs
from lifecycle.store import migrate, queries
from lifecycle.store.database import Database
from lifecycle.store.queries import DueTransition, Step, step_of
from lifecycle.store.transaction import SqlTransaction


class Lifecycle:
    """Accounts and subscriptions over one database, and the daemon that fires what is deferred.

    Making one does no I/O but reading the configuration; the database is opened at first use. Usable from several
    threads at once. To be made after a fork.
    """

    def __init__(self, config: Config, *, clock: Clock | None = None, ids: Ids | None = None) -> None:
        self.config = config
        self.clock = clock or SystemClock()
        self.database = Database(located(config.database_url, config.path.parent))
        self._context = Context(config, self.clock, ids or Ids(self.clock), self.database)
        self.accounts = Accounts(self._context)
        self.subscriptions = Subscriptions(self._context)
        self.operations = Operations(self._context)

    @classmethod
    def from_config(
        cls,
        path: str | Path = "config.yaml",
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Self:
        """From a configuration file with the `LIFECYCLE_…` variables over it.

        Raises ConfigError with every problem at once.
        """
        return cls(load_config(Path(path), os.environ if environ is None else environ), clock=clock, ids=ids)

    @property
    def engine(self) -> Engine[SqlTransaction]:
        """What runs machines of any kind, for a host's own. Raises SchemaError, DefinitionError."""
        return self._context.engine

    def upgrade_schema(self) -> None:
        """Bring the database's schema to what this release needs; harmless when repeated."""
        migrate.upgrade(self.database)

    @contextmanager
    def start(self) -> Iterator[Dispatcher]:
        """Run the daemon's scheduler in a thread of its own, calendar jobs too; on exit it finishes what it is doing.

        Raises SchemaError for a missing or stale schema, DefinitionError for what the database holds and no
        machine knows, and for a job that can't be loaded.
        """
        pause = SQLITE_PAUSE if self.database.is_sqlite else timedelta(0)
        dispatcher = Dispatcher(self.engine, heartbeat=self.config.heartbeat.timedelta, pause=pause)
        declare_jobs(dispatcher.scheduler, self.config.jobs, zone=self.config.zone, lifecycle=self)
        dispatcher.start()
        try:
            yield dispatcher
        finally:
            dispatcher.stop()

    def advance_to(self, instant: datetime) -> list[Step]:
        """Travel on a virtual clock: everything due up to `instant` fires, each at its own instant, in order.

        Returns the transitions. Raises LifecycleError (`clock_is_real`).
        """
        return [step_of(row) for row in self.engine.advance_to(instant)]

    def fire_due(self) -> int:
        """Fire what is due now, without a scheduler; returns the number of transitions."""
        fired = 0
        while (batch := self.engine.fire_batch()).claimed:
            fired += len(batch.transitions)
        return fired

    def import_customers(self, path: str | Path, **said: Unpack[Said]) -> Imported:
        """Accounts and subscriptions from a CSV file, all or nothing. Raises ImportFailed."""
        return Importer(self._context, self.accounts, self.subscriptions).run(Path(path), said)

    def migrate(self, *, by: str = "operator", dry_run: bool = False) -> Sequence[Migration]:
        """Bring what older versions of a machine have stored to the newest one; `dry_run`: only say what would be."""
        return outdated(self._context) if dry_run else migrate_all(self._context, by=by)

    def log(self, *, account: str | None = None, last: int | None = None) -> list[Step]:
        """The transition log, in nominal order; `last`: only the newest so many. Raises NotFound."""
        owner = self.accounts.get(account).id if account else None
        self._context.ready()
        with self.database.reading() as connection:
            return queries.steps(connection, owner_id=owner, last=last)

    def due(
        self, *, until: datetime | None = None, subscription: str | None = None, limit: int | None = None
    ) -> list[DueTransition]:
        """What comes next and when, earliest first."""
        self._context.ready()
        with self.database.reading() as connection:
            return queries.due(connection, until=until, instance_id=subscription, limit=limit)

    def close(self) -> None:
        """Close the database's connections."""
        self.database.dispose()


def located(url: str, folder: Path) -> str:
    """The database's URL, with a relative SQLite file taken to be beside the configuration."""
    parsed = make_url(url)
    name = parsed.database
    if parsed.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return url
    return parsed.set(database=str(folder / name)).render_as_string(hide_password=False)
