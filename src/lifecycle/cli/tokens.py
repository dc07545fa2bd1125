"""`lifecycle tokens …`: packs that plans sell, and what accounts have left of them."""

from __future__ import annotations

from typing import Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts, money, table, when
from lifecycle.cli.session import opened


def show(context: typer.Context, account: options.Account, as_json: options.AsJson = False) -> None:
    """Show how many tokens an account has left."""
    with opened(context) as lifecycle:
        told = lifecycle.tokens.get(account)
    if as_json:
        emit({"account": told.account, "bought": told.bought, "used": told.used, "left": told.left})
    else:
        display(facts({"bought": str(told.bought), "used": str(told.used), "left": str(told.left)}))


def packs(context: typer.Context, sub: options.Sub, as_json: options.AsJson = False) -> None:
    """List the packs that a subscription's plan sells."""
    from lifecycle.cli.directory import find

    with opened(context) as lifecycle:
        sold = lifecycle.tokens.packs(find(lifecycle, sub))
    if as_json:
        emit(sold)
    else:
        rows = [[str(pack.tokens), money(pack.price, pack.currency)] for pack in sold]
        display(table(["tokens", "price"], rows, right=["tokens", "price"]))


def use(
    context: typer.Context,
    account: options.Account,
    tokens: Annotated[int, typer.Argument(metavar="N", help="How many.")],
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    as_json: options.AsJson = False,
) -> None:
    """Use tokens of an account."""
    with opened(context) as lifecycle:
        told = lifecycle.tokens.use(account, tokens, by=by, reason=reason, key=key)
    if as_json:
        emit({"account": told.account, "bought": told.bought, "used": told.used, "left": told.left})
    else:
        display(facts({"used": str(tokens), "left": str(told.left)}))


def history(context: typer.Context, account: options.Account, as_json: options.AsJson = False) -> None:
    """Show when tokens were bought and used.

    The newest last, with how many were left then.
    """
    with opened(context) as lifecycle:
        told, zone = lifecycle.tokens.history(account), lifecycle.accounts.get(account).zone
    if as_json:
        emit(told)
    else:
        rows = [[when(one.at, zone), f"{one.tokens:+d}", str(one.left)] for one in told]
        display(table(["time", "tokens", "left"], rows, right=["tokens", "left"]))
