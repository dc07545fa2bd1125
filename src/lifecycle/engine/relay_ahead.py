"""The relay of a journey in strides: it delivers what is sent in a stretch of time ahead, each at its own instant.

A destination that can take several messages in one go is given those of one claim, each of another root and none taken
out before. What is left over, and all of it where that fails, is delivered one by one, as taken out again where it may
have been delivered.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from lifecycle.engine.clock import Clock, VirtualClock
from lifecycle.engine.journal import traced
from lifecycle.engine.outbox import Deliver, DeliverTogether, Message
from lifecycle.engine.ports import OutboxStore
from lifecycle.engine.records import OutboxRecord
from lifecycle.engine.relay import Relay, Relayed, Terms, line_of, log, message_of, told

TRAVELLED = 500
"""How many messages are leased together: on a clock of one's own no lease runs out."""


class RelayAhead(Relay):
    """As a relay. `together`: the destinations, of those served, that can take several messages in one go."""

    def __init__(
        self,
        store: OutboxStore,
        clock: Clock,
        destinations: Mapping[str, Deliver],
        terms: Terms | None = None,
        chance: Callable[[], float] = random.random,
        *,
        together: Mapping[str, DeliverTogether],
        special: Mapping[str, Terms] | None = None,
    ) -> None:
        super().__init__(store, clock, destinations, terms, chance, special=special)
        self._together = together

    def travel(self, until: datetime) -> int:
        """Deliver what is due now, and what is sent by `until`; how many were leased. To be called until that is 0."""
        now, done = self._clock.now(), Relayed()
        lease_until = max(now, until) + self._terms.lease
        leased = self._store.claim(tuple(self._destinations), now, lease_until, TRAVELLED, new_until=until)
        delivered, unsure = self._deliver_together(now, leased, done)
        for record in leased:
            if record.id not in delivered:
                self._stand_at(now, record.created_at)
                self._take_out(record, done, again=record.id in unsure)
        return len(leased)

    def _stand_at(self, now: datetime, sent_at: datetime) -> None:
        if isinstance(self._clock, VirtualClock):
            self._clock.revisit(max(now, sent_at))

    def _deliver_together(
        self, now: datetime, leased: Sequence[OutboxRecord], done: Relayed
    ) -> tuple[Collection[str], Collection[str]]:
        """Deliver in one go what can be; what was delivered, and of what is not known whether it was."""
        delivered, unsure = set[str](), set[str]()
        for name, deliver in self._together.items():
            ours = [record for record in leased if record.destination == name and record.fence == 1]
            if len(ours) < 2:
                continue

            def decided(message: Message) -> None:
                unsure.add(message.id)
                self._stand_at(now, message.created_at)

            try:
                ids = deliver([message_of(record) for record in ours], decided)
            except Exception as error:  # noqa: BLE001  # whose trouble it is shows when they are done one by one
                line = {"destination": name, "messages": len(ours), "error": told(error)}
                log.warning("delivered_singly", **line, **traced(error))
                continue
            delivered.update(ids)
            self._settle_together(now, [record for record in ours if record.id in ids], done)
        return delivered, unsure

    def _settle_together(self, now: datetime, delivered: Sequence[OutboxRecord], done: Relayed) -> None:
        """Record that these were delivered, and tell who is not heard."""
        tried = []
        for record in delivered:
            self._stand_at(now, record.created_at)
            outcome = replace(record, status="delivered", attempts=record.attempts + 1, error=None)
            tried.append(replace(outcome, wake_at=None, finished_at=self._clock.now()))
        heard = self._store.settle_all(tried)
        done.delivered += len(heard)
        done.stale += len(tried) - len(heard)
        for record in tried:
            if record.id in heard:
                log.info("delivered", **line_of(record))
            else:
                log.warning("stale_lease", **line_of(record), delivered=True)
