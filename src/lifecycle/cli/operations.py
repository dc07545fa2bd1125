"""`lifecycle demo` and `import`: the demonstration, and customers from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.output import console, emit
from lifecycle.cli.session import opened


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
