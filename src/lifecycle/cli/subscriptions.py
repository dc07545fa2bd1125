"""Commands on subscriptions; each answers with the subscription as it left it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.session import opened

if TYPE_CHECKING:
    from lifecycle import Lifecycle
    from lifecycle.app.views import SubscriptionView


class Commands:
    """Each command with its options; what becomes of it is for `carry_out` to say."""

    def carry_out(self, context: typer.Context, name: str, about: str, as_json: bool, **asked: Any) -> None:
        """Carry out the command of this name on an account or a subscription, and tell what holds now."""
        with opened(context) as lifecycle:
            held = getattr(lifecycle.subscriptions, name)(subject(lifecycle, name, about), **asked)
            tell(lifecycle, held, as_json)

    def subscribe(
        self,
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
        said = {"by": by, "reason": reason, "key": key}
        chosen = {"plan": plan, "interval": interval, "seats": seats, "trial": trial}
        self.carry_out(context, "create", account, as_json, **chosen, **said)

    def activate(
        self,
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
        said = {"by": by, "reason": reason, "key": key, "version": version}
        self.carry_out(context, "activate", sub, as_json, plan=plan, interval=interval, seats=seats, **said)

    def change(
        self,
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
        said = {"by": by, "reason": reason, "key": key, "version": version}
        chosen = {"plan": plan, "interval": interval, "seats": seats, "when": when}
        self.carry_out(context, "change", sub, as_json, **chosen, **said)

    def withdraw_change(
        self,
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
        said = {"by": by, "reason": reason, "key": key, "version": version}
        self.carry_out(context, "withdraw_change", sub, as_json, **said)

    def add_seats(
        self,
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
        said = {"by": by, "reason": reason, "key": key, "version": version}
        self.carry_out(context, "add_seats", sub, as_json, seats=seats, **said)

    def buy_tokens(
        self,
        context: typer.Context,
        sub: options.Sub,
        tokens: Annotated[int, typer.Argument(metavar="PACK", help="The pack, by its number of tokens.")],
        *,
        by: options.By = "operator",
        reason: options.Reason = None,
        key: options.Key = None,
        version: options.Version = None,
        as_json: options.AsJson = False,
    ) -> None:
        """Buy a pack of tokens for the account.

        See lifecycle tokens packs.
        """
        said = {"by": by, "reason": reason, "key": key, "version": version}
        self.carry_out(context, "buy_tokens", sub, as_json, tokens=tokens, **said)

    def cancel(
        self,
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
        said = {"by": by, "reason": reason, "key": key, "version": version}
        self.carry_out(context, "cancel", sub, as_json, when=when, **said)

    def withdraw_cancellation(
        self,
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
        said = {"by": by, "reason": reason, "key": key, "version": version}
        self.carry_out(context, "withdraw_cancellation", sub, as_json, **said)

    def use_credits(
        self,
        context: typer.Context,
        sub: options.Sub,
        credits: Annotated[int, typer.Argument(metavar="N", help="How many.")],
        *,
        by: options.By = "operator",
        reason: options.Reason = None,
        key: options.Key = None,
        version: options.Version = None,
        as_json: options.AsJson = False,
    ) -> None:
        """Use credits of a subscription."""
        said = {"by": by, "reason": reason, "key": key, "version": version}
        self.carry_out(context, "use_credits", sub, as_json, credits=credits, **said)


def subject(lifecycle: Lifecycle, name: str, about: str) -> str:
    """What the command of this name is about: an account, or the id of the subscription that people name."""
    from lifecycle.cli.directory import find

    return about if name == "create" else find(lifecycle, about)


def confirm(
    context: typer.Context,
    quote: options.Quote,
    *,
    by: options.By = "operator",
    reason: options.Reason = None,
    key: options.Key = None,
    version: options.Version = None,
    as_json: options.AsJson = False,
) -> None:
    """Do exactly what was quoted.

    Or it is refused, and nothing has happened. A second time answers the same.
    """
    with opened(context) as lifecycle:
        held = lifecycle.quotes.confirm(quote, by=by, reason=reason, key=key, version=version)
        tell(lifecycle, held, as_json)


def credits_(context: typer.Context, sub: options.Sub, as_json: options.AsJson = False) -> None:
    """Show how many credits are left.

    Of those that the plan grants each cycle, and when the next ones come.
    """
    from lifecycle.cli.directory import Directory, find
    from lifecycle.cli.output import display, emit, facts, when

    with opened(context) as lifecycle:
        view = lifecycle.subscriptions.get(find(lifecycle, sub))
        owner = Directory(lifecycle).of_account(view.account_id)
    renews = view.next is not None and view.ends_at is None
    more_at = view.period_end if renews else None
    if as_json:
        told = {"account": owner.reference, "id": view.id, "plan": view.plan, "credits": view.credits}
        emit(told | {"next_grant_at": more_at})
    else:
        named = {"account": owner.reference, "id": view.id, "plan": view.plan, "credits": f"{view.credits} left"}
        display(facts(named | {"next grant": when(more_at, view.zone) if more_at else None}))


def tell(lifecycle: Lifecycle, held: SubscriptionView, as_json: bool) -> None:
    """The subscription as a command has left it."""
    from lifecycle.cli import faces
    from lifecycle.cli.directory import Directory
    from lifecycle.cli.output import display, emit

    directory = Directory(lifecycle)
    owner = directory.of_account(held.account_id)
    if as_json:
        emit(faces.described(held, owner))
    else:
        display(faces.panel(held, owner, directory.now(held.clock)))
