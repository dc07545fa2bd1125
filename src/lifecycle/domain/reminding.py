"""When the reminder of a subscription goes: so long before its trial ends, or before the next paid cycle starts. Pure.

A reminder announces something, and is withdrawn with it; how long before it goes is the plan's policy, as it is when
the facts are made. Days are calendar days of the account's zone at the same wall time (rule I5).
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from lifecycle.domain import invoicing
from lifecycle.domain.account import Expiry
from lifecycle.domain.calendar import Duration
from lifecycle.domain.catalog import Catalog
from lifecycle.domain.copying import but
from lifecycle.domain.policies import Policies
from lifecycle.domain.subscription import Subscription
from lifecycle.domain.wanted import possible


def reminding(facts: Subscription, catalog: Catalog, now: datetime, expiry: Expiry | None = None) -> Subscription:
    """The facts with the instants at which their reminders are due, as things are at `now`. That of the next cycle goes
    once a period, and that of the `expiry` of the card that will pay for it once for each card."""
    remind_at = _remind_at(facts, catalog, now)
    card_at = expiry.told_at if expiry is not None and _tells_of_card(facts, catalog, now, expiry) else None
    if (remind_at, card_at) == (facts.remind_at, facts.card_at):
        return facts
    return but(facts, remind_at=remind_at, card_at=card_at)


@lru_cache(maxsize=4096)
def card_reminder(year: int, month: int, zone: str, ahead: Duration) -> datetime:
    """When the expiry of a card is told of: at the beginning of the day so long before its last month is over."""
    over = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    return ahead.before(over, zone)


def _tells_of_card(facts: Subscription, catalog: Catalog, now: datetime, expiry: Expiry) -> bool:
    """Whether it goes in this period, and the card would be charged at its end."""
    inside = now <= expiry.told_at < facts.boundary and facts.period_start <= expiry.told_at
    if expiry.card == facts.card_told or not inside:
        return False
    goes_on = facts.ends_at is None or facts.ends_at > facts.boundary
    return goes_on and _announces(facts, catalog, catalog.policies_of(facts.plan))


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
