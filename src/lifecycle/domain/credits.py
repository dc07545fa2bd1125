"""Credits: the consumable allowance of a plan, granted each cycle (rules D10, I9, I20). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from lifecycle.domain.catalog import Carry, Catalog
from lifecycle.domain.copying import but
from lifecycle.domain.subscription import Subscription


@dataclass(frozen=True, slots=True)
class Grant:
    """What is left after it: what was `carried` over, and what is `granted`; and what was `lost`."""

    carried: int
    granted: int
    lost: int

    def of(self, facts: Subscription) -> Subscription:
        """The facts with this grant."""
        return but(facts, credits=self.carried + self.granted)


def on_opening(before: Subscription | None, after: Subscription, catalog: Catalog) -> Grant:
    """The grant of a period that starts by itself, or at the beginning; a change of plan that comes with it counts as
    one now."""
    if before is None:
        return Grant(0, after.terms.credits, 0)
    if before.plan != after.plan:
        return on_change(before, after, catalog)
    return _granted(before, after, _policy(catalog, after.plan, "at_renewal"))


def on_change(before: Subscription, after: Subscription, catalog: Catalog) -> Grant:
    """The grant of a change of plan, whole in mid-period too; seats or interval alone leave the credits as they are."""
    if before.plan == after.plan:
        return Grant(before.credits, 0, 0)
    up = catalog.direction(before.plan, before.interval, after.plan, after.interval) == "upgrade"
    return _granted(before, after, _policy(catalog, after.plan, "on_upgrade") if up else "reset")


def _granted(before: Subscription, after: Subscription, carry: Carry) -> Grant:
    carried = before.credits if carry == "carry_over" else 0
    return Grant(carried, after.terms.credits, before.credits - carried)


def _policy(catalog: Catalog, plan_id: str, occasion: str) -> Carry:
    """The policy of the plan changed to, as it is today; of a plan that is gone: nothing is carried over."""
    plan = catalog.plan(plan_id)
    if plan is None or plan.credits is None:
        return "reset"
    return plan.credits.at_renewal if occasion == "at_renewal" else plan.credits.on_upgrade
