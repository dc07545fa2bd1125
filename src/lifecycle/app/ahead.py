"""Firing ahead, for travellers: what is due within a stretch of time fires in one transaction, each transition with the
clock at its own instant, as far as no answer may still change what comes."""

from __future__ import annotations

from datetime import datetime, timedelta

from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.engine import MOST_AT_ONCE, Batch, Engine
from lifecycle.engine.hand import Hand
from lifecycle.engine.ports import WriteFailed
from lifecycle.engine.work import EVERYBODY, Line
from lifecycle.store.transaction import SqlTransaction

FEW = 2
"""How many roots are claimed at least where all wait for all: whatever is sent makes the others' claim vain."""


class FiringAhead:
    """Nothing fires that is due later than a message of its `line` was sent."""

    def __init__(self, engine: Engine[SqlTransaction], clock: VirtualClock, line: Line) -> None:
        self._engine = engine
        self._clock = clock
        self._line = line
        self._in_small_steps_until = clock.now()
        self._limit = FEW if line is EVERYBODY else engine.batch

    def fire(self, until: datetime) -> Batch:
        """Fire a batch of what is due by then; `is_full`: more may be due at the instant at which it stopped. Where a
        statement fails, it goes on instant by instant as far as that."""
        claimed, now = 0, self._clock.now()
        if until <= now or now <= self._in_small_steps_until:
            return self._engine.fire_batch(now)
        try:
            with self._engine.work() as work:
                limit = self._limit
                hands = work.claim(until, limit)
                claimed = len(hands)
                last = until
                if claimed == limit:  # what was not claimed may be due right after the last that was
                    last = hands[-1].root.wake_at or until
                hands, last = _awake(hands, now, last)
                work.fire(
                    hands,
                    last,
                    at=self._clock.move_to,
                    # where a step has failed, the delay until it is tried again counts from there
                    enough=lambda fired: fired >= MOST_AT_ONCE or bool(work.failures),
                    line=self._line,
                )
        except BaseException as error:
            self._clock.revisit(now)  # nothing of it is done
            if not (isinstance(error, WriteFailed) and claimed):
                raise
            self._in_small_steps_until = until
            return self._engine.fire_batch(now)
        if self._line is EVERYBODY:
            self._limit = max(limit // 2, FEW) if work.sends else min(limit * 2, self._engine.batch)
        return Batch(claimed, work.transitions, is_full=claimed == limit and last <= self._clock.now())


def _awake(hands: list[Hand], now: datetime, until: datetime) -> tuple[list[Hand], datetime]:
    """Those that do not back off beyond now, and how far they may go: not as far as one of the others wakes."""
    resting = {hand.root.id: hand.root.wake_at for hand in hands if hand.root.attempts and hand.root.wake_at}
    resting = {root: wake_at for root, wake_at in resting.items() if wake_at > now}
    nearest = min((wake_at - timedelta.resolution for wake_at in resting.values()), default=until)
    return [hand for hand in hands if hand.root.id not in resting], min(until, nearest)
