"""`lifecycle log`: the transition log, narrowed, as a table, JSON or CSV, and as it grows."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, printable, when
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.app.following import Following, Wanted
    from lifecycle.cli.directory import Directory
    from lifecycle.store.queries import Step

POLL = 1.0
"""Seconds between two looks at what is new."""
COLUMNS = (
    *("at", "account", "instance_id", "machine", "event", "source", "target", "cause", "actor", "reason"),
    *("root_id", "seq", "fired_at", "recorded_at", "arguments", "changes"),
)
Tell = Callable[[Sequence["Step"]], None]


def log(
    context: typer.Context,
    sub: Annotated[
        str | None,
        typer.Argument(
            metavar="[SUB]", help="Only this: a subscription, its account, an invoice's number, any instance's id."
        ),
    ] = None,
    *,
    account: options.OneAccount = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Of SUB also its orders, invoices, credit notes and refunds.")
    ] = False,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Only from this date or time on, local to the account.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this event; can be given several times.")
    ] = None,
    actor: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this actor did.")] = None,
    last: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the newest.")] = 50,
    reminders: options.Reminders = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is committed, until Ctrl-C.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV on stdout, for spreadsheets.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Show the transition log.

    In nominal order: each at the time at which it was due. With SUB only its own, with --all also those of its orders
    and invoices; with --account all of the account's.
    """
    from lifecycle.cli.directory import Directory

    if everything and sub is None:
        raise typer.BadParameter("--all is of a SUB; without one all is shown.")
    if as_csv and as_json:
        raise typer.BadParameter("--csv or --json, not both.")
    with opened(context) as lifecycle:
        directory = Directory(lifecycle)
        wanted = _wanted(lifecycle, sub, account, since, everything=everything) | {
            "events": event or (),
            "actor": actor,
            "reminders": reminders,
        }
        following = lifecycle.follow(**wanted)
        if follow:
            _follow(following, last, _line_by_line(directory, as_csv=as_csv, as_json=as_json))
        else:
            steps = following.first(last)
            _tell(steps, directory, as_csv=as_csv, as_json=as_json)
            if len(steps) < last:
                _tell_moved_out(lifecycle, wanted)


def _tell_moved_out(lifecycle: Lifecycle, wanted: Wanted) -> None:
    """Where what is asked for may have been moved out."""
    from lifecycle.cli.directory import Directory
    from lifecycle.cli.retention import tell_moved_out

    instance, account = wanted.get("instance") or wanted.get("root"), wanted.get("account")
    owner_id = lifecycle.operations.standing(instance).owner_id if instance else None
    zone = Directory(lifecycle).of_account(owner_id).zone
    tell_moved_out(lifecycle.moved_out(account=account, subscription=instance), zone)


def _wanted(
    lifecycle: Lifecycle, sub: str | None, account: str | None, since: str | None, *, everything: bool
) -> Wanted:
    """Whose rows, and since when by the clock of whose they are."""
    from lifecycle.app.arguments import instant
    from lifecycle.cli.directory import Directory, find_instance

    found = lifecycle.operations.standing(find_instance(lifecycle, sub)) if sub else None
    owner_id = found.owner_id if found else lifecycle.accounts.get(account).id if account else None
    zone = Directory(lifecycle).of_account(owner_id).zone
    start = datetime.fromisoformat(instant(since, zone)) if since else None
    whose: Wanted = {} if found is None else {"root": found.root_id} if everything else {"instance": found.id}
    return whose | {"account": account, "since": start}


def _tell(steps: Sequence[Step], directory: Directory, *, as_csv: bool, as_json: bool) -> None:
    """What there is, at once."""
    from lifecycle.cli import faces

    if as_csv:
        _write_csv([COLUMNS, *(_cells(step, directory) for step in steps)])
    elif as_json:
        emit([_described(step, directory) for step in steps])
    else:
        display(faces.transitions(steps, directory))


def _follow(following: Following, last: int, tell: Tell) -> None:
    """Tell what there is, then what comes, until Ctrl-C or until nobody reads any more."""
    waiting = Event()
    try:
        tell(following.start(last))
        while not waiting.wait(POLL):
            tell(following.news())
    except (KeyboardInterrupt, BrokenPipeError):
        return


def _line_by_line(directory: Directory, *, as_csv: bool, as_json: bool) -> Tell:
    """Tells rows as they come, one a line: nobody knows how wide the next will be."""
    if as_csv:
        _write_csv([COLUMNS])
        return lambda steps: _write_csv([_cells(step, directory) for step in steps])
    if as_json:
        return lambda steps: _write("".join(f"{json.dumps(_described(step, directory))}\n" for step in steps))
    return lambda steps: _write("".join(f"{_line(step, directory)}\n" for step in steps))


def _line(step: Step, directory: Directory) -> str:
    from lifecycle.drawing.timeline import way

    owner = directory.of_instance(step.instance_id)
    parts = (
        f"{when(step.at, owner.zone):<22}",
        f"{owner.reference:<10}",
        f"{step.machine:<12}",
        f"{step.event:<20}",
        f"{way(step):<38}",
        step.actor,
    )
    return printable("  ".join((*parts, step.reason or ""))).replace("\n", " ").rstrip()


def _described(step: Step, directory: Directory) -> dict[str, Any]:
    from lifecycle.cli import faces

    return faces.described(step, directory.of_instance(step.instance_id))


def _cells(step: Step, directory: Directory) -> list[str]:
    said = _described(step, directory)
    values = (said[name] for name in COLUMNS)
    return [json.dumps(value) if isinstance(value, dict) else "" if value is None else str(value) for value in values]


def _write_csv(rows: Sequence[Sequence[str]]) -> None:
    from lifecycle.cli.sheets import as_csv

    _write(as_csv(rows))


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
