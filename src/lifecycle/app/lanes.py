"""Lanes: relays beside one another, so that no destination waits for another that is slow or hangs.

The gateway has some, and every other destination one of its own. A lane is a thread that lives as long as there is
something to deliver; money is delivered on the thread of whoever asks, too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import structlog

from lifecycle.engine.clock import stopwatch
from lifecycle.engine.journal import traced_unless_away
from lifecycle.engine.relay import Relay, Relayed

FEW = 5
"""How many messages a lane leases together: where each takes as long as may be, the lease still suffices."""
AT_THE_END = timedelta(seconds=15)
"""How long who stops waits for deliveries that have begun; whatever is not finished by then is delivered again."""

log = structlog.get_logger("lifecycle")


class Lanes:
    """The lanes that are at work."""

    def __init__(self) -> None:
        self.after_fork()

    def after_fork(self) -> None:
        """In a child process: no thread of the parent's is there."""
        self._at_work: dict[str, threading.Thread] = {}
        self._asked_again: set[str] = set()
        self._changing = threading.Lock()
        self._stopping = threading.Event()

    def start(self, name: str, relay: Callable[[], Relay], limit: int = FEW) -> None:
        """Have a lane deliver until nothing is due; one that is at work looks once more before it ends. `limit`: how
        many messages it leases together."""
        with self._changing:
            if name in self._at_work:
                self._asked_again.add(name)
            elif not self._stopping.is_set():
                run = partial(self._run, name, relay, limit, self._stopping)
                thread = threading.Thread(target=run, name=f"lifecycle-{name}", daemon=True)
                self._at_work[name] = thread
                thread.start()

    def stop(self, within: timedelta = AT_THE_END) -> None:
        """Begin nothing more, and wait for what has begun."""
        self._stopping.set()
        end = stopwatch() + within.total_seconds()
        with self._changing:
            waiting = list(self._at_work.values())
        for thread in waiting:
            thread.join(max(0.0, end - stopwatch()))
        self._stopping = threading.Event()  # one that hangs still ends

    def _run(self, name: str, relay: Callable[[], Relay], limit: int, stopping: threading.Event) -> None:
        while True:
            try:
                lane, done = relay(), Relayed()
                while lane.run_once(done, limit, lambda: not stopping.is_set()):
                    pass
            except Exception as error:  # noqa: BLE001  # a lane's trouble is its own; it starts again with the next look
                log.error("lane_failed", destination=name, error=str(error), **traced_unless_away(error))
            with self._changing:
                if name not in self._asked_again or stopping.is_set():
                    del self._at_work[name]
                    return
                self._asked_again.remove(name)
