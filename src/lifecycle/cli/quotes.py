"""`lifecycle quote …`: what a command would do and cost, with the options of that command. Nothing is done by it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.session import opened
from lifecycle.cli.subscriptions import Commands, subject

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.app.quotes import Quote

MORE = "What it would do and cost, with how it is worked out. Nothing is done before you confirm."


class Quoting(Commands):
    """The same commands, worked out and not carried out."""

    def carry_out(self, context: typer.Context, name: str, about: str, as_json: bool, **asked: Any) -> None:
        """Work out what the command would do, and tell."""
        with opened(context) as lifecycle:
            quoted = getattr(lifecycle.quotes, name)(subject(lifecycle, name, about), **asked)
            _tell(context, lifecycle, quoted, as_json)


def _quoted(command: Callable[..., None], head: str) -> Callable[..., None]:
    """The command with a help of its own; without an idempotency key, for a quote is harmless when repeated."""

    @wraps(command)
    def quoted(*arguments: Any, **given: Any) -> None:
        command(*arguments, **given)

    asked = signature(command, eval_str=True)
    kept = [one for one in asked.parameters.values() if one.name != "key"]
    quoted.__doc__ = f"{head}\n\n{MORE}"
    quoted.__signature__ = asked.replace(parameters=kept)  # type: ignore[attr-defined]  # as inspect reads it
    return quoted


_quoting = Quoting()
subscribe = _quoted(_quoting.subscribe, "Quote a new subscription.")
activate = _quoted(_quoting.activate, "Quote paying before the trial ends.")
change = _quoted(_quoting.change, "Quote another plan, interval or number of seats.")
withdraw_change = _quoted(_quoting.withdraw_change, "Quote undoing the pending change.")
add_seats = _quoted(_quoting.add_seats, "Quote more seats.")
buy_tokens = _quoted(_quoting.buy_tokens, "Quote a pack of tokens.")
cancel = _quoted(_quoting.cancel, "Quote the end of a subscription.")
withdraw_cancellation = _quoted(_quoting.withdraw_cancellation, "Quote undoing the pending cancellation.")


def show(context: typer.Context, quote: options.Quote, as_json: options.AsJson = False) -> None:
    """Show a quote.

    As it was made, and what became of it.
    """
    with opened(context) as lifecycle:
        _tell(context, lifecycle, lifecycle.quotes.get(quote), as_json)


def _tell(context: typer.Context, lifecycle: Lifecycle, quote: Quote, as_json: bool) -> None:
    from lifecycle.app.views import as_json as plain
    from lifecycle.cli import bills
    from lifecycle.cli.directory import Directory
    from lifecycle.cli.output import display, emit

    directory = Directory(lifecycle)
    owner = directory.of_account(quote.account)
    if as_json:
        emit(plain(quote) | {"account": owner.reference, "account_id": quote.account, "clock": owner.clock})
    else:
        paper = bills.Paper(lifecycle.config.catalog, quote.currency, owner.zone)
        confirmation = f"{_program(context)} confirm {quote.id}"
        display(bills.quote(quote, owner, paper, directory.now(owner.clock), confirmation))


def _program(context: typer.Context) -> str:
    """What the program was called with, so that what is to be typed next finds the same configuration."""
    root = context.find_root()
    source = root.get_parameter_source("config")
    named = source is not None and source.name == "COMMANDLINE"
    return f"lifecycle --config {shlex.quote(str(context.obj))}" if named else "lifecycle"
