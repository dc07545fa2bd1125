"""The rules of an order (A6, B9, D1, D2), in plain code over its facts as JSON: the order by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lifecycle.verify.acts import foreseen
from lifecycle.verify.deferrals import Wrong
from lifecycle.verify.reading import instant
from lifecycle.verify.records import Json, Row

KIND = "order"
FINAL = frozenset({"completed", "declined", "expired", "returned"})
SHOWN = frozenset({"quoted", "expired"})
"""The states of a quote that nobody has confirmed."""
_FIXED = ("account", "subscription", "event", "currency", "quote", "quoted_at", "expires_at")


def demanded(state: str, facts: Json) -> Mapping[str, datetime]:
    """A quote expires."""
    return {"expired": instant(facts["expires_at"])} if state == "quoted" else {}


def live_key(state: str, facts: Json) -> str | None:
    """One first purchase of an account and plan family at a time."""
    key: str | None = None if state in FINAL else facts.get("key")
    return key


def wrong_with_row(row: Row, before: Json, after: Json) -> Wrong:
    """Whether one transition was possible, from the facts before it to those after."""
    changed = [name for name in _FIXED if before.get(name) != after.get(name)] if before else []
    if row.event != "confirmed":
        changed += [name for name in ("total", "credit") if before and before.get(name) != after.get(name)]
    if changed:
        yield "document_changed", f"{row.event} has changed {', '.join(changed)}."
    event = foreseen(row)
    if row.source and event == "expired" and demanded(row.source, before).get(event) != row.due_at:
        yield "not_deferred", f"{event} was not to fire at {row.due_at.isoformat()}."


def wrong_with(state: str, facts: Json) -> Wrong:
    """Whether the order agrees with itself."""
    if not 0 <= facts["credit"] <= facts["total"]:
        yield "document_total", f"It has a total of {facts['total']}, of which {facts['credit']} is credit."
    if not _agrees(state, facts):
        yield "order_state", f"The facts do not speak of {state}."


def _agrees(state: str, facts: Json) -> bool:
    has, waits = facts.keys(), {"bill", "decision"}
    if ("confirmed_at" in has) == (state in SHOWN) or ("quoted_at" in has) != ("expires_at" in has):
        return False
    if state in SHOWN:
        return "quoted_at" in has and not waits & has
    if state == "confirmed":
        return waits <= has and facts["total"] > facts["credit"]
    return state in {"completed", "declined", "unknown", "returned"} and not waits & has
