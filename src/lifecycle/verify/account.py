"""The rules of an account and of its wallet (A2, D11), in plain code over the facts as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lifecycle.verify.deferrals import Wrong
from lifecycle.verify.records import Json, Row

KIND, WALLET = "account", "wallet"
FINAL = frozenset({"deleted"})
NEVER: frozenset[str] = frozenset()


def demanded(_state: str, _facts: Json) -> Mapping[str, datetime]:
    """Nothing happens to them by itself."""
    return {}


def no_live_key(_state: str, _facts: Json) -> str | None:
    """It is named by its root."""
    return None


def wallet_key(_state: str, facts: Json) -> str | None:
    """One for each account."""
    return str(facts["account"])


def wrong_with_account_row(row: Row, before: Json, after: Json) -> Wrong:
    """It never changes."""
    if before and before != after:
        yield "account", f"{row.event} has changed its facts."


def wrong_with_account(state: str, facts: Json) -> Wrong:
    """Whether it holds nothing that might be personal."""
    if facts.keys() != {"account"} or state not in ("open", "closed", "deleted"):
        yield "account", f"It is {state}, and its facts hold {', '.join(sorted(facts))}."


def wrong_with_wallet_row(row: Row, before: Json, after: Json) -> Wrong:
    """As many more are used as were asked for, and as were posted."""
    used = after["used"] - before.get("used", 0)
    posted = [effect["entries"] for effect in row.effects if effect.get("effect") == "post"]
    if row.event != "used" or used <= 0 or posted != [{"tokens": -used, "tokens_used": used}]:
        yield "wallet", f"{row.event} has used {used}."


def wrong_with_wallet(state: str, facts: Json) -> Wrong:
    """Whether it holds how many were used, and nothing else."""
    if facts.keys() != {"account", "used"} or state != "open" or facts["used"] <= 0:
        yield "wallet", f"It is {state}, and its facts hold {', '.join(sorted(facts))}."
