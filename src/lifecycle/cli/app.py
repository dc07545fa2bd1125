"""All commands on one page, in the order of a first day, each with one example."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

from lifecycle.cli import (
    accounts,
    balances,
    catalog,
    checking,
    clocks,
    daemon,
    database,
    explaining,
    forecasting,
    handlers,
    health,
    history,
    invitations,
    invoices,
    machines,
    members,
    migrating,
    notices,
    operating,
    operations,
    outbox,
    payment_methods,
    quotes,
    reading,
    retention,
    scenarios,
    setting_up,
    subscriptions,
    timeline,
    tokens,
    webhook_messages,
    webhooks,
)
from lifecycle.cli.failures import USAGE

Command = tuple[str, Callable[..., None], str]
"""A name, what it calls, and an example."""

ON_SUBSCRIPTIONS = subscriptions.Commands()

COMMANDS: tuple[Command, ...] = (
    ("run", daemon.run, "lifecycle --config shop.yaml run"),
    ("demo", operations.demo, "lifecycle demo ./demo"),
    ("init", setting_up.init, "lifecycle init ./shop"),
    ("check", checking.check, "lifecycle --config shop.yaml check"),
    ("health", health.health, "lifecycle health --max-lag 5m"),
    ("doctor", health.doctor, "lifecycle doctor"),
    ("plans", catalog.plans, "lifecycle plans"),
    ("import", operations.import_, "lifecycle import customers.csv"),
    ("subscribe", ON_SUBSCRIPTIONS.subscribe, "lifecycle subscribe acme --plan team --interval year --seats 5"),
    ("activate", ON_SUBSCRIPTIONS.activate, "lifecycle activate acme --by ann@acme.test"),
    ("change", ON_SUBSCRIPTIONS.change, "lifecycle change acme --plan team --when 2026-06-15"),
    ("withdraw-change", ON_SUBSCRIPTIONS.withdraw_change, "lifecycle withdraw-change acme"),
    ("add-seats", ON_SUBSCRIPTIONS.add_seats, "lifecycle add-seats acme 2 --by ann@acme.test"),
    ("cancel", ON_SUBSCRIPTIONS.cancel, "lifecycle cancel acme --when period_end --reason 'too dear'"),
    ("withdraw-cancellation", ON_SUBSCRIPTIONS.withdraw_cancellation, "lifecycle withdraw-cancellation acme"),
    ("confirm", subscriptions.confirm, "lifecycle confirm ord_01… --by ann@acme.test"),
    ("join", invitations.join, "lifecycle join CODE --email bob@acme.test"),
    ("list", reading.list_, "lifecycle list --state pending_cancellation"),
    ("show", reading.show, "lifecycle show acme"),
    ("billing", invoices.billing, "lifecycle billing acme"),
    ("pay", invoices.pay, "lifecycle pay INV-000002 --reason 'they asked by phone'"),
    ("log", history.log, "lifecycle log --account acme --last 20"),
    ("due", reading.due, "lifecycle due --overdue"),
    ("forecast", forecasting.forecast, "lifecycle forecast acme --until '+3 months'"),
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
    ("stats", database.stats, "lifecycle db stats --json"),
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
    ("edit", accounts.edit, "lifecycle account edit acme --address '1 Main Street'"),
    ("close", accounts.close, "lifecycle account close acme --reason 'they asked for it'"),
    ("delete", accounts.delete, "lifecycle account delete acme --yes"),
)
MEMBERS: tuple[Command, ...] = (
    ("list", members.list_, "lifecycle members list acme"),
    ("show", members.show, "lifecycle members show acme bob@acme.test"),
    ("add", members.add, "lifecycle members add acme bob@acme.test --first-name Bob --sub acme"),
    ("edit", members.edit, "lifecycle members edit acme bob@acme.test --role admin"),
    ("enable", members.enable, "lifecycle members enable acme bob@acme.test"),
    ("disable", members.disable, "lifecycle members disable acme bob@acme.test"),
    ("remove", members.remove, "lifecycle members remove acme bob@acme.test --by ann@acme.test"),
    ("resend", members.resend, "lifecycle members resend acme bob@acme.test"),
    ("redeem", members.redeem, "lifecycle members redeem TOKEN"),
    ("assign", members.assign, "lifecycle members assign acme bob@acme.test"),
    ("unassign", members.unassign, "lifecycle members unassign acme bob@acme.test"),
    ("seats", members.seats, "lifecycle members seats acme"),
    ("import", members.import_, "lifecycle members import acme people.csv --sub acme --dry-run"),
    ("template", members.template, "lifecycle members template > people.csv"),
    ("export", members.export, "lifecycle members export acme > people.csv"),
)
INVITATIONS: tuple[Command, ...] = (
    ("open", invitations.open_, "lifecycle invitations open acme --limit 5 --expires +14d"),
    ("list", invitations.list_, "lifecycle invitations list acme"),
    ("show", invitations.show, "lifecycle invitations show CODE"),
    ("revoke", invitations.revoke, "lifecycle invitations revoke CODE --reason 'it leaked'"),
)
QUOTE: tuple[Command, ...] = (
    ("subscribe", quotes.subscribe, "lifecycle quote subscribe acme --plan team --interval year --seats 5"),
    ("activate", quotes.activate, "lifecycle quote activate acme"),
    ("change", quotes.change, "lifecycle quote change acme --plan team --when now"),
    ("withdraw-change", quotes.withdraw_change, "lifecycle quote withdraw-change acme"),
    ("add-seats", quotes.add_seats, "lifecycle quote add-seats acme 2"),
    ("buy-tokens", quotes.buy_tokens, "lifecycle quote buy-tokens acme 100"),
    ("cancel", quotes.cancel, "lifecycle quote cancel acme --when now"),
    ("withdraw-cancellation", quotes.withdraw_cancellation, "lifecycle quote withdraw-cancellation acme"),
    ("show", quotes.show, "lifecycle quote show ord_01…"),
)
INVOICES: tuple[Command, ...] = (
    ("list", invoices.list_, "lifecycle invoices list acme --drafts"),
    ("show", invoices.show, "lifecycle invoices show INV-000001 --pdf INV-000001.pdf"),
)
PAYMENT_METHODS: tuple[Command, ...] = (
    ("add", payment_methods.add, "lifecycle payment-methods add acme declines_after:2"),
    ("list", payment_methods.list_, "lifecycle payment-methods list acme"),
    ("default", payment_methods.default, "lifecycle payment-methods default acme 4242"),
    ("remove", payment_methods.remove, "lifecycle payment-methods remove acme 0002"),
    ("start", payment_methods.start, "lifecycle payment-methods start acme --json"),
)
BALANCE: tuple[Command, ...] = (
    ("show", balances.show, "lifecycle balance show acme --books"),
    ("credit", balances.credit, "lifecycle balance credit acme 25.00 --reason 'for the outage'"),
    ("write-off", balances.write_off, "lifecycle balance write-off acme 0.10 --reason 'they are gone'"),
    ("pay-out", balances.pay_out, "lifecycle balance pay-out acme 25.00 --reason 'they asked for it'"),
)
CREDITS: tuple[Command, ...] = (
    ("show", subscriptions.credits_, "lifecycle credits show acme"),
    ("use", ON_SUBSCRIPTIONS.use_credits, "lifecycle credits use acme 3 --key job-17"),
)
TOKENS: tuple[Command, ...] = (
    ("show", tokens.show, "lifecycle tokens show acme"),
    ("packs", tokens.packs, "lifecycle tokens packs acme"),
    ("buy", ON_SUBSCRIPTIONS.buy_tokens, "lifecycle tokens buy acme 100"),
    ("use", tokens.use, "lifecycle tokens use acme 3 --key job-17"),
    ("history", tokens.history, "lifecycle tokens history acme"),
)
CLOCK: tuple[Command, ...] = (
    ("create", clocks.create, "lifecycle clock create qa --at 2026-01-31"),
    ("list", clocks.list_, "lifecycle clock list"),
    ("advance", clocks.advance, "lifecycle clock advance qa '+1 month' --dry-run"),
    ("delete", clocks.delete, "lifecycle clock delete qa"),
)
OUTBOX: tuple[Command, ...] = (
    ("list", outbox.list_, "lifecycle outbox list --status dead"),
    ("show", outbox.show, "lifecycle outbox show out_01…"),
    ("retry", outbox.retry, "lifecycle outbox retry out_01… --reason 'the CRM is back'"),
    ("drop", outbox.drop, "lifecycle outbox drop out_01… --reason 'told them by phone'"),
)
HANDLERS: tuple[Command, ...] = (
    ("list", handlers.list_, "lifecycle handlers list"),
    ("forget", handlers.forget, "lifecycle handlers forget crm --reason 'the CRM is gone'"),
)
WEBHOOKS: tuple[Command, ...] = (
    ("add", webhooks.add, "lifecycle webhooks add https://shop.example/hooks --event 'subscription.*'"),
    ("list", webhooks.list_, "lifecycle webhooks list"),
    ("show", webhooks.show, "lifecycle webhooks show whk_01…"),
    ("edit", webhooks.edit, "lifecycle webhooks edit whk_01… --event subscription.ended"),
    ("deliveries", webhook_messages.deliveries, "lifecycle webhooks deliveries whk_01…"),
    ("resend", webhook_messages.resend, "lifecycle webhooks resend out_01… --reason 'they lost it'"),
    ("rotate", webhooks.rotate, "lifecycle webhooks rotate whk_01… --overlap 24h"),
    ("test", webhooks.send_test, "lifecycle webhooks test whk_01…"),
    ("pause", webhooks.pause, "lifecycle webhooks pause whk_01… --reason 'they move house'"),
    ("resume", webhooks.resume, "lifecycle webhooks resume whk_01…"),
    ("remove", webhooks.remove, "lifecycle webhooks remove whk_01…"),
    ("schema", webhook_messages.schema, "lifecycle webhooks schema subscription.cancel"),
)
NOTICES: tuple[Command, ...] = (
    ("kinds", notices.kinds, "lifecycle notices kinds"),
    ("preview", notices.preview, "lifecycle notices preview renewed --html renewed.html"),
    ("sent", notices.sent, "lifecycle notices sent --account acme"),
    ("catalogue", notices.catalogue, "lifecycle notices catalogue > lifecycle.pot"),
)
SCENARIO: tuple[Command, ...] = (
    ("run", scenarios.run, "lifecycle scenario run stories/ --brief"),
    ("check", scenarios.check, "lifecycle scenario check stories/upgrade.scenario.yaml"),
    ("list", scenarios.list_, "lifecycle scenario list stories/"),
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


GROUPS: tuple[tuple[str, tuple[Command, ...], str], ...] = (
    ("members", MEMBERS, "The people of an account, and who has a seat."),
    ("invitations", INVITATIONS, "Codes with which people take seats themselves."),
    ("quote", QUOTE, "What a command would do and cost."),
    ("invoices", INVOICES, "What was invoiced, and became of it."),
    ("payment-methods", PAYMENT_METHODS, "What accounts are charged on."),
    ("balance", BALANCE, "What accounts have to their credit."),
    ("credits", CREDITS, "What is left of a plan's allowance."),
    ("tokens", TOKENS, "Packs that plans sell, and what is left of them."),
    ("db", DB, "The database's schema, and its size."),
    ("quarantine", QUARANTINE, "What failed and is kept aside."),
    ("account", ACCOUNT, "Accounts: the customers."),
    ("outbox", OUTBOX, "Messages on their way."),
    ("handlers", HANDLERS, "Your functions that are told of transitions."),
    ("webhooks", WEBHOOKS, "Addresses that are told of transitions."),
    ("notices", NOTICES, "What customers are written."),
    ("scenario", SCENARIO, "Stories in files, on a virtual clock."),
    ("clock", CLOCK, "Clocks on which testers have time pass."),
)
"""The commands that come in groups; each group's first example is that of its help."""

app = _group(COMMANDS, "Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 refused, 4 not found.")
for _name, _commands, _help in GROUPS:
    app.add_typer(_group(_commands, f"Example: {_commands[0][2]}"), name=_name, help=_help)


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


@cache
def built() -> Callable[..., int | None]:
    """All commands, ready to be called; Typer would build them anew for each call, which takes longer than most do."""
    return get_command(app)
