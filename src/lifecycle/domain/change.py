"""A change of plan, interval or seats that is to come, with the prices at which it was confirmed (rule B5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lifecycle.domain.calendar import Interval
from lifecycle.domain.catalog import Terms
from lifecycle.domain.machine import Json


@dataclass(frozen=True, slots=True)
class Change:
    """A pending change: the fields that are to change (None: as it is), and the instant from which it holds.

    `terms` are the prices that will hold then, as they were when the change was confirmed.
    """

    due_at: datetime
    terms: Terms
    plan: str | None = None
    interval: Interval | None = None
    seats: int | None = None

    def as_json(self) -> Json:
        """The form which `from_json` reads back; no key without a value."""
        stored: Json = {"due_at": self.due_at.isoformat(), "terms": self.terms.as_json()}
        if self.plan:
            stored["plan"] = self.plan
        if self.interval:
            stored["interval"] = str(self.interval)
        if self.seats is not None:
            stored["seats"] = self.seats
        return stored

    @classmethod
    def from_json(cls, stored: Json) -> Change:
        """The change that `as_json` wrote."""
        return cls(
            due_at=datetime.fromisoformat(stored["due_at"]),
            plan=stored.get("plan"),
            interval=Interval.parse(stored["interval"]) if "interval" in stored else None,
            seats=stored.get("seats"),
            terms=Terms.from_json(stored["terms"]),
        )
