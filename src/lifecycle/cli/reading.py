"""Reading: subscriptions, and what is due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, lasting, say
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.config import Config
    from lifecycle.store.queries import DueTransition

SHOWN = 10
"""How many of the last transitions `show` has."""
PATIENCE = 3
"""After so many heartbeats without a sign a daemon is taken to be down."""


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

    What holds now, what comes next and when, what is owed, and the last transitions.
    """
    from lifecycle.cli import bills, faces
    from lifecycle.cli.directory import Directory, find
    from lifecycle.cli.retention import tell_moved_out

    with opened(context) as lifecycle:
        view = lifecycle.subscriptions.get(find(lifecycle, sub))
        standing = lifecycle.subscriptions.standing(view.id)
        owed = [one for one in lifecycle.invoices.list(subscription=view.id) if one.status in bills.OWED]
        moved_out = lifecycle.moved_out(subscription=view.id)
        last = lifecycle.subscriptions.history(view.id)[-SHOWN:]
        directory = Directory(lifecycle)
        owner, now = directory.of_account(view.account_id), directory.now(view.clock)
        if as_json:
            more = {"standing": standing, "owed": owed}
            told = {"transitions": last, "moved_out": moved_out[0] if moved_out else None}
            emit(faces.described(view, owner) | more | told)
        else:
            plan = lifecycle.config.catalog.plan(view.plan)
            grants = plan is not None and plan.credits is not None
            worth = faces.worth(view, standing, [bills.owed(one) for one in owed], now, grants=grants)
            display(faces.panel(view, owner, now, worth), faces.transitions(last, directory))
        if len(last) < SHOWN:
            tell_moved_out(moved_out, view.zone)


def due(
    context: typer.Context,
    sub: options.OneSub = None,
    *,
    until: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Up to this date or time, local to the account.")
    ] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Only what is late.")] = False,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many, the earliest.")] = 50,
    reminders: options.Reminders = False,
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
        now = lifecycle.clock.now()
        of, many = view.id if view else None, limit + 1
        found = lifecycle.due(until=end, subscription=of, limit=many, overdue=overdue, reminders=reminders)
        coming = found[:limit]
        directory, asleep = Directory(lifecycle), _asleep(lifecycle, coming, now)
        if as_json:
            emit(
                [
                    faces.described(one, directory.of_account(one.owner_id))
                    | {
                        "late_seconds": max(0, int((directory.now(one.clock) - one.due_at).total_seconds())),
                        "trouble": faces.trouble(
                            one, directory.of_account(one.owner_id), directory.now(one.clock), asleep
                        )
                        or None,
                    }
                    for one in coming
                ]
            )
        else:
            display(faces.coming(coming, directory, asleep))
    if len(found) > limit:
        say(f"There are more than {limit}; see them with --limit.")


def _asleep(lifecycle: Lifecycle, coming: Sequence[DueTransition], now: datetime) -> str:
    """That no daemon is heard of, where something is late; else nothing."""
    if not any(one.due_at <= now and one.clock is None for one in coming):
        return ""
    heard_at = lifecycle.daemon_heard_at()
    if heard_at is None:
        return "no daemon runs"
    silent = now - heard_at
    return (
        f"no daemon heard of for {lasting(silent)}" if silent > PATIENCE * lifecycle.config.heartbeat.timedelta else ""
    )
