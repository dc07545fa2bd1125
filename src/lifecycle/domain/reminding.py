"""When the reminder of a subscription goes: so long before its trial ends, or before the next paid cycle starts. Pure.

A reminder announces something, and is withdrawn with it; how long before it goes is the plan's policy, as it is when
the facts are made. Days are calendar days of the account's zone at the same wall time (rule I5).
"""

from __future__ import annotations

from datetime import datetime

from lifecycle.domain import invoicing
from lifecycle.domain.catalog import Catalog
from lifecycle.domain.copying import but
from lifecycle.domain.policies import Policies
from lifecycle.domain.subscription import Subscription
from lifecycle.domain.wanted import possible


def reminding(facts: Subscription, catalog: Catalog, now: datetime) -> Subscription:
    """The facts with the instant at which their reminder is due, as things are at `now`; once a period it goes."""
    remind_at = _remind_at(facts, catalog, now)
    return facts if remind_at == facts.remind_at else but(facts, remind_at=remind_at)


def _remind_at(facts: Subscription, catalog: Catalog, now: datetime) -> datetime | None:
    """None where it has gone, would come too late, or has nothing to announce."""
    end = facts.boundary
    if facts.reminded or (facts.ends_at is not None and facts.ends_at <= end):
        return None
    policies = catalog.policies_of(facts.plan)
    ahead = policies.trial.reminder if facts.phase == "trial" else policies.renewal_notice
    remind_at = ahead.before(end, facts.zone)
    comes = now <= remind_at < end and facts.period_start < remind_at
    return remind_at if comes and _announces(facts, catalog, policies) else None


def _announces(facts: Subscription, catalog: Catalog, policies: Policies) -> bool:
    """Whether a cycle starts then that costs something: with the change that is due by then, unless that starts one
    itself before."""
    if not facts.change_due(facts.boundary) or not possible(facts, catalog):
        return facts.price > 0
    changed = facts.changed()
    inside = facts.phase == "paid" and "change_takes_effect" in facts.schedule()
    return changed.price > 0 and not (inside and invoicing.starts_period(facts, changed, policies.proration))
