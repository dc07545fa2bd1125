"""A beacon of a host's own: it beats every so many seconds, and goes wrong at a given beat in a given way.

Facts are plain JSON: `every` so many seconds, `until` how many beats, the number of the last `beat`, the instant of
the `next` one, and perhaps a `fault`, which shows at the beat `at` and stays until it is repaired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from statemachine import State

from lifecycle.domain.machine import Decision, Json, Machine


class Broken(Exception):
    """What a faulty beacon raises."""


@dataclass(frozen=True, slots=True)
class Flash:
    """An effect; one that is `dull` can't be told."""

    dull: bool = False

    def as_json(self) -> Json:
        """`{"effect": "flash"}`."""
        if self.dull:
            raise Broken("a dull flash")
        return {"effect": "flash"}


class BeaconMachine(Machine[Json, object]):
    """Beats, is adjusted and repaired, and is put out at the end."""

    kind = "beacon"
    deferred: ClassVar[tuple[str, ...]] = ("beats", "echoes")

    dark = State(initial=True)
    lit = State()
    out = State(final=True)

    lights = dark.to(lit, on="start")
    adjust = lit.to(lit, on="merge")
    put_out = lit.to(out)
    beats = lit.to(out, cond="last", on="beat") | lit.to(lit, cond="not last", on="beat")
    echoes = lit.to(lit, cond="swings", on="echo")

    @classmethod
    def load(cls, stored: Json) -> Json:
        """As it stands; faulty facts can't be read."""
        if faulty(stored, "load"):
            raise Broken("unreadable")
        return stored

    @classmethod
    def live_key(cls, facts: Json) -> str | None:
        """The beacon's name, if it has one."""
        if faulty(facts, "name"):
            raise Broken("a name that nobody can say")
        return facts.get("name")

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """The next beat; and what faulty beacons demand."""
        del state
        last, following = (datetime.fromisoformat(facts[key]) for key in ("last", "next"))
        demands = {
            "again": {"beats": last},
            "swing": {"beats" if facts.get("echo") == facts["beat"] else "echoes": last},
            "idle": {"beats": following, "echoes": last + timedelta(seconds=1)},
            "both": {"echoes": following, "beats": following},
            "unknown": {"beats": following, "explodes": following},
            "naive": {"beats": following.replace(tzinfo=None)},
        }
        return next((demand for fault, demand in demands.items() if faulty(facts, fault)), {"beats": following})

    @classmethod
    def skip(cls, state: str, facts: Json, event: str, context: object) -> Decision[Json] | None:
        """A beat can be passed over: the next one is as far off as ever. One that is faulty stays where it is."""
        del context
        if event != "beats":
            return None
        after = datetime.fromisoformat(facts["next"]) + timedelta(seconds=facts["every"])
        moved = {} if faulty(facts, "stuck") else {"last": facts["next"], "next": after.isoformat()}
        return Decision(state, facts | moved, ())

    def swings(self) -> bool:
        """Echoes have an effect on a beacon that swings between two events for ever."""
        return faulty(self.facts, "swing")

    def last(self) -> bool:
        """This is the last beat."""
        return bool(self.facts["beat"] + 1 == self.facts["until"])

    def start(self) -> None:
        """Light it: the first beat comes after one pause."""
        facts = {"every": 3600, "until": 1000, **self.arguments, "beat": 0, "seen": []}
        self.become({**facts, "last": self.now.isoformat(), "next": self._next(facts)})

    def merge(self) -> None:
        """Take over what is asked for."""
        self.become({**self.facts, **self.arguments})

    def beat(self) -> None:
        """One beat, which changes the facts in hand first, so that a fault comes half-way."""
        self.facts["beat"] += 1
        self.facts["seen"].append(self.now.isoformat())
        if faulty(self.facts, "raise"):
            raise Broken("no light")
        if faulty(self.facts, "set"):
            self.facts["scrap"] = {1, 2}
        if faulty(self.facts, "nul"):
            self.facts["scrap"] = "\0"
        facts = {**self.facts, "last": self.now.isoformat(), "next": self._next(self.facts)}
        self.become(facts, Flash(dull=faulty(facts, "effect")))

    def echo(self) -> None:
        """The beat has been answered."""
        self.become({**self.facts, "echo": self.facts["beat"]})

    def _next(self, facts: Json) -> str:
        return (self.now + timedelta(seconds=facts["every"])).isoformat()


def faulty(facts: Json, fault: str) -> bool:
    """Whether this fault shows at this beat."""
    return bool(facts.get("fault") == fault and facts["beat"] >= facts["at"])
