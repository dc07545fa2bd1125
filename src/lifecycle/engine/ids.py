"""Identifiers: a prefix that says what it names, and 26 characters that sort by the instant of their making.

The 26 characters are a ULID: 48 bits of milliseconds, then 80 bits that are random, or counted on within a
millisecond. The instant comes from the injected clock and the bits from an injected source.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from secrets import randbits

from lifecycle.engine.clock import Clock

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_SHIFTS = range(120, -1, -10)
_RANDOM_BITS = 80


class Ids:
    """Makes identifiers that rise strictly, within one source."""

    def __init__(self, clock: Clock, bits: Callable[[int], int] = randbits) -> None:
        self._clock = clock
        self._bits = bits
        self._last = -1
        self._lock = threading.Lock()

    def after_fork(self) -> None:
        """In a child process: count on from nowhere, for the parent counts on from here."""
        self._last = -1
        self._lock = threading.Lock()

    def new(self, prefix: str) -> str:
        """`prefix`, an underscore, and 26 characters, such as `sub_01JDB0…`."""
        millisecond = int(self._clock.now().timestamp() * 1000)
        with self._lock:
            fresh = (millisecond << _RANDOM_BITS) | (self._bits(_RANDOM_BITS - 1))
            self._last = max(fresh, self._last + 1)
            number = self._last
        return f"{prefix}_{''.join([_PAIRS[(number >> shift) & 1023] for shift in _SHIFTS])}"


def counting() -> Callable[[int], int]:
    """A source of bits for runs that must come out the same every time: all zero, so that identifiers count."""
    return lambda _bits: 0
