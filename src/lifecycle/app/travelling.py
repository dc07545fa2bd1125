"""Travel on a virtual clock, from one thing that happens to the next: deferred transitions, and messages to deliver."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lifecycle.app.outbox import Outbox
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.committed import Committed
from lifecycle.engine.engine import Engine
from lifecycle.engine.records import LogRecord
from lifecycle.errors import LifecycleError
from lifecycle.scheduler.dispatcher import Dispatcher
from lifecycle.store.transaction import SqlTransaction

LONGEST_LOOK = 60.0
"""Seconds after which a scheduler that has not fired what is due is taken to hang."""
Fire = Callable[[datetime], object]
"""Fires all that is due at the instant at which the clock stands."""


def travel(
    engine: Engine[SqlTransaction], outbox: Outbox, instant: datetime, fire: Fire | None = None
) -> list[LogRecord]:
    """Fire and deliver all that is due up to `instant`, each at its own instant, and stand there.

    Returns the transitions in the order in which they were committed. `fire` is instead of the engine's own way. Raises
    LifecycleError (`clock_is_real`).
    """
    fire = fire or engine.advance_to
    clock = engine.clock
    if not isinstance(clock, VirtualClock):
        raise LifecycleError("Only a virtual clock can be moved; this one is real.", code="clock_is_real")
    happened: list[LogRecord] = []

    def hear(committed: Committed) -> None:
        happened.extend(committed.transitions)

    engine.listeners.append(hear)
    try:
        idle_at: datetime | None = None
        while (moment := _next(engine, outbox)) is not None and moment <= instant:
            if moment == idle_at:
                break  # nothing came of it, and nothing would; what failed is tried again later, and moves on
            clock.move_to(moment)
            before = len(happened)
            fire(moment)
            relayed = outbox.relay()
            moved = relayed.delivered or relayed.failed or relayed.postponed or relayed.dead
            idle_at = None if moved or len(happened) > before else moment
    finally:
        engine.listeners.remove(hear)
    clock.move_to(instant)
    return happened


def _next(engine: Engine[SqlTransaction], outbox: Outbox) -> datetime | None:
    wakes = (engine.store.next_wake_at(), outbox.next_wake_at())
    return min((moment for moment in wakes if moment is not None), default=None)


def by_scheduler(dispatcher: Dispatcher) -> Fire:
    """Have a scheduler that runs on the clock fire. Raises LifecycleError (`scheduler_hangs`)."""

    def fire(_instant: datetime) -> None:
        dispatcher.wakeup()
        if not dispatcher.idle(LONGEST_LOOK):
            raise LifecycleError(
                f"The scheduler has not fired what is due for {LONGEST_LOOK:.0f} s.", code="scheduler_hangs"
            )

    return fire
