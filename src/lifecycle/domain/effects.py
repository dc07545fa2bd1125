"""What follows from a transition besides the new facts, as plain data for those who act on it after the decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lifecycle.domain.machine import Json


@dataclass(frozen=True, slots=True)
class Notice:
    """An occasion on which the customer is told something, by the kinds of rule G2."""

    kind: str

    def as_json(self) -> Json:
        """`{"effect": "notice", "kind": …}`."""
        return {"effect": "notice", "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Send:
    """A message to one of the host's destinations, by the outbox: written with the transition, delivered after it.

    `kind` is for the destination to tell its messages apart. The `payload` stands in the log, under its hashes, and
    can't be erased: it holds ids and amounts, never a name or an address (rule A2).
    """

    destination: str
    kind: str
    payload: Json

    def as_json(self) -> Json:
        """`{"effect": "send", "destination": …, "kind": …, "payload": {…}}`."""
        return {"effect": "send", "destination": self.destination, "kind": self.kind, "payload": self.payload}


@dataclass(frozen=True, slots=True)
class Bill:
    """A stretch of a paid cycle, from `start` to `end`, that is to be invoiced; `cycle` numbers never restart."""

    reason: Literal["purchase", "renewal", "rest_of_cycle"]
    cycle: int
    start: datetime
    end: datetime

    def as_json(self) -> Json:
        """`{"effect": "bill", …}` with instants in ISO 8601."""
        return {
            "effect": "bill",
            "reason": self.reason,
            "cycle": self.cycle,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
        }
