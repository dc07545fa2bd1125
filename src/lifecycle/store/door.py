"""A door through which threads come and go, and which can be shut until all of them are out."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class Door:
    """Open to any number of threads; who is inside may come in again, also when it is being shut."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: Counter[int] = Counter()
        self._open = True

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be inside; wait before it while it is shut."""
        me = threading.get_ident()
        with self._changed:
            self._changed.wait_for(lambda: self._open or self._inside[me])
            self._inside[me] += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside[me] -= 1
                self._inside += Counter()  # drops the zeros
                self._changed.notify_all()

    def shut(self, timeout: float) -> None:
        """Let nobody in any more, and wait until nobody else is inside; for at most `timeout` seconds."""
        me = threading.get_ident()
        with self._changed:
            self._open = False
            self._changed.wait_for(lambda: not (self._inside.keys() - {me}), timeout)

    def reopen(self) -> None:
        """Let in who waits."""
        with self._changed:
            self._open = True
            self._changed.notify_all()
