"""The rules of what moves money besides invoices: credit notes, refunds and adjustments (E7, E8, I7, I19, A2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lifecycle.verify import lines
from lifecycle.verify.acts import foreseen
from lifecycle.verify.deferrals import Wrong
from lifecycle.verify.reading import instant
from lifecycle.verify.records import Json, Row

CREDIT_NOTE, REFUND, ADJUSTMENT = "credit_note", "refund", "adjustment"
FINAL = frozenset({"issued", "refunded", "made"})


def demanded(state: str, facts: Json) -> Mapping[str, datetime]:
    """A credit note that is still a draft is issued at once."""
    return {"issued": instant(facts["at"])} if state == "draft" else {}


def live_key(_state: str, _facts: Json) -> str | None:
    """There may be any number."""
    return None


def wrong_with_row(row: Row, before: Json, after: Json) -> Wrong:
    """They never change, but that a refund says how much went back."""
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)} if before else set()
    if changed - ({"refunded"} if row.event == "refunded" else set()):
        yield "document_changed", f"{row.event} has changed {', '.join(sorted(changed))}."
    if row.source and foreseen(row) == "issued" and demanded(row.source, before).get("issued") != row.due_at:
        yield "not_deferred", f"It was not to be issued at {row.due_at.isoformat()}."


def wrong_with_credit_note(state: str, facts: Json) -> Wrong:
    """Whether it agrees with itself: what its lines come to is less than nothing."""
    for sentence in lines.wrong_with(facts["lines"]):
        yield "document_lines", sentence
    if facts["total"] != -lines.total(facts["lines"]) or facts["total"] <= 0:
        yield "document_total", f"It has a total of {facts['total']}."
    if state not in ("draft", "issued") or facts["to"] not in ("balance", "refund"):
        yield "document_state", f"It is {state}, and goes to {facts['to']}."


def wrong_with_refund(state: str, facts: Json) -> Wrong:
    """Whether it agrees with itself: it is over once it says how much went back, which is no more than was asked."""
    back = facts.get("refunded")
    over = state == "refunded"
    if facts["amount"] <= 0 or over != (back is not None) or not 0 <= (back or 0) <= facts["amount"]:
        yield "document_state", f"It is {state}, and {back} of {facts['amount']} went back."


def wrong_with_adjustment(state: str, facts: Json) -> Wrong:
    """Whether it agrees with itself."""
    if state != "made" or facts["amount"] <= 0:
        yield "document_state", f"It is {state}, of {facts['amount']}."
