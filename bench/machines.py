"""The smallest machine that a host can have, for a comparison like for like: it falls due once, and that is logged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from statemachine import State

from lifecycle import Lifecycle
from lifecycle.domain.machine import Json, Machine
from lifecycle.engine.commands import Creation


class Reminder(Machine[Json, None]):
    """Waits until it rings."""

    kind = "reminder"
    prefix = "rem"
    deferred = ("rings",)

    new = State(initial=True)
    waiting = State()
    rung = State(final=True)

    set_up = new.to(waiting, on="set_it")
    rings = waiting.to(rung)

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """When it was asked to."""
        del state
        return {"rings": datetime.fromisoformat(facts["at"])}

    def set_it(self) -> None:
        """Keep the instant."""
        self.become({"at": self.arguments["at"]})


def set_reminders(lifecycle: Lifecycle, number: int) -> None:
    """So many, each a second later than the one before, from an hour after the clock's instant on."""
    first = lifecycle.clock.now() + timedelta(hours=1)
    with lifecycle.engine.work() as work:
        for n in range(number):
            at = first + timedelta(seconds=n)
            work.create(Creation("reminder", "set_up", "system", "rem", None, None, {"at": at.isoformat()}))
