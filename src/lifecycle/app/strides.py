"""A journey in strides, for thousands of accounts: what is due within a stride is fired together, and what that sends
is delivered together, each with the clock at its own instant.

A stride ends before whatever an answer may still change, so that each account's history is the same as instant by
instant. The clock goes back and forth meanwhile, never behind what is done: so nobody else may look at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from lifecycle.app.delivering import Delivering
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.committed import Committed
from lifecycle.engine.engine import MOST_AT_ONCE, Engine
from lifecycle.engine.hand import Hand
from lifecycle.engine.ports import WriteFailed
from lifecycle.engine.records import LogRecord
from lifecycle.engine.relay_ahead import RelayAhead
from lifecycle.errors import LifecycleError
from lifecycle.store.transaction import SqlTransaction


def refuse_watched(looking: Mapping[str, bool]) -> None:
    """Raises LifecycleError (`stride_watched`) where one of these looks on."""
    if watching := [who for who, is_there in looking.items() if is_there]:
        raise LifecycleError(
            f"In strides the clock goes back and forth, and {' and '.join(watching)} would see that; travel without.",
            code="stride_watched",
        )


def travel_in_strides(
    engine: Engine[SqlTransaction], outbox: Delivering, relay: RelayAhead, instant: datetime, stride: timedelta
) -> list[LogRecord]:
    """As `travel`, in strides of so long. Returns the transitions in the order of the instants at which they fired.

    Raises LifecycleError (`clock_is_real`).
    """
    clock = engine.clock
    if not isinstance(clock, VirtualClock):
        raise LifecycleError("Only a virtual clock can be moved; this one is real.", code="clock_is_real")
    happened: list[LogRecord] = []

    def hear(committed: Committed) -> None:
        happened.extend(committed.transitions)

    engine.listeners.append(hear)
    clock.in_strides = True
    try:
        _Journey(engine, outbox, relay, clock, end=instant, stride=stride).go()
    finally:
        clock.in_strides = False
        engine.listeners.remove(hear)
        clock.move_to(max((row.fired_at for row in happened), default=clock.now()))
    clock.move_to(instant)
    return sorted(happened, key=lambda row: row.fired_at)


class _Journey:
    """From now to `end`; all before `_reached` is done."""

    def __init__(
        self,
        engine: Engine[SqlTransaction],
        outbox: Delivering,
        relay: RelayAhead,
        clock: VirtualClock,
        *,
        end: datetime,
        stride: timedelta,
    ) -> None:
        self._engine = engine
        self._outbox = outbox
        self._relay = relay
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
        self._reached = moment
        self._clock.revisit(moment)

    def _fire(self, moment: datetime, waiting: datetime | None) -> bool:
        """Fire what is due from this moment on, as far as a stride goes and no message waits; whether that got on."""
        self._reach(moment)
        until = min(moment + self._stride, self._end)
        if waiting is not None:
            until = min(until, waiting - timedelta.resolution)
        if until <= moment or moment <= self._in_small_steps_until:
            return self._engine.fire_batch(moment).claimed > 0
        return self._fire_together(until)

    def _fire_together(self, until: datetime) -> bool:
        """Fire a batch of what is due by then, as far as no answer may change it; whether there was any. Where a
        statement fails, nothing is done, and it goes on instant by instant as far as that."""
        claimed, now = 0, self._clock.now()
        try:
            with self._engine.work() as work:
                hands = work.claim(until, self._engine.batch)
                claimed = len(hands)
                last = until
                if claimed == self._engine.batch:  # what was not claimed may be due right after the last that was
                    last = hands[-1].root.wake_at or until
                hands, last = _awake(hands, now, last)
                work.fire(
                    hands,
                    last,
                    at=self._clock.move_to,
                    # where a step has failed, the delay until it is tried again counts from there
                    enough=lambda fired: fired >= MOST_AT_ONCE or bool(work.failures),
                    answers_first=True,
                )
        except WriteFailed:
            if not claimed:
                raise
            self._in_small_steps_until = until
        return claimed > 0

    def _deliver(self, moment: datetime, due: datetime | None) -> bool:
        """Deliver what waits from this moment on, as far as nothing is due before; whether that got on."""
        self._reach(moment)
        until = self._end if due is None else min(self._end, due - timedelta.resolution)
        return self._relay.travel(until) > 0


def _awake(hands: list[Hand], now: datetime, until: datetime) -> tuple[list[Hand], datetime]:
    """Those that do not back off beyond now, and how far they may go: not as far as one of the others wakes."""
    resting = {hand.root.id: hand.root.wake_at for hand in hands if hand.root.attempts and hand.root.wake_at}
    resting = {root: wake_at for root, wake_at in resting.items() if wake_at > now}
    nearest = min((wake_at - timedelta.resolution for wake_at in resting.values()), default=until)
    return [hand for hand in hands if hand.root.id not in resting], min(until, nearest)
