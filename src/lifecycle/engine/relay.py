"""The relay: takes messages out of the outbox and to their destinations, at least once and in order.

A message is leased in one short transaction, delivered outside of any, and what became of it is recorded in another.
A lease has an end, so that nothing is lost with a process that dies; and a fence, a number that rises with each
lease, so that a worker who comes back after its lease has passed to somebody else is not heard. Any number of relays,
in threads and processes, share the work. Per root and destination the order is that of the log: a message waits for
those before it while they are tried again, but not for a dead letter.
"""

from __future__ import annotations

import random
import re
import traceback
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import timedelta

import structlog

from lifecycle.engine.clock import Clock, stopwatch
from lifecycle.engine.journal import silence, traced
from lifecycle.engine.outbox import Deliver, Message, TryLater, Undeliverable
from lifecycle.engine.ports import OutboxStore
from lifecycle.engine.records import OutboxRecord

BATCH = 20
"""How many messages are leased together: few, so that a lease suffices for all of them."""
LONGEST_ERROR = 500

log = structlog.get_logger("lifecycle")


@dataclass(frozen=True, slots=True)
class Terms:
    """How long a delivery may take, how often one is tried, and the delays between: doubled up to the longest."""

    lease: timedelta = timedelta(minutes=1)
    attempts: int = 20
    first_retry: timedelta = timedelta(seconds=5)
    longest_retry: timedelta = timedelta(hours=1)

    def retry_after(self, attempts: int, chance: float) -> timedelta:
        """The delay after so many failed attempts; `chance`, from 0 to 1, is where it lies between half and all."""
        doubled = self.first_retry.total_seconds() * 2.0 ** min(attempts - 1, 60)
        return timedelta(seconds=min(doubled, self.longest_retry.total_seconds())) * (0.5 + chance / 2)


