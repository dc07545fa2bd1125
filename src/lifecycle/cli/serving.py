"""`lifecycle run --metrics`: the metrics of the daemon over HTTP, for Prometheus to scrape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog
import typer

from lifecycle.errors import LifecycleError

if TYPE_CHECKING:
    from lifecycle import Lifecycle

LOCAL = "127.0.0.1"

log = structlog.get_logger("lifecycle")


def address(text: str) -> tuple[str, int]:
    """The host and the port of `PORT` or `HOST:PORT`; without a host, this machine only."""
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65_536):
        raise typer.BadParameter(f"{text!r} is not a port, nor HOST:PORT.")
    return host.strip("[]") or LOCAL, int(port)


@contextmanager
def metrics(lifecycle: Lifecycle, where: tuple[str, int] | None) -> Iterator[None]:
    """Serve the metrics meanwhile; without an address, nothing. Raises LifecycleError (`extra_missing`,
    `metrics_unavailable`)."""
    if where is None:
        yield
        return
    host, port = where
    registry = lifecycle.metrics()
    from prometheus_client import start_http_server

    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise LifecycleError(
            f"Metrics can't be served on {host}:{port}: {error.strerror}.", code="metrics_unavailable"
        ) from error
    log.info("metrics_served", address=f"http://{host}:{server.server_port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
