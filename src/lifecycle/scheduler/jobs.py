"""Calendar jobs: what the configuration wants run every so often, or by a cron line, in the dispatcher's scheduler.

They are declared anew at every start, and no memory of them is kept: a run that was missed while nobody was up is not
made up for, and every daemon on a database runs them all. So a job does what it finds to be done, and bears company.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from importlib import import_module
from zoneinfo import ZoneInfo

import structlog
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from lifecycle.config.cron import cron_trigger
from lifecycle.config.model import JobSpec
from lifecycle.domain.calendar import Duration
from lifecycle.engine.clock import SystemClock
from lifecycle.engine.journal import traced_unless_away
from lifecycle.errors import DefinitionError

Run = Callable[[object], object]
"""A calendar job: it is called with the `Lifecycle` that runs it; what it returns is dropped."""

_wall = SystemClock()
log = structlog.get_logger("lifecycle")


def declare_jobs(
    scheduler: BaseScheduler,
    specs: Sequence[JobSpec],
    *,
    zone: str,
    lifecycle: object,
    at_work: list[str] | None = None,
) -> None:
    """Put the jobs into a scheduler; `at_work` holds, from then on, the names of those that are running.

    Raises DefinitionError, with none of them put in, for one that can't be had.
    """
    at_work = [] if at_work is None else at_work
    for spec, run, trigger in [(spec, _load(spec), _trigger(spec, zone)) for spec in specs]:
        scheduler.add_job(_run, trigger, (spec.name, run, lifecycle, at_work), name=spec.name, max_instances=1)


class Prompt:
    """Has a calendar job run at once besides, on a thread of the scheduler's, once for however many ask before it
    begins. Raises DefinitionError for a job that can't be had."""

    def __init__(
        self, soon: Callable[[Callable[[], object]], object], spec: JobSpec, *, lifecycle: object, at_work: list[str]
    ) -> None:
        self._soon = soon
        self._job = (spec.name, _load(spec), lifecycle, at_work)
        self._asked = False
        self._asking, self._running = threading.Lock(), threading.Lock()

    def ask(self) -> None:
        """Cheap, and harmless from any thread."""
        with self._asking:
            if self._asked:
                return
            self._asked = True
        self._soon(self._run)

    def _run(self) -> None:
        with self._running:  # who asks while it runs is heard by the next, and at most one waits
            with self._asking:
                self._asked = False
            _run(*self._job)


def realign(scheduler: BaseScheduler) -> None:
    """After the clock was set back, jobs wait for what it showed before: have those with an interval go on from now,
    and those that run once run now. A cron line means what the clock shows."""
    for job in scheduler.get_jobs():
        with suppress(JobLookupError):  # it has run meanwhile
            if isinstance(job.trigger, IntervalTrigger):
                job.reschedule(job.trigger)
            elif isinstance(job.trigger, DateTrigger):
                job.modify(next_run_time=_wall.now())


def _run(name: str, run: Run, lifecycle: object, at_work: list[str]) -> None:
    at_work.append(name)
    try:
        run(lifecycle)
    except Exception as error:  # noqa: BLE001  # a job's trouble is its own
        log.error("job_failed", job=name, error=str(error), **traced_unless_away(error))
    finally:
        at_work.remove(name)


def _load(spec: JobSpec) -> Run:
    module, _, name = spec.run.partition(":")
    try:
        run: Run = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DefinitionError(f"The job {spec.name!r} can't be loaded from {spec.run!r}: {error}.") from error
    if not callable(run):
        raise DefinitionError(f"The job {spec.name!r} can't be run: {spec.run!r} is not a function.")
    return run


def _trigger(spec: JobSpec, zone: str) -> BaseTrigger:
    match spec:
        case JobSpec(every=Duration(days=days, seconds=seconds)):
            # counted from a fixed Monday, not from the start: what runs once a day survives a restart every hour
            origin = datetime(2001, 1, 1, tzinfo=ZoneInfo(zone))
            return IntervalTrigger(days=days, seconds=seconds, start_date=origin, timezone=zone)
        case JobSpec(cron=str(line)):
            return cron_trigger(line, zone)
    raise DefinitionError(f"The job {spec.name!r} needs `every` or `cron`.")
