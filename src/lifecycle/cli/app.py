"""All commands on one page, in the order of a first day, each with one example."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from lifecycle.cli import (
    accounts,
    catalog,
    checking,
    database,
    explaining,
    health,
    history,
    machines,
    migrating,
    operating,
    operations,
    outbox,
    reading,
    retention,
    setting_up,
    subscriptions,
    timeline,
)
from lifecycle.cli.failures import USAGE

Command = tuple[str, Callable[..., None], str]
"""A name, what it calls, and an example."""

COMMANDS: tuple[Command, ...] = (
    ("run", operations.run, "lifecycle --config shop.yaml run"),
    ("demo", operations.demo, "lifecycle demo ./demo"),
    ("init", setting_up.init, "lifecycle init ./shop"),
    ("check", checking.check, "lifecycle --config shop.yaml check"),
    ("health", health.health, "lifecycle health --max-lag 5m"),
    ("doctor", health.doctor, "lifecycle doctor"),
    ("plans", catalog.plans, "lifecycle plans"),
    ("import", operations.import_, "lifecycle import customers.csv"),
    ("subscribe", subscriptions.subscribe, "lifecycle subscribe acme --plan team --interval year --seats 5"),
    ("activate", subscriptions.activate, "lifecycle activate acme --by ann@acme.test"),
    ("change", subscriptions.change, "lifecycle change acme --plan team --when 2026-06-15"),
    ("withdraw-change", subscriptions.withdraw_change, "lifecycle withdraw-change acme"),
    ("add-seats", subscriptions.add_seats, "lifecycle add-seats acme 2 --by ann@acme.test"),
    ("cancel", subscriptions.cancel, "lifecycle cancel acme --when period_end --reason 'too dear'"),
    ("withdraw-cancellation", subscriptions.withdraw_cancellation, "lifecycle withdraw-cancellation acme"),
    ("list", reading.list_, "lifecycle list --state pending_cancellation"),
    ("show", reading.show, "lifecycle show acme"),
    ("log", history.log, "lifecycle log --account acme --last 20"),
    ("due", reading.due, "lifecycle due --overdue"),
    ("timeline", timeline.timeline, "lifecycle timeline acme --svg acme.svg"),
    ("explain", explaining.explain, "lifecycle explain acme change_now plan=team"),
    ("fire", operating.fire, "lifecycle fire acme --reason 'the daemon is down'"),
    ("skip", operating.skip, "lifecycle skip acme --reason 'a month for free'"),
    ("hold", operating.hold, "lifecycle hold acme --reason 'they dispute it'"),
    ("release", operating.release, "lifecycle release acme --reason 'settled'"),
    ("verify", database.verify, "lifecycle verify"),
    ("prune", retention.prune, "lifecycle prune --before 2024-01-01 --to archive.jsonl"),
    ("migrate", migrating.migrate, "lifecycle migrate --dry-run"),
    ("machine", machines.machine, "lifecycle machine subscription --format mermaid"),
)
DB: tuple[Command, ...] = (
    ("upgrade", database.upgrade, "lifecycle db upgrade"),
    ("current", database.current, "lifecycle db current --json"),
    ("check", database.check, "lifecycle db check"),
)
QUARANTINE: tuple[Command, ...] = (
    ("list", operating.list_, "lifecycle quarantine list"),
    ("show", operating.show, "lifecycle quarantine show acme"),
    ("retry", operating.retry, "lifecycle quarantine retry acme --reason 'mended in 1.4.2'"),
    ("skip", operating.skip, "lifecycle quarantine skip acme --reason 'a month for free'"),
)
ACCOUNT: tuple[Command, ...] = (
    ("add", accounts.add, "lifecycle account add acme --email ann@acme.test --zone Europe/Paris --payment-method"),
    ("list", accounts.list_, "lifecycle account list"),
    ("show", accounts.show, "lifecycle account show acme"),
    ("payment-method", accounts.payment_method, "lifecycle account payment-method acme --present"),
)
OUTBOX: tuple[Command, ...] = (
    ("list", outbox.list_, "lifecycle outbox list --status dead"),
    ("show", outbox.show, "lifecycle outbox show out_01…"),
    ("retry", outbox.retry, "lifecycle outbox retry out_01… --reason 'the CRM is back'"),
    ("drop", outbox.drop, "lifecycle outbox drop out_01… --reason 'told them by phone'"),
)


def _group(commands: tuple[Command, ...], epilog: str) -> typer.Typer:
    group = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,  # rich takes longer to import than all of the help takes to show
        pretty_exceptions_enable=False,  # they would show local variables, which may be secrets
        epilog=epilog,
    )
    for name, function, example in commands:
        group.command(name, epilog=f"Example: {example}")(function)
    return group


app = _group(COMMANDS, "Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 refused, 4 not found.")
app.add_typer(_group(DB, "Example: lifecycle db upgrade"), name="db", help="The database's schema.")
app.add_typer(
    _group(QUARANTINE, "Example: lifecycle quarantine list"), name="quarantine", help="What failed and is kept aside."
)
app.add_typer(_group(ACCOUNT, "Example: lifecycle account show acme"), name="account", help="Accounts: the customers.")
app.add_typer(
    _group(OUTBOX, "Example: lifecycle outbox list --status dead"), name="outbox", help="Messages on their way."
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            number = version("lifecycle-engine")
        except PackageNotFoundError:
            number = "of a checkout that is not installed"
        typer.echo(f"lifecycle {number}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def lifecycle(
    context: typer.Context,
    config: Annotated[Path, typer.Option(metavar="FILE", envvar="LIFECYCLE_CONFIG", help="The configuration.")] = Path(
        "config.yaml"
    ),
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Subscriptions that live, renew, change their plan and end by themselves."""
    del version
    context.obj = config
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(USAGE)
