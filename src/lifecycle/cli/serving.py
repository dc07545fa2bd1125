"""`lifecycle run --metrics`: the metrics of the daemon over HTTP, for Prometheus to scrape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import structlog
import typer

from lifecycle.errors import LifecycleError

if TYPE_CHECKING:
    from lifecycle import Lifecycle

LOCAL = "127.0.0.1"
PORTS = 65_536

log = structlog.get_logger("lifecycle")


@dataclass(frozen=True, slots=True)
class Address:
    """Where something is served; port 0 is any that is free."""

    host: str
    port: int

    def next(self, number: int) -> Address:
        """So many ports further on."""
        return replace(self, port=self.port and self.port + number)


def address(text: str, ports: int = 1) -> Address:
    """That of `PORT` or `HOST:PORT`; without a host, this machine only. So many ports are needed from there on."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < PORTS):
        raise typer.BadParameter(f"{text!r} is not a port, nor HOST:PORT.")
    if int(port) + ports > PORTS:
        raise typer.BadParameter(f"There are no {ports} ports from {port} on.")
    return Address(host.strip("[]") or LOCAL, int(port))


@contextmanager
def metrics(lifecycle: Lifecycle, where: Address | None) -> Iterator[None]:
    """Serve the metrics meanwhile; without an address, nothing. Raises LifecycleError (`extra_missing`,
    `metrics_unavailable`)."""
    if where is None:
        yield
        return
    registry = lifecycle.metrics()
    from prometheus_client import start_http_server

    try:
        server, _ = start_http_server(where.port, where.host, registry)
    except OSError as error:
        raise LifecycleError(
            f"Metrics can't be served on {where.host}:{where.port}: {error.strerror}.", code="metrics_unavailable"
        ) from error
    log.info("metrics_served", address=f"http://{where.host}:{server.server_port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
