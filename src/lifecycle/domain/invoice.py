"""The facts of an invoice, and what becomes of it: pure, amounts in minor units of its currency.

`total` is the sum of the lines, `credit` the part of it that was taken from the balance, `due` the rest (rule I6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from lifecycle.domain.effects import Reason
from lifecycle.domain.invoicing import Line, line, sum_of, total
from lifecycle.domain.machine import Json

Charge = Literal["asked", "declined", "unknown"]
"""How the last attempt to charge it stands; None: none was made, or the money is there."""


@dataclass(frozen=True)
class Invoice:
    """One invoice. `start` and `end` are its nominal period, `at` the nominal instant that brought it about.

    `order` is the order whose charge it waits for as a draft. `attempt` counts the charges that are told apart, and
    rises only after a definite decline; `failures` those that dunning counts, since `failed_at`.
    """

    account: str
    subscription: str
    plan: str
    zone: str
    reason: Reason
    cycle: int
    currency: str
    start: datetime
    end: datetime
    at: datetime
    lines: tuple[Line, ...]
    total: int
    credit: int = 0
    notice: str | None = None
    order: str | None = None
    attempt: int = 0
    method: str | None = None
    charge: Charge | None = None
    by_hand: bool = False
    failures: int = 0
    failed_at: datetime | None = None
    decline: str | None = None
    retry_at: datetime | None = None
    paid_at: datetime | None = None

    @property
    def due(self) -> int:
        """What is to be charged."""
        return self.total - self.credit

    @property
    def books(self) -> Mapping[str, int]:
        """What opening it posts to the ledger: debits are positive."""
        sold = sum_of(self.lines, "plan", "seats", "tokens", "unused")
        return {
            "receivable": self.total,
            "revenue": -sold,
            "forfeited": -sum_of(self.lines, "forfeited"),
            "balance": -sum_of(self.lines, "to_balance"),
            "refunds": -sum_of(self.lines, "to_refund"),
            "tax": -sum_of(self.lines, "tax"),
        }


def invoice(lines: list[Line], **facts: Any) -> Invoice:
    """A new invoice of these lines. Raises ValueError where they come to less than nothing."""
    if (amount := total(lines)) < 0:
        raise ValueError(f"An invoice can't come to {amount}.")
    return Invoice(lines=tuple(lines), total=amount, **facts)


_INSTANTS = ("start", "end", "at", "failed_at", "retry_at", "paid_at")
_PLAIN = [field.name for field in fields(Invoice) if field.name not in (*_INSTANTS, "lines")]


def load(stored: Json) -> Invoice:
    """The facts from their JSON form."""
    facts: Json = {name: stored[name] for name in _PLAIN if name in stored}
    facts |= {name: datetime.fromisoformat(stored[name]) for name in _INSTANTS if name in stored}
    return Invoice(lines=tuple(line(one) for one in stored["lines"]), **facts)


def dump(facts: Invoice) -> Json:
    """The facts' JSON form; what has its first value is left out."""
    stored: Json = {name: value for name in _PLAIN if (value := getattr(facts, name)) or name in ("total", "cycle")}
    stored["lines"] = [one.as_json() for one in facts.lines]
    instants = {name: at.isoformat() for name in _INSTANTS if (at := getattr(facts, name))}
    return stored | instants
