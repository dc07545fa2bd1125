"""`lifecycle check`: the whole configuration, without a database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts
from lifecycle.cli.session import configuration

if TYPE_CHECKING:
    from lifecycle.config import Config, JobSpec, Problem


def check(context: typer.Context, as_json: options.AsJson = False) -> None:
    """Check the configuration.

    All that is wrong is told at once; where nothing is, what it would run. It needs no database.
    """
    from lifecycle.config import ConfigError

    config = configuration(context)
    problems = list(_unloadable(config))
    if problems:
        raise ConfigError(problems)
    summary = _summary(config)
    if as_json:
        emit(summary)
    else:
        display(facts({name: _words(value) for name, value in summary.items()}))


def _unloadable(config: Config) -> Iterator[Problem]:
    """The dotted paths of machines and jobs that lead nowhere, loaded as the daemon would."""
    from apscheduler.schedulers.background import BackgroundScheduler

    from lifecycle.config import Problem
    from lifecycle.engine.registry import load_machines
    from lifecycle.scheduler.jobs import declare_jobs

    def declare(job: JobSpec) -> None:
        declare_jobs(BackgroundScheduler(), [job], zone=config.zone, lifecycle=None)

    loads: list[tuple[str, str, Callable[[], object]]] = [
        *((f"machines[{n}]", path, partial(load_machines, [path])) for n, path in enumerate(config.machines)),
        *((f"jobs.{job.name}.run", job.run, partial(declare, job)) for job in config.jobs),
    ]
    for path, value, load in loads:
        try:
            load()
        except Exception as error:  # noqa: BLE001  # a module may raise anything when it is imported
            yield Problem(str(config.path), None, path, repr(value), f"a path that can be loaded: {error}")


def _summary(config: Config) -> dict[str, object]:
    from sqlalchemy import make_url

    return {
        "configuration": str(config.path),
        "database": make_url(config.database_url).render_as_string(hide_password=True),
        "zone": config.zone,
        "heartbeat": str(config.heartbeat),
        "batch": config.batch,
        "machines": list(config.machines),
        "jobs": [f"{job.name}: {job.run}, {job.cron or f'every {job.every}'}" for job in config.jobs],
        "plans": list(config.catalog.plans),
        "log": f"{config.log.format}, {config.log.level}",
    }


def _words(value: object) -> str:
    return ("\n".join(map(str, value)) or "none") if isinstance(value, list) else str(value)
