"""A contract of a host's own, in two releases: it is renewed term after term until notice is given, then it lapses.

Facts are plain JSON: `party`, `days` of a term, the number of the `term`, its end, and the day of a reminder ten days
before it, until the reminder has gone out. One running contract per party.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from statemachine import State

from lifecycle.domain.machine import Decision, Json, Machine, refuse, refusing
from lifecycle.domain.refusals import refused
from lifecycle.errors import Refused

NOTICE = timedelta(days=10)
SENTENCES = {
    "too_short": "A term has seven days at least.",
    "notice_too_late": "Notice is given ten days before the end of a term at the latest.",
    "no_notice": "No notice was given.",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter to the party."""

    kind: str

    def as_json(self) -> Json:
        """`{"effect": "letter", "kind": …}`."""
        return {"effect": "letter", "kind": self.kind}


class Terms(Machine[Json, object]):
    """What both releases share: the facts' schedule, the guards and the actions."""

    deferred: ClassVar[tuple[str, ...]] = ("term_ends", "reminder_falls_due")

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """The end of the term, and before it a reminder as long as no notice is given."""
        due = {"term_ends": datetime.fromisoformat(facts["ends_at"])}
        if facts.get("reminder_at") and state != "in_notice":
            due["reminder_falls_due"] = datetime.fromisoformat(facts["reminder_at"])
        return due

    @classmethod
    def live_key(cls, facts: Json) -> str:
        """One running contract per party."""
        return str(facts["party"])

    def refusal(self, code: str) -> Refused:
        """The host's own codes, with the host's own words."""
        return refused(code, message=SENTENCES[code]) if code in SENTENCES else super().refusal(code)

    @refusing("too_short")
    def long_enough(self) -> bool:
        """A term has seven days at least."""
        return int(self.arguments["days"]) >= 7

    @refusing("notice_too_late")
    def in_time(self) -> bool:
        """Ten days before the end at the latest."""
        return self.now <= datetime.fromisoformat(self.facts["ends_at"]) - NOTICE

    def begin(self) -> None:
        """The first term starts now."""
        self.become(self.term(1, self.now, {"party": self.arguments["party"], "days": self.arguments["days"]}))

    def renew(self) -> None:
        """The next term starts where this one ends."""
        self.become(self.term(self.facts["term"] + 1, self.now, self.facts), Letter("renewed"))

    def remind(self) -> None:
        """The reminder goes out, once in a term."""
        self.become({**self.facts, "reminder_at": None}, Letter("reminder"))

    def lapse(self) -> None:
        """The end."""
        self.become(self.facts, Letter("lapsed"))

    def term(self, number: int, start: datetime, facts: Json) -> Json:
        """The facts in a term that starts at `start`."""
        end = start + timedelta(days=facts["days"])
        return {**facts, "term": number, "ends_at": end.isoformat(), "reminder_at": (end - NOTICE).isoformat()}


class ContractMachine(Terms):
    """The first release."""

    kind = "contract"

    draft = State(initial=True)
    running = State()
    in_notice = State()
    lapsed = State(final=True)

    signed = draft.to(running, cond="long_enough", on="begin")
    give_notice = running.to(in_notice, cond="in_time")
    take_back = in_notice.to(running) | running.to(running, cond=refuse("no_notice"))
    term_ends = running.to(running, on="renew") | in_notice.to(lapsed, on="lapse")
    reminder_falls_due = running.to(running, on="remind")


class ContractMachine2(Terms):
    """The second release: `running` is called `in_force`, and facts count the `renewals`."""

    kind = "contract"
    version = 2
    migrations: ClassVar[Mapping[int, Mapping[str, str]]] = {1: {"running": "in_force"}}

    draft = State(initial=True)
    in_force = State()
    in_notice = State()
    lapsed = State(final=True)

    signed = draft.to(in_force, cond="long_enough", on="begin")
    give_notice = in_force.to(in_notice, cond="in_time")
    take_back = in_notice.to(in_force) | in_force.to(in_force, cond=refuse("no_notice"))
    term_ends = in_force.to(in_force, on="renew") | in_notice.to(lapsed, on="lapse")
    reminder_falls_due = in_force.to(in_force, on="remind")

    @classmethod
    def migrate(cls, version: int, state: str, stored: Json) -> Decision[Json]:
        """The state by its new name, and the renewals so far."""
        moved = super().migrate(version, state, stored)
        return Decision(moved.state, {**moved.facts, "renewals": stored["term"] - 1}, ())

    def term(self, number: int, start: datetime, facts: Json) -> Json:
        """As before, and counted."""
        return {**super().term(number, start, facts), "renewals": number - 1}


class ContractMachine3(ContractMachine2):
    """A third release that is not finished: it forgot to say what became of the second's states."""

    version = 3
    migrations: ClassVar[Mapping[int, Mapping[str, str]]] = {2: {"in_force": "forgotten"}}

    @classmethod
    def migrate(cls, version: int, state: str, stored: Json) -> Decision[Json]:
        """By the map alone."""
        return Decision(cls.migrations[version][state], stored, ())
