"""What is there, by the keys of `expect:`; each is looked up only where it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lifecycle.app.invoices import InvoiceView
from lifecycle.app.quotes import Quote
from lifecycle.app.views import PendingChange, SubscriptionView
from lifecycle.domain.calendar import local
from lifecycle.domain.invoicing import Line
from lifecycle.errors import NotFound
from lifecycle.store import queries
from lifecycle.testing.scenarios.comparing import Money
from lifecycle.testing.scenarios.stage import Stage, StoryStuck, Subject
from lifecycle.verify import verify

BARE: Mapping[str, Mapping[str, object]] = {"activate": {}, "cancel": {"at": "period_end"}}
"""What is said by commands that need not say anything."""


def facts(stage: Stage, subject: Subject, asked: Mapping[str, object]) -> dict[str, Any]:
    """What is there of a subject, for each of these keys. Raises StoryStuck for what only a subscription has."""
    found: dict[str, Any] = {}
    view = _view(stage, subject)
    for key, it in asked.items():
        if key in OF_VIEW:
            found[key] = _of_view(view, key)
        elif key in OF_SUBSCRIPTION:
            found[key] = OF_SUBSCRIPTION[key](stage, _subscription(subject), it)
        else:
            found[key] = OF_ACCOUNT[key](stage, subject)
    return found


# Of the subscription as it stands


def _view(stage: Stage, subject: Subject) -> SubscriptionView | None:
    """None while it is still being bought."""
    try:
        return stage.lifecycle.subscriptions.get(subject.subscription) if subject.subscription else None
    except NotFound:
        return None


def _of_view(view: SubscriptionView | None, key: str) -> Any:
    if view is None:
        return "new" if key == "state" else None
    return OF_VIEW[key](view)


def _change(change: PendingChange | None, *, shelved: bool) -> Mapping[str, Any] | None:
    if change is None or change.shelved != shelved:
        return None
    return {"plan": change.plan, "interval": change.interval, "seats": change.seats, "due": change.due_at}


OF_VIEW: Mapping[str, Callable[[SubscriptionView], Any]] = {
    "state": lambda view: view.state,
    "plan": lambda view: view.plan,
    "interval": lambda view: view.interval,
    "seats": lambda view: view.seats,
    "period": lambda view: {"start": view.period_start, "end": view.period_end},
    "trial_end": lambda view: view.trial_end,
    "ends": lambda view: view.ends_at,
    "pending": lambda view: _change(view.pending, shelved=False),
    "shelved": lambda view: _change(view.pending, shelved=True),
    "credits": lambda view: view.credits,
}

# Of the subscription, by questions of their own


def _subscription(subject: Subject) -> str:
    if subject.subscription is None:
        raise StoryStuck(f"{subject.account} has no subscription yet, of which this could be expected.")
    return subject.subscription


def _deferrals(stage: Stage, subscription: str, _: object = None) -> list[Mapping[str, Any]]:
    due = stage.lifecycle.due(subscription=subscription)
    return [{"event": one.event, "due": one.due_at} for one in due]


def _next(stage: Stage, subscription: str, _: object) -> Mapping[str, Any] | None:
    return next(iter(_deferrals(stage, subscription)), None)


def _log(stage: Stage, subscription: str, _: object = None) -> list[str]:
    return [step.event for step in stage.lifecycle.log(instance=subscription)]


def _log_ends(stage: Stage, subscription: str, asked: object) -> list[str]:
    many = len(asked) if isinstance(asked, list) else 0
    return _log(stage, subscription)[-many:] if many else []


def _refusals(stage: Stage, subscription: str, asked: object) -> Mapping[str, str | None]:
    """Why not now, asked as a bare command is. Raises StoryStuck for an event that there is not."""
    operations = stage.lifecycle.operations
    explained = operations.explain(subscription)
    prospects = {one.event: one for one in explained.events}
    codes: dict[str, str | None] = {}
    for event in asked if isinstance(asked, Mapping) else {}:
        if event not in prospects:
            raise StoryStuck(f"There is no event {event!r}; there are {', '.join(sorted(prospects))}.")
        prospect = prospects[event]
        if prospect.verdict == "depends" and event in BARE:
            [prospect] = operations.explain(subscription, event, BARE[event]).events
        codes[event] = explained.obstacle.code if explained.obstacle else prospect.code
    return codes


def _members(stage: Stage, subscription: str, _: object) -> list[str]:
    """Who has a seat, in the order in which they were assigned."""
    return [one.member.email for one in stage.lifecycle.members.beneficiaries(subscription)]


def _may_use(stage: Stage, subscription: str, asked: object) -> Mapping[str, bool]:
    """Whether each of these members may use it."""
    emails = asked if isinstance(asked, Mapping) else {}
    return {email: stage.lifecycle.members.access(subscription, email).access for email in emails}


OF_SUBSCRIPTION: Mapping[str, Callable[[Stage, str, object], Any]] = {
    "members": _members,
    "may_use": _may_use,
    "standing": lambda stage, subscription, _: stage.lifecycle.subscriptions.standing(subscription).standing,
    "access": lambda stage, subscription, _: stage.lifecycle.subscriptions.standing(subscription).access,
    "next": _next,
    "deferrals": _deferrals,
    "log": _log,
    "log_ends": _log_ends,
    "refusals": _refusals,
}

# Of the account; where there is a subscription, of it alone


def _invoices(stage: Stage, subject: Subject) -> list[Mapping[str, Any]]:
    found = stage.lifecycle.invoices.list(account=subject.account, subscription=subject.subscription)
    return [_invoice(one) for one in found]


def _credit_notes(stage: Stage, subject: Subject) -> list[Mapping[str, Any]]:
    found = stage.lifecycle.invoices.credit_notes(account=subject.account, subscription=subject.subscription)
    return [_invoice(one) for one in found]


def _invoice(view: InvoiceView) -> Mapping[str, Any]:
    return {
        "total": Money(view.total, view.currency),
        "credit": Money(view.credit, view.currency),
        "due": Money(view.due, view.currency),
        "status": view.status,
        "number": view.number,
        "date": local(view.start, view.zone).date(),
        "retry": view.retry_at,
        "lines": lines(view.lines, view.currency, view.zone),
    }


def lines(several: Sequence[Line], currency: str, zone: str) -> list[Mapping[str, Any]]:
    """The lines of an invoice or a quote, with the local days of their nominal period."""
    return [
        {
            "kind": one.kind,
            "amount": Money(one.amount, currency),
            "from": local(one.start, zone).date(),
            "to": local(one.end, zone).date(),
            "quantity": one.quantity,
            "unit_price": Money(one.unit_price, currency),
            "formula": one.formula,
        }
        for one in several
    ]


def _balance(stage: Stage, subject: Subject) -> Money:
    balance = stage.lifecycle.balances.get(subject.account)
    return Money(balance.amount, balance.currency)


def _charges(stage: Stage, subject: Subject) -> Mapping[str, Any]:
    account = stage.lifecycle.accounts.get(subject.account)
    totals = stage.traveller.gateway.totals(account.id)
    return {
        "succeeded": totals.succeeded,
        "failed": totals.failed,
        "total": Money(totals.total, account.currency),
        "refunded": Money(totals.refunded, account.currency),
    }


def _notices(stage: Stage, subject: Subject) -> list[str]:
    """Those since they were last asked for."""
    return stage.news(subject.account, root=subject.subscription)


def _order(stage: Stage, subject: Subject) -> str | None:
    """The state of the newest order."""
    account = stage.lifecycle.accounts.get(subject.account)
    with stage.lifecycle.database.reading() as connection:
        orders = queries.instances(connection, machine="order", owner_id=account.id)
    ours = [one.state for one in orders if subject.subscription in (None, one.root_id)]
    return ours[-1] if ours else None


def _history(stage: Stage, _: Subject) -> str:
    """`whole`, or the codes of what the verifier finds."""
    report = verify(stage.lifecycle.database, now=stage.traveller.now, charges=stage.traveller.gateway.ledger())
    return ", ".join(dict.fromkeys(one.code for one in report.findings)) or "whole"


OF_ACCOUNT: Mapping[str, Callable[[Stage, Subject], Any]] = {
    "invoices": _invoices,
    "credit_notes": _credit_notes,
    "invoice": lambda stage, subject: next(reversed(_invoices(stage, subject)), None),
    "balance": _balance,
    "tokens": lambda stage, subject: stage.lifecycle.tokens.get(subject.account).left,
    "charges": _charges,
    "notices": _notices,
    "order": _order,
    "history": _history,
}

# Of a quote


def quoted(quote: Quote, zone: str) -> Mapping[str, Any]:
    """A quote, by the keys of rule H3."""
    amounts = ("total", "credit", "due_now", "unused", "forfeited", "to_balance", "to_refund")
    others = ("credits_carried", "credits_lost", "trial_given_up", "effective_at", "expires_at", "plan", "interval")
    coming = quote.next_invoice
    return {
        **{name: Money(getattr(quote, name), quote.currency) for name in amounts},
        **{name: getattr(quote, name) for name in (*others, "seats", "warnings")},
        "lines": lines(quote.lines, quote.currency, zone),
        "next_invoice": coming and {"date": coming.date, "total": Money(coming.total, quote.currency)},
    }
