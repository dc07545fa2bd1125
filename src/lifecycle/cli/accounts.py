"""`lifecycle account …`: the customers, and whether they can pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts, table
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.domain.account import Account


def add(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REFERENCE", help="The host's own name for the account.")],
    *,
    email: Annotated[str, typer.Option(metavar="EMAIL", help="The administrator's address.")],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="The organisation's name; default: the reference.")
    ] = None,
    zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="An IANA zone; default: the configuration's.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="An ISO 4217 code; default: the catalogue's.")
    ] = None,
    payment_method: Annotated[
        bool, typer.Option("--payment-method", help="A payment method is there, so that plans can be bought.")
    ] = False,
    address: Annotated[str, typer.Option(metavar="TEXT", help="The postal address.")] = "",
    tax_id: Annotated[str, typer.Option(metavar="TEXT", help="The tax id.")] = "",
    as_json: options.AsJson = False,
) -> None:
    """Add an account."""
    with opened(context) as lifecycle:
        account = lifecycle.accounts.create(
            reference,
            email=email,
            name=name,
            zone=zone,
            currency=currency,
            payment_method=payment_method,
            address=address,
            tax_id=tax_id,
        )
        _tell(account, as_json)


def list_(context: typer.Context, as_json: options.AsJson = False) -> None:
    """List the accounts, in order of reference."""
    with opened(context) as lifecycle:
        accounts = lifecycle.accounts.list()
    if as_json:
        emit(accounts)
        return
    columns = ("account", "name", "e-mail", "zone", "currency", "payment method")
    rows = [(one.reference, one.name, one.email, one.zone, one.currency, _method(one)) for one in accounts]
    display(table(columns, rows))


def show(context: typer.Context, account: options.Account, as_json: options.AsJson = False) -> None:
    """Show an account and its subscriptions."""
    with opened(context) as lifecycle:
        _tell(lifecycle.accounts.get(account), as_json, lifecycle)


def payment_method(
    context: typer.Context,
    account: options.Account,
    present: Annotated[bool, typer.Option("--present/--missing", help="Whether there is one.")],
    as_json: options.AsJson = False,
) -> None:
    """Say whether a payment method is there.

    Without one, nothing that costs money is bought, and no trial becomes paid.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle.accounts.set_payment_method(account, present), as_json)


def _method(account: Account) -> str:
    return "present" if account.payment_method else "missing"


def _tell(account: Account, as_json: bool, lifecycle: Lifecycle | None = None) -> None:
    """The account, and with the engine at hand its subscriptions too."""
    from lifecycle.app.views import as_json as plain
    from lifecycle.cli import faces
    from lifecycle.cli.directory import Directory

    owned = lifecycle.subscriptions.list(account=account.id) if lifecycle else None
    if as_json:
        emit(plain(account) | ({} if owned is None else {"subscriptions": owned}))
        return
    pairs = {
        "account": account.reference,
        "id": account.id,
        "name": account.name,
        "e-mail": account.email,
        "zone": account.zone,
        "currency": account.currency,
        "payment method": _method(account),
        "address": account.address or None,
        "tax id": account.tax_id or None,
    }
    display(facts(pairs))
    if lifecycle and owned:
        display("", faces.subscriptions(owned, Directory(lifecycle, [account])))
