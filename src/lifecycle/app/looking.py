"""What a `Lifecycle` tells: what has happened, what comes next, what would, and how things are. Nothing here writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Unpack

from lifecycle.app.arguments import When
from lifecycle.app.checks import Subject
from lifecycle.app.context import Context
from lifecycle.app.following import Following, Wanted
from lifecycle.app.forecasting import Forecast, forecast
from lifecycle.app.health import MAX_LAG, Health, health
from lifecycle.app.parts import Parts
from lifecycle.config import Config
from lifecycle.engine.clock import Clock
from lifecycle.errors import LifecycleError
from lifecycle.store import queries
from lifecycle.store.daemons import daemons
from lifecycle.store.database import Database
from lifecycle.store.queries import DueTransition, MovedOut, Step

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


class Looking(Parts):
    """The log and what is due, forecasts, health and metrics, over what a `Lifecycle` offers in transactions."""

    def __init__(self, config: Config, clock: Clock, database: Database, context: Context) -> None:
        super().__init__(context)
        self.config = config
        self.clock = clock
        self.database = database

    def moved_out(self, *, account: str | None = None, subscription: str | None = None) -> list[MovedOut]:
        """Where earlier transitions have been moved out of the log, by root. Raises NotFound."""
        owner = self.accounts.get(account).id if account else None
        self._context.ready()
        with self.database.reading() as connection:
            return queries.moved_out(connection, instance_id=subscription, owner_id=owner)

    def log(self, *, last: int | None = None, **wanted: Unpack[Wanted]) -> list[Step]:
        """The transition log, in nominal order; `last`: only the newest so many. Raises NotFound."""
        return Following(self._context, wanted).first(last)

    def follow(self, **wanted: Unpack[Wanted]) -> Following:
        """The transition log as it grows: `start` for what there is, then `news` for what was committed since."""
        return Following(self._context, wanted)

    def time_of(self, clock: str | None) -> datetime:
        """What time it is on a named clock; without a name by the real one. Raises NotFound."""
        self._context.ready()
        with self.database.reading() as connection:
            return self._context.now(connection, clock)

    def daemon_heard_at(self) -> datetime | None:
        """When a daemon was last heard of on this database; None where none has been."""
        self._context.ready()
        with self.database.reading() as connection:
            return max((daemon.ticked_at for daemon in daemons(connection)), default=None)

    def due(
        self,
        *,
        until: datetime | None = None,
        subscription: str | None = None,
        limit: int | None = None,
        overdue: bool = False,
        reminders: bool = False,
    ) -> list[DueTransition]:
        """What comes next and when, earliest first; `reminders`: with those. `overdue`: only what is late, by the clock
        that it is on, be it a reminder."""
        self._context.ready()
        late_at = self.clock.now() if overdue else None
        asked = {"until": until, "late_at": late_at}
        with self.database.reading() as connection:
            return queries.due(connection, **asked, instance_id=subscription, limit=limit, reminders=reminders)

    def forecast(
        self,
        subscription: str | None = None,
        *,
        until: When,
        account: str | None = None,
        declines: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Forecast:
        """What would happen up to a date, when, and what it would cost: to a subscription (or an instance of any
        machine), an account, or without both to all. It changes nothing, and asks no gateway.

        `until` is local to the account's zone, or so long from now: `+3 months`. Every charge is taken to succeed, or
        with `declines` to be declined. `progress` hears how much of how much is done. Raises NotFound, and Refused
        (`invalid`).
        """
        asked = {"instance": subscription, "account": account}
        return forecast(self._context, until, **asked, declines=declines, progress=progress)

    # For those who look after it

    def health(self, *, max_lag: timedelta = MAX_LAG) -> Health:
        """How things are: database, schema, daemons, lag, clocks, and what waits for an operator. Quick; raises nothing
        that is not a fault of ours: a database that can't be reached is a finding."""
        return health(Subject(self.config, self.clock, self.database, max_lag))

    def metrics(self, registry: CollectorRegistry | None = None) -> CollectorRegistry:
        """Register this engine's Prometheus metrics in a registry, once in each; without one, in one of their own.

        Returns the registry. Raises LifecycleError (`extra_missing`), SchemaError, DefinitionError.
        """
        try:
            from lifecycle.app.metrics import register  # noqa: PLC0415  # what it needs is an extra
        except ImportError as error:
            raise LifecycleError(
                "Metrics need their library: pip install 'lifecycle-engine[metrics]'", code="extra_missing"
            ) from error
        return register(registry, self.engine, self.database)
