"""`lifecycle check`: the whole configuration, without a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts
from lifecycle.cli.session import configuration

if TYPE_CHECKING:
    from lifecycle.config import Config


def check(context: typer.Context, as_json: options.AsJson = False) -> None:
    """Check the configuration.

    All that is wrong is told at once; where nothing is, what it would run. It needs no database.
    """
    from lifecycle.app.loading import unloadable
    from lifecycle.config import ConfigError

    config = configuration(context)
    problems = list(unloadable(config))
    if problems:
        raise ConfigError(problems)
    summary = _summary(config)
    if as_json:
        emit(summary)
    else:
        display(facts({name: _words(value) for name, value in summary.items()}))


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
