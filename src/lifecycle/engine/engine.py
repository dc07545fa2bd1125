"""Runs work in transactions, and tells afterwards, once it is committed, what happened and when to look again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heapreplace
from typing import Any, Generic, TypeVar

from lifecycle.domain.refusals import refused
from lifecycle.engine.clock import Clock, VirtualClock, stopwatch
from lifecycle.engine.commands import Answer, Command
from lifecycle.engine.committed import Committed, Failure, Listener
from lifecycle.engine.hand import Hand
from lifecycle.engine.ids import Ids
from lifecycle.engine.journal import tell
from lifecycle.engine.pace import Pace
from lifecycle.engine.ports import LiveKeyTaken, Store, Surround, Tx_co, WriteFailed
from lifecycle.engine.records import LogRecord, Subscriber
from lifecycle.engine.registry import Registry
from lifecycle.engine.work import Work
from lifecycle.errors import LifecycleError, Refused

Result = TypeVar("Result")

HOLD = 0.05
"""How long, in seconds, a batch lasts at most, unless one root alone takes longer, where it locks the whole database:
whoever waits for that gets a turn."""
HOLD_ROWS = 0.25
"""… and where it locks its own roots alone."""

MOST_AT_ONCE = 10_000
"""The most transitions that a batch of a traveller keeps in memory before it writes."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one batch did: how many roots it took in hand, what was logged, and whether more may be due."""

    claimed: int
    transitions: list[LogRecord]
    is_full: bool = False


