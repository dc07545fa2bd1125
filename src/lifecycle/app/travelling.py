"""Travel on a virtual clock, from one thing that happens to the next: deferred transitions, and messages to deliver."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.committed import Committed
from lifecycle.engine.engine import Engine
from lifecycle.engine.records import LogRecord
from lifecycle.engine.relay import Relayed
from lifecycle.errors import LifecycleError
from lifecycle.scheduler.dispatcher import Dispatcher
from lifecycle.store.transaction import SqlTransaction

LONGEST_LOOK = 60.0
"""Seconds after which a scheduler that has not fired what is due is taken to hang."""
Fire = Callable[[datetime], object]
"""Fires all that is due at the instant at which the clock stands."""


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

    `fire` is instead of the engine's own way. Where something is due and nobody can have it, `held_up` is asked whether
    to try again. Returns the transitions in the order in which they were committed. Raises LifecycleError
    (`clock_is_real`), and what `fire` and `held_up` raise.
    """
    fire = fire or engine.advance_to
    clock = engine.clock
    if not isinstance(clock, VirtualClock):
        raise LifecycleError("Only a virtual clock can be moved; this one is real.", code="clock_is_real")
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
            fire(moment)
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
    """When the next thing fires, and when the next is delivered, unless something fires before; None where nothing."""
    fires_at, waits_from = engine.store.looks()
    if waits_from is None or (fires_at is not None and fires_at < waits_from):
        return fires_at, None
    return fires_at, outbox.next_wake_at()


def by_scheduler(dispatcher: Dispatcher) -> Fire:
    """Have a scheduler that runs on the clock fire. Raises LifecycleError (`scheduler_hangs`)."""

    def fire(_instant: datetime) -> None:
        dispatcher.wakeup()
        if not dispatcher.idle(LONGEST_LOOK):
            raise LifecycleError(
                f"The scheduler has not fired what is due for {LONGEST_LOOK:.0f} s.", code="scheduler_hangs"
            )

    return fire
