"""A virtual clock that takes the host's own code along: what asks `datetime.now(UTC)` gets the engine's instant.

It needs time-machine, from the extra `testing`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from lifecycle.engine.clock import VirtualClock
from lifecycle.errors import LifecycleError

INSTALL = "pip install 'lifecycle-engine[testing]'"


class Movable(Protocol):
    """What time-machine gives to be moved."""

    def move_to(self, destination: datetime, tick: bool | None = None) -> None: ...


class HostClock(VirtualClock):
    """A virtual clock that sets the time of the whole process, wherever it is moved."""

    def __init__(self, start: datetime, process: Movable) -> None:
        super().__init__(start)
        self._process = process

    def move_to(self, instant: datetime) -> None:
        super().move_to(instant)
        self._process.move_to(self.now())


@contextmanager
def host_time(start: datetime) -> Iterator[VirtualClock]:
    """From `start` on the whole process has the time of this clock. It stands still until the clock is moved.

    Raises LifecycleError (`extra_missing`).
    """
    try:
        import time_machine  # noqa: PLC0415  # what it needs is an extra
    except ImportError as error:
        raise LifecycleError(
            f"The fixtures move the time of your own code too, with time-machine: {INSTALL}", code="extra_missing"
        ) from error
    start = start.astimezone(UTC)
    with time_machine.travel(start, tick=False) as process:
        yield HostClock(start, process)
