"""`lifecycle handlers …`: the host's functions that are told of transitions, and what waits for them."""

from __future__ import annotations

from typing import Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.outbox import Why
from lifecycle.cli.output import display, emit, say, table
from lifecycle.cli.session import opened


def list_(context: typer.Context, as_json: options.AsJson = False) -> None:
    """List handlers, by name.

    What each is told of, and how much of that waits.
    """
    with opened(context) as lifecycle:
        found = lifecycle.outbox.handlers()
    if as_json:
        emit(found)
        return
    rows = [(one.name, ", ".join(one.events), "yes" if one.here else "", str(one.waiting)) for one in found]
    display(table(("name", "told of", "configured", "waiting"), rows))


def forget(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The handler's name.")],
    reason: Why,
    by: options.By = "operator",
    as_json: options.AsJson = False,
) -> None:
    """Tell a handler no more.

    For one that is gone for good: what waits for it is dropped.
    """
    with opened(context) as lifecycle:
        dropped = lifecycle.outbox.forget_handler(name, reason=reason, by=by)
    if as_json:
        emit({"name": name, "dropped": dropped})
    else:
        say(f"{name} is told no more; {dropped} messages were dropped.")
