"""`Lifecycle`: the engine as a host embeds it, from one configuration file."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar, Unpack
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, make_url

from lifecycle.app import arguments, retention
from lifecycle.app.arguments import When
from lifecycle.app.awaited import AsyncParts
from lifecycle.app.clock_outbox import driving
from lifecycle.app.clocks import Clocks
from lifecycle.app.context import Context
from lifecycle.app.delivering import Delivering, Function
from lifecycle.app.forking import tell_of_forks
from lifecycle.app.gateway import GatewayOf
from lifecycle.app.handlers import AnyHandle, check_events
from lifecycle.app.hearsay import Hearsay
from lifecycle.app.hooks import Hook, Hooks, check_name
from lifecycle.app.importing import Imported, Importer
from lifecycle.app.looking import Looking
from lifecycle.app.migrating import Migration, outdated
from lifecycle.app.migrating import migrate as migrate_all
from lifecycle.app.notices import Notices
from lifecycle.app.outbox import Outbox
from lifecycle.app.parts import Parts
from lifecycle.app.retention import Pruned
from lifecycle.app.running import running
from lifecycle.app.strides import refuse_watched, travel_in_strides
from lifecycle.app.subscriptions import Said
from lifecycle.app.till import GATEWAY, LATE, Till
from lifecycle.app.travelling import Fire, by_scheduler, travel, unwatched
from lifecycle.app.webhooks import Webhooks
from lifecycle.config import Config, load_config
from lifecycle.domain.machine import REMINDED
from lifecycle.engine.clock import Clock, SystemClock
from lifecycle.engine.ids import Ids
from lifecycle.engine.journal import tell
from lifecycle.engine.records import LogRecord
from lifecycle.engine.relay import Relayed
from lifecycle.errors import LifecycleError
from lifecycle.gateways.protocol import Gateway
from lifecycle.scheduler.dispatcher import Dispatcher, OnLook
from lifecycle.store import migrate
from lifecycle.store.database import Database
from lifecycle.store.host import HasConnection, HasSyncEngine, HostConnection, prepare
from lifecycle.store.queries import Step, step_of

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

AnyHook = TypeVar("AnyHook", bound=Hook)
Result = TypeVar("Result")


class Lifecycle(Looking):
    """Accounts and subscriptions over one database, and the daemon that fires what is deferred.

    Making one does no I/O but reading the configuration; the database is opened at first use. Usable from several
    threads at once. A child process that was forked can go on using it, but has no scheduler before it starts one.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock | None = None,
        ids: Ids | None = None,
        database: Database | None = None,
    ) -> None:
        """`database`: the one that the configuration names, where it has been made already."""
        clock = clock or SystemClock()
        database = database or Database(located(config.database_url, config.path.parent))
        self._ids = ids or Ids(clock)
        self._hooks = Hooks()
        self._gateways = GatewayOf(config, database.url.render_as_string(hide_password=False), clock, self._ids)
        heard = (tell, self._hooks.hear)
        context = Context(config, clock, self._ids, database, heard, self._gateways.get, self._gateways.sandbox)
        super().__init__(config, clock, database, context)
        self._hearsay = Hearsay(self._context)
        self._till = Till(self._context)
        self._handlers = self._context.handlers
        self._delivering = Delivering(self._context, dict.fromkeys((GATEWAY, LATE), self._till.deliver), self._handlers)
        self._context.drive = driving(self._context, self._delivering)
        self.outbox = Outbox(self._context)
        self.webhooks = Webhooks(self._context)
        self.notices = Notices(self._context)
        self.clocks = Clocks(self._context)
        self._starting = threading.Lock()
        tell_of_forks(self)

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

    def upgrade_schema(self) -> None:
        """Bring the database's schema to what this release needs; harmless when repeated."""
        migrate.upgrade(self.database)

    @contextmanager
    def start(self, *, heartbeat: timedelta | None = None, on_look: Sequence[OnLook] = ()) -> Iterator[Dispatcher]:
        """Run the daemon's scheduler in a thread of its own, calendar jobs too; on exit it finishes what it is doing.

        `heartbeat` is instead of the configured one; `on_look` hear on its thread, after each look, when the next is
        due (None: nothing is deferred). Raises SchemaError for a missing or stale schema, DefinitionError for what the
        database holds and no machine knows, and for a job that can't be loaded; LifecycleError (`already_started`)
        while it runs.
        """
        if not self._starting.acquire(blocking=False):
            raise LifecycleError("The scheduler of this Lifecycle runs already.", code="already_started")
        starting, daemon_id = self._starting, Ids(self.clock).new("daemon")
        try:
            with running(self, self._hooks, daemon_id, heartbeat=heartbeat, on_look=on_look) as dispatcher:
                yield dispatcher
        finally:
            self._delivering.lanes.stop()
            starting.release()
            self._settle()

    def _settle(self) -> None:
        """Believe or forget what was heard of hosts' commits, and tell the hooks what they have not been told."""
        self._hearsay.settle()
        self._hooks.run()

    def before_fork(self) -> None:
        """Close what a child must not inherit. The interpreter calls this and the next two."""
        self.database.before_fork()
        self._gateways.before_fork()

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self.database.after_fork_in_parent()
        self._gateways.after_fork_in_parent()

    def after_fork(self) -> None:
        """In a child process: let go of the parent's connections, locks and scheduler."""
        self.database.after_fork()
        self._gateways.after_fork()
        self._ids.after_fork()
        self._context.after_fork()
        self._hooks.after_fork()
        self._hearsay.after_fork()
        self._delivering.lanes.after_fork()
        self._starting = threading.Lock()

    # In a host

    @staticmethod
    def prepare(engine: Engine | HasSyncEngine) -> None:
        """Set a host's own engine up for `using`, before it is used for the first time; harmless when repeated.

        SQLite needs it: WAL, synchronous=FULL, foreign keys, and the write lock as each transaction begins, but for
        those with `execution_options(lifecycle_reads_only=True)`. PostgreSQL needs nothing.
        """
        prepare(engine)

    def using(self, session: HasConnection | Connection) -> Parts:
        """The same inside a transaction of the host's: its session's, or its connection's.

        Every command is a savepoint there, and takes effect with the host's commit. Raises LifecycleError
        (`session_expected`, `engine_not_prepared`, `autocommit`), SchemaError and DefinitionError.
        """
        its = HostConnection(session)
        return Parts(self._context.within(its, lambda done: its.when_committing(partial(self._hearsay.hear, done))))

    def using_async(self, session: AsyncSession | AsyncConnection) -> AsyncParts:
        """As `using`, for an AsyncSession or AsyncConnection: each method is awaited. Raises the same."""
        if not hasattr(session, "run_sync"):
            raise LifecycleError(
                f"A {type(session).__name__} is neither an AsyncSession nor an AsyncConnection.",
                code="session_expected",
            )

        async def run(job: Callable[[Parts], Result]) -> Result:
            inside: Result = await session.run_sync(lambda sync: job(self.using(sync)))
            return inside

        return AsyncParts(run)

    def on(self, name: str) -> Callable[[AnyHook], AnyHook]:
        """Have the decorated function hear of transitions, with a `Step`, once they are committed by this process:
        `subscription.cycle_starts` by their event, `subscription.ended` by the state that is entered,
        `subscription.*` all. Raises LifecycleError (`hook_unknown`), and DefinitionError for a machine that can't be
        loaded."""
        check_name(name, self._context.registry)

        def decorate(hook: AnyHook) -> AnyHook:
            self._hooks.add(name, hook)
            return hook

        return decorate

    def handler(self, *events: str, name: str | None = None) -> Callable[[AnyHandle], AnyHandle]:
        """Have the decorated function told of transitions by the outbox, with a `Transition`: at least once each,
        whatever process has made them, and again until it does not raise. It may be a coroutine function.

        `events` are named as for `on`, or `*` for all. `name`: the durable name of what waits for it, which is its
        module and its name where it is left out. Raises LifecycleError (`hook_unknown`), and DefinitionError for a name
        that is taken.
        """
        check_events(events, self._context.registry)

        def decorate(handle: AnyHandle) -> AnyHandle:
            self._context.handle(events, name, handle)
            return handle

        return decorate

    # Without a scheduler

    def advance_to(
        self, instant: datetime, stride: timedelta | None = None, *, through: Dispatcher | None = None
    ) -> list[Step]:
        """Travel on a virtual clock: everything due up to `instant` fires, each at its own instant, in order, and what
        the outbox holds is delivered on the way. `through`: the scheduler that `start` has given fires it.

        `stride`, for thousands of accounts: what is due within so long is fired together and delivered together, each
        at its own instant. Each account's history is the same, and invoice numbers may not follow the instants across
        accounts.

        Returns the transitions, without reminders. Raises LifecycleError (`clock_is_real`, `scheduler_hangs`; with a
        stride also `stride_watched`, where a hook, a destination of yours, a scheduler or a gateway other than the
        sandbox looks on).
        """
        self._settle()
        if stride is not None:
            rows = self._travel_in_strides(instant, stride)
        else:
            rows = travel(self.engine, self._delivering, instant, fire=self._firing(through))
        return [step_of(row) for row in rows if row.event != REMINDED]

    def _firing(self, through: Dispatcher | None) -> Fire | None:
        """How a traveller has what is due fired: instant by instant, where anybody hears of each."""
        if through is not None:
            return by_scheduler(through)
        return None if self._hooks or self._starting.locked() else unwatched(self.engine)

    def _travel_in_strides(self, instant: datetime, stride: timedelta) -> list[LogRecord]:
        refuse_watched(
            {
                "a hook": bool(self._hooks),
                "a destination of the host's": self._delivering.is_hosts,
                "a running scheduler": self._starting.locked(),
                "a gateway other than the sandbox": self.config.gateway.use != "sandbox",
            }
        )
        relay = self._delivering.ahead({GATEWAY: self._till.deliver_together})
        return travel_in_strides(self.engine, self._delivering, relay, instant, stride)

    def fire_due(self) -> int:
        """Fire what is due now, without a scheduler; returns the number of transitions."""
        self._settle()
        fired = 0
        while (batch := self.engine.fire_batch()).claimed:
            fired += len(batch.transitions)
        return fired

    def destination(self, name: str) -> Callable[[Function], Function]:
        """Serve a destination of the outbox with the decorated function, which takes a `Message`.

        It is called at least once per message, on a relay's thread. It may raise `Undeliverable` or `TryLater`;
        whatever else it raises is a failed attempt. Raises DefinitionError for a destination that is served already.
        """
        return self._delivering.destination(name)

    def relay_outbox(self, *, within: timedelta | None = None) -> Relayed:
        """Deliver what is due in the outbox, until nothing is or the time is up; what was done, in numbers."""
        return self._delivering.relay(within=within)

    def relay_in_lanes(self, *, within: timedelta | None = None) -> Relayed:
        """The same with each destination on a thread of its own, so that none waits for another. It returns when
        nothing is to be asked of the gateway, or the time is up, and says what was done there; the others go on."""
        return self._delivering.relay_in_lanes(within=within)

    def import_customers(self, path: str | Path, **said: Unpack[Said]) -> Imported:
        """Accounts and subscriptions from a CSV file, all or nothing. Raises ImportFailed."""
        return Importer(self._context, self.accounts, self.subscriptions).run(Path(path), said)

    def migrate(
        self,
        *,
        by: str = "operator",
        reason: str | None = None,
        dry_run: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Sequence[Migration]:
        """Bring what older versions of a machine have stored to the newest one; `dry_run`: only say what would be. What
        can't be migrated stays, and says why in its `error`. `progress` hears how many of how many are done."""
        if dry_run:
            return outdated(self._context)
        return migrate_all(self._context, by=by, reason=reason, progress=progress)

    def prune(
        self,
        before: When,
        to: str | Path | None = None,
        *,
        dry_run: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> Pruned:
        """Move the log's rows that were recorded before a date or instant out to a file of JSON lines.

        A file that is there is appended to; without one it is `lifecycle-log-before-DATE.jsonl` beside the
        configuration. Dates are local to the configured zone. `dry_run`: only say what would be. Raises Refused
        (`invalid`: in the future), LifecycleError (`archive_failed`, `history_broken`), SchemaError.
        """
        instant = datetime.fromisoformat(arguments.instant(before, self.config.zone))
        now = self.clock.now()
        if instant > now:
            raise arguments.invalid(f"{before} is in the future; what will be recorded by then is not there yet.")
        migrate.check(self.database)
        day = instant.astimezone(ZoneInfo(self.config.zone)).date()
        file = Path(to) if to else self.config.path.parent / f"lifecycle-log-before-{day}.jsonl"
        return retention.prune(self.database, instant, file, now=now, dry_run=dry_run, progress=progress)

    def close(self) -> None:
        """Close the database's connections, once deliveries that have begun are finished."""
        self._delivering.lanes.stop()
        self._hearsay.close()
        self.database.dispose()
        self._gateways.close()

    @property
    def gateway(self) -> Gateway:
        """Who takes payments: the sandbox, Stripe, or the host's own. Raises LifecycleError, DefinitionError."""
        return self._context.gateway

    def payment_event(self, payload: bytes, signature: str) -> bool:
        """Take in what the gateway tells by a webhook: the body as it came, and the signature beside it. Whether it was
        about something of ours. Raises LifecycleError (`webhook_invalid`, `webhook_unknown`)."""
        return self._till.hear(payload, signature, self.payment_methods)


def located(url: str, folder: Path) -> str:
    """The database's URL, with a relative SQLite file taken to be beside the configuration."""
    parsed = make_url(url)
    name = parsed.database
    if parsed.get_backend_name() != "sqlite" or not name or name == ":memory:" or name.startswith("file:"):
        return url
    return parsed.set(database=str(folder / name)).render_as_string(hide_password=False)
