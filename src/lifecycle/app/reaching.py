"""Reaching a server by its name within a time that holds for all of it: looking the name up, and connecting."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout

from lifecycle.engine.clock import stopwatch

Resolve = Callable[[str, int], Sequence[str]]
"""The addresses of a host, in the order in which they are to be tried. Raises OSError where there are none."""


class TooSlow(OSError):
    """The answer was not there in time."""


def by_system(host: str, port: int) -> Sequence[str]:
    """As the operating system resolves names."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def resolved(resolve: Resolve, host: str, port: int, end: float) -> Sequence[str]:
    """What `resolve` says, but for no longer than until `end`: a name server may be silent too. Raises what it raises,
    and TooSlow."""
    answer: Future[Sequence[str]] = Future()
    threading.Thread(target=_answer, args=(answer, resolve, host, port), daemon=True).start()
    try:
        return answer.result(max(0.0, end - stopwatch()))
    except FutureTimeout as error:
        raise TooSlow(f"The name of {host} is not found in time.") from error


def connected(addresses: Sequence[str], port: int, end: float) -> socket.socket:
    """A connection to the first of them that takes one, each given its share of the time. Raises OSError."""
    for place, address in enumerate(addresses):
        left = end - stopwatch()
        try:
            plain = socket.create_connection((address, port), timeout=max(0.01, left / (len(addresses) - place)))
        except OSError:
            if place == len(addresses) - 1:
                raise
        else:
            plain.settimeout(max(0.01, end - stopwatch()) + 1)  # whoever cuts it at the end is first
            return plain
    raise OSError("There is no address.")


def _answer(answer: Future[Sequence[str]], resolve: Resolve, host: str, port: int) -> None:
    """Resolve a name, for who waits for it."""
    try:
        answer.set_result(resolve(host, port))
    except Exception as error:  # noqa: BLE001  # raised again where it is waited for
        answer.set_exception(error)
