"""Travel on a virtual clock, from one thing that happens to the next: deferred transitions, and messages to deliver.

Where nobody of the host's looks on, a day is travelled in a few strides instead of instant by instant: what is due at
different instants is fired together, and what it sends is delivered together, each with the clock at its own instant.
A stride ends before whatever an answer may still change, so that each account's history is the same either way.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from lifecycle.app.outbox import Outbox
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.committed import Committed
from lifecycle.engine.engine import Engine
from lifecycle.engine.records import LogRecord
from lifecycle.errors import LifecycleError
from lifecycle.store.transaction import SqlTransaction

STRIDE = timedelta(days=1)


def travel(engine: Engine[SqlTransaction], outbox: Outbox, instant: datetime, *, alone: bool) -> list[LogRecord]:
    """Fire and deliver all that is due up to `instant`, each at its own instant, and stand there. `alone`: nobody else
    looks at the clock meanwhile.

    Returns the transitions in the order of the instants at which they fired. Raises LifecycleError (`clock_is_real`).
    """
    clock = engine.clock
    if not isinstance(clock, VirtualClock):
        raise LifecycleError("Only a virtual clock can be moved; this one is real.", code="clock_is_real")
    happened: list[LogRecord] = []

    def hear(committed: Committed) -> None:
        happened.extend(committed.transitions)

    engine.listeners.append(hear)
    try:
        Traveller(engine, outbox, clock, instant, STRIDE if alone else timedelta()).go()
    finally:
        engine.listeners.remove(hear)
    clock.move_to(instant)
    return sorted(happened, key=lambda row: row.fired_at)


class Traveller:
    """One journey, from now to `end`."""

    def __init__(
        self, engine: Engine[SqlTransaction], outbox: Outbox, clock: VirtualClock, end: datetime, stride: timedelta
    ) -> None:
        self._engine = engine
        self._outbox = outbox
        self._clock = clock
        self._reached = clock.now()
        self._end = end
        self._stride = stride
        self._in_small_steps_until = self._reached

    def go(self) -> None:
        """Go on until nothing is due, or nothing can be had of what is."""
        goes_on = True
        while goes_on:
            due, waiting = self._ahead(self._engine.store.next_wake_at()), self._ahead(self._outbox.next_wake_at())
            if due is not None and due <= min(waiting or due, self._end):
                goes_on = self._fire(due, waiting)
            elif waiting is not None and waiting <= self._end:
                goes_on = self._deliver(waiting, due)
            else:
                break

    def _ahead(self, moment: datetime | None) -> datetime | None:
        """What is overdue, or was held back until an answer came, is done at the instant that is reached."""
        return None if moment is None else max(moment, self._reached)

    def _reach(self, moment: datetime) -> None:
        """All before this moment is done."""
        self._reached = moment
        if self._stride:
            self._clock.revisit(moment)
        else:
            self._clock.move_to(moment)

    def _fire(self, moment: datetime, waiting: datetime | None) -> bool:
        """Fire what is due from this moment on, as far as a stride goes and no message waits; whether that got on."""
        self._reach(moment)
        until = min(moment + self._stride, self._end)
        if waiting is not None:
            until = min(until, waiting - timedelta.resolution)
        if until <= moment or moment <= self._in_small_steps_until:
            return self._engine.fire_batch(moment).claimed > 0
        batch = self._engine.fire_batch(until, answers_first=True)
        if batch.failed:
            self._in_small_steps_until = until
        return batch.claimed > 0

    def _deliver(self, moment: datetime, due: datetime | None) -> bool:
        """Deliver what waits from this moment on, as far as nothing is due before; whether that got on."""
        self._reach(moment)
        until = self._end if due is None else min(self._end, due - timedelta.resolution)
        return self._outbox.travel(until if self._stride else moment) > 0
