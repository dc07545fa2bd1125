"""The commands of scenario files: each calls the API as a host would, and says in a word or two what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lifecycle.app.quotes import Quote, Quotes
from lifecycle.app.subscriptions import Subscriptions
from lifecycle.app.views import SubscriptionView
from lifecycle.domain.money import format_amount, parse_amount
from lifecycle.store.queries import Step as Transition
from lifecycle.testing.scenarios.model import (
    MODIFIERS,
    Account,
    Balance,
    Cancel,
    Change,
    Choice,
    Confirm,
    Invite,
    Join,
    Members,
    Pack,
    Pay,
    Quoted,
    Seats,
    Step,
    Subscribe,
    Use,
)
from lifecycle.testing.scenarios.stage import Stage, StoryStuck, Subject
from lifecycle.testing.scenarios.values import NOTHING

Offers = Subscriptions | Quotes
"""Both have a method for each of these commands, with the same arguments."""
Answer = SubscriptionView | Quote
OPERATOR = "operator"


def play(stage: Stage, step: Step) -> tuple[str, list[Transition]]:
    """Carry out the command of a step: what came of it, in words, and what fired by itself meanwhile.

    Raises whatever the API raises, and StoryStuck.
    """
    [name] = step.model_fields_set - MODIFIERS
    if name in QUOTABLE:
        return _told(_ask(stage.lifecycle.subscriptions, stage, step, step)), []
    return COMMANDS[name](stage, step, getattr(step, name))


def lead_up(stage: Stage, step: Step) -> list[Transition]:
    """Let the time pass that a step begins with; what fired by itself."""
    after = step.confirm.after if step.confirm else None
    return _travel_to(stage, f"+{after}") if after else []


# What can be quoted


def _ask(offers: Offers, stage: Stage, step: Step, command: Quoted) -> Any:
    [name] = command.model_fields_set & QUOTABLE.keys()
    return QUOTABLE[name](offers, stage, step, getattr(command, name))


def _subscribe(offers: Offers, stage: Stage, step: Step, it: Subscribe) -> Answer:
    account = it.account or stage.subject_of(step).account
    stage.meet(account)
    chosen = {"interval": "month"} | it.arguments()
    answer = offers.create(account, **chosen, trial=it.trial, **_said(stage, step, creates=True))
    if isinstance(answer, SubscriptionView):
        stage.keep(account, answer.id, it.as_)
    return answer


def _activate(offers: Offers, stage: Stage, step: Step, it: Choice) -> Answer:
    return offers.activate(stage.subscription_of(step), **it.arguments(), **_said(stage, step))


def _change(offers: Offers, stage: Stage, step: Step, it: Change) -> Answer:
    return offers.change(stage.subscription_of(step), **it.arguments(), when=it.when, **_said(stage, step))


def _withdraw_change(offers: Offers, stage: Stage, step: Step, _: object) -> Answer:
    return offers.withdraw_change(stage.subscription_of(step), **_said(stage, step))


def _cancel(offers: Offers, stage: Stage, step: Step, it: Cancel) -> Answer:
    said = _said(stage, step) | ({"reason": it.reason} if it.reason else {})
    return offers.cancel(stage.subscription_of(step), when=it.when, **said)


def _withdraw_cancellation(offers: Offers, stage: Stage, step: Step, _: object) -> Answer:
    return offers.withdraw_cancellation(stage.subscription_of(step), **_said(stage, step))


def _seats(offers: Offers, stage: Stage, step: Step, it: Seats) -> Answer:
    """More now is an order of its own; all else is a change."""
    now = stage.lifecycle.subscriptions.get(stage.subscription_of(step))
    if it.to > now.seats and it.when in (None, "now"):
        return offers.add_seats(now.id, it.to - now.seats, **_said(stage, step))
    by_policy = stage.lifecycle.config.catalog.policies_of(now.plan).seats_decrease
    when = it.when or ("now" if by_policy == "now" else "next_cycle")
    return offers.change(now.id, seats=it.to, when=when, **_said(stage, step))


def _tokens(offers: Offers, stage: Stage, step: Step, it: Pack) -> Answer:
    return offers.buy_tokens(stage.subscription_of(step), it.pack, **_said(stage, step))


QUOTABLE: Mapping[str, Callable[[Offers, Stage, Step, Any], Answer]] = {
    "subscribe": _subscribe,
    "activate": _activate,
    "change": _change,
    "withdraw_change": _withdraw_change,
    "cancel": _cancel,
    "withdraw_cancellation": _withdraw_cancellation,
    "seats": _seats,
    "tokens": _tokens,
}

# What can't

Done = tuple[str, list[Transition]]


def _quote(stage: Stage, step: Step, it: Quoted) -> Done:
    made: Quote = _ask(stage.lifecycle.quotes, stage, step, it)
    stage.quote = made.id
    return f"due now {format_amount(made.due_now, made.currency)}", []


def _confirm(stage: Stage, step: Step, _: Confirm) -> Done:
    if stage.quote is None:
        raise StoryStuck("There is no quote to confirm: `quote` makes one.")
    quoted = stage.lifecycle.quotes.get(stage.quote)
    view = stage.lifecycle.quotes.confirm(stage.quote, **_said(stage, step))
    if quoted.command == "subscribed":
        stage.keep(stage.subject_of(step).account, view.id)
    return _told(view), []


def _account(stage: Stage, _: Step, it: Account) -> Done:
    stage.open_account(it.name, it.zone, it.currency)
    return "opened, with a good card", []


def _card(stage: Stage, step: Step, script: str) -> Done:
    account, methods = stage.subject_of(step).account, stage.lifecycle.payment_methods
    if script != NOTHING:
        return f"{methods.add(account, script).card} is charged from now on", []
    for method in methods.list(account):
        methods.remove(account, method.id)
    return "no card any more", []


def _pay(stage: Stage, step: Step, it: Pay) -> Done:
    number = it.invoice
    if number == "last":
        ours = stage.lifecycle.invoices.list(account=stage.subject_of(step).account)
        if not ours:
            raise StoryStuck("There is no invoice to pay.")
        number = ours[-1].id
    return stage.lifecycle.invoices.pay(number, **_said(stage, step)).status, []


def _use(stage: Stage, step: Step, it: Use) -> Done:
    if it.tokens is not None:
        account = stage.subject_of(step).account
        return f"{stage.lifecycle.tokens.use(account, it.tokens, **_said(stage, step)).left} left", []
    wanted = it.credits or 0
    view = stage.lifecycle.subscriptions.use_credits(stage.subscription_of(step), wanted, **_said(stage, step))
    return f"{view.credits} left", []


def _balance(stage: Stage, step: Step, it: Balance) -> Done:
    [act] = it.model_fields_set
    account = stage.account_of(step)
    amount = parse_amount(getattr(it, act), account.currency)
    after = getattr(stage.lifecycle.balances, act)(account.reference, amount, **_given(step))
    return format_amount(after.amount, after.currency), []


def _members(stage: Stage, step: Step, it: Members) -> Done:
    """Who is added gets a seat of the subscription, if there is one."""
    [act] = it.model_fields_set - {"grow"}
    named, members = getattr(it, act), stage.lifecycle.members
    said = _said(stage, step, creates=True)
    account, subscription = stage.subject_of(step).account, stage.subject_of(step).subscription
    if act in ("assign", "unassign"):
        return getattr(members, act)(stage.subscription_of(step), named, **said).state, []
    if act not in ("add", "import_"):
        return getattr(members, act)(account, named, **said).state, []
    people = named if act == "add" else stage.folder / named
    taken = members.add_all(account, people, subscription=subscription, grow=bool(it.grow), **said)
    return f"{taken.added} new, {taken.assigned} assigned", []


def _close_account(stage: Stage, step: Step, _: object) -> Done:
    stage.lifecycle.accounts.close(stage.subject_of(step).account, **_said(stage, step, creates=True))
    return "closed", []


def _delete_account(stage: Stage, step: Step, _: object) -> Done:
    gone = stage.lifecycle.accounts.delete(stage.subject_of(step).account, by=step.by or OPERATOR)
    stage.subject = Subject(gone.account, stage.subject_of(step).subscription)
    return "erased", []


def _invite(stage: Stage, step: Step, it: Invite) -> Done:
    asked: dict[str, Any] = {"code": it.code, "limit": it.limit, "expires": it.expires}
    made = stage.lifecycle.invitations.open(stage.subscription_of(step), **asked, **_said(stage, step))
    stage.code = made.code
    return made.state, []


def _revoke(stage: Stage, step: Step, code: str) -> Done:
    return stage.lifecycle.invitations.revoke(code, **_said(stage, step)).state, []


def _join(stage: Stage, step: Step, it: Join) -> Done:
    """They act themselves, unless told."""
    code = it.code or stage.code
    if code is None:
        raise StoryStuck("There is no invitation to join by: `invite` opens one.")
    joined = stage.lifecycle.invitations.join(code, it.email, by=step.by, reason=step.reason, key=step.key)
    return joined.member.state if joined.used else "had a seat already", []


def _act(stage: Stage, step: Step, it: object) -> Done:
    """What an operator does by hand; `skip` says why."""
    [name] = step.model_fields_set - MODIFIERS
    given = _given(step) | ({"reason": it} if isinstance(it, str) else {})
    return getattr(stage.lifecycle.operations, name)(stage.subscription_of(step), **given).state, []


def _travel(stage: Stage, _: Step, to: str) -> Done:
    return "", _travel_to(stage, to)


def _travel_to(stage: Stage, when: str) -> list[Transition]:
    by_scheduler, stage.by_scheduler = stage.by_scheduler, False
    return stage.traveller.travel_to(when, scheduler=by_scheduler)


def _down(stage: Stage, _: Step, length: str) -> Done:
    return "", stage.traveller.stand_still_until(f"+{length}")


def _run(stage: Stage, _: Step, __: str) -> Done:
    stage.by_scheduler = True
    return "the next travel goes through it", []


COMMANDS: Mapping[str, Callable[[Stage, Step, Any], Done]] = {
    "account": _account,
    "card": _card,
    "pay": _pay,
    "use": _use,
    "balance": _balance,
    "members": _members,
    "invite": _invite,
    "revoke": _revoke,
    "join": _join,
    "close_account": _close_account,
    "delete_account": _delete_account,
    "quote": _quote,
    "confirm": _confirm,
    **dict.fromkeys(("hold", "release", "retry", "fire", "skip"), _act),
    "travel": _travel,
    "down": _down,
    "run": _run,
}

# What they share


def _said(stage: Stage, step: Step, *, creates: bool = False) -> dict[str, Any]:
    """On whose behalf, the account's administrator unless told, and what else goes with a command."""
    said = {"by": stage.actor_of(step), "reason": step.reason, "key": step.key}
    return said if creates else said | {"version": step.version}


def _given(step: Step) -> dict[str, Any]:
    """What goes with an operator's act."""
    return {"by": step.by or OPERATOR, "reason": step.reason or "as the story has it"}


def _told(view: SubscriptionView) -> str:
    return view.state if view.order is None else f"{view.state}, being charged"
