"""What a command asks for, resolved against the facts and the catalogue.

A field that is not asked for stays as it is. A choice of plan or interval takes today's prices; one that is
in hand or pending keeps the prices it was confirmed at (rules A5, I10).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from lifecycle.domain.calendar import Interval
from lifecycle.domain.catalog import Catalog, ChangeRefusal, Terms
from lifecycle.domain.change import Change
from lifecycle.domain.subscription import Subscription, purchased
from lifecycle.domain.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Request:
    """The fields of a choice; None: not asked for."""

    plan: str | None = None
    interval: Interval | None = None
    seats: int | None = None

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Request:
        """From a command's arguments."""
        interval = arguments.get("interval")
        return cls(arguments.get("plan"), Interval.parse(interval) if interval else None, arguments.get("seats"))

    def differs_from(self, facts: Subscription) -> bool:
        """Whether any field asked for is another one than in hand."""
        asked = ((self.plan, facts.plan), (self.interval, facts.interval), (self.seats, facts.seats))
        return any(field is not None and field != in_hand for field, in_hand in asked)


def first_choice(request: Request, surroundings: Surroundings, now: datetime) -> Subscription | None:
    """The subscription that a purchase at `now` would start; None where it is not offered or incomplete."""
    account, plan = surroundings.account, surroundings.catalog.plan(request.plan or "")
    terms = plan.terms(request.interval, account.currency) if plan and request.interval else None
    if plan is None or request.interval is None or terms is None:
        return None
    seats = terms.seats_included if request.seats is None else request.seats
    return purchased(account, plan, interval=request.interval, seats=seats, terms=terms, now=now)


def merged(facts: Subscription, request: Request, catalog: Catalog, due_at: datetime) -> Change | None:
    """`request` on top of the pending change, by field (rule B5); None where that is not offered."""
    pending = facts.pending or Change(due_at, facts.terms)
    plan, interval = request.plan or pending.plan, request.interval or pending.interval
    seats = pending.seats if request.seats is None else request.seats
    there = (plan or facts.plan, interval or facts.interval)
    if there == (facts.plan, facts.interval):
        terms: Terms | None = facts.terms
    elif there == (pending.plan or facts.plan, pending.interval or facts.interval):
        terms = pending.terms
    else:
        terms = _todays_terms(facts, *there, catalog)
    return None if terms is None else Change(due_at, terms, plan, interval, seats)


def outcome(facts: Subscription, request: Request, catalog: Catalog, now: datetime) -> Subscription | None:
    """`facts` with the pending change and the request applied; None where that is not offered."""
    change = merged(facts, request, catalog, now)
    return None if change is None else replace(facts, pending=change).changed()


def activation(facts: Subscription, request: Request, catalog: Catalog, now: datetime) -> Subscription | None:
    """`facts` with the request applied and the pending change kept; None where either is not offered.

    A change that leaves out the plan or the interval is another choice on top of another one, at today's price.
    """
    later, chosen = facts.pending, outcome(replace(facts, pending=None), request, catalog, now)
    if later is None or chosen is None:
        return chosen
    if (later.plan is None and chosen.plan != facts.plan) or (
        later.interval is None and chosen.interval != facts.interval
    ):
        later = merged(chosen, Request(later.plan, later.interval, later.seats), catalog, later.due_at)
    return None if later is None else replace(chosen, pending=later)


def possible(facts: Subscription, catalog: Catalog) -> bool:
    """Whether the pending change can still be applied: its plan is there, with so many seats, and all who are assigned
    have one (rule B7)."""
    changed = facts.changed()
    if changed.seats < facts.assigned:
        return False
    if changed.plan != facts.plan and catalog.plan(changed.plan) is None:
        return False
    return seats_refusal(catalog, changed.plan, changed.terms, changed.seats) is None


def seats_refusal(catalog: Catalog, plan: str, terms: Terms, seats: int) -> str | None:
    """Why a plan can't have so many seats: a refusal code, or None (rule I25)."""
    if terms.seats_min <= seats and (terms.seats_max is None or seats <= terms.seats_max):
        return None
    known = catalog.plan(plan)
    return "not_offered" if known is not None and known.seats is None else "seats_limit"


def change_refusal(
    facts: Subscription, result: Subscription, when: Literal["now", "next_cycle", "date"], catalog: Catalog
) -> ChangeRefusal | None:
    """What stands against going from `facts` to `result` at this time: the plan's change rules, or for fewer
    seats alone its policy on those (rules D3, D9)."""
    if (facts.plan, facts.interval) != (result.plan, result.interval):
        return catalog.change_refusal(facts.plan, facts.interval, result.plan, result.interval, when)
    decrease = catalog.policies_of(facts.plan).seats_decrease
    if result.seats >= facts.seats or decrease == "now":
        return None
    if decrease == "refuse":
        return ChangeRefusal("contact_us", "Fewer seats are not offered here. Please contact us.")
    if when == "next_cycle":
        return None
    return ChangeRefusal("when_not_allowed", "Fewer seats take effect at the start of a cycle.")


def _todays_terms(facts: Subscription, plan: str, interval: Interval, catalog: Catalog) -> Terms | None:
    """Today's prices, within the family that the subscription is in."""
    known = catalog.plan(plan)
    if known is None or known.family != facts.family:
        return None
    return known.terms(interval, facts.terms.currency)
