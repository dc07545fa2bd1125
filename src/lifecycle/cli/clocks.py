"""`lifecycle clock …`: named clocks, on which testers have time pass beside a daemon that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts, say, table, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle.app.clocks import NamedClock

Clock = Annotated[str, typer.Argument(metavar="CLOCK", help="The clock's name.")]


def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Up to 40 letters a-z, digits, _ and -.")],
    *,
    at: Annotated[
        str, typer.Option(metavar="WHEN", help="The date or time that it starts at, in the configured zone.")
    ],
    as_json: options.AsJson = False,
) -> None:
    """Make a clock.

    Put accounts on it with account add --clock. It stands still until it is advanced.
    """
    with opened(context) as lifecycle:
        _tell(lifecycle.clocks.create(name, at), lifecycle.config.zone, as_json)


def list_(context: typer.Context, as_json: options.AsJson = False) -> None:
    """List the clocks.

    Where each stands, and when the next thing on it is due.
    """
    with opened(context) as lifecycle:
        clocks, zone = lifecycle.clocks.list(), lifecycle.config.zone
    if as_json:
        emit(clocks)
        return
    rows = [
        (one.name, when(one.now, zone), str(one.accounts), _at(one, zone) or "", "busy" if one.busy else "")
        for one in clocks
    ]
    display(table(("clock", "now", "accounts", "next", ""), rows, right=("accounts",)))


def advance(
    context: typer.Context,
    clock: Clock,
    to: Annotated[
        str, typer.Argument(metavar="TO", help="A date or time, a length such as +14d or '+1 month', or next.")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Have time pass on a clock.

    All that is due by then happens, each at its own instant: renewals, charges, messages.
    """
    from lifecycle.cli import faces
    from lifecycle.cli.directory import Directory

    with opened(context) as lifecycle:
        steps = lifecycle.clocks.advance(clock, to, dry_run=dry_run)
        stands, zone = lifecycle.clocks.get(clock).now, lifecycle.config.zone
        directory = Directory(lifecycle)
        if as_json:
            told = [faces.described(step, directory.of_root(step.root_id)) for step in steps]
            emit({"clock": clock, "now": stands, "dry_run": dry_run, "transitions": told})
            return
        if steps:
            display(faces.transitions(steps, directory, roots=True))
    if dry_run:
        say(f"This would happen on {clock}; it stands at {when(stands, zone)} as before.")
    else:
        say(f"{clock} stands at {when(stands, zone)}.")


def delete(context: typer.Context, clock: Clock, as_json: options.AsJson = False) -> None:
    """Delete a clock and all that is on it.

    Its accounts go, with their subscriptions, invoices and history.
    """
    with opened(context) as lifecycle:
        was = lifecycle.clocks.delete(clock)
    if as_json:
        emit(was)
    else:
        say(f"{was.name} is gone, and so is what was on it: accounts: {was.accounts}.")


def _tell(clock: NamedClock, zone: str, as_json: bool) -> None:
    if as_json:
        emit(clock)
        return
    named = {"clock": clock.name, "now": when(clock.now, zone), "accounts": str(clock.accounts)}
    display(facts(named | {"next": _at(clock, zone)}))


def _at(clock: NamedClock, zone: str) -> str | None:
    return when(clock.next_at, zone) if clock.next_at else None
