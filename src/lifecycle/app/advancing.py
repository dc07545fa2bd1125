"""Advancing a named clock: who has it, how its row goes ahead of what fires, and a copy on which that is tried out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from lifecycle.app import arguments
from lifecycle.app.arguments import When
from lifecycle.app.clock_outbox import ClockOutbox
from lifecycle.app.context import Context
from lifecycle.app.travelling import travel
from lifecycle.domain.machine import REMINDED
from lifecycle.domain.refusals import refused
from lifecycle.engine.clock import VirtualClock, stopwatch
from lifecycle.engine.committed import Committed
from lifecycle.scheduler.dispatcher import SQLITE_PAUSE
from lifecycle.store import clock_data, clocks, migrate
from lifecycle.store.database import Database
from lifecycle.store.queries import Step, step_of

LEASE = timedelta(minutes=1)
"""How long a clock is had without a sign of whoever advances it."""
RENEWED = timedelta(seconds=15)
"""How often such a sign is given at least, while something is committed."""
PATIENCE = timedelta(seconds=10)
"""How long an advance waits for what somebody else has in hand."""
PAUSE = 0.05
"""Seconds between two looks at it."""


class Advancing:
    """A clock in hand. `context` is that of what is on it, by the same `clock`."""

    def __init__(self, context: Context, clock: VirtualClock, outbox: ClockOutbox, name: str) -> None:
        self._context = context
        self._clock = clock
        self._outbox = outbox
        self._name = name
        self._stuck_at: datetime | None = None
        self._stuck_since = 0.0

    def run(self, to: When) -> list[Step]:
        """Advance it. Raises Refused (`invalid`, `clock_forward_only`, `clock_busy`)."""
        engine, now = self._context.engine, self._clock.now()
        target = None if to == "next" else arguments.moment(to, self._context.config.zone, now)
        if target is not None and target < now:
            raise refused("clock_forward_only")
        with self._context.database.writing() as connection:
            clocks.free_messages(connection, self._name, now)
        target = max(now, target or self._next() or now)
        rows = travel(engine, self._outbox, target, held_up=self._held_up)
        while to == "next" and rows and all(row.event == REMINDED for row in rows) and (following := self._next()):
            rows = travel(engine, self._outbox, following, held_up=self._held_up)  # a reminder is on the way to it
        return [step_of(row, self._name) for row in rows if row.event != REMINDED]

    def _next(self) -> datetime | None:
        """When the next thing happens; None where nothing does."""
        moments = (self._context.engine.store.next_wake_at(), self._outbox.next_answer_at())
        return min((moment for moment in moments if moment is not None), default=None)

    def _held_up(self) -> bool:
        """Somebody else has in hand what is due: wait a little. Raises Refused (`clock_busy`) after a while in which
        nothing has gone on."""
        if self._clock.now() != self._stuck_at:
            self._stuck_at, self._stuck_since = self._clock.now(), stopwatch()
        if stopwatch() - self._stuck_since > PATIENCE.total_seconds():
            raise refused("clock_busy")
        _pause(PAUSE)
        return True


class KeptClock(VirtualClock):
    """A virtual clock that tells where it is going to stand, before it does."""

    def __init__(self, start: datetime, keep: Callable[[datetime], None]) -> None:
        super().__init__(start)
        self._keep = keep

    def move_to(self, instant: datetime) -> None:
        """Stand at a later instant, once that is kept; an instant that has passed leaves the clock where it is."""
        if instant > self.now():
            self._keep(instant)
            super().move_to(instant)


class Holder:
    """Has a clock, and says so again and again as long as it is at work."""

    def __init__(self, context: Context, name: str) -> None:
        self._context = context
        self._name = name
        self._id = context.ids.new("adv")
        self._told = stopwatch()

    def take(self, connection: Connection) -> datetime:
        """Have it; where it stands. Raises NotFound, Refused (`clock_busy`)."""
        wall = self._context.clock.now()
        now = clocks.time_of(connection, self._name)
        if not clocks.lease(connection, self._name, self._id, wall, wall + LEASE):
            raise refused("clock_busy")
        return now

    def move_to(self, instant: datetime) -> None:
        """Have the clock stand there, before anything fires. Raises Refused (`clock_busy`) where another has it now."""
        if not self._keep(instant):
            raise refused("clock_busy")

    def hear(self, committed: Committed) -> None:
        """Something was committed: this is still at work; and on SQLite others get a turn after what took long."""
        if self._context.database.is_sqlite and committed.seconds > SQLITE_PAUSE.total_seconds():
            _pause(SQLITE_PAUSE.total_seconds())
        if stopwatch() - self._told > RENEWED.total_seconds():
            self._keep(None)

    def let_go(self) -> None:
        """Others may have it."""
        with self._context.database.writing() as connection:
            clocks.let_go(connection, self._name, self._id)

    def _keep(self, instant: datetime | None) -> bool:
        self._told, until = stopwatch(), self._context.clock.now() + LEASE
        with self._context.database.writing() as connection:
            return clocks.keep(connection, self._name, self._id, until, instant)


class ClockCopy:
    """All that is on a clock, in memory, with a sandbox of its own."""

    def __init__(self, context: Context, name: str) -> None:
        self._database = Database("sqlite://")
        migrate.create(self._database)
        with context.database.reading() as source, self._database.writing() as target:
            clock_data.copy_all(source, target, name)
            self.clock = KeptClock(clocks.time_of(source, name), lambda instant: self._stand(name, instant))
            accounts = clock_data.accounts_on(source, name)
        self._sandbox = context.sandbox(context.clock).rehearsal(accounts, self.clock)
        there = (context.config, self.clock, context.ids, self._database)
        self.context = Context(*there, (), lambda: self._sandbox, self._sandbox.at)

    def _stand(self, name: str, instant: datetime) -> None:
        with self._database.writing() as connection:
            clocks.stand(connection, name, instant)

    def close(self) -> None:
        """Forget it."""
        self._database.dispose()
        self._sandbox.close()


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)
