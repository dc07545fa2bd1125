"""The table of a machine, read from its class: what each state answers to each event, and why not.

A cell is a list of rows in the order of the class. Guards without a code choose a row; guards with a code stand in
its way. So 'why not now' is answered by asking, never by trying, and the published matrix is the class itself.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from lifecycle.domain.machine import Machine
from lifecycle.errors import DefinitionError

AnyMachine = Machine[Any, Any]

DOES_NOTHING = "does_nothing"
"""Stands in the place of a refusal code where a deferred event has no effect."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A question that a row asks: `expected` is False for 'not …'; `code` is the refusal it stands for, if any; `asks`
    is the question in words, the first line of its docstring."""

    name: str
    code: str | None
    expected: bool
    function: Callable[..., bool] | None = None
    asks: str = field(default="", compare=False)

    def holds(self, machine: AnyMachine) -> bool:
        """Ask, on the machine's facts in hand."""
        answer = self.function() if self.function else getattr(machine, self.name)()
        return bool(answer) is self.expected


@dataclass(frozen=True, slots=True)
class Row:
    """One transition of a cell: where it leads, under which guards, by which actions."""

    target: str
    guards: tuple[Guard, ...]
    actions: tuple[str, ...]

    @property
    def always_refused(self) -> str | None:
        """The code of a row that is nothing but a refusal."""
        return next((guard.code for guard in self.guards if guard.function), None)

    def chosen(self, machine: AnyMachine) -> bool:
        """Whether the guards that choose (those without a code) hold."""
        return all(guard.holds(machine) for guard in self.guards if guard.code is None)

    def obstacle(self, machine: AnyMachine) -> str | None:
        """The code of the first refusing guard that does not hold."""
        return next((g.code for g in self.guards if g.code and not g.holds(machine)), None)


@dataclass(frozen=True)
class Matrix:
    """Every cell of one definition. `states` leaves out the initial pseudostate; `initial` names it."""

    initial: str
    states: tuple[str, ...]
    final: frozenset[str]
    commands: tuple[str, ...]
    deferred: tuple[str, ...]
    creations: tuple[str, ...]
    cells: Mapping[tuple[str, str], tuple[Row, ...]]

    def refusal(self, machine: AnyMachine, state: str, event: str) -> str | None:
        """Why `event` is not possible now for the facts in hand: a refusal code, or None if it is possible.

        For a deferred event that does nothing in this state the answer is `does_nothing`.
        """
        if state in self.final:
            return DOES_NOTHING if event in self.deferred else machine.final_codes.get(state, state)
        for row in self.cells.get((state, event), ()):
            if row.chosen(machine):
                return row.obstacle(machine)
        return DOES_NOTHING if event in self.deferred else "not_allowed"


@cache
def matrix_of(definition: type[AnyMachine]) -> Matrix:
    """The table of `definition`. Raises DefinitionError for what the engine does not support."""
    initial = definition.initial_state
    if initial is None:
        raise DefinitionError(f"{definition.__name__} has no initial state.")
    cells: dict[tuple[str, str], list[Row]] = {}
    for state in definition.states:
        for transition in state.transitions:
            if transition.target is None:
                raise DefinitionError(f"{definition.__name__}: a transition from {state.id} has no target.")
            row = Row(
                transition.target.id,
                tuple(_guard(definition, spec) for spec in transition.cond),
                tuple(str(spec.func) for spec in transition.on if not spec.is_convention),
            )
            for event in transition.event.split():
                cells.setdefault((state.id, event), []).append(row)
    creations = tuple(dict.fromkeys(event for state, event in cells if state == initial.id))
    events = dict.fromkeys(event for state, event in cells if state != initial.id)
    unknown = [event for event in definition.deferred if event not in events]
    if unknown:
        raise DefinitionError(f"{definition.__name__} defers {', '.join(unknown)}: no transition has that event.")
    return Matrix(
        initial=initial.id,
        states=tuple(state.id for state in definition.states if state is not initial),
        final=frozenset(state.id for state in definition.states if state.final),
        commands=tuple(event for event in events if event not in definition.deferred),
        deferred=definition.deferred,
        creations=creations,
        cells={cell: tuple(rows) for cell, rows in cells.items()},
    )


def _guard(definition: type[AnyMachine], spec: Any) -> Guard:
    """One guard as the class names it: a method's name, 'not ' and a method's name, or a refusal."""
    wanted = spec.expected_value is not False  # as it is for `unless`
    if callable(spec.func):
        return Guard(spec.func.__name__, getattr(spec.func, "code", None), wanted, spec.func)
    expected = wanted is not spec.func.startswith("not ")
    name = spec.func.removeprefix("not ").strip()
    method = getattr(definition, name, None)
    if method is None:
        raise DefinitionError(
            f"{definition.__name__} has no guard {name!r}: a guard is a method, or 'not' and a method."
        )
    asks = (inspect.getdoc(method) or "").partition("\n")[0]
    return Guard(name, getattr(method, "code", None), expected, asks=asks)
