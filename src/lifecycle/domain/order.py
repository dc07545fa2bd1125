"""The facts of an order: a command as it was quoted, and once confirmed what waits for its charge. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from lifecycle.domain.machine import Json


@dataclass(frozen=True, slots=True)
class Order:
    """A purchase of a person, or a command that was quoted.

    `subscription` is what it is about, which a first purchase has still to make. `event` and `arguments` are the
    command. `quote` is what was shown (rule H3); `seq` the number of the root's last row at that time. `bill` holds the
    facts of the invoice, without one nothing is invoiced; `decision` what takes effect with the charge, on behalf of
    the `actor` who confirmed it, with the reason of that id.
    """

    account: str
    subscription: str
    event: str
    arguments: Json
    currency: str
    total: int
    credit: int
    quote: Json
    seq: int = 0
    quoted_at: datetime | None = None
    expires_at: datetime | None = None
    confirmed_at: datetime | None = None
    bill: Json | None = None
    decision: Json | None = None
    key: str | None = None
    actor: str | None = None
    reason_id: str | None = None
    decline: str | None = None

    @property
    def due(self) -> int:
        """What is to be charged, in minor units."""
        return self.total - self.credit


_INSTANTS = ("quoted_at", "expires_at", "confirmed_at")


def load(stored: Json) -> Order:
    """The facts from their JSON form."""
    known = {field.name for field in fields(Order)}
    instants = {name: datetime.fromisoformat(stored[name]) for name in _INSTANTS if name in stored}
    facts: Json = {name: value for name, value in stored.items() if name in known} | instants
    return Order(**facts)


def dump(facts: Order) -> Json:
    """The facts' JSON form; what is not there is left out."""
    return {field.name: _written(value) for field in fields(Order) if (value := getattr(facts, field.name)) is not None}


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
