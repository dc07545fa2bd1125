"""What a quote shows (rules D1, H3), from the facts before a command and what it would decide. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from lifecycle.domain import invoicing
from lifecycle.domain.calendar import local
from lifecycle.domain.effects import Bill, Post, Start
from lifecycle.domain.invoicing import Count, Line, line, sum_of, total
from lifecycle.domain.machine import Decision, Effect, Json
from lifecycle.domain.money import format_amount
from lifecycle.domain.policies import Proration
from lifecycle.domain.subscription import Subscription
from lifecycle.domain.surroundings import Surroundings
from lifecycle.domain.wanted import possible


def quote(
    before: Subscription | None, decision: Decision[Subscription], event: str, around: Surroundings, now: datetime
) -> Json:
    """The quote's fields but for its id and expiry: amounts in minor units, instants in ISO 8601."""
    after, effects = decision.facts, decision.effects
    whole = after.changed() if event == "schedule_change" else after  # all that is to change by then (rule B5)
    bill = bill_of(effects)
    note = next((one for one in effects if isinstance(one, Start) and one.machine == "credit_note"), None)
    lines = lines_of(bill or note)
    credit = min(around.purse.balance, bill.total) if bill else 0
    given_back = {"balance": 0, "refund": 0} | ({note.arguments["to"]: note.arguments["total"]} if note else {})
    granted = sum(one.entries.get("granted", 0) for one in effects if isinstance(one, Post) and one.unit == "credits")
    lost = sum(one.entries.get("lost", 0) for one in effects if isinstance(one, Post) and one.unit == "credits")
    shown: Json = {
        "lines": [one.as_json() for one in lines],
        "total": bill.total if bill else 0,
        "credit": credit,
        "due_now": bill.total - credit if bill else 0,
        "unused": -sum_of(lines, "unused"),
        "forfeited": sum_of(lines, "forfeited"),
        "to_balance": sum_of(lines, "to_balance") + given_back["balance"],
        "to_refund": sum_of(lines, "to_refund") + given_back["refund"],
        "credits_carried": after.credits + granted if granted else 0,
        "credits_lost": lost,
        "trial_given_up": _given_up(before, event, now),
        "effective_at": _effective(after, event, now).isoformat(),
        "plan": whole.plan,
        "interval": str(whole.interval),
        "seats": whole.seats,
    }
    coming = None if decision.state == "ended" else next_invoice(after, around)
    if coming:
        shown["next_invoice"] = {"date": coming[0].isoformat(), "total": coming[1]}
    return shown | {"warnings": _warnings(before, shown, event)}


def bill_of(effects: Sequence[Effect]) -> Bill | None:
    """The invoice among what follows."""
    return next((one for one in effects if isinstance(one, Bill)), None)


def lines_of(document: Bill | Start | None) -> list[Line]:
    """The lines of an invoice or a credit note that is to be."""
    return [] if document is None else [line(one) for one in document.arguments["lines"]]


def next_invoice(facts: Subscription, around: Surroundings) -> tuple[datetime, int] | None:
    """When the next invoice comes by itself, and what it comes to; None where none does."""
    while coming := _coming(facts, around):
        at, after, lines = coming
        if lines and total(lines) >= 0:
            return at, total(lines)
        if facts.pending is None:
            return None
        facts = after
    return None


def _coming(facts: Subscription, around: Surroundings) -> tuple[datetime, Subscription, list[Line]] | None:
    """What comes next by itself: when, the facts after it, and its lines. A change that is impossible today fails."""
    if facts.pending and not possible(facts, around.catalog):
        facts = replace(facts, pending=None)
    due = facts.schedule()
    change = due.get("change_takes_effect")
    starts = due.get("trial_ends") or due.get("cycle_starts")
    if change and (starts is None or change < starts):
        changed = facts.changed()
        if facts.phase == "trial":
            return change, changed, []
        count = Count(change, _policy(changed, around), taxed=around.taxed)
        return change, *invoicing.inside_cycle(facts, changed, change, count)
    if starts is None:
        return None
    if facts.phase == "trial":
        ready = facts.changed() if facts.change_due(starts) else facts
        opened = ready.paid_from(starts)
    else:
        opened = facts.next_cycle()
    return starts, opened, around.taxed(invoicing.cycle(opened, _policy(opened, around)))


def _policy(facts: Subscription, around: Surroundings) -> Proration:
    return around.catalog.policies_of(facts.plan).proration


def _effective(after: Subscription, event: str, now: datetime) -> datetime:
    if event == "schedule_change" and after.pending:
        return after.pending.due_at
    if event == "cancel" and after.ends_at:
        return after.ends_at
    return now


def _given_up(before: Subscription | None, event: str, now: datetime) -> int:
    """How many days of the trial an activation gives up (rule D8)."""
    if before is None or event != "activate" or before.trial_end is None:
        return 0
    return max(0, (local(before.trial_end, before.zone).date() - local(now, before.zone).date()).days)


def _warnings(before: Subscription | None, shown: Json, event: str) -> list[str]:
    """What a person should know before they confirm."""
    if before is None:
        return []
    warnings = []
    day = local(before.boundary, before.zone).date().isoformat()
    if shown["forfeited"]:
        amount = f"{format_amount(shown['forfeited'], before.terms.currency)} {before.terms.currency}"
        warnings.append(f"{amount} of unused time is forfeited. Waiting until {day} would lose nothing.")
    if shown["trial_given_up"]:
        warnings.append(f"{shown['trial_given_up']} days of the trial are given up. It ends by itself on {day}.")
    if shown["credits_lost"]:
        warnings.append(f"{shown['credits_lost']} credits are lost.")
    if event == "change_now" and before.pending is not None:
        warnings.append("The change that is pending is dropped, all of it.")
    return warnings
