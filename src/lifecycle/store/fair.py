"""A lock that is handed on in the order in which it was asked for."""

from __future__ import annotations

import threading
from collections import deque
from types import TracebackType


class FairLock:
    """Not reentrant: a thread that holds it and asks again gets a RuntimeError. Batches that follow one another
    closely can't keep a waiting command from its turn."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._holder: int | None = None
        self._waiting: deque[tuple[int, threading.Lock]] = deque()

    @property
    def waiting(self) -> int:
        """How many threads wait for their turn."""
        return len(self._waiting)

    def __enter__(self) -> None:
        me, turn = threading.get_ident(), threading.Lock()
        if self._holder == me:
            raise RuntimeError("This thread holds the lock already: a transaction inside a transaction.")
        try:
            if not self._take(me, turn):
                turn.acquire()
        except BaseException:  # a signal's: whoever no longer waits must not be handed the lock
            self._give_up(me, turn)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._mutex:
            self._hand_on()

    def _take(self, me: int, turn: threading.Lock) -> bool:
        """Take it if it is free; else stand in line, with a turn that is released when it comes."""
        with self._mutex:
            if self._holder is None:
                self._holder = me
                return True
            turn.acquire()
            self._waiting.append((me, turn))
            return False

    def _hand_on(self) -> None:
        self._holder, turn = self._waiting.popleft() if self._waiting else (None, None)
        if turn is not None:
            turn.release()

    def _give_up(self, me: int, turn: threading.Lock) -> None:
        with self._mutex:
            if self._holder == me:
                self._hand_on()
            elif (me, turn) in self._waiting:
                self._waiting.remove((me, turn))
