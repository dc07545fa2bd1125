"""A rental: the thing is out until it is brought back, and overdue from its last day on.

The facts are a JSON object: `thing`, and `until`, an instant in ISO 8601. Guards only ask, actions make new facts, and
neither does any I/O: what is to happen outside follows from the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar

from statemachine import State

from lifecycle import Refused
from lifecycle.domain.machine import Json, Machine, refusing

LONGEST = timedelta(days=30)


class Rental(Machine[Json, None]):
    """What a rental's states are, what leads from one to the next, and what happens by itself."""

    kind = "rental"
    deferred: ClassVar[tuple[str, ...]] = ("falls_due",)

    asked_for = State(initial=True)  # what there is before the first transition; nothing that is stored is in it
    out = State()
    overdue = State()
    returned = State(final=True)

    lent = asked_for.to(out, cond=["still_to_come", "not_too_long"], on="keep_what_was_agreed")
    prolonged = out.to(out, cond=["still_to_come", "not_too_long"], on="keep_what_was_agreed")
    brought_back = out.to(returned) | overdue.to(returned)
    falls_due = out.to(overdue)

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """What is to fire by itself, and when: asked after each transition, and written with it."""
        return {"falls_due": datetime.fromisoformat(facts["until"])} if state == "out" else {}

    @classmethod
    def live_key(cls, facts: Json) -> str:
        """One thing is out once at a time."""
        return str(facts["thing"])

    @refusing("date_in_past")
    def still_to_come(self) -> bool:
        """A guard with a code is a reason to refuse; one without a code chooses between transitions."""
        return datetime.fromisoformat(self.arguments["until"]) > self.now

    @refusing("too_long")
    def not_too_long(self) -> bool:
        """The code is our own; `refusal` has the words for it."""
        return datetime.fromisoformat(self.arguments["until"]) <= self.now + LONGEST

    def keep_what_was_agreed(self) -> None:
        """The facts after it was lent or prolonged."""
        self.become({**(self.facts or {}), **self.arguments})

    def refusal(self, code: str) -> Refused:
        """The words for codes of our own."""
        if code == "too_long":
            return Refused(code, f"A rental lasts {LONGEST.days} days at most.", instead="Give an earlier day.")
        return super().refusal(code)
