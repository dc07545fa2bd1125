"""What callers get back: plain, frozen values that say where a subscription stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lifecycle.domain import subscription
from lifecycle.domain.order import Order
from lifecycle.domain.subscription import Subscription
from lifecycle.engine.commands import Answer
from lifecycle.store.queries import StoredInstance


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A change to come: the fields that will change, and when. `shelved`: held back by an end date (rule B6)."""

    due_at: datetime
    plan: str | None
    interval: str | None
    seats: int | None
    shelved: bool


@dataclass(frozen=True, slots=True)
class NextEvent:
    """The next thing that happens by itself."""

    event: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order: `confirmed` while it is being charged, then `completed`, `declined`, or `unknown`; amounts in minor
    units, of which `due` is what is charged."""

    id: str
    state: str
    currency: str
    total: int
    credit: int
    due: int


@dataclass(frozen=True, slots=True)
class SubscriptionView:
    """A subscription as it stands. Instants are aware and in UTC; `price` is one cycle's, in minor units.

    `version` is the number of its last log row, for `expected_version`; `status` is `live`, `held` or
    `quarantined`; `ends_at` is the pending end, or in `ended` the end that was. `credits` are those left of the plan's,
    `free_seats` those that somebody can still be assigned to.
    `order` is the one under which a command is being charged: until that has an answer all is as it was, and what is
    still to be made has the state `new`. `clock` is the named clock that it is on: it is a test.
    """

    id: str
    account_id: str
    state: str
    phase: str
    plan: str
    family: str
    interval: str
    seats: int
    currency: str
    price: int
    zone: str
    cycle: int
    anchor: datetime
    period_start: datetime
    period_end: datetime
    trial_end: datetime | None
    ends_at: datetime | None
    pending: PendingChange | None
    next: NextEvent | None
    version: int
    status: str
    error: str | None = None
    credits: int = 0
    order: OrderView | None = None
    clock: str | None = None
    free_seats: int = 0


def order_view(id: str, state: str, facts: Order) -> OrderView:
    """An order as callers see it."""
    return OrderView(id, state, facts.currency, facts.total, facts.credit, facts.due)


def view(of: Answer | StoredInstance, order: OrderView | None = None) -> SubscriptionView:
    """A stored subscription, or a command's answer, as callers see it."""
    facts = subscription.load(of.facts)
    return SubscriptionView(
        id=of.id,
        account_id=facts.account,
        state=of.state,
        phase=facts.phase,
        plan=facts.plan,
        family=facts.family,
        interval=str(facts.interval),
        seats=facts.seats,
        currency=facts.terms.currency,
        price=facts.price,
        zone=facts.zone,
        cycle=facts.cycle,
        anchor=facts.anchor,
        period_start=facts.period_start,
        period_end=facts.period_end,
        trial_end=facts.trial_end,
        ends_at=facts.ends_at,
        pending=_pending(facts),
        next=_next(of),
        version=of.version,
        status=of.status,
        error=of.error,
        credits=facts.credits,
        order=order,
        clock=of.clock,
        free_seats=facts.free_seats,
    )


def _next(of: Answer | StoredInstance) -> NextEvent | None:
    if of.next_event is None or of.next_due_at is None:
        return None
    at = of.next_due_at
    return NextEvent(of.next_event, datetime.fromisoformat(at) if isinstance(at, str) else at)


def _pending(facts: Subscription) -> PendingChange | None:
    change = facts.pending
    if change is None:
        return None
    interval = None if change.interval is None else str(change.interval)
    return PendingChange(change.due_at, change.plan, interval, change.seats, facts.shelved)


def as_json(value: Any) -> Any:
    """A view, or anything made of views, as JSON: instants in ISO 8601 with a `Z`."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {name: as_json(getattr(value, name)) for name in value.__dataclass_fields__}
    return value
