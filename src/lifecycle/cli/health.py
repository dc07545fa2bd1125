"""`lifecycle health` and `lifecycle doctor`: how things are, quickly for a monitor, and thoroughly for a person."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.app.beside import look_beside
from lifecycle.cli import options
from lifecycle.cli.failures import FAILED
from lifecycle.cli.output import display, emit, table
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from datetime import timedelta

    from lifecycle.app.health import Health


def health(
    context: typer.Context,
    max_lag: Annotated[str, typer.Option(metavar="DURATION", help="How late something may be: 30s, 5m, 2h.")] = "1m",
    as_json: options.AsJson = False,
) -> None:
    """Say whether all is well.

    Database, schema, daemons, lag and clocks, quickly: for monitors. Exit code 1 where something failed.
    """
    longest = _duration(max_lag)
    with opened(context) as lifecycle:
        found = lifecycle.health(max_lag=longest)
    _tell(found, as_json)


def doctor(context: typer.Context, as_json: options.AsJson = False) -> None:
    """Check the whole installation.

    All that can be asked, with what to do about it; it leaves nothing behind. Exit code 1 where something failed.
    """
    from lifecycle.app.doctor import diagnose
    from lifecycle.engine.clock import SystemClock

    look_beside(context.obj)
    _tell(diagnose(context.obj, os.environ, SystemClock()), as_json)


def _duration(text: str) -> timedelta:
    from lifecycle.domain.calendar import Duration

    try:
        return Duration.parse(text).timedelta
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _tell(found: Health, as_json: bool) -> None:
    if as_json:
        emit(found)
    else:
        rows = [(f.name, f.status, "" if f.value is None else str(f.value), f.message) for f in found.findings]
        display(table(("check", "status", "value", "what"), rows))
    if not found.ok:
        raise typer.Exit(FAILED)
