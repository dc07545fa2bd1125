"""A server that webhooks are delivered to: it keeps what it was sent, and answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HERE = {"LIFECYCLE_WEBHOOKS__ALLOW": "[127.0.0.0/8]", "LIFECYCLE_WEBHOOKS__HTTP": "true"}
"""Settings by which webhooks of this machine can be reached."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Answering:
    """What is answered: the status and the headers of each request in turn, the last one from then on."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [200])
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b"thanks"
    sent: list[Sent] = field(default_factory=list)


@contextmanager
def receiving(*statuses: int, headers: Sequence[tuple[str, str]] = (), body: bytes = b"thanks") -> Iterator[Answering]:
    """A server on a port of its own on this machine."""
    answering = Answering(statuses=list(statuses) or [200], headers=headers, body=body)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received = self.rfile.read(int(self.headers["content-length"]))
            answering.sent.append(Sent(self.path, {k.lower(): v for k, v in self.headers.items()}, received))
            self.send_response(answering.statuses[0])
            if len(answering.statuses) > 1:
                answering.statuses.pop(0)
            for name, value in answering.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answering.body)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answering.url = f"http://127.0.0.1:{server.server_port}/hooks?shop=1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield answering
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
