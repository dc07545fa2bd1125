"""What a definition may not say, and what becomes of a step whose guards or actions are wrong."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from statemachine import State

from lifecycle.domain.interpreter import Interpreter
from lifecycle.domain.machine import Decision, Json, Machine, Stimulus
from lifecycle.domain.matrix import matrix_of
from lifecycle.errors import DefinitionError

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Lamp(Machine[Json, None]):
    """A lamp that is switched on, once."""

    kind = "lamp"

    new = State(initial=True)
    dark = State()
    burnt = State(final=True)

    made = new.to(dark)
    switch = dark.to(dark, cond="works", on="shine") | dark.to(burnt, cond="not works")

    def works(self) -> bool:
        """It works; what `answers` holds comes first."""
        answers: list[bool] = self.facts["answers"]
        return answers.pop() if answers else True

    def shine(self) -> None:
        """Shine, unless there is no current."""
        if not self.facts["current"]:
            raise RuntimeError("no current")
        self.become({**self.facts, "shone": True})


class Unwired(Lamp):
    """A lamp that is to go out by itself, by an event that it does not have."""

    deferred = ("goes_out",)


class Asking(Machine[Json, None]):
    """A lamp that asks what nobody answers."""

    kind = "asking"

    new = State(initial=True)
    dark = State(final=True)

    made = new.to(dark, cond="wired")


def facts(*, current: bool, answers: tuple[bool, ...] = ()) -> Json:
    """A lamp, and what its guard will answer before it goes by the truth."""
    return {"current": current, "answers": list(answers)}


def test_a_deferred_event_has_a_transition() -> None:
    """A name that nothing answers to would never fire."""
    with pytest.raises(DefinitionError, match=r"^Unwired defers goes_out: no transition has that event\.$"):
        matrix_of(Unwired)


def test_a_guard_is_a_method() -> None:
    """A guard that is not there is named."""
    with pytest.raises(DefinitionError, match=r"^Asking has no guard 'wired': a guard is a method, or 'not' and"):
        matrix_of(Asking)


def test_an_action_that_raises_leaves_the_machine_usable() -> None:
    """The error passes through; the next step is as if there had been none."""
    interpreter = Interpreter(Lamp)
    switch = Stimulus("switch", NOON)
    with pytest.raises(RuntimeError, match="no current"):
        interpreter.step("dark", facts(current=False), switch, None)
    shone = {"current": True, "answers": [], "shone": True}
    assert interpreter.step("dark", facts(current=True), switch, None) == Decision("dark", shone, ())


def test_a_guard_that_changes_its_mind_is_a_fault_of_the_definition() -> None:
    """No row holds when they are tried, and one does when it is asked why: a guard has to be a pure question."""

    class Moody(Lamp):
        """Its guard forgets what it has answered."""

        @classmethod
        def fresh(cls, facts: Json) -> Json:
            """The very facts, so that an answer given is gone."""
            return facts

    with pytest.raises(DefinitionError, match=r"^Moody took no row for switch in dark, but none refuses\.$"):
        Interpreter(Moody).step("dark", facts(current=True, answers=(True, False)), Stimulus("switch", NOON), None)
