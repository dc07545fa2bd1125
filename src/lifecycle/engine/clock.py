"""The one clock of the package: real, or virtual for those who travel. Nothing else asks what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the current instant, aware and in UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class VirtualClock:
    """A clock that stands still until it is moved, and moves forward only."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("A virtual clock starts at an aware instant.")
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def move_to(self, instant: datetime) -> None:
        """Stand at `instant`; an instant that has passed leaves the clock where it is."""
        self._now = max(self._now, instant.astimezone(UTC))

    def revisit(self, instant: datetime) -> None:
        """Stand at `instant`, even one that has passed: for who travels through a stretch of time, and does together
        what is alike in it."""
        self._now = instant.astimezone(UTC)


def stopwatch() -> float:
    """Seconds on a clock that only measures how long something takes, never what time it is."""
    return time.monotonic()
