"""`lifecycle payment-methods …`: what an account is charged on. What is stored is a gateway's token, never a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.output import day, display, emit, facts, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from lifecycle import Lifecycle
    from lifecycle.store.money import PaymentMethod

OneMethod = Annotated[str, typer.Argument(metavar="METHOD", help="Its id, or the last four digits.")]


def add(
    context: typer.Context,
    account: options.Account,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="What the gateway calls it.")],
    *,
    default: Annotated[
        bool, typer.Option("--default/--no-default", help="Whether the account is charged on it from now on.")
    ] = True,
    as_json: options.AsJson = False,
) -> None:
    """Add a payment method.

    As the default one it is tried at once on what is owed. The sandbox's cards are named by what they do: ok, declines,
    declines_after:N, declines_first:N, expired, times_out, reply_lost.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.payment_methods.add(account, token, default=default), as_json)


def list_(context: typer.Context, account: options.Account, as_json: options.AsJson = False) -> None:
    """List an account's payment methods.

    In the order in which they were added.
    """
    with opened(context) as lifecycle:
        found = lifecycle.payment_methods.list(account)
        zone = lifecycle.accounts.get(account).zone
    if as_json:
        emit([described(one) for one in found])
    else:
        display(methods(found, zone))


def default(
    context: typer.Context, account: options.Account, method: OneMethod, as_json: options.AsJson = False
) -> None:
    """Charge an account on this one from now on.

    What is owed is tried with it at once.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.payment_methods.make_default(account, method), as_json)


def remove(
    context: typer.Context, account: options.Account, method: OneMethod, as_json: options.AsJson = False
) -> None:
    """Take a payment method out of use.

    The one that was added last becomes the default. The only one stays while something is to be paid with it.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle, lifecycle.payment_methods.remove(account, method), as_json)


def start(context: typer.Context, account: options.Account, as_json: options.AsJson = False) -> None:
    """Begin a payment method that a person enters.

    On the host's page, with the gateway's form: the client secret is for that page only.
    """
    with opened(context) as lifecycle:
        begun = lifecycle.payment_methods.start_setup(account)
    if as_json:
        emit(begun)
    else:
        display(facts({"id": begun.id, "client secret": begun.client_secret}))


def described(method: PaymentMethod) -> dict[str, Any]:
    """A payment method for programs."""
    from lifecycle.app.views import as_json

    told: dict[str, Any] = as_json(method)
    del told["default_of"]
    return told | {"is_default": method.is_default}


def methods(several: Sequence[PaymentMethod], zone: str) -> Table:
    """One line for each."""
    rows = [
        (one.card, _expiry(one), "yes" if one.is_default else "", day(one.added_at, zone), one.id) for one in several
    ]
    return table(("payment method", "expires", "default", "added", "id"), rows)


def _expiry(method: PaymentMethod) -> str:
    return f"{method.exp_year}-{method.exp_month:02}"


def _tell(lifecycle: Lifecycle, method: PaymentMethod, as_json: bool) -> None:
    if as_json:
        emit(described(method))
        return
    zone = lifecycle.accounts.get(method.account_id).zone
    pairs = {
        "payment method": method.card,
        "id": method.id,
        "expires": _expiry(method),
        "default": "yes" if method.is_default else "no",
        "added": when(method.added_at, zone),
        "removed": when(method.removed_at, zone) if method.removed_at else None,
    }
    display(facts(pairs))
