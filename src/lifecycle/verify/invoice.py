"""The rules of an invoice (A7, E2 to E5, I6, I18), in plain code over its facts as JSON.

Written from the rules and not from the machine. Each function yields a code and a sentence for what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from lifecycle.verify import lines
from lifecycle.verify.acts import foreseen
from lifecycle.verify.deferrals import Wrong
from lifecycle.verify.reading import instant
from lifecycle.verify.records import Json, Row

KIND = "invoice"
FINAL = frozenset({"paid", "void"})
ISSUED = frozenset({"open", "paid", "uncollectible"})
_FIXED = (
    *("account", "subscription", "plan", "zone", "reason", "cycle", "currency", "start", "end", "at"),
    *("lines", "total", "notice", "order"),
)
_CHARGES = ("asked", "declined", "unknown")
CARDLESS = "payment_method_missing"
"""The decline of whoever has no payment method: no attempt is made."""


def due(facts: Json) -> int:
    """What is to be charged, in minor units."""
    amount: int = facts["total"] - facts.get("credit", 0)
    return amount


def demanded(state: str, facts: Json) -> Mapping[str, datetime]:
    """A draft without an order is opened at once; after a decline, and not while nobody knows, it is tried again."""
    if state == "draft" and "order" not in facts:
        return {"opened": instant(facts["at"])}
    again = state == "open" and facts.get("charge") == "declined" and "retry_at" in facts
    return {"retry_due": instant(facts["retry_at"])} if again else {}


def waits(state: str, facts: Json) -> bool:
    """Whether its charge is without an answer, or still to be asked for; that of an order is the order's business."""
    return facts.get("charge") == "asked" if state == "open" else state == "draft" and "order" not in facts


def live_key(_state: str, facts: Json) -> str | None:
    """One for each cycle that starts by itself, kept for good (rule E3)."""
    by_itself = "order" not in facts and facts["reason"] in ("renewal", "purchase")
    return f"{facts['subscription']}/{facts['cycle']}" if by_itself else None


def wrong_with_row(row: Row, before: Json, after: Json) -> Wrong:
    """Whether one transition was possible, from the facts before it to those after."""
    if not before:
        before = {name: after[name] for name in _FIXED if name in after}
    elif changed := _edited(row, before, after):
        yield "document_changed", f"{row.event} has changed {', '.join(changed)}."
    event = foreseen(row)
    if row.source and event in ("opened", "retry_due"):
        asked = demanded(row.source, before).get(event)
        if asked != row.due_at:
            yield "not_deferred", f"{event} was not to fire at {row.due_at.isoformat()}."
    if after.get("attempt", 0) - before.get("attempt", 0) not in (0, 1):
        yield "attempt", f"Attempt {after.get('attempt', 0)} follows {before.get('attempt', 0)}."
    for sentence in _dunned(row, before, after):
        yield "dunning", sentence


def wrong_with(state: str, facts: Json) -> Wrong:
    """Whether the invoice agrees with itself."""
    for sentence in lines.wrong_with(facts["lines"]):
        yield "document_lines", sentence
    total, credit = facts["total"], facts.get("credit", 0)
    if total != lines.total(facts["lines"]) or not 0 <= credit <= total:
        yield "document_total", f"It has a total of {total}, of which {credit} is credit."
    if not _agrees(state, facts):
        yield "document_state", f"The facts do not speak of {state}."


def _edited(row: Row, before: Json, after: Json) -> list[str]:
    """What may never change once it is written; what the balance pays is decided as it is opened, or drafted."""
    opens = row.source == "draft" and "order" not in before
    fixed = _FIXED if opens else (*_FIXED, "credit")
    return [name for name in fixed if before.get(name) != after.get(name)]


def _dunned(row: Row, before: Json, after: Json) -> Iterator[str]:
    """Failures are counted one by one from the first on, but not those by hand before a planned retry; nobody is tried
    again before the outcome that it follows."""
    was, failures = before.get("failures", 0), after.get("failures", 0)
    fails = after.get("charge") == "declined" and row.event in ("opened", "retry_due", "declined")
    by_hand = bool(before.get("by_hand") and "retry_at" in before)
    counts = fails and row.target == "open" and not (row.event == "declined" and by_hand)
    if failures != was + counts:
        yield f"{row.event} makes {failures} failures of {was}."
    first = before.get("failed_at", row.due_at.isoformat() if counts else None)
    failed_at = after.get("failed_at")
    if (failed_at and instant(failed_at)) != (first and instant(first)):
        yield f"The first failure was at {first}, not at {failed_at}."
    if row.changes.get("retry_at") and instant(row.changes["retry_at"]) < row.due_at:
        yield f"It is to be tried again at {row.changes['retry_at']}, before it had failed."


def _agrees(state: str, facts: Json) -> bool:
    charge, has = facts.get("charge"), facts.keys()
    if ("failed_at" in has) != ("failures" in has) or ("paid_at" in has) != (state == "paid"):
        return False
    agrees: Mapping[str, bool] = {
        "draft": charge == "asked" if "order" in has else charge is None and "credit" not in has,
        "open": charge in _CHARGES and due(facts) > 0,
        "uncollectible": charge in (None, *_CHARGES) and "failures" in has and "retry_at" not in has,
        "paid": charge is None and "retry_at" not in has and ("method" in has or due(facts) == 0),
        "void": charge is None and "order" in has,
    }
    return agrees.get(state, False)
