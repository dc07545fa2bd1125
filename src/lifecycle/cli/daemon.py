"""`lifecycle run`: the daemon, in the foreground; alone, or as one of several workers under a supervisor."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Annotated, Protocol

import typer

from lifecycle.cli.failures import FAILED, exit_code
from lifecycle.cli.session import configuration
from lifecycle.cli.systemd import Systemd
from lifecycle.errors import LifecycleError

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.cli.logs import Together
    from lifecycle.cli.serving import Address
    from lifecycle.cli.worker import Worker
    from lifecycle.config import Config
    from lifecycle.config.model import LogFormat
    from lifecycle.scheduler.dispatcher import Dispatcher

WATCH = 1.0
"""Seconds between two looks at whether the scheduler is still to be relied on."""


class Manager(Protocol):
    """Who has started this daemon, and hears how it fares: systemd or a supervisor."""

    @property
    def watchdog(self) -> timedelta | None:
        """How long it waits for a sign of life; None: for ever."""
        ...

    def ready(self) -> None: ...

    def looked(self, next_wake_at: datetime | None) -> None: ...

    def stopping(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a daemon is to run: where it serves metrics, and the form of its log, if not the configured one."""

    config: Config
    metrics: Address | None
    form: LogFormat | None


@dataclass(frozen=True, slots=True)
class Served:
    """How a daemon has ended: its exit code, and whether nothing is left that hangs in a thread of this process."""

    code: int
    all_ended: bool


def run(
    context: typer.Context,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="So many processes that share the work, on PostgreSQL.")
    ] = 1,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="[HOST:]PORT",
            help="Serve Prometheus metrics there, each further worker on the next port; see docs/metrics.md.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Log as JSON, whatever the configuration says.")] = False,
) -> None:
    """Run the daemon, in the foreground.

    It fires what is due until SIGTERM or Ctrl-C; then it finishes what is in hand, and exits 0.
    """
    from lifecycle.cli import serving

    where = None if metrics is None else serving.address(metrics, workers)
    wanted = Wanted(configuration(context), where, "json" if as_json else None)
    if workers > 1:
        raise typer.Exit(_supervise(wanted, workers))
    served = _daemon(wanted, Systemd(os.environ), _signals())
    if not served.all_ended:
        _exit_at_once(served.code)
    raise typer.Exit(served.code)


# Several


def _supervise(wanted: Wanted, workers: int) -> int:
    """Run so many until a signal arrives. Raises LifecycleError (`workers_need_postgresql`, `workers_failing`)."""
    from lifecycle import Lifecycle
    from lifecycle.cli import logs
    from lifecycle.cli.supervising import Supervisor

    with closing(Lifecycle(wanted.config)) as lifecycle:  # opens nothing: workers could not share it
        if lifecycle.database.is_sqlite:
            raise LifecycleError(
                "Several workers need PostgreSQL; in an SQLite file one process writes at a time. Run one worker.",
                code="workers_need_postgresql",
            )
        stream = logs.Together()
        logs.configure(wanted.config.log, lifecycle.clock, form=wanted.form, stream=stream)
    return Supervisor(workers, partial(_work, wanted, stream), Systemd(os.environ)).run()


def _work(wanted: Wanted, stream: Together, worker: Worker) -> int:
    """Be one of several, in a process of its own, and return its exit code. What goes wrong is told in the log."""
    import structlog

    from lifecycle.engine.journal import traced

    log = structlog.get_logger("lifecycle")
    try:
        signals = _signals()
        worker.listen(signals)
        return _daemon(_of_worker(wanted, worker.number), worker, signals, worker=worker.number, stream=stream).code
    except LifecycleError as error:
        log.error("worker_failed", worker=worker.number, code=error.code, error=str(error), exception=None)
        return exit_code(error)
    except Exception as error:  # noqa: BLE001  # nobody is left to whom it could be raised
        log.error("worker_failed", worker=worker.number, code=None, error=str(error), **traced(error))
        return FAILED


def _of_worker(wanted: Wanted, number: int) -> Wanted:
    """Each has a port of its own. Calendar jobs run in the first alone, but for the relay, which shares its work."""
    from lifecycle.app.running import RELAY

    where = wanted.metrics and wanted.metrics.next(number - 1)
    jobs = tuple(job for job in wanted.config.jobs if number == 1 or job.name == RELAY)
    return replace(wanted, config=replace(wanted.config, jobs=jobs), metrics=where)


# One


def _daemon(
    wanted: Wanted,
    manager: Manager,
    signals: SimpleQueue[int],
    *,
    worker: int | None = None,
    stream: Together | None = None,
) -> Served:
    """Run one until a signal arrives, and serve its metrics meanwhile."""
    from lifecycle import Lifecycle
    from lifecycle.cli import logs, serving

    with closing(Lifecycle(wanted.config)) as lifecycle:
        logs.configure(wanted.config.log, lifecycle.clock, form=wanted.form, worker=worker, stream=stream)
        with serving.metrics(lifecycle, wanted.metrics):
            return _serve(lifecycle, manager, signals)


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


def _serve(lifecycle: Lifecycle, manager: Manager, signals: SimpleQueue[int]) -> Served:
    """Fire what is due until a signal arrives, or until the scheduler can no longer be relied on."""
    import structlog

    from lifecycle.scheduler.collecting import collect_seldom

    log = structlog.get_logger("lifecycle")
    first = _first(lifecycle)
    collect_seldom()
    heartbeat = _heartbeat(lifecycle.config.heartbeat.timedelta, manager.watchdog)
    with lifecycle.start(heartbeat=heartbeat, on_look=[manager.looked]) as dispatcher:
        log.info("started", **first)
        manager.ready()
        number = _wait(signals, dispatcher)
        if number is None:
            log.error("scheduler_dead")
        else:
            log.info("stopping", signal=signal.Signals(number).name)
        manager.stopping()
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
