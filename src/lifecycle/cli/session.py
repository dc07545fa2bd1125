"""Opening what a command works on: the one place where the command line makes a `Lifecycle`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lifecycle.app.beside import look_beside

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.config import Config


def configuration(context: typer.Context) -> Config:
    """The configuration that the command line names. Raises ConfigError.

    From then on the modules beside it can be imported: a host's own machines and jobs.
    """
    import os

    from lifecycle.config import load_config

    path: Path = context.obj
    config = load_config(path, os.environ)
    look_beside(path)
    return config


@contextmanager
def opened(context: typer.Context) -> Iterator[Lifecycle]:
    """The engine on the configured database, closed at the end. Raises ConfigError.

    Only what went wrong is logged meanwhile: a command says itself what it has done.
    """
    from lifecycle import Lifecycle
    from lifecycle.cli import logs

    lifecycle = Lifecycle(configuration(context))
    logs.configure(lifecycle.config.log, lifecycle.clock, at_least="warning")
    try:
        yield lifecycle
    finally:
        lifecycle.close()
