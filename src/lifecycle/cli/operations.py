"""`lifecycle run`, `demo` and `import`: the daemon, the demonstration, and customers from a file."""

from __future__ import annotations

import signal
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.failures import FAILED
from lifecycle.cli.output import console, emit
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.scheduler.dispatcher import Dispatcher

WATCH = 1.0
"""Seconds between two looks at whether the scheduler is still to be relied on."""


def run(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Log as JSON, whatever the configuration says.")] = False,
) -> None:
    """Run the daemon, in the foreground.

    It fires what is due until SIGTERM or Ctrl-C; then it finishes what is in hand, and exits 0.
    """
    from lifecycle.cli import logs

    with opened(context) as lifecycle:
        logs.configure(lifecycle.config.log, lifecycle.clock, form="json" if as_json else None)
        if not _serve(lifecycle, _signals()):
            raise typer.Exit(FAILED)


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
    """A queue on which SIGINT and SIGTERM arrive; whoever sends a second one ends the process at once."""
    # Its put is safe inside a signal handler; that of an Event is not.
    arrived: SimpleQueue[int] = SimpleQueue()

    def arrive(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        arrived.put(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, arrive)
    return arrived


def _serve(lifecycle: Lifecycle, signals: SimpleQueue[int]) -> bool:
    """Fire what is due until a signal arrives; False where the scheduler could no longer be relied on."""
    import structlog

    log = structlog.get_logger("lifecycle")
    first = _first(lifecycle)
    with lifecycle.start() as dispatcher:
        log.info("started", **first)
        number = _wait(signals, dispatcher)
        if number is None:
            log.error("scheduler_dead")
        else:
            log.info("stopping", signal=signal.Signals(number).name)
    log.info("stopped")
    return number is not None


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
