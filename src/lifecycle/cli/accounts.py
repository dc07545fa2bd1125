"""`lifecycle account …`: the customers, and what they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts, money, say, table, when
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
        bool, typer.Option("--payment-method", help="With the sandbox's good card, so that plans can be bought.")
    ] = False,
    payment_token: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="With what the gateway calls so: see payment-methods add.")
    ] = None,
    address: Annotated[str, typer.Option(metavar="TEXT", help="The postal address.")] = "",
    tax_id: Annotated[str, typer.Option(metavar="TEXT", help="The tax id.")] = "",
    language: Annotated[
        str | None, typer.Option(metavar="LANGUAGE", help="What it is written to in, such as de.")
    ] = None,
    clock: Annotated[
        str | None, typer.Option(metavar="CLOCK", help="For a test: the named clock that it is to be on.")
    ] = None,
    as_json: options.AsJson = False,
) -> None:
    """Add an account."""
    if payment_method and payment_token:
        raise typer.BadParameter("--payment-method or --payment-token, not both.")
    with opened(context) as lifecycle:
        account = lifecycle.accounts.create(
            reference,
            email=email,
            name=name,
            zone=zone,
            currency=currency,
            payment_method=payment_token or payment_method,
            address=address,
            tax_id=tax_id,
            language=language,
            clock=clock,
        )
        _tell(account, as_json)


def list_(context: typer.Context, as_json: options.AsJson = False) -> None:
    """List the accounts, in order of reference."""
    with opened(context) as lifecycle:
        accounts = lifecycle.accounts.list()
    if as_json:
        emit(accounts)
        return
    columns = ("account", "clock", "name", "e-mail", "zone", "currency", "payment method")
    rows = [
        (one.reference, one.clock or "", one.name, one.email, one.zone, one.currency, _method(one)) for one in accounts
    ]
    display(table(columns, rows))


def show(context: typer.Context, account: options.Account, as_json: options.AsJson = False) -> None:
    """Show an account and what it has.

    Its balance, payment methods and subscriptions.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle.accounts.get(account), as_json, lifecycle)


def edit(
    context: typer.Context,
    account: options.Account,
    *,
    reference: Annotated[str | None, typer.Option(metavar="REFERENCE", help="Another name of the host's.")] = None,
    email: Annotated[str | None, typer.Option(metavar="EMAIL", help="The administrator's address.")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The organisation's name.")] = None,
    address: Annotated[str | None, typer.Option(metavar="TEXT", help="The postal address.")] = None,
    tax_id: Annotated[str | None, typer.Option(metavar="TEXT", help="The tax id.")] = None,
    language: Annotated[
        str | None, typer.Option(metavar="LANGUAGE", help="What it is written to in, such as de; '': the default.")
    ] = None,
    by: options.By = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Change an account's details."""
    asked = {
        "reference": reference,
        "email": email,
        "name": name,
        "address": address,
        "tax_id": tax_id,
        "language": language,
    }
    changed: dict[str, Any] = {what: value for what, value in asked.items() if value is not None}
    with opened(context) as lifecycle:
        _tell(lifecycle.accounts.edit(account, **changed, by=by, reason=reason), as_json)


def close(
    context: typer.Context,
    account: options.Account,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Close an account that has nothing going on.

    From then on it can only be read. Tokens that are left go with it.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle.accounts.close(account, by=by, reason=reason), as_json)


def delete(
    context: typer.Context,
    account: options.Account,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    by: options.By = "operator",
    reason: options.Reason = None,
    as_json: options.AsJson = False,
) -> None:
    """Erase what is personal of a closed account.

    For good: names, addresses, codes, reasons, cards. The log and the books stay, with ids and amounts.
    """
    if not yes and typer.prompt(f"Type {account} again to erase it", err=True) != account:
        raise typer.BadParameter("That is another name; nothing was erased.")
    with opened(context) as lifecycle:
        identifier = lifecycle.accounts.get(account).id
        say(f"Erasing {identifier}, which is its name from now on.")
        gone = lifecycle.accounts.delete(identifier, by=by, reason=reason)
    if as_json:
        emit(gone)
        return
    display(facts({"erased": gone.account, "at the gateway": ", ".join(gone.customers) or None}))
    for what in gone.left:
        say(what)


def _method(account: Account) -> str:
    return "present" if account.payment_method else "missing"


def _tell(account: Account, as_json: bool, lifecycle: Lifecycle | None = None) -> None:
    """The account, and with the engine at hand what it has."""
    from lifecycle.app.views import as_json as plain

    pairs = {
        "account": account.reference,
        "id": account.id,
        "clock": f"{account.clock} (TEST)" if account.clock else None,
        "name": account.name,
        "e-mail": account.email,
        "zone": account.zone,
        "language": account.language,
        "currency": account.currency,
        "payment method": _method(account),
        "address": account.address or None,
        "tax id": account.tax_id or None,
        "closed": "yes" if account.closed else None,
    }
    if lifecycle is not None:
        _tell_all(lifecycle, account, pairs, as_json)
    elif as_json:
        emit(plain(account))
    else:
        display(facts(pairs))


def _tell_all(lifecycle: Lifecycle, account: Account, pairs: dict[str, str | None], as_json: bool) -> None:
    from lifecycle.app.views import as_json as plain
    from lifecycle.cli import faces, payment_methods
    from lifecycle.cli.directory import Directory

    owned = lifecycle.subscriptions.list(account=account.id)
    page = lifecycle.pages.account(account.id, by="operator")
    methods, balance = page.payment_methods, page.balance
    if as_json:
        told = {
            "balance": balance.amount,
            "tokens": page.tokens,
            "members": page.members,
            "payment_methods": [payment_methods.described(one) for one in methods],
            "subscriptions": owned,
            "pages": [
                {
                    "id": one.subscription.id,
                    "renews": one.renews,
                    "ends_at": one.ends_at,
                    "seats_used": one.seats_used,
                    "possible": one.possible,
                }
                for one in page.subscriptions
            ],
            "plans": page.plans,
        }
        emit(plain(account) | plain(told))
        return
    more = {
        "balance": money(balance.amount, balance.currency),
        "tokens": str(page.tokens) if page.tokens else None,
        "members": str(page.members),
    }
    for one in page.subscriptions:
        renews = one.renews
        more[f"{one.subscription.plan} seats"] = f"{one.seats_used} of {one.subscription.seats} are taken"
        if renews is not None:
            amount = money(renews.total, one.subscription.currency)
            more[f"{one.subscription.plan} renews"] = f"{when(renews.date, account.zone)}, {amount}"
    if not page.subscriptions:
        more["plans to choose"] = ", ".join(offer.plan for offer in page.plans)
    display(facts(pairs | more))
    if methods:
        display("", payment_methods.methods(methods, account.zone))
    if owned:
        display("", faces.subscriptions(owned, Directory(lifecycle, [account])))
