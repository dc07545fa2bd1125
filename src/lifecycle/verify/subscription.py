"""The rules of a subscription (section B and rules A5, A10, C1 to C3), in plain code over its facts as JSON.

Written from the rules and not from the machine. Each function yields a code and a sentence for what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lifecycle.verify.acts import foreseen, skipped
from lifecycle.verify.boundaries import starts_a_cycle
from lifecycle.verify.deferrals import Wrong
from lifecycle.verify.reading import instant
from lifecycle.verify.records import Json, Row

KIND = "subscription"
ENDED = "ended"
DERIVED = ("end_date_arrives", "trial_ends", "cycle_starts", "change_takes_effect", "reminded")
"""The deferred events whose instants follow from the facts."""

REMINDERS = {"remind_at", "reminded", "card_at", "card_told"}
"""The facts that tell of reminders."""


def wrong_with_row(row: Row, before: Json, after: Json) -> Wrong:
    """Whether one transition was possible, from the facts before it to those after."""
    yield from wrong_with(row.target, after)
    yield from _cycle(row, before, after)
    event = foreseen(row)
    if event in DERIVED and _may_fire(before).get(event) != row.due_at:
        yield "not_deferred", f"{event} was not to fire at {row.due_at.isoformat()}."
    if skipped(row) and not _only_moved_on(str(event), before, after):
        yield "act_changed", f"More than to skip {event} has been done."


def live_key(state: str, facts: Json) -> str | None:
    """One live subscription of an account and plan family (rule A5)."""
    return None if state == ENDED else f"{facts['account']}/{facts['family']}"


def demanded(state: str, facts: Json) -> Mapping[str, datetime]:
    """The deferrals of a live subscription; a change that falls on a boundary comes with the cycle that starts."""
    if state == ENDED:
        return {}
    due = _may_fire(facts)
    change = due.get("change_takes_effect")
    if change is not None and starts_a_cycle(change, facts):
        del due["change_takes_effect"]
    return due


def wrong_with(state: str, facts: Json) -> Wrong:
    """Whether state and facts belong together."""
    if state == ENDED:
        agrees = "ends_at" in facts and "pending" not in facts
    elif "ends_at" in facts:
        agrees = state == "pending_cancellation"
    elif "pending" in facts:
        agrees = state == "pending_change"
    else:
        agrees = state == ("trial" if facts["phase"] == "trial" else "active")
    if not agrees:
        yield "state_facts", f"The facts do not speak of {state}."
    if "remind_at" in facts and not _may_remind(state, facts):
        yield "reminder", f"Nothing is to be reminded of at {facts['remind_at']}."


def _may_remind(state: str, facts: Json) -> bool:
    """Whether a reminder may be to come: once in a period, inside it, of a cycle that is to start at its boundary. How
    long before, the policy said, which may be another one today."""
    boundary, remind_at = instant(facts["boundary"]), instant(facts["remind_at"])
    goes_on = state != ENDED and ("ends_at" not in facts or boundary < instant(facts["ends_at"]))
    return goes_on and "reminded" not in facts and instant(facts["period_start"]) < remind_at < boundary


def _cycle(row: Row, before: Json, after: Json) -> Wrong:
    """A trial is no cycle; the first is number 1, and each later one starts where a boundary was foreseen."""
    number = after["cycle"]
    if not before:
        if number != (0 if after["phase"] == "trial" else 1):
            yield "cycle_number", f"It starts with cycle {number}."
        return
    event = foreseen(row) or row.event
    starts = event in ("cycle_starts", "trial_ends") and row.target != ENDED
    if (starts or "cycle" in row.changes) and number != before["cycle"] + 1:
        yield "cycle_number", f"Cycle {number} follows cycle {before['cycle']}."
    if starts and instant(after["period_start"]) != instant(before["boundary"]):
        yield "cycle_start", f"Cycle {number} starts at {after['period_start']}, not at {before['boundary']}."


def _only_moved_on(event: str, before: Json, after: Json) -> bool:
    """Whether what was skipped is all that was done: a cycle moved on, with the change that was to come with it, or a
    change was dropped."""
    changed = {key for key in {*before, *after} if before.get(key) != after.get(key)} - REMINDERS
    if event == "reminded":
        return not changed and (after.get("reminded") is True or "card_told" in after)
    if event == "change_takes_effect":
        return changed == {"pending"} and "pending" not in after
    moves = {"cycle", "elapsed", "period_start", "period_end", "boundary", "skipped"}
    if event != "cycle_starts" or not changed <= moves | {"pending"} or after.get("skipped", True) is not True:
        return False
    pending = before.get("pending")
    if pending is not None and instant(pending["due_at"]) <= instant(before["boundary"]):
        pending = {**pending, "due_at": after["boundary"]}
    return bool(after.get("pending") == pending)


def _may_fire(facts: Json) -> dict[str, datetime]:
    """The same before it is asked which dates are boundaries, which may change with the zone's rules."""
    due = {}
    ends_at = instant(facts["ends_at"]) if "ends_at" in facts else None
    boundary = instant(facts["boundary"])
    if ends_at is not None:
        due["end_date_arrives"] = ends_at
    if ends_at is None or boundary < ends_at:
        due["trial_ends" if facts["phase"] == "trial" else "cycle_starts"] = boundary
    if "pending" in facts:
        change = instant(facts["pending"]["due_at"])
        if ends_at is None or change < ends_at:
            due["change_takes_effect"] = change
    if reminders := [instant(facts[name]) for name in ("remind_at", "card_at") if name in facts]:
        due["reminded"] = min(reminders)
    return due
