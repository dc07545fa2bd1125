"""A step by the table comes to the same as python-statemachine's: for all machines, states, events, guards' answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import pairwise, product
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statemachine import Event, State

from lifecycle.config.settings import MACHINES
from lifecycle.domain.compiled import CompiledInterpreter, interpreter_of, is_plain
from lifecycle.domain.effects import Notice
from lifecycle.domain.interpreter import Interpreter
from lifecycle.domain.machine import Json, Machine, Stimulus, refuse, refusing
from lifecycle.domain.matrix import AnyMachine, matrix_of
from lifecycle.engine.registry import load_machines
from tests.steps import compare

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SHIPPED = load_machines(MACHINES)
ANSWERS = (True, False, RuntimeError("no answer"))


class Slot:
    """What guards answer and actions do, by their names, for the machines below."""

    answers: ClassVar[Mapping[str, object]] = {}
    broken: ClassVar[str | None] = None


def _guard(name: str, code: str | None) -> Any:
    def asked(self: AnyMachine) -> bool:
        del self
        answer = Slot.answers.get(name, True)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    asked.__name__ = asked.__qualname__ = name
    return refusing(code)(asked) if code else asked


def _action(name: str) -> Any:
    def act(self: AnyMachine) -> None:
        if Slot.broken == name:
            raise LookupError(name)
        self.become({**(self.facts or {}), "last": name, "was": self.model.state}, Notice(name))

    act.__name__ = act.__qualname__ = name
    return act


@cache
def hollow(definition: type[AnyMachine]) -> type[AnyMachine]:
    """The machine with its table, but guards that answer as they are told, and actions that only say that they ran."""
    rows = [row for rows in matrix_of(definition).cells.values() for row in rows]
    body: dict[str, Any] = {
        guard.name: _guard(guard.name, guard.code) for row in rows for guard in row.guards if not guard.function
    }
    body |= {action: _action(action) for row in rows for action in row.actions}
    body |= {name: Machine.__dict__[name] for name in ("load", "dump", "fresh")}
    return type(f"Hollow{definition.__name__}", (definition,), body)


def step_both_ways(definition: type[AnyMachine], state: str, event: str) -> None:
    """Compare one step."""
    stimulus = Stimulus(event, NOON)
    by_table, by_library = _residents(definition)
    assert isinstance(by_table, CompiledInterpreter)
    compare(
        definition,
        lambda: by_table.step(state, {"n": 1}, stimulus, None),
        lambda: by_library.step(state, {"n": 1}, stimulus, None),
    )


@cache
def _residents(definition: type[AnyMachine]) -> tuple[Interpreter, Interpreter]:
    return interpreter_of(definition), Interpreter(definition)


@pytest.mark.parametrize("kind", SHIPPED.kinds)
def test_each_cell_with_each_answer(kind: str) -> None:
    """Every cell of every machine, with guards that say yes, no, or raise: all of them, and each one apart (X307)."""
    definition = hollow(SHIPPED.newest(kind))
    matrix = matrix_of(definition)
    states = (matrix.initial, *matrix.states)
    for state, event in product(states, (*matrix.creations, *matrix.commands, *matrix.deferred)):
        names = {
            guard.name for row in matrix.cells.get((state, event), ()) for guard in row.guards if not guard.function
        }
        for usual, name, other in [
            (True, None, True),
            (False, None, False),
            *product((True,), sorted(names), ANSWERS[1:]),
        ]:
            Slot.answers = dict.fromkeys(names, usual) | ({name: other} if name else {})
            step_both_ways(definition, state, event)


@pytest.mark.parametrize("kind", SHIPPED.kinds)
def test_each_action_that_raises(kind: str) -> None:
    """What an action raises passes through, and the next step is as if nothing had been."""
    definition = hollow(SHIPPED.newest(kind))
    Slot.answers = {}
    for (state, event), rows in matrix_of(definition).cells.items():
        for Slot.broken in (*rows[0].actions, None):
            step_both_ways(definition, state, event)


STATES, EVENTS, GUARDS, ACTIONS = "abcd", ("go", "stop", "wait"), ("one", "two", "three"), ("act", "react")
guards = st.sampled_from([*GUARDS, *(f"not {name}" for name in GUARDS), refuse("ended"), refuse("no_change")])
rows = st.tuples(
    st.sampled_from(STATES[:-1]),
    st.sampled_from(STATES),
    st.sampled_from(EVENTS),
    st.lists(guards, max_size=3, unique=True),
    st.lists(st.sampled_from(ACTIONS), max_size=2, unique=True),
)


def build(table: Sequence[Any], deferred: bool) -> type[AnyMachine]:
    """A machine of four states, the last of which is final, with this table; each state can be reached and left."""
    states = {name: State(initial=name == "a", final=name == STATES[-1]) for name in STATES}
    body: dict[str, Any] = {"kind": "any", **states, "deferred": ("go",) if deferred else ()}
    body |= {name: _guard(name, "no_change" if name == "three" else None) for name in GUARDS}
    body |= {name: _action(name) for name in ACTIONS}
    ways = [
        *table,
        *((one, two, "wait", [], []) for one, two in pairwise(STATES)),
        ("a", "a", "go", ["one"], []),
        ("b", "b", "go", ["two"], []),
    ]
    for event in EVENTS:
        made = [
            states[source].to(states[target], cond=asked, on=acts)
            for source, target, of, asked, acts in ways
            if of == event
        ]
        if made:
            body[event] = made[0]
            for more in made[1:]:
                body[event] |= more
    return type("Any", (Machine,), body)


@given(
    st.lists(rows, max_size=8),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from([*EVENTS, "unknown"])), min_size=1, max_size=8),
    st.lists(st.fixed_dictionaries({name: st.sampled_from(ANSWERS) for name in GUARDS}), min_size=8, max_size=8),
    st.lists(st.sampled_from([None, None, *ACTIONS]), min_size=8, max_size=8),
)
def test_any_table(
    table: list[Any],
    deferred: bool,
    steps: list[tuple[str, str]],
    answers: list[Mapping[str, object]],
    broken: list[str | None],
) -> None:
    """Machines that nobody has written, stepped again and again, after errors too."""
    definition = build(table, deferred)
    by_table, by_library = interpreter_of(definition), Interpreter(definition)
    for (state, event), Slot.answers, Slot.broken in zip(steps, answers, broken, strict=False):
        compare(
            definition,
            lambda: by_table.step(state, {}, Stimulus(event, NOON), None),  # noqa: B023  # it is called at once
            lambda: by_library.step(state, {}, Stimulus(event, NOON), None),  # noqa: B023  # likewise
        )
    Slot.broken = None


# What is more than its table


class Plain(Machine[Json, None]):
    """On and off."""

    kind = "plain"

    new = State(initial=True)
    off = State()
    on = State()

    made = new.to(off)
    switch = off.to(on, cond="allowed", on="note") | on.to(off)

    def allowed(self) -> bool:
        """It may be switched."""
        return True

    def note(self) -> None:
        """Take it down."""


class Entering(Plain):
    """With a hook that the library finds by its name."""

    def on_enter_on(self) -> None:
        """Called by the library."""


class Before(Plain):
    """With another one."""

    def before_switch(self) -> None:
        """Called by the library."""


class Everywhere(Plain):
    """With one for all transitions."""

    def after_transition(self) -> None:
        """Called by the library."""


class Injected(Plain):
    """With an action that asks the library for the target."""

    def note(self, target: State) -> None:  # type: ignore[override]  # that is the point
        """Take it down."""


class Waiting(Plain):
    """With a coroutine for an action."""

    async def note(self) -> None:  # type: ignore[override]  # that is the point
        """Take it down."""


class Tolerant(Plain):
    """Which lets events pass that lead nowhere."""

    allow_event_without_transition = True


class Heard(Plain):
    """With somebody who listens."""

    listeners: ClassVar[list[Any]] = [object]


class Validated(Machine[Json, None]):
    """With a validator."""

    kind = "validated"
    new = State(initial=True)
    off = State(final=True)
    made = new.to(off, validators="check")

    def check(self) -> None:
        """Raises where it is not right."""


class Sent(Machine[Json, None]):
    """With an event for an action."""

    kind = "sent"
    new = State(initial=True)
    off = State()
    on = State(final=True)
    made = new.to(off, on="switch")
    switch = off.to(on)


class Late(Machine[Json, None]):
    """With an event that waits."""

    kind = "late"
    new = State(initial=True)
    off = State(final=True)
    made = Event(new.to(off), delay=5)


class Entered(Machine[Json, None]):
    """With an action of a state."""

    kind = "entered"
    new = State(initial=True)
    off = State(enter="note", final=True)
    made = new.to(off)

    def note(self) -> None:
        """Take it down."""


def test_a_table_is_all_that_ours_are() -> None:
    """All machines that come with the package are stepped by their tables."""
    assert all(is_plain(SHIPPED.newest(kind)) for kind in SHIPPED.kinds)
    assert is_plain(Plain)


@pytest.mark.parametrize(
    "definition",
    [Entering, Before, Everywhere, Injected, Waiting, Tolerant, Heard, Validated, Sent, Late, Entered],
    ids=lambda definition: definition.__name__,
)
def test_what_is_more_than_its_table_is_left_to_the_library(definition: type[AnyMachine]) -> None:
    """Nothing that a class asks of python-statemachine is passed over."""
    assert not is_plain(definition)
    assert type(interpreter_of(definition)) is Interpreter


def test_the_library_is_one_setting_away() -> None:
    """`scheduler.steps: interpreted` has python-statemachine take all steps."""
    assert type(interpreter_of(Plain)) is CompiledInterpreter
    assert type(interpreter_of(Plain, "interpreted")) is Interpreter
