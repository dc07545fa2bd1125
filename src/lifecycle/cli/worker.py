"""What a worker of `lifecycle run --workers` has of its supervisor: a line on which both tell each other a byte a time.

The worker tells that it is ready, and that its loop has turned. The supervisor tells the number of the signal that it
got. When it dies, however it does, its end of the line closes: then the worker finishes what is in hand and ends too;
one that is ending already ends at once.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import suppress
from datetime import datetime, timedelta
from queue import SimpleQueue
from typing import NoReturn

import structlog

READY, LOOKED = b"r", b"l"

log = structlog.get_logger("lifecycle")


class Worker:
    """The worker's end of the line; `number` counts from 1."""

    def __init__(self, number: int, line: socket.socket, watchdog: timedelta | None) -> None:
        self.number = number
        self.watchdog = watchdog
        """How long whoever watches the supervisor waits for a sign of life; None: for ever."""
        self._line = line

    def listen(self, signals: SimpleQueue[int]) -> None:
        """From now on what the supervisor tells arrives on this queue as if it were a signal of this process."""
        threading.Thread(target=self._listen, args=(signals,), name="lifecycle-line", daemon=True).start()

    def ready(self) -> None:
        """The scheduler runs."""
        self._tell(READY)

    def looked(self, _next_wake_at: datetime | None) -> None:
        """The loop has turned."""
        self._tell(LOOKED)

    def stopping(self) -> None:
        """Nothing more is claimed; the supervisor knows, or sees the end."""

    def _tell(self, word: bytes) -> None:
        with suppress(OSError):  # it is gone, or so far behind that one more sign of life makes no difference
            self._line.send(word, socket.MSG_DONTWAIT)

    def _listen(self, signals: SimpleQueue[int]) -> None:
        told = self._heard()
        if told:
            signals.put(told[0])
            self._heard()
            end_at_once()
        log.warning("supervisor_gone")
        signals.put(signal.SIGTERM)

    def _heard(self) -> bytes:
        with suppress(OSError):  # a line that breaks is a line that ends
            return self._line.recv(1)
        return b""


def end_at_once() -> NoReturn:
    """Leave everything as it is; the database rolls back."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit
