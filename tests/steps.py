"""Has steps that tests take be taken both ways, by the table and by python-statemachine, and compares them.

Everyday's runs compare the first twenty of each cell, and of the rest every fifth; `make everything` compares all.
`LIFECYCLE_TEST_STEPS` may be `compiled` or `interpreted` instead, for a run with one way alone.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from lifecycle.domain.compiled import CompiledInterpreter
from lifecycle.domain.interpreter import Interpreter
from lifecycle.domain.machine import Decision
from lifecycle.domain.matrix import AnyMachine
from lifecycle.errors import Refused

VARIABLE = "LIFECYCLE_TEST_STEPS"
WAY = os.environ.get(VARIABLE, "compared")
_by_table = CompiledInterpreter.step
_residents = threading.local()
Take = Callable[[], Decision[Any] | None]
Came = Decision[Any] | Exception | None
"""What came of a step: a decision, None, a refusal, or an error."""


def take_both_ways(*, always: bool) -> None:
    """From now on, in this process; or the one way that the environment asks for."""
    if WAY == "compared":
        _sampling.always = always
        CompiledInterpreter.step = _compared  # type: ignore[method-assign, assignment]  # for the length of the run
    elif WAY == "interpreted":
        CompiledInterpreter._take_row = Interpreter._take_row  # type: ignore[method-assign]  # likewise


def _beside(definition: type[AnyMachine]) -> Interpreter:
    """This thread's interpreter, for it is not for use by several at a time."""
    kept: dict[type[AnyMachine], Interpreter] = vars(_residents).setdefault("kept", {})
    if definition not in kept:
        kept[definition] = Interpreter(definition)
    return kept[definition]


class _Sampling:
    """Which steps are compared."""

    def __init__(self) -> None:
        self.always = True
        self._taken = Counter[tuple[type[AnyMachine], str, str]]()

    def has(self, definition: type[AnyMachine], state: str, event: str) -> bool:
        """Whether it is this one's turn. Threads may count one step for another: nothing hangs on it."""
        self._taken[definition, state, event] += 1
        number = self._taken[definition, state, event]
        return self.always or number <= 20 or number % 5 == 0


_sampling = _Sampling()


def _compared(self: CompiledInterpreter, *taken: Any, **more: Any) -> Decision[Any] | None:
    state, _, stimulus, *_ = taken
    if not _sampling.has(self.definition, state, stimulus.event):
        return _by_table(self, *taken, **more)
    came = compare(
        self.definition, lambda: _by_table(self, *taken, **more), lambda: _beside(self.definition).step(*taken, **more)
    )
    if isinstance(came, Exception):
        raise came
    return came


def compare(definition: type[AnyMachine], by_table: Take, by_library: Take) -> Came:
    """What came of the step by the table; raises AssertionError unless both come to the same."""
    came = _came_of(by_table)
    ours, theirs = told(definition, came), told(definition, _came_of(by_library))
    assert ours == theirs, f"{definition.__name__}: {ours} by its table, {theirs} by python-statemachine"
    return came


def told(definition: type[AnyMachine], came: Came) -> object:
    """A decision as it is written, None, a refusal with its code, or an error."""
    match came:
        case None:
            return None
        case Refused():
            return ("refused", came.code, str(came), came.instead)
        case Exception():
            return ("raised", type(came), str(came))
    return (came.state, definition.dump(came.facts), [effect.as_json() for effect in came.effects])


def _came_of(take: Take) -> Came:
    try:
        return take()
    except Exception as error:  # noqa: BLE001  # whatever a machine raises
        return error
