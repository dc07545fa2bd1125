"""Whether the machines, jobs and handlers that a configuration names can be loaded, tried as the daemon would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from apscheduler.schedulers.background import BackgroundScheduler

from lifecycle.app.handlers import load_handler
from lifecycle.config import Config, JobSpec, Problem
from lifecycle.engine.registry import load_machines
from lifecycle.scheduler.jobs import declare_jobs


def unloadable(config: Config) -> Iterator[Problem]:
    """The dotted paths that lead nowhere."""

    def declare(job: JobSpec) -> None:
        declare_jobs(BackgroundScheduler(), [job], zone=config.zone, lifecycle=None)

    loads: list[tuple[str, str, Callable[[], object]]] = [
        *((f"machines[{n}]", path, partial(load_machines, [path])) for n, path in enumerate(config.machines)),
        *((f"jobs.{job.name}.run", job.run, partial(declare, job)) for job in config.jobs),
        *((f"handlers.{one.name}.run", one.run, partial(load_handler, one)) for one in config.handlers),
    ]
    for path, value, load in loads:
        try:
            load()
        except Exception as error:  # noqa: BLE001  # a module may raise anything when it is imported
            yield Problem(str(config.path), None, path, repr(value), f"a path that can be loaded: {error}")
