"""The rules of a member (A3), in plain code over the facts as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lifecycle.verify.deferrals import Wrong
from lifecycle.verify.records import Json, Row

KIND = "member"
REMOVED = "removed"
FINAL = frozenset({REMOVED})
_STATES = frozenset({"invited", "enabled", "disabled", REMOVED})


def demanded(_state: str, _facts: Json) -> Mapping[str, datetime]:
    """Nothing happens to a member by itself."""
    return {}


def live_key(_state: str, _facts: Json) -> str | None:
    """There may be any number."""
    return None


def wrong_with_row(row: Row, before: Json, after: Json) -> Wrong:
    """Whether one transition was possible: only a change of the role changes it, and nothing the account."""
    may_change = {"role"} if row.event == "role_changed" else set()
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)} if before else set()
    if changed - may_change:
        yield "member", f"{row.event} has changed {', '.join(sorted(changed))}."


def wrong_with(state: str, facts: Json) -> Wrong:
    """Whether the facts hold an account and a role, and nothing else that might be personal."""
    if facts.keys() != {"account", "role"} or facts["role"] not in ("admin", "member") or state not in _STATES:
        yield "member", f"It is {state}, and its facts hold {', '.join(sorted(facts))}."
