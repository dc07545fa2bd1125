"""`lifecycle prune`, and what those who read the log are told where rows were moved out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.failures import FAILED
from lifecycle.cli.output import emit, progress_bar, say, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle.app.retention import Pruned
    from lifecycle.store.queries import MovedOut


def prune(
    context: typer.Context,
    before: Annotated[
        str, typer.Option(metavar="DATE", help="Rows recorded before; a date is 00:00 in the configured zone.")
    ],
    to: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON lines; if it is there, it is added to. "
            "Default: lifecycle-log-before-DATE.jsonl beside the configuration.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be moved.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Move old rows of the log out to a file.

    Nothing else changes, and verify goes on from where the rows were. Harmless when killed or repeated, also beside a
    running daemon. Exit code 1 where a chain is broken: those rows stay.
    """
    with opened(context) as lifecycle, progress_bar("Moving out", visible=not as_json) as progress:
        pruned = lifecycle.prune(before, to, dry_run=dry_run, progress=progress)
    if as_json:
        emit(asdict(pruned) | {"file": str(pruned.file), "dry_run": dry_run})
    else:
        typer.echo(_words(pruned, dry_run))
    if pruned.broken:
        say(f"Their chain is broken, and their rows stay: {', '.join(pruned.broken)}. See: lifecycle verify")
        raise typer.Exit(FAILED)


def _words(pruned: Pruned, dry_run: bool) -> str:
    if not pruned.rows:
        return "There is nothing to move out."
    verb = "Would move" if dry_run else "Moved"
    return f"{verb} {pruned.rows} transitions of {pruned.roots} roots to {pruned.file}."


def tell_moved_out(moved_out: Sequence[MovedOut], zone: str) -> None:
    """Say on stderr that there was something earlier, where there was."""
    if not moved_out:
        return
    at = when(max(one.at for one in moved_out), zone)
    if len(moved_out) == 1:
        say(f"Earlier transitions were moved out on {at}, up to number {moved_out[0].up_to}.")
    else:
        say(f"Earlier transitions of {len(moved_out)} roots were moved out, the last on {at}.")
