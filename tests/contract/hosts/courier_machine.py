"""A courier of a host's own, who sends what is asked for, and something on each round.

Facts are plain JSON: the number of the last `round`, and the instant of the `next` one, if there is to be one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from statemachine import State

from lifecycle.domain.effects import Notice, Send
from lifecycle.domain.machine import Json, Machine


@dataclass(frozen=True, slots=True)
class Scrap:
    """An effect that calls itself `send`, and is no message."""

    def as_json(self) -> Json:
        """`{"effect": "send"}`."""
        return {"effect": "send"}


class CourierMachine(Machine[Json, None]):
    """Is hired, sends, and is let go."""

    kind = "courier"
    deferred: ClassVar[tuple[str, ...]] = ("rounds",)

    new = State(initial=True)
    at_work = State()
    gone = State(final=True)

    hired = new.to(at_work, on="begin")
    sends = at_work.to(at_work, on="hand_out")
    spoils = at_work.to(at_work, on="spoil")
    rounds = at_work.to(at_work, on="go_round")
    leaves = at_work.to(gone)

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """The next round."""
        del state
        return {"rounds": datetime.fromisoformat(facts["next"])} if facts.get("next") else {}

    def begin(self) -> None:
        """The first round is when the arguments say, if they do."""
        self.become({"round": 0, **self.arguments})

    def hand_out(self) -> None:
        """One message for each (destination, kind) that is asked for, after a notice."""
        messages = [Send(to, kind, {"round": self.facts["round"]}) for to, kind in self.arguments["messages"]]
        self.become(self.facts, Notice("changed"), *messages)

    def spoil(self) -> None:
        """Send what can't be sent."""
        self.become(self.facts, Scrap())

    def go_round(self) -> None:
        """A message to the office, and the next round an hour later; one who is `clumsy` sends scrap."""
        number = self.facts["round"] + 1
        facts = {**self.facts, "round": number, "next": (self.now + timedelta(hours=1)).isoformat()}
        self.become(facts, Scrap() if facts.get("clumsy") else Send("office", "round", {"round": number}))
