"""A journey in strides, for thousands of accounts: what is due within a stride is fired together, and what that sends
is delivered together, each with the clock at its own instant.

A stride ends before whatever an answer may still change, so that each account's history is the same as instant by
instant. The clock goes back and forth meanwhile, never behind what is done: so nobody else may look at it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from lifecycle.app.ahead import FiringAhead
from lifecycle.app.delivering import Delivering
from lifecycle.app.travelling import virtual
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.committed import Committed
from lifecycle.engine.engine import Engine
from lifecycle.engine.records import LogRecord
from lifecycle.engine.relay_ahead import RelayAhead
from lifecycle.engine.work import ACCOUNT
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
    clock = virtual(engine)
    happened: list[LogRecord] = []

    def hear(committed: Committed) -> None:
        happened.extend(committed.transitions)

    engine.listeners.append(hear)
    try:
        _Journey(engine, outbox, relay, clock, end=instant, stride=stride).go()
    finally:
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
        self._ahead = FiringAhead(engine, clock, ACCOUNT)

    def go(self) -> None:
        """Go on until nothing is due, or nothing can be had of what is."""
        goes_on = True
        while goes_on:
            due = self._not_before(self._engine.store.next_wake_at())
            waiting = self._not_before(self._outbox.next_wake_at())
            if due is not None and due <= min(waiting or due, self._end):
                goes_on = self._fire(due, waiting)
            elif waiting is not None and waiting <= self._end:
                goes_on = self._deliver(waiting, due)
            else:
                break

    def _not_before(self, moment: datetime | None) -> datetime | None:
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
        return self._ahead.fire(until).claimed > 0

    def _deliver(self, moment: datetime, due: datetime | None) -> bool:
        """Deliver what waits from this moment on, as far as nothing is due before; whether that got on."""
        self._reach(moment)
        until = self._end if due is None else min(self._end, due - timedelta.resolution)
        return self._relay.travel(until) > 0
