"""`lifecycle init`: a host's first files."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.output import emit


def init(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Where; it is made if it is not there.")] = Path(),
    as_json: options.AsJson = False,
) -> None:
    """Make a project of your own.

    A configuration, an example machine and calendar job of its own, and their tests, which run. No file that is there
    is touched.
    """
    from lifecycle import scaffold

    made = scaffold.make(directory)
    following = [*([] if directory == Path() else [f"cd {shlex.quote(str(directory))}"]), *scaffold.NEXT]
    if as_json:
        emit({"files": list(map(str, made)), "next": following})
        return
    typer.echo("\n".join(["Made:", *(f"  {path}" for path in made), "Next:", *(f"  {line}" for line in following)]))
