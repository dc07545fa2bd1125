"""Travel on a virtual clock, from one thing that happens to the next: deferred transitions, and messages to deliver."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from lifecycle.app.ahead import FiringAhead
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.committed import Committed
from lifecycle.engine.engine import Engine
from lifecycle.engine.records import LogRecord
from lifecycle.engine.relay import Relayed
from lifecycle.engine.work import EVERYBODY
from lifecycle.errors import LifecycleError
from lifecycle.scheduler.dispatcher import Dispatcher
from lifecycle.store.transaction import SqlTransaction

LONGEST_LOOK = 60.0
"""Seconds after which a scheduler that has not fired what is due is taken to hang."""
Fire = Callable[[datetime], object]
"""Fires all that is due at the instant at which the clock stands. It may go on as far as this one, but not beyond one
at which something is sent."""


class Relaying(Protocol):
    """What is delivered on the way."""

    def relay(self) -> Relayed:
        """Deliver all that is due."""
        ...

    def next_wake_at(self) -> datetime | None:
        """When the next is due."""
        ...


def travel(
    engine: Engine[SqlTransaction],
    outbox: Relaying,
    instant: datetime,
    *,
    fire: Fire | None = None,
    held_up: Callable[[], bool] = lambda: False,
) -> list[LogRecord]:
    """Fire and deliver all that is due up to `instant`, each at its own instant, and stand there.

    Without a `fire`, the engine fires what is due at one instant after the other. Where something is due and nobody can
    have it, `held_up` is asked whether to try again. Returns the transitions in the order in which they were committed.
    Raises LifecycleError (`clock_is_real`), and what `fire` and `held_up` raise.
    """
    clock = virtual(engine)
    happened: list[LogRecord] = []
    moves = sent = 0

    def hear(committed: Committed) -> None:
        nonlocal moves, sent
        happened.extend(committed.transitions)
        moves += bool(committed.transitions or committed.idle or committed.failures)
        sent += committed.sends

    engine.listeners.append(hear)
    try:
        while True:
            fires_at, waits_until = _looks(engine, outbox)
            moment = min((one for one in (fires_at, waits_until) if one is not None), default=None)
            if moment is None or moment > instant:
                break
            clock.move_to(moment)
            moved_before, sent_before = moves, sent
            if fire is None:
                engine.advance_to(moment)
            else:
                fire(instant if waits_until is None else min(instant, waits_until - timedelta.resolution))
            waits = sent > sent_before or (waits_until is not None and waits_until <= clock.now())
            relayed = outbox.relay() if waits else Relayed()
            moved = relayed.delivered or relayed.failed or relayed.postponed or relayed.dead
            if not (moved or moves > moved_before or held_up()):
                break
    finally:
        engine.listeners.remove(hear)
    clock.move_to(instant)
    return happened


def _looks(engine: Engine[SqlTransaction], outbox: Relaying) -> tuple[datetime | None, datetime | None]:
    """When the next thing fires, and when the next is delivered; None where nothing is."""
    fires_at, waits_from = engine.store.looks()
    return fires_at, None if waits_from is None else outbox.next_wake_at()


def virtual(engine: Engine[SqlTransaction]) -> VirtualClock:
    """The engine's clock. Raises LifecycleError (`clock_is_real`) for one that can't be moved."""
    if not isinstance(engine.clock, VirtualClock):
        raise LifecycleError("Only a virtual clock can be moved; this one is real.", code="clock_is_real")
    return engine.clock


def unwatched(engine: Engine[SqlTransaction]) -> Fire:
    """Where nobody looks at each instant: write together all that comes before something is sent. Raises LifecycleError
    (`clock_is_real`)."""
    ahead = FiringAhead(engine, virtual(engine), EVERYBODY)

    def fire(until: datetime) -> None:
        if ahead.fire(until).is_full:  # what was not claimed may be due at this instant too
            engine.advance_to(engine.clock.now())

    return fire


def by_scheduler(dispatcher: Dispatcher) -> Fire:
    """Have a scheduler that runs on the clock fire. Raises LifecycleError (`scheduler_hangs`)."""

    def fire(_until: datetime) -> None:
        dispatcher.wakeup()
        if not dispatcher.idle(LONGEST_LOOK):
            raise LifecycleError(
                f"The scheduler has not fired what is due for {LONGEST_LOOK:.0f} s.", code="scheduler_hangs"
            )

    return fire
