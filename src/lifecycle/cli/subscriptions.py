"""Commands on subscriptions; each answers with the subscription as it left it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from lifecycle.cli import options
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.app.subscriptions import Subscriptions
    from lifecycle.app.views import SubscriptionView


def subscribe(
    context: typer.Context,
    account: options.Account,
    *,
    plan: Annotated[str, typer.Option(metavar="PLAN", help="The plan: see lifecycle plans.")],
    interval: Annotated[str, typer.Option(metavar="INTERVAL", help="month, year, '6 months', …")] = "month",
    seats: options.Seats = None,
    trial: Annotated[
        bool | None, typer.Option("--trial/--no-trial", help="Insist on the trial, or decline it.")
    ] = None,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    as_json: options.AsJson = False,
) -> None:
    """Subscribe an account to a plan.

    A trial where the plan has one that the account has not had, else a purchase.
    """
    with opened(context) as lifecycle:
        held = lifecycle.subscriptions.create(
            account, plan=plan, interval=interval, seats=seats, trial=trial, by=by, reason=reason, key=key
        )
        _tell(lifecycle, held, as_json)


def activate(
    context: typer.Context,
    sub: options.Sub,
    *,
    plan: options.Plan = None,
    interval: options.Interval = None,
    seats: options.Seats = None,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    version: options.Version = None,
    as_json: options.AsJson = False,
) -> None:
    """Pay before the trial ends.

    The first cycle starts now.
    """
    _command(
        context,
        sub,
        as_json,
        lambda subscriptions, id: subscriptions.activate(
            id, plan=plan, interval=interval, seats=seats, by=by, reason=reason, key=key, version=version
        ),
    )


def change(
    context: typer.Context,
    sub: options.Sub,
    *,
    plan: options.Plan = None,
    interval: options.Interval = None,
    seats: options.Seats = None,
    when: Annotated[
        str, typer.Option(metavar="WHEN", help="next_cycle, now, or a date or time, local to the account.")
    ] = "next_cycle",
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    version: options.Version = None,
    as_json: options.AsJson = False,
) -> None:
    """Change plan, interval or seats.

    At the next cycle, now, or on a date. A change that is pending already is merged with it.
    """
    _command(
        context,
        sub,
        as_json,
        lambda subscriptions, id: subscriptions.change(
            id, plan=plan, interval=interval, seats=seats, when=when, by=by, reason=reason, key=key, version=version
        ),
    )


def withdraw_change(
    context: typer.Context,
    sub: options.Sub,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    version: options.Version = None,
    as_json: options.AsJson = False,
) -> None:
    """Undo the pending change."""
    _command(
        context,
        sub,
        as_json,
        lambda subscriptions, id: subscriptions.withdraw_change(id, by=by, reason=reason, key=key, version=version),
    )


def add_seats(
    context: typer.Context,
    sub: options.Sub,
    seats: Annotated[int, typer.Argument(metavar="N", help="How many more.")],
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    version: options.Version = None,
    as_json: options.AsJson = False,
) -> None:
    """Add seats, now."""
    _command(
        context,
        sub,
        as_json,
        lambda subscriptions, id: subscriptions.add_seats(id, seats, by=by, reason=reason, key=key, version=version),
    )


def cancel(
    context: typer.Context,
    sub: options.Sub,
    *,
    when: Annotated[
        str, typer.Option(metavar="WHEN", help="period_end, now, or a date or time, local to the account.")
    ] = "period_end",
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    version: options.Version = None,
    as_json: options.AsJson = False,
) -> None:
    """End a subscription.

    At the end of the period, on a date, or now. A second time it moves the date.
    """
    _command(
        context,
        sub,
        as_json,
        lambda subscriptions, id: subscriptions.cancel(id, when=when, by=by, reason=reason, key=key, version=version),
    )


def withdraw_cancellation(
    context: typer.Context,
    sub: options.Sub,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    version: options.Version = None,
    as_json: options.AsJson = False,
) -> None:
    """Undo the pending cancellation.

    It is as if it had not been asked for.
    """
    _command(
        context,
        sub,
        as_json,
        lambda subscriptions, id: subscriptions.withdraw_cancellation(
            id, by=by, reason=reason, key=key, version=version
        ),
    )


def _command(
    context: typer.Context, sub: str, as_json: bool, command: Callable[[Subscriptions, str], SubscriptionView]
) -> None:
    """Carry out a command on the subscription that `sub` names, and tell what holds now."""
    from lifecycle.cli.directory import find

    with opened(context) as lifecycle:
        held = command(lifecycle.subscriptions, find(lifecycle, sub))
        _tell(lifecycle, held, as_json)


def _tell(lifecycle: Lifecycle, held: SubscriptionView, as_json: bool) -> None:
    from lifecycle.cli import faces
    from lifecycle.cli.directory import Directory
    from lifecycle.cli.output import display, emit

    owner = Directory(lifecycle).of_account(held.account_id)
    if as_json:
        emit(faces.described(held, owner))
    else:
        display(faces.panel(held, owner, lifecycle.clock.now()))
