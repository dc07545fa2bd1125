"""`lifecycle db …` and `lifecycle verify`: the schema, and whether the history in it is whole."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from lifecycle.cli import options
from lifecycle.cli.failures import FAILED
from lifecycle.cli.output import display, emit, table
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.verify import Report

Progress = Callable[[int, int], None]


def upgrade(context: typer.Context, as_json: options.AsJson = False) -> None:
    """Create the schema, or bring it up to date.

    Harmless when repeated.
    """
    with opened(context) as lifecycle:
        lifecycle.upgrade_schema()
        _tell_revision(lifecycle, as_json)


def current(context: typer.Context, as_json: options.AsJson = False) -> None:
    """Show the schema's revision, and the one needed."""
    with opened(context) as lifecycle:
        _tell_revision(lifecycle, as_json)


def check(context: typer.Context, as_json: options.AsJson = False) -> None:
    """Fail unless the schema is the one needed."""
    from lifecycle.store import migrate

    with opened(context) as lifecycle:
        migrate.check(lifecycle.database)
        _tell_revision(lifecycle, as_json)


def _tell_revision(lifecycle: Lifecycle, as_json: bool) -> None:
    from lifecycle.store import migrate
    from lifecycle.store.schema import HEAD

    revision = migrate.current(lifecycle.database)
    if as_json:
        emit({"revision": revision, "needed": HEAD})
    else:
        typer.echo(f"The schema is at revision {revision or 'none'}; this release needs {HEAD}.")


def verify(context: typer.Context, as_json: options.AsJson = False) -> None:
    """Check that the history is whole.

    Sequence, hash chain, states and deferrals, by code that the engine does not share. Exit code 1 where it is not.
    """
    from lifecycle.verify import verify as judge

    with opened(context) as lifecycle, _progress(visible=not as_json) as progress:
        report = judge(lifecycle.database, now=lifecycle.clock.now(), progress=progress)
    _tell_report(report, as_json)
    if report.errors:
        raise typer.Exit(FAILED)


def _tell_report(report: Report, as_json: bool) -> None:
    if as_json:
        emit({"roots": report.roots, "rows": report.rows, "findings": report.findings})
        return
    if report.findings:
        columns = ("level", "code", "root", "instance", "row", "what")
        rows = [
            (one.level, one.code, one.root_id, one.instance_id or "", str(one.seq or ""), one.message)
            for one in report.findings
        ]
        display(table(columns, rows))
    whole = "is broken" if report.errors else "is whole"
    typer.echo(f"The history of {report.roots} roots and {report.rows} transitions {whole}.")


@contextmanager
def _progress(*, visible: bool) -> Iterator[Progress]:
    """A bar on a terminal; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True, disable=not (visible and sys.stderr.isatty())) as bar:
        task = bar.add_task("Verifying", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
