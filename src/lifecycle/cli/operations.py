"""`lifecycle run`, `demo` and `import`: the daemon, the demonstration, and customers from a file."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.failures import FAILED
from lifecycle.cli.output import console, emit
from lifecycle.cli.session import opened
from lifecycle.cli.systemd import Systemd

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.scheduler.dispatcher import Dispatcher

WATCH = 1.0
"""Seconds between two looks at whether the scheduler is still to be relied on."""


def run(
    context: typer.Context,
    metrics: Annotated[
        str | None, typer.Option(metavar="[HOST:]PORT", help="Serve Prometheus metrics there; see docs/metrics.md.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Log as JSON, whatever the configuration says.")] = False,
) -> None:
    """Run the daemon, in the foreground.

    It fires what is due until SIGTERM or Ctrl-C; then it finishes what is in hand, and exits 0.
    """
    from lifecycle.cli import logs, serving

    where = None if metrics is None else serving.address(metrics)
    with opened(context) as lifecycle:
        logs.configure(lifecycle.config.log, lifecycle.clock, form="json" if as_json else None)
        with serving.metrics(lifecycle, where):
            served = _serve(lifecycle, _signals())
    if not served.all_ended:
        _exit_at_once(served.code)
    raise typer.Exit(served.code)


def demo(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where it puts what it makes.")] = Path("demo"),
) -> None:
    """Live through a year, and see what happened.

    With a few dozen subscriptions, in a directory of its own.
    """
    from lifecycle import SystemClock
    from lifecycle import demo as demonstration
    from lifecycle.cli import logs
    from lifecycle.config import LogSettings

    logs.configure(LogSettings(), SystemClock(), at_least="warning")
    raise typer.Exit(demonstration.run(directory, console()))


def import_(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A CSV file; --template shows its header.")
    ] = None,
    template: Annotated[bool, typer.Option("--template", help="Print the header line of such a file.")] = False,
    by: options.By = "operator",
    as_json: options.AsJson = False,
) -> None:
    """Import customers from a CSV file.

    Accounts and the plans they take: all of it or nothing. Harmless when repeated.
    """
    from lifecycle.app.importing import COLUMNS

    if template:
        typer.echo(",".join(COLUMNS))
        return
    if file is None:
        raise typer.BadParameter("Name a file, or ask for the --template.")
    with opened(context) as lifecycle:
        imported = lifecycle.import_customers(file, by=by)
    if as_json:
        emit(imported)
    else:
        typer.echo(
            f"New: {imported.accounts} accounts, {imported.subscriptions} subscriptions. "
            f"There before: {imported.already_there} subscriptions."
        )


def _signals() -> SimpleQueue[int]:
    """A queue on which SIGINT and SIGTERM arrive; whoever sends a second one, of either, ends the process at once."""
    # Its put is safe inside a signal handler; that of an Event is not.
    arrived: SimpleQueue[int] = SimpleQueue()

    def handle_both(handler: Callable[[int, object], None] | signal.Handlers) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, handler)

    def arrive(number: int, _frame: object) -> None:
        handle_both(signal.SIG_DFL)
        arrived.put(number)

    handle_both(arrive)
    return arrived


@dataclass(frozen=True, slots=True)
class Served:
    """How a daemon has ended: its exit code, and whether nothing is left that hangs in a thread of this process."""

    code: int
    all_ended: bool


def _serve(lifecycle: Lifecycle, signals: SimpleQueue[int]) -> Served:
    """Fire what is due until a signal arrives, or until the scheduler can no longer be relied on."""
    import structlog

    log = structlog.get_logger("lifecycle")
    systemd, first = Systemd(os.environ), _first(lifecycle)
    heartbeat = _heartbeat(lifecycle.config.heartbeat.timedelta, systemd.watchdog)
    with lifecycle.start(heartbeat=heartbeat, on_look=[systemd.looked]) as dispatcher:
        log.info("started", **first)
        systemd.ready()
        number = _wait(signals, dispatcher)
        if number is None:
            log.error("scheduler_dead")
        else:
            log.info("stopping", signal=signal.Signals(number).name)
        systemd.stopping()
    log.info("stopped")
    return Served(FAILED if number is None else 0, dispatcher.ended)


def _heartbeat(configured: timedelta, watchdog: timedelta | None) -> timedelta:
    """At least three in the time after which a watchdog ends the process."""
    return configured if watchdog is None else min(configured, watchdog / 3)


def _exit_at_once(code: int) -> None:
    """End the process although a thread hangs in it, for which Python would wait. The database rolls back."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _wait(signals: SimpleQueue[int], dispatcher: Dispatcher) -> int | None:
    """The signal that arrives; None once nothing fires any more."""
    while True:
        try:
            return signals.get(timeout=WATCH)
        except Empty:
            if not dispatcher.alive:
                return None


def _first(lifecycle: Lifecycle) -> dict[str, object]:
    """What comes next, for the line that tells that the daemon has started."""
    coming = lifecycle.due(limit=1)
    first = coming[0] if coming else None
    return {
        "database": str(lifecycle.database.url),
        "next": first and first.event,
        "instance": first and first.instance_id,
        "due_at": first and first.due_at.isoformat(),
    }