@dataclass(slots=True)
class Relayed:
    """What a relay has done: how many messages were delivered, failed and are tried again, were put off by their
    destination, became dead letters; and how many it had to leave because their lease was over."""

    delivered: int = 0
    failed: int = 0
    postponed: int = 0
    dead: int = 0
    stale: int = 0

    def __add__(self, other: Relayed) -> Relayed:
        """Of both."""
        return Relayed(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


class Relay:
    """Serves the `destinations` that it is given; messages to others are left alone, for other processes.

    `chance` is the source of the jitter: a number from 0 to 1 at each call. `quiet`: it logs nothing. `special`: the
    terms of destinations whose names begin so, but for the lease, which is one for all.
    """

    def __init__(
        self,
        store: OutboxStore,
        clock: Clock,
        destinations: Mapping[str, Deliver],
        terms: Terms | None = None,
        chance: Callable[[], float] = random.random,
        *,
        quiet: bool = False,
        special: Mapping[str, Terms] | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._destinations = destinations
        self._terms = terms or Terms()
        self._special = special or {}
        self._chance = chance
        self._log = silence if quiet else log

    @property
    def destinations(self) -> Collection[str]:
        """The names of the destinations that are served."""
        return self._destinations

    def run(self, within: timedelta | None = None, limit: int = BATCH) -> Relayed:
        """Deliver until nothing is due, or until the time is up; a delivery that has begun is finished. `limit`: how
        many are leased together."""
        end = None if within is None else stopwatch() + within.total_seconds()
        done = Relayed()
        while self.run_once(done, limit, more=lambda: end is None or stopwatch() < end):
            pass
        return done

    def run_once(self, done: Relayed, limit: int = BATCH, more: Callable[[], bool] = lambda: True) -> int:
        """Lease up to `limit` messages that are due, and deliver them one by one as long as `more` says so; the others
        are given back. `done` is counted up. Returns how many were leased."""
        if not (self._destinations and more()):
            return 0
        now = self._clock.now()
        leased = self._store.claim(tuple(self._destinations), now, now + self._terms.lease, limit)
        for record in leased:
            if more():
                self._take_out(record, done)
            else:
                self._store.settle(replace(record, status="waiting", wake_at=self._clock.now()))
        return len(leased)

    def drive(
        self, root_id: str, messages: Sequence[str] | None = None, destinations: Collection[str] | None = None
    ) -> int:
        """Deliver what waits of one root, in order, without minding when it is to be tried again: these messages, or
        all that are not just being delivered by whoever has committed them; to all destinations that are served, or to
        these. Returns how many were tried."""
        done, tried = Relayed(), 0
        for name in self._destinations if destinations is None else destinations:
            while messages is None or tried < len(messages):
                now = self._clock.now()
                record = self._store.claim_next(root_id, name, now, now + self._terms.lease, messages)
                if record is None:
                    break
                self._take_out(record, done)
                tried += 1
                if messages is None and done.delivered < tried:
                    break
        return tried

    def _take_out(self, record: OutboxRecord, done: Relayed, *, again: bool = False) -> None:
        """Deliver one message and record what became of it, unless its lease is over by now. `again`: it may have been
        delivered before, though it was not taken out."""
        in_time = record.wake_at is not None and self._clock.now() < record.wake_at
        if not in_time:
            done.stale += 1
            self._log.warning("stale_lease", **line_of(record), delivered=False)
            return
        try:
            self._destinations[record.destination](message_of(record, again=again))
        except TryLater as later:
            self._postpone(record, later, done)
        except Exception as error:  # noqa: BLE001  # whatever a destination raises is this message's trouble alone
            self._fail(record, error, done)
        else:
            tried = replace(record, status="delivered", attempts=record.attempts + 1)
            if self._settle(tried, None, done, delivered=True):
                done.delivered += 1
                self._log.info("delivered", **line_of(tried))

    def _postpone(self, record: OutboxRecord, later: TryLater, done: Relayed) -> None:
        """Not counted as an attempt; never sooner than a first retry, so that no relay runs in circles."""
        now = self._clock.now()
        retry_at = max(later.instant(now), now + self._terms_for(record).first_retry)
        waiting = replace(record, status="waiting", wake_at=retry_at)
        if self._settle(waiting, later, done):
            done.postponed += 1
            self._log.info("delivery_postponed", **line_of(record), retry_at=retry_at.isoformat(), error=told(later))

    def _fail(self, record: OutboxRecord, error: Exception, done: Relayed) -> None:
        tried, terms = replace(record, attempts=record.attempts + 1), self._terms_for(record)
        if isinstance(error, Undeliverable) or tried.attempts >= terms.attempts:
            if self._settle(replace(tried, status="dead"), error, done):
                done.dead += 1
                self._log.error("dead_letter", **line_of(tried), error=told(error), **traced(error))
            return
        retry_at = self._clock.now() + terms.retry_after(tried.attempts, self._chance())
        if self._settle(replace(tried, status="waiting", wake_at=retry_at), error, done):
            done.failed += 1
            self._log.warning(
                "delivery_failed", **line_of(tried), retry_at=retry_at.isoformat(), error=told(error), **traced(error)
            )

    def _terms_for(self, record: OutboxRecord) -> Terms:
        """How this message is tried."""
        fitting = (terms for name, terms in self._special.items() if record.destination.startswith(name))
        return next(fitting, self._terms)

    def _settle(self, record: OutboxRecord, error: Exception | None, done: Relayed, *, delivered: bool = False) -> bool:
        """Record it, and tell who is not heard."""
        record = replace(record, error=None if error is None else told(error))
        if record.status != "waiting":
            record = replace(record, wake_at=None, finished_at=self._clock.now())
        if self._store.settle(record):
            return True
        done.stale += 1
        self._log.warning("stale_lease", **line_of(record), delivered=delivered)
        return False


def message_of(record: OutboxRecord, *, again: bool = False) -> Message:
    """What its destination is told. `again`: it may have been delivered before."""
    return Message(
        id=record.id,
        destination=record.destination,
        kind=record.kind,
        payload=record.payload,
        root_id=record.root_id,
        instance_id=record.instance_id,
        created_at=record.created_at,
        attempt=record.attempts + 1,
        again=again or record.fence > 1,
    )


def told(error: Exception) -> str:
    """Type and message, cut, as text that any database takes, and without what looks like an e-mail address."""
    told = "".join(traceback.format_exception_only(error)).strip()
    told = told.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return re.sub(r"\S+@\S+", "…@…", told)[:LONGEST_ERROR]


def line_of(record: OutboxRecord) -> dict[str, object]:
    """The keys of its log lines."""
    return {
        "message": record.id,
        "destination": record.destination,
        "kind": record.kind,
        "instance": record.instance_id,
        "root": record.root_id,
        "attempts": record.attempts,
        "fence": record.fence,
        **({"clock": record.clock} if record.clock else {}),
    }
