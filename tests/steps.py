"""Has each step that a test takes be taken both ways, by the table and by python-statemachine, and compares them.

`LIFECYCLE_TEST_STEPS` may be `compiled` or `interpreted` instead, for a run with one way alone.
"""

from __future__ import annotations

import os
import threading
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


def take_both_ways() -> None:
    """From now on, in this process; or the one way that the environment asks for."""
    if WAY == "compared":
        CompiledInterpreter.step = _compared  # type: ignore[method-assign, assignment]  # for the length of the run
    elif WAY == "interpreted":
        CompiledInterpreter._take_row = Interpreter._take_row  # type: ignore[method-assign]  # likewise


def _beside(definition: type[AnyMachine]) -> Interpreter:
    """This thread's interpreter, for it is not for use by several at a time."""
    kept: dict[type[AnyMachine], Interpreter] = vars(_residents).setdefault("kept", {})
    if definition not in kept:
        kept[definition] = Interpreter(definition)
    return kept[definition]


def _compared(self: CompiledInterpreter, *taken: Any, **more: Any) -> Decision[Any] | None:
    compare(
        self.definition, lambda: _by_table(self, *taken, **more), lambda: _beside(self.definition).step(*taken, **more)
    )
    return _by_table(self, *taken, **more)


def compare(definition: type[AnyMachine], by_table: Take, by_library: Take) -> None:
    """Raise AssertionError unless both come to the same: decision, refusal or error."""
    ours, theirs = outcome(definition, by_table), outcome(definition, by_library)
    assert ours == theirs, f"{definition.__name__}: {ours} by its table, {theirs} by python-statemachine"


def outcome(definition: type[AnyMachine], take: Take) -> object:
    """What came of a step: a decision as it is written, None, a refusal with its code, or an error."""
    try:
        decision = take()
    except Refused as refusal:
        return ("refused", refusal.code, str(refusal), refusal.instead)
    except Exception as error:  # noqa: BLE001  # whatever a machine raises
        return ("raised", type(error), str(error))
    if decision is None:
        return None
    return (decision.state, definition.dump(decision.facts), [effect.as_json() for effect in decision.effects])
