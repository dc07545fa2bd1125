"""Leaving a webhook alone that does not answer: what else waits for it is not to wait out one timeout after another.

Kept in memory, by each process for itself: what it forgets costs one attempt.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

LONGEST = timedelta(minutes=10)
"""How long one is left alone at most, unless it has asked for longer itself: then it is known to be back by then."""


class Circuit:
    """`delay` is how long a message waits at least that has failed so many times. Where two threads tell it of one
    webhook at the same moment, one failure may count for both."""

    def __init__(self, delay: Callable[[int], timedelta]) -> None:
        self._delay = delay
        self._failed: dict[str, tuple[int, datetime]] = {}

    def until(self, webhook_id: str, now: datetime) -> datetime | None:
        """Until when it is left alone; None where it is not."""
        _, until = self._failed.get(webhook_id, (0, now))
        return until if until > now else None

    def failed(self, webhook_id: str, now: datetime, asked: timedelta = timedelta()) -> None:
        """Leave it alone for a while, longer with each failure in a row, or as long as it has `asked` for."""
        failures = self._failed.get(webhook_id, (0, now))[0] + 1
        self._failed[webhook_id] = (failures, now + max(asked, min(self._delay(failures), LONGEST)))

    def went_well(self, webhook_id: str) -> None:
        """Go on."""
        self._failed.pop(webhook_id, None)