class Engine(Generic[Tx_co]):
    """The generic part: knows machines, roots and time; knows nothing of subscriptions.

    `surround` says, by kind of machine, what its steps may know besides the facts. `listeners` hear of each commit,
    unless told otherwise those that write log lines. `within_host`: its transactions are part of a host's.
    """

    def __init__(
        self,
        store: Store[Tx_co],
        registry: Registry,
        clock: Clock,
        ids: Ids,
        *,
        surround: Mapping[str, Surround[Tx_co]] | None = None,
        batch: int = 500,
        hold: float = HOLD,
        listeners: Sequence[Listener] = (tell,),
        within_host: bool = False,
        notices: bool = False,
        subscribers: Callable[[], Sequence[Subscriber]] = tuple,
    ) -> None:
        self.store = store
        self.registry = registry
        self.clock = clock
        self.ids = ids
        self.batch = batch
        self.pace = Pace(batch, hold)
        self.listeners = list(listeners)
        self.within_host = within_host
        self._notices, self._subscribers = notices, subscribers
        self._surround = surround or {}

    @contextmanager
    def work(self) -> Iterator[Work[Tx_co]]:
        """Work in one transaction. A refusal keeps what fired before the command was judged, unless something was
        commanded before it; any other error leaves nothing behind."""
        refusal: Refused | None = None
        started = stopwatch()
        with self.store.begin() as transaction:
            work = self._work_on(transaction)
            try:
                yield work
            except Refused as error:
                if any(row.cause != "deferral" for row in work.transitions):
                    raise
                refusal = error
            work.flush()
        committed = Committed(
            work.transitions,
            work.idle,
            [Failure(work.hands[root].root, error) for root, error in work.failures.items()],
            min((hand.root.wake_at for hand in work.hands.values() if hand.root.wake_at), default=None),
            work.claimed,
            stopwatch() - started,
            refusal,
            work.clock,
            work.sends,
        )
        for listener in tuple(self.listeners):
            listener(committed)
        if refusal is not None:
            raise refusal

    @contextmanager
    def look(self) -> Iterator[Work[Tx_co]]:
        """Work on what is stored to see what would be; nothing is locked and nothing written."""
        with self.store.look() as transaction:
            yield self._work_on(transaction)

    def _work_on(self, transaction: Any) -> Work[Tx_co]:
        return Work(
            transaction,
            self.registry,
            self.clock,
            self.ids,
            self._surround,
            within_host=self.within_host,
            notices=self._notices,
            subscribers=self._subscribers(),
        )

    def read(self, job: Callable[[Work[Tx_co]], Result]) -> Result:
        """Do `job` on what is stored; nothing is locked and nothing written."""
        with self.look() as work:
            return job(work)

    def attempt(self, job: Callable[[Work[Tx_co]], Result]) -> Result:
        """Do `job` in a transaction of its own, and once more if a row was in the way: two commands that carry one
        idempotency key, or take one name, at the same moment. Raises Refused, or WriteFailed the second time."""
        try:
            with self.work() as work:
                return job(work)
        except WriteFailed:
            try:
                with self.work() as work:
                    return job(work)
            except LiveKeyTaken as error:
                raise refused("live_key_taken") from error

    def command(self, command: Command) -> Answer:
        """Carry out one command in a transaction of its own. Raises Refused."""
        return self.attempt(lambda work: work.command(command))

    def fire_batch(self, until: datetime | None = None) -> Batch:
        """Fire one batch of what is due by `until` (default: now), in due order over all its roots.

        On a virtual clock each transition fires with the clock at its own due instant. On a real one a batch is as
        large as its time allows, and a tenth of it is what fell due last. Where a statement fails, the transitions of
        the batch are done one by one, so that only the root concerned is held up.
        """
        until, started = until or self.clock.now(), stopwatch()
        size, newest = self.pace.size, self.pace.size // 10
        if isinstance(self.clock, VirtualClock):
            size, newest = self.batch, 0
        claimed: list[tuple[datetime, str]] = []
        try:
            with self.work() as work:
                hands = work.claim(until, size, newest)
                claimed = [(hand.root.wake_at or until, hand.root.id) for hand in hands]
                enough, fired = self._enough(), 0
                for part in _parts(hands, size, newest):
                    fired += work.fire(part.hands, part.until or until, at=self._stand_at, enough=enough)
            self.pace.took(len(claimed), stopwatch() - started)
            return Batch(len(claimed), work.transitions, is_full=len(claimed) >= size or enough(fired))
        except WriteFailed:
            if not claimed:
                raise
        return Batch(len(claimed), self._fire_singly(claimed, until), is_full=len(claimed) >= size)

    def advance_to(self, instant: datetime) -> list[LogRecord]:
        """Travel: fire all that is due up to `instant`, each at its own instant, and stand there.

        Returns the transitions in the order in which they fired. Raises LifecycleError (`clock_is_real`) on a
        clock that can't be moved.
        """
        if not isinstance(self.clock, VirtualClock):
            raise LifecycleError("Only a virtual clock can be moved; this one is real.", code="clock_is_real")
        happened: list[LogRecord] = []
        more = True
        while more:
            batch = self.fire_batch(instant)
            happened.extend(batch.transitions)
            more = batch.is_full
        self.clock.move_to(instant)
        return happened

    def _fire_singly(self, claimed: list[tuple[datetime, str]], until: datetime) -> list[LogRecord]:
        """Fire what is due on these roots, in due order, each transition in a transaction of its own."""
        heapify(claimed)
        happened: list[LogRecord] = []
        while claimed:
            _, root_id = claimed[0]
            fired, wake_at = self._fire_one(root_id, until)
            happened.extend(fired)
            if fired and wake_at and wake_at <= until:
                heapreplace(claimed, (wake_at, root_id))
            else:
                heappop(claimed)
        return happened

    def _fire_one(self, root_id: str, until: datetime) -> tuple[list[LogRecord], datetime | None]:
        """Fire the next transition of a root, or note why it can't be written; and say when the root wakes next."""
        try:
            with self.work() as work:
                hands = work.lock([root_id])
                work.fire(hands, until, at=self._stand_at, enough=lambda fired: fired > 0)
        except WriteFailed as error:
            with self.work() as work:
                work.lock([root_id])
                work.failures[root_id] = error
            return [], None
        return work.transitions, work.hands[root_id].root.wake_at

    def _stand_at(self, due_at: datetime) -> None:
        if isinstance(self.clock, VirtualClock):
            self.clock.move_to(due_at)

    def _enough(self) -> Callable[[int], bool]:
        """When a batch stops to write: on a real clock by time, on a virtual one by number, to be repeatable."""
        if isinstance(self.clock, VirtualClock):
            return lambda fired: fired >= MOST_AT_ONCE
        deadline = stopwatch() + self.pace.seconds
        return lambda fired: fired > 0 and stopwatch() > deadline


@dataclass(frozen=True, slots=True)
class _Part:
    """Roots of a batch, and how far they may fire; None: as far as the batch."""

    hands: Sequence[Hand]
    until: datetime | None


def _parts(hands: Sequence[Hand], size: int, newest: int) -> Sequence[_Part]:
    """A batch in due order. What was not claimed may be due right after what was: so a full one goes no further than
    its last root, nor do those that were claimed first because they fell due last."""
    if len(hands) < size:
        return [_Part(hands, None)]
    parts = (hands[len(hands) - newest :], hands[: len(hands) - newest])
    return [_Part(part, part[-1].root.wake_at) for part in parts if part]
