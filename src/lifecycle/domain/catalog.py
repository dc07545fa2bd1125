"""The catalogue: plans, what each costs and grants, and which change between them is allowed. Pure.

Amounts are whole minor units of the currency beside them. A subscription keeps its `Terms`, a snapshot of its
plan's prices and grants, so that an edited catalogue never touches it; the policies are read live, from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

from lifecycle.domain.calendar import Duration, Interval
from lifecycle.domain.policies import (
    CancelPolicy,
    ChangeRule,
    ChangeWhen,
    Direction,
    Dunning,
    Policies,
    Proration,
    TrialPolicy,
)

__all__ = [
    "CancelPolicy",
    "Catalog",
    "ChangeRefusal",
    "ChangeRule",
    "CreditTerms",
    "Dunning",
    "Plan",
    "Policies",
    "Proration",
    "SeatTerms",
    "Terms",
    "TermsJson",
    "TrialPolicy",
]

Prices = Mapping[Interval, Mapping[str, int]]
Carry = Literal["reset", "carry_over"]


class TermsJson(TypedDict):
    """The JSON form of `Terms`: flat, amounts in minor units."""

    currency: str
    price: int
    seat_price: int
    seats_included: int
    seats_min: int
    seats_max: int | None
    credits: int


@dataclass(frozen=True, slots=True)
class Terms:
    """The snapshot of a plan in one interval and currency: prices in minor units and credits, per cycle."""

    currency: str
    price: int
    seat_price: int
    seats_included: int
    seats_min: int
    seats_max: int | None
    credits: int

    def total(self, seats: int) -> int:
        """What one whole cycle costs with so many seats, in minor units."""
        return self.price + self.seat_price * max(0, seats - self.seats_included)

    def as_json(self) -> TermsJson:
        """The flat form which `from_json` reads back."""
        return TermsJson(
            currency=self.currency,
            price=self.price,
            seat_price=self.seat_price,
            seats_included=self.seats_included,
            seats_min=self.seats_min,
            seats_max=self.seats_max,
            credits=self.credits,
        )

    @classmethod
    def from_json(cls, stored: TermsJson) -> Terms:
        """The terms that `as_json` wrote."""
        return cls(**stored)


@dataclass(frozen=True, slots=True)
class SeatTerms:
    """The seats of a plan: those that its price includes, the limits (None: none), the price of one more."""

    included: int = 1
    minimum: int = 1
    maximum: int | None = None
    prices: Prices = field(default_factory=dict)

    def price(self, interval: Interval, currency: str) -> int:
        """What one seat above those included costs a cycle, in minor units; 0 where no price is given."""
        return self.prices.get(interval, {}).get(currency, 0)


_TIMES: Mapping[ChangeWhen, str] = {"now": "now", "next_cycle": "at the next cycle", "date": "on a date"}
_ONE_SEAT = SeatTerms(included=1, minimum=1, maximum=1)


@dataclass(frozen=True, slots=True)
class CreditTerms:
    """The credits that a plan grants each cycle, and what becomes of those left over (rule D10)."""

    grant: int
    at_renewal: Carry = "reset"
    on_upgrade: Carry = "carry_over"


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan. Without `seats` it has exactly one. `token_packs`: price by number of tokens and currency."""

    id: str
    name: str
    prices: Prices
    family: str = "main"
    rank: int = 0
    trial: Duration | None = None
    seats: SeatTerms | None = None
    credits: CreditTerms | None = None
    token_packs: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    policies: Policies = field(default_factory=Policies)

    def terms(self, interval: Interval, currency: str) -> Terms | None:
        """Today's terms; None where the plan is not offered in that interval or currency."""
        price = self.prices.get(interval, {}).get(currency)
        if price is None:
            return None
        seats = self.seats or _ONE_SEAT
        return Terms(
            currency=currency,
            price=price,
            seat_price=seats.price(interval, currency),
            seats_included=seats.included,
            seats_min=seats.minimum,
            seats_max=seats.maximum,
            credits=self.credits.grant if self.credits else 0,
        )


@dataclass(frozen=True, slots=True)
class ChangeRefusal:
    """Why the policy refuses a change: a code, and a sentence for people (empty: the code's own)."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """All plans by id, the currency of amounts given without one, and the policies where a plan sets none."""

    currency: str
    plans: Mapping[str, Plan]
    policies: Policies = field(default_factory=Policies)

    def plan(self, plan_id: str) -> Plan | None:
        """The plan, or None where there is none or it is gone."""
        return self.plans.get(plan_id)

    def policies_of(self, plan_id: str) -> Policies:
        """The policies in force today for a plan; the defaults where the plan is gone."""
        plan = self.plans.get(plan_id)
        return plan.policies if plan else self.policies

    def direction(
        self, source_plan: str, source_interval: Interval, target_plan: str, target_interval: Interval
    ) -> Direction:
        """Up or down by rank, then by the interval's length. A plan that is gone ranks 0."""
        before = (self._rank(source_plan), source_interval.days)
        after = (self._rank(target_plan), target_interval.days)
        if before == after:
            return "same"
        return "upgrade" if after > before else "downgrade"

    def change_refusal(
        self,
        source_plan: str,
        source_interval: Interval,
        target_plan: str,
        target_interval: Interval,
        when: ChangeWhen,
    ) -> ChangeRefusal | None:
        """Why the policy of the source plan refuses this change of plan or interval; None: allowed (rule D3).

        The first rule that matches decides; where none does, it is allowed at all times.
        """
        direction = self.direction(source_plan, source_interval, target_plan, target_interval)
        for rule in self.policies_of(source_plan).change:
            if rule.matches(source_plan, target_plan, direction, source_interval, target_interval):
                return _judged(rule, when)
        return None

    def _rank(self, plan_id: str) -> int:
        plan = self.plans.get(plan_id)
        return plan.rank if plan else 0


def _judged(rule: ChangeRule, when: ChangeWhen) -> ChangeRefusal | None:
    if rule.refuse:
        return ChangeRefusal(rule.refuse, rule.message)
    if when in rule.when:
        return None
    allowed = " or ".join(_TIMES[time] for time in rule.when)
    return ChangeRefusal("when_not_allowed", f"This change is possible only {allowed}.")
