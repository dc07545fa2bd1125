"""Several threads that begin at one moment, and the moment at which something has come to be."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import TypeVar

Result = TypeVar("Result")


def at_once(number: int, act: Callable[[], Result]) -> list[Result]:
    """What `act` returns in each of so many threads, which all begin at once; raises what one of them raises."""
    start = Barrier(number)

    def begin() -> Result:
        start.wait()
        return act()

    with ThreadPoolExecutor(number) as threads:
        return [job.result() for job in [threads.submit(begin) for _ in range(number)]]


def wait_until(holds: Callable[[], bool]) -> None:
    """Let others run until it holds; fail after ten seconds."""
    for _ in range(1_000):
        if holds():
            return
        Event().wait(0.01)
    raise AssertionError("it has not come to be")
