"""The rules of an invitation (A9, F4), in plain code over its facts as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lifecycle.verify.acts import foreseen
from lifecycle.verify.deferrals import Wrong
from lifecycle.verify.reading import instant
from lifecycle.verify.records import Json, Row

KIND = "invitation"
OPEN = "open"
FINAL = frozenset({"used_up", "revoked", "expired"})
_KNOWN = frozenset({"account", "limit", "used", "expires_at"})


def demanded(state: str, facts: Json) -> Mapping[str, datetime]:
    """It expires, if it is to."""
    return {"expired": instant(facts["expires_at"])} if state == OPEN and "expires_at" in facts else {}


def live_key(_state: str, _facts: Json) -> str | None:
    """There may be any number."""
    return None


def wrong_with_row(row: Row, before: Json, after: Json) -> Wrong:
    """Whether one transition was possible: a use counts one, and nothing else changes."""
    used = before["used"] + (row.event == "used") if before else 0
    if after["used"] != used:
        yield "invitation", f"After {row.event} it was used {after['used']} times, not {used}."
    changed = [name for name in ("account", "limit", "expires_at") if before and before.get(name) != after.get(name)]
    if changed:
        yield "invitation", f"{row.event} has changed {', '.join(changed)}."
    if row.source and foreseen(row) == "expired" and demanded(row.source, before).get("expired") != row.due_at:
        yield "not_deferred", f"It was not to expire at {row.due_at.isoformat()}."


def wrong_with(state: str, facts: Json) -> Wrong:
    """Whether it agrees with itself: never used more often than it may be, and used up exactly when it cannot be used
    any more."""
    limit, used = facts.get("limit"), facts["used"]
    fits = used >= 0 and (limit is None or (limit >= 1 and used <= limit))
    if not fits or not facts.keys() <= _KNOWN or (state == "used_up") != (used == limit):
        yield "invitation", f"It is {state}, was used {used} times, and may be used {limit} times."
    if state != OPEN and state not in FINAL:
        yield "invitation", f"It can't be {state}."
