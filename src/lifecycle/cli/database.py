"""`lifecycle db …` and `lifecycle verify`: the schema, how large it all is, and whether the history in it is whole."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.failures import FAILED
from lifecycle.cli.output import display, emit, lasting, progress_bar, say, size, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from lifecycle import Lifecycle
    from lifecycle.store.stats import Stats
    from lifecycle.verify import Report
    from lifecycle.verify.gateway import Moved


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


def stats(context: typer.Context, as_json: options.AsJson = False) -> None:
    """Show how large the tables are, and what waits.

    Rows are estimated on PostgreSQL, and counted on SQLite, which takes a while in a large file. Nothing is locked.
    """
    from lifecycle.store import migrate
    from lifecycle.store.stats import stats as ask

    with opened(context) as lifecycle:
        migrate.check(lifecycle.database)
        now = lifecycle.clock.now()
        with lifecycle.database.reading() as connection:
            found = ask(connection, now)
        zone = lifecycle.config.zone
    if as_json:
        emit({"at": now, **asdict(found)})
    else:
        _tell_stats(found, now, zone)


def _tell_stats(found: Stats, now: datetime, zone: str) -> None:
    columns = ("table", "rows", "size", "indexes", "unused", "dead rows", "dead", "HOT", "vacuumed")
    rows = [
        (
            one.table,
            f"{one.rows:,}",
            size(one.bytes),
            size(one.index_bytes),
            size(one.unused_bytes),
            "" if one.dead_rows is None else f"{one.dead_rows:,}",
            _percent(one.dead_share),
            _percent(one.hot_share),
            "" if one.vacuumed_at is None else when(one.vacuumed_at, zone),
        )
        for one in found.tables
    ]
    waiting, free = found.waiting, f", {size(found.free_bytes)} of it free" if found.free_bytes else ""
    display(table(columns, rows, right=columns[1:-1]))
    typer.echo(f"\n{found.database}: {size(found.bytes)}{free}.")
    oldest = waiting.oldest
    since = f", the first for {lasting(now - oldest.due_at)}: {oldest.event} of {oldest.instance_id}" if oldest else ""
    typer.echo(f"Due: {waiting.due}{since}.")
    at = waiting.outbox_oldest_at
    for_so_long = f", the oldest for {lasting(now - at)}" if at else ""
    typer.echo(
        f"Outbox: {waiting.outbox_waiting} waiting{for_so_long}; {waiting.outbox_due} due; {waiting.outbox_dead} dead."
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


def verify(
    context: typer.Context,
    archive: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A file that prune has written; several, oldest first: once for each."),
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Check that the history is whole.

    Sequence, hash chain, states, deferrals and money, by code that the engine does not share. A gateway that gives its
    own ledger, as the sandbox does, is compared too. Exit code 1 where it is not whole.
    """
    from lifecycle.verify import verify as judge

    with opened(context) as lifecycle, progress_bar("Verifying", visible=not as_json) as progress:
        report = judge(
            lifecycle.database,
            now=lifecycle.clock.now(),
            archives=archive or (),
            progress=progress,
            charges=_ledger(lifecycle),
        )
    _tell_report(report, as_json)
    if report.errors:
        raise typer.Exit(FAILED)


def _ledger(lifecycle: Lifecycle) -> Iterable[Moved] | None:
    """The gateway's own ledger, if it gives one; a gateway that can't be had is said, and left out."""
    from lifecycle.errors import LifecycleError
    from lifecycle.verify import ledger_of

    try:
        return ledger_of(lifecycle.gateway)
    except LifecycleError as error:
        say(f"The gateway's ledger is left out: {error}")
        return None


def _tell_report(report: Report, as_json: bool) -> None:
    if as_json:
        emit({"roots": report.roots, "rows": report.rows, "archived": report.archived, "findings": report.findings})
        return
    if report.findings:
        columns = ("level", "code", "root", "instance", "row", "what")
        rows = [
            (one.level, one.code, one.root_id, one.instance_id or "", str(one.seq or ""), one.message)
            for one in report.findings
        ]
        display(table(columns, rows))
    whole = "is broken" if report.errors else "is whole"
    archived = f", and of {report.archived} that were moved out," if report.archived else ""
    typer.echo(f"The history of {report.roots} roots and {report.rows} transitions{archived} {whole}.")
