"""One POST to an address that was checked, within a time that holds for all of it.

The name is resolved once and the connection made to an address of that answer, so that no second answer can lead
elsewhere; TLS checks the certificate for the name. Redirects are not followed, and no proxy of the environment is used.
A server that sends one byte at a time is cut off like one that is silent.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from lifecycle.app.reaching import Resolve, TooSlow, by_system, connected, resolved
from lifecycle.app.webhook_addresses import Allowed, Target
from lifecycle.engine.clock import stopwatch

MOST_READ = 65536
"""How many bytes of an answer are read."""


@dataclass(frozen=True, slots=True)
class Replied:
    """What a server has answered: its status, the beginning of the body, and what it says of when to come again."""

    status: int
    body: bytes = b""
    retry_after: str | None = None


_Timed = tuple[socket.socket, threading.Event]


class Poster:
    """Posts to targets that are allowed; `resolve` answers for names, `ca` is a file of certificates to trust instead
    of the system's."""

    def __init__(
        self, allowed: Allowed, timeout: timedelta, *, resolve: Resolve = by_system, ca: str | None = None
    ) -> None:
        self._allowed = allowed
        self._timeout = timeout.total_seconds()
        self._resolve = resolve
        self._ca = ca
        self._context: ssl.SSLContext | None = None

    def check(self, url: str) -> None:
        """See that a webhook may be there now. Raises Forbidden, and OSError for a name that has no address."""
        target = self._allowed.target(url)
        self._allowed.addresses(target, self._asking(stopwatch() + self._timeout))

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Replied:
        """Raises Forbidden, OSError and http.client.HTTPException."""
        target, end = self._allowed.target(url), stopwatch() + self._timeout
        addresses = self._allowed.addresses(target, self._asking(end))
        with self._connected(target, addresses, end) as (connected, late):
            return _exchange(target, connected, late, headers, body)

    @contextmanager
    def _connected(self, target: Target, addresses: Sequence[str], end: float) -> Iterator[_Timed]:
        """A connection that is shut when its time is up, whatever it is doing; and what is set then."""
        plain = connected(addresses, target.port, end)
        with plain, plain.dup() as handle, _shut_at(end, handle) as late:  # TLS takes the first one over
            try:
                yield (self._secured(plain, target) if target.secure else plain), late
            except (OSError, http.client.HTTPException) as error:
                if late.is_set():
                    raise self._too_slow() from error
                raise

    def _secured(self, plain: socket.socket, target: Target) -> socket.socket:
        if self._context is None:
            self._context = ssl.create_default_context(cafile=self._ca)
        return self._context.wrap_socket(plain, server_hostname=target.host)

    def _asking(self, end: float) -> Resolve:
        """As `resolve`, but no longer than the time is."""
        return partial(self._until, end)

    def _until(self, end: float, host: str, port: int) -> Sequence[str]:
        try:
            return resolved(self._resolve, host, port, end)
        except TooSlow as error:
            raise self._too_slow() from error

    def _too_slow(self) -> TooSlow:
        return TooSlow(f"No answer within {self._timeout:g} seconds.")


@contextmanager
def _shut_at(end: float, handle: socket.socket) -> Iterator[threading.Event]:
    """Shut a connection when its time is up; what is set then."""
    late = threading.Event()

    def shut() -> None:
        late.set()
        with suppress(OSError):  # the other side was faster
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, end - stopwatch()), shut)
    timer.daemon = True
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()


def _exchange(
    target: Target, connected: socket.socket, late: threading.Event, headers: Mapping[str, str], body: bytes
) -> Replied:
    """Ask, and read the answer; once its head is there, what is missing of its body does not matter."""
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = connected
    connection.auto_open = 0
    try:
        connection.request("POST", target.path, body, {"Host": target.netloc, "Connection": "close", **headers})
        answer = connection.getresponse()
        if late.is_set():  # a head that was cut is none, though it looks like one
            raise ConnectionAbortedError
        try:
            read = answer.read(MOST_READ)
        except http.client.IncompleteRead as cut:
            read = cut.partial
        except (OSError, http.client.HTTPException):
            read = b""
        return Replied(answer.status, read, answer.getheader("Retry-After"))
    finally:
        connection.close()
