"""`lifecycle balance …`: what accounts have to their credit, and the books that it stands in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts, money, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from rich.table import Table

    from lifecycle import Lifecycle
    from lifecycle.app.balances import Balance

Amount = Annotated[
    str, typer.Argument(metavar="AMOUNT", help="How much, in the account's currency, such as 50 or 12.50.")
]


def show(
    context: typer.Context,
    account: options.Account,
    books: Annotated[bool, typer.Option("--books", help="With every entry of the account's books.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show an account's balance.

    Its next invoices use it before anything is charged.
    """
    with opened(context) as lifecycle:
        balance = lifecycle.balances.get(account)
        if as_json:
            emit(_described(lifecycle, balance) | ({"entries": lifecycle.balances.entries(account)} if books else {}))
            return
        _show(lifecycle, balance)
        if books:
            display("", _books(lifecycle, balance.account))


def _adjusting(name: Literal["credit", "write_off", "pay_out"], help: str, more: str) -> Callable[..., None]:
    """The command that does this to a balance, and tells what is there then."""

    def adjust(
        context: typer.Context,
        account: options.Account,
        amount: Amount,
        *,
        reason: options.Why,
        by: options.Operator = "operator",
        as_json: options.AsJson = False,
    ) -> None:
        with opened(context) as lifecycle:
            minor = _minor(amount, lifecycle.balances.get(account).currency)
            balance = getattr(lifecycle.balances, name)(account, minor, reason=reason, by=by)
            if as_json:
                emit(_described(lifecycle, balance))
            else:
                _show(lifecycle, balance)

    adjust.__doc__ = f"{help}\n\n{more}"
    return adjust


credit = _adjusting("credit", "Add to a balance, as a present.", "The account's next invoices use it.")
write_off = _adjusting(
    "write_off", "Take from a balance what will not be used.", "Nobody gets it; before an account is closed."
)
pay_out = _adjusting("pay_out", "Give a balance back.", "Through the gateway, to the charges that were paid last.")


def _minor(amount: str, currency: str) -> int:
    """The amount in minor units. Raises Refused (`invalid`)."""
    from lifecycle.app.arguments import invalid
    from lifecycle.domain.money import parse_amount

    try:
        return parse_amount(amount, currency)
    except ValueError as error:
        raise invalid(str(error)) from error


def _described(lifecycle: Lifecycle, balance: Balance) -> dict[str, Any]:
    reference = lifecycle.accounts.get(balance.account).reference
    return {
        "account": reference,
        "account_id": balance.account,
        "currency": balance.currency,
        "amount": balance.amount,
    }


def _show(lifecycle: Lifecycle, balance: Balance) -> None:
    reference = lifecycle.accounts.get(balance.account).reference
    display(facts({"account": reference, "balance": money(balance.amount, balance.currency)}))


def _books(lifecycle: Lifecycle, account: str) -> Table:
    """Every entry, and the transition that made it."""
    zone = lifecycle.accounts.get(account).zone
    made = {(step.root_id, step.seq): f"{step.machine} {step.event}" for step in lifecycle.log(account=account)}
    rows = [
        (
            when(one.at, zone),
            one.book,
            _units(one.amount, one.unit) if one.amount > 0 else "",
            _units(-one.amount, one.unit) if one.amount < 0 else "",
            made.get((one.root_id, one.seq), f"row {one.seq} of {one.root_id}"),
        )
        for one in lifecycle.balances.entries(account)
    ]
    return table(("time", "book", "debit", "credit", "by"), rows, right=("debit", "credit"))


def _units(amount: int, unit: str) -> str:
    """An amount of money, or a number of what else is counted, such as credits."""
    return money(amount, unit) if unit.isupper() else f"{amount} {unit}"
