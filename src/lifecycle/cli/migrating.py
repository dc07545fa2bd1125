"""`lifecycle migrate`: stored instances to the newest version of their machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.failures import FAILED
from lifecycle.cli.output import display, emit, progress_bar, say, table
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle.app.migrating import Migration
    from lifecycle.cli.directory import Directory


def migrate(
    context: typer.Context,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become what.")] = False,
    reason: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Why; needed but for a dry run. Kept apart from the log."),
    ] = None,
    by: options.Operator = "operator",
    as_json: options.AsJson = False,
) -> None:
    """Bring instances to the newest machine version.

    Each by a logged transition. Exit code 1 where some can't be.
    """
    from lifecycle.cli.directory import Directory

    if not dry_run and not (reason or "").strip():
        raise typer.BadParameter("To migrate needs a --reason; --dry-run says what would be.")
    with opened(context) as lifecycle, progress_bar("Migrating", visible=not as_json) as progress:
        found = lifecycle.migrate(by=by, reason=reason, dry_run=dry_run, progress=progress)
        if as_json:
            emit(found)
        else:
            _tell(found, Directory(lifecycle), dry_run=dry_run)
    if any(one.error for one in found):
        raise typer.Exit(FAILED)


def _tell(found: Sequence[Migration], directory: Directory, *, dry_run: bool) -> None:
    done = [one for one in found if one.error is None]
    if found:
        rows = [
            (
                one.instance_id,
                directory.of_account(one.owner_id).reference,
                one.machine,
                f"{one.from_version} → {one.to_version}",
                one.source,
                one.target,
                one.error or "",
            )
            for one in found
        ]
        display(table(("id", "account", "machine", "version", "state", "becomes", "error"), rows))
    say(f"{len(done)} {'would be' if dry_run else 'are'} migrated; {len(found) - len(done)} can't be.")
