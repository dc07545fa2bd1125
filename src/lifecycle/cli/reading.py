"""Reading: subscriptions, the transition log, and what is due."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, say
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle.config import Config

SHOWN = 10
"""How many of the last transitions `show` has."""


def list_(
    context: typer.Context,
    account: options.OneAccount = None,
    state: Annotated[str | None, typer.Option(metavar="STATE", help="Only in this state.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """List subscriptions, oldest first."""
    from lifecycle.cli import faces
    from lifecycle.cli.directory import Directory

    with opened(context) as lifecycle:
        if state is not None:
            _check_state(lifecycle.config, state)
        views = lifecycle.subscriptions.list(account=account, state=state)
        directory = Directory(lifecycle, [] if account else lifecycle.accounts.list())
        if as_json:
            emit([faces.described(view, directory.of_account(view.account_id)) for view in views])
        else:
            display(faces.subscriptions(views, directory))


def _check_state(config: Config, state: str) -> None:
    """A mistyped state is a usage error, not an empty list."""
    from lifecycle.cli.directory import SUBSCRIPTION
    from lifecycle.cli.machines import matrix_of_kind

    states = matrix_of_kind(config, SUBSCRIPTION).states
    if state not in states:
        raise typer.BadParameter(f"{state!r} is no state; there are {', '.join(states)}.")


def show(context: typer.Context, sub: options.Sub, as_json: options.AsJson = False) -> None:
    """Show a subscription.

    What holds now, what comes next and when, and the last transitions.
    """
    from lifecycle.cli import faces
    from lifecycle.cli.directory import Directory, find
    from lifecycle.cli.retention import tell_moved_out

    with opened(context) as lifecycle:
        view = lifecycle.subscriptions.get(find(lifecycle, sub))
        moved_out = lifecycle.moved_out(subscription=view.id)
        last = lifecycle.subscriptions.history(view.id)[-SHOWN:]
        directory = Directory(lifecycle)
        owner = directory.of_account(view.account_id)
        if as_json:
            emit(faces.described(view, owner) | {"transitions": last, "moved_out": moved_out[0] if moved_out else None})
        else:
            display(faces.panel(view, owner, lifecycle.clock.now()), faces.transitions(last, directory))
        if len(last) < SHOWN:
            tell_moved_out(moved_out, view.zone)


def log(
    context: typer.Context,
    sub: options.OneSub = None,
    account: options.OneAccount = None,
    last: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the newest.")] = 50,
    as_json: options.AsJson = False,
) -> None:
    """Show the transition log.

    In nominal order: each at the time at which it was due. With SUB or --account only theirs.
    """
    from lifecycle.cli import faces
    from lifecycle.cli.directory import Directory, find
    from lifecycle.cli.retention import tell_moved_out

    with opened(context) as lifecycle:
        only = find(lifecycle, sub) if sub is not None else None
        if only is not None:
            steps = list(lifecycle.subscriptions.history(only))[-last:]
        else:
            steps = lifecycle.log(account=account, last=last)
        directory = Directory(lifecycle)
        if as_json:
            owners = (directory.of_instance(step.machine, step.instance_id) for step in steps)
            emit([faces.described(step, owner) for step, owner in zip(steps, owners, strict=True)])
        else:
            display(faces.transitions(steps, directory))
        if len(steps) < last:
            zone = lifecycle.subscriptions.get(only).zone if only else lifecycle.config.zone
            tell_moved_out(lifecycle.moved_out(account=account, subscription=only), zone)


def due(
    context: typer.Context,
    sub: options.OneSub = None,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Up to this date or time, local to the account.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the earliest.")] = 50,
    as_json: options.AsJson = False,
) -> None:
    """Show what comes next, and when.

    What is late says by how much; what does not fire says why.
    """
    from lifecycle.app.arguments import instant
    from lifecycle.cli import faces
    from lifecycle.cli.directory import Directory, find

    with opened(context) as lifecycle:
        view = lifecycle.subscriptions.get(find(lifecycle, sub)) if sub else None
        zone = view.zone if view else lifecycle.config.zone
        end = datetime.fromisoformat(instant(until, zone)) if until else None
        found = lifecycle.due(until=end, subscription=view.id if view else None, limit=limit + 1)
        coming = found[:limit]
        now, directory = lifecycle.clock.now(), Directory(lifecycle)
        if as_json:
            emit(
                [
                    faces.described(one, directory.of_account(one.owner_id))
                    | {"late_seconds": max(0, int((now - one.due_at).total_seconds()))}
                    for one in coming
                ]
            )
        else:
            display(faces.coming(coming, directory, now))
    if len(found) > limit:
        say(f"There are more than {limit}; see them with --limit.")
