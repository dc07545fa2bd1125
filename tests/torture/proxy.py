"""A proxy before a PostgreSQL server that cuts a connection in the middle of a COMMIT, when it is told to.

`before`: the COMMIT never reaches the server. `after`: the server has committed, and its answer reaches nobody. To the
client both look the same.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from sqlalchemy import URL, make_url

Cut = Literal["before", "after"]
ASKED = b"Q\x00\x00\x00\x0bCOMMIT\x00"
ANSWERED = b"COMMIT\x00"
LOGGED = b"INSERT INTO lifecycle_log"
"""Part of each transaction in which something happens, and not of those in which a daemon says that it is there."""


class Proxy:
    """Listens on a port of its own; `cut` is what it does at the next COMMIT of something that is logged, once."""

    def __init__(self, server: URL) -> None:
        self._server = str(Path(str(server.query["host"])) / f".s.PGSQL.{server.query['port']}")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self._lock = threading.Lock()
        self.cut: Cut | None = None
        self.url = server.set(
            host="127.0.0.1",
            port=self._listener.getsockname()[1],
            query={"sslmode": "disable", "gssencmode": "disable"},
        )

    def serve(self) -> None:
        """Take connections until it is closed."""
        with suppress(OSError):  # the listener's, once it is closed
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self._server)
                self._open += [client, server]
                _Pair(self, client, server).start()

    def take_order(self) -> Cut | None:
        """What is to be done at this COMMIT."""
        with self._lock:
            order, self.cut = self.cut, None
            return order

    def close(self) -> None:
        """Cut everything."""
        for one in self._open:
            with suppress(OSError):  # it has gone
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class _Pair:
    """A connection of a client's, and the one to the server that goes with it."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._mute = self._logs = False

    def start(self) -> None:
        for pump in (self._ask, self._answer):
            threading.Thread(target=pump, daemon=True).start()

    def _ask(self) -> None:
        with self._ended():
            while data := self._client.recv(65536):
                self._logs = self._logs or LOGGED in data
                order = None
                if ASKED in data:
                    order = self._proxy.take_order() if self._logs else None
                    self._logs = False
                if order == "before":
                    return
                self._mute = order == "after"
                self._server.sendall(data)

    def _answer(self) -> None:
        with self._ended():
            while data := self._server.recv(65536):
                if self._mute and ANSWERED in data:
                    return
                self._client.sendall(data)

    @contextmanager
    def _ended(self) -> Iterator[None]:
        """When one direction has ended, both have."""
        with suppress(OSError):  # the other has ended it
            yield
        for one in (self._client, self._server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def proxy_to(url: str) -> Iterator[Proxy]:
    """A proxy that serves meanwhile."""
    proxy = Proxy(make_url(url))
    thread = threading.Thread(target=proxy.serve)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join()
