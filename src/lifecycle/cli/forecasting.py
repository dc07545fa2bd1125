"""`lifecycle forecast`: what would happen by a date, and what it would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, money, printable, progress_bar, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from rich.table import Table

    from lifecycle.app.forecasting import Forecast, Still, Sums
    from lifecycle.cli.directory import Directory


def forecast(
    context: typer.Context,
    sub: options.OneThing = None,
    *,
    account: options.OneAccount = None,
    everything: Annotated[bool, typer.Option("--all", help="All there is, which takes a while.")] = False,
    until: Annotated[
        str,
        typer.Option(metavar="WHEN", help="A date or time, local to the account, or a length such as '+3 months'."),
    ],
    declines: Annotated[bool, typer.Option("--declines", help="As if every charge were declined.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Say what would happen by a date.

    When, and what it would cost, if nobody does anything. It changes nothing, and asks no gateway.
    """
    from lifecycle.cli.directory import Directory, find_instance

    if [sub is not None, account is not None, everything].count(True) != 1:
        raise typer.BadParameter("Name one of SUB, --account and --all.")
    with opened(context) as lifecycle, progress_bar("Forecasting", visible=everything and not as_json) as progress:
        found = lifecycle.forecast(
            find_instance(lifecycle, sub) if sub else None,
            account=account,
            until=until,
            declines=declines,
            progress=progress if everything else None,
        )
        directory = Directory(lifecycle, lifecycle.accounts.list() if everything else [])
        if as_json:
            emit(_described(found, directory))
        else:
            _tell(found, directory, lifecycle.config.zone)


def _described(found: Forecast, directory: Directory) -> dict[str, Any]:
    from lifecycle.app.views import as_json

    told: dict[str, Any] = as_json(found)
    for several in (told["steps"], told["invoices"]):
        several[:] = [{"account": directory.of_account(one["account_id"]).reference, **one} for one in several]
    return told


def _tell(found: Forecast, directory: Directory, zone: str) -> None:
    """`zone` is that of the end where the steps are in several, or in none."""
    zones = {directory.of_account(step.account_id).zone for step in found.steps}
    end = when(found.end, zones.pop() if len(zones) == 1 else zone)
    display(_steps(found, directory) if found.steps else "Nothing would happen.", "")
    display(f"Up to {end}:", *([f"  {_sum(one)}" for one in found.totals] or ["  nothing is invoiced"]))
    display(*(f"  {_standing_still(one)}" for one in found.still))
    display("", "Taken for granted:", *(f"  {one}" for one in found.assumptions))


def _steps(found: Forecast, directory: Directory) -> Table:
    from lifecycle.cli import faces
    from lifecycle.drawing.timeline import way

    owners = [directory.of_account(step.account_id) for step in found.steps]
    several = len({step.root_id for step in found.steps}) > 1
    rows = [
        (
            when(step.at, owner.zone),
            faces.distance(step.at, found.start) if step.at < found.start else "",
            owner.reference if several else "",
            step.machine,
            step.event,
            way(step),
            money(step.amount, step.currency) if step.amount is not None and step.currency else "",
            step.root_id if several else "",
        )
        for step, owner in zip(found.steps, owners, strict=True)
    ]
    return table(("time", "", "account", "of", "event", "from → to", "amount", "id"), rows, right=("amount",))


def _sum(one: Sums) -> str:
    parts = {"from the balance": one.credit, "paid": one.paid, "owed": one.owed, "credited": one.credited}
    told = ", ".join(f"{money(amount, one.currency)} {name}" for name, amount in parts.items() if amount)
    return f"{money(one.total, one.currency)} invoiced{f': {told}' if told else ''}"


def _standing_still(one: Still) -> str:
    return printable(f"{one.root_id} is {one.status}{f': {one.error}' if one.error else ''}")
