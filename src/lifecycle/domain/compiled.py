"""The step without python-statemachine's engine: a walk over the rows of a cell, for machines that are nothing else.

A machine's class is its table, and for most machines the table says it all: the first row whose guards hold is taken,
its actions run in their order, and the state is the row's target. To walk it costs next to nothing beside what guards
and actions do themselves. What a class may have besides (hooks by their names, validators, listeners, nested states,
events that wait) the library alone knows: such a machine is not plain, and is stepped by it as before. Tests hold the
two ways together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Literal

from lifecycle.domain.interpreter import Interpreter
from lifecycle.domain.machine import Machine
from lifecycle.domain.matrix import AnyMachine, Guard

Steps = Literal["compiled", "interpreted"]
"""`compiled`: plain machines by their table, others by python-statemachine. `interpreted`: all by the latter."""

_FLAGS = ("allow_event_without_transition", "catch_errors_as_events", "atomic_configuration_update")
_HOOKS = ("validators", "before", "after", "on")
_Bound = tuple[str, tuple[tuple[Callable[[], object], bool], ...], tuple[Callable[[], object], ...]]
"""A row with everything looked up: its target, its guards with the answers that they must give, its actions."""


class CompiledInterpreter(Interpreter):
    """Steps a plain definition by its table; everything that is asked about it is answered as by its parent."""

    def _build(self) -> None:
        super()._build()
        self._rows: dict[tuple[str, str], tuple[_Bound, ...]] = {
            cell: tuple(
                (
                    row.target,
                    tuple((self._asked(guard), guard.expected) for guard in row.guards),
                    tuple(getattr(self._machine, action) for action in row.actions),
                )
                for row in rows
            )
            for cell, rows in self.matrix.cells.items()
        }

    def _asked(self, guard: Guard) -> Callable[[], object]:
        asked: Callable[[], object] = guard.function or getattr(self._machine, guard.name)
        return asked

    def _take_row(self, state: str, event: str) -> str | None:
        for target, guards, actions in self._rows[state, event]:
            for asked, expected in guards:
                if bool(asked()) is not expected:
                    break
            else:
                for act in actions:
                    act()
                return target
        return None


def interpreter_of(definition: type[AnyMachine], steps: Steps = "compiled") -> Interpreter:
    """What steps a definition."""
    chosen = CompiledInterpreter if steps == "compiled" and is_plain(definition) else Interpreter
    return chosen(definition)


def is_plain(definition: type[AnyMachine]) -> bool:
    """Whether the table of a definition says all that a step does."""
    return not any(_beyond_the_table(definition))


def _beyond_the_table(definition: type[AnyMachine]) -> Iterator[bool]:
    """What there is that the table does not say."""
    yield any(getattr(definition, flag) is not getattr(Machine, flag) for flag in _FLAGS)
    yield bool(getattr(definition, "listeners", None))
    for state in definition.states:
        yield bool(state.states or state.parallel or state.history)
        yield any(_hooks(definition, spec) for group in ("enter", "exit", "invoke") for spec in getattr(state, group))
        for transition in state.transitions:
            yield transition.internal or not transition.event or len(transition.targets) != 1
            yield any(not str(event).isidentifier() or event.delay for event in transition.events)
            yield any(_hooks(definition, spec) for group in _HOOKS for spec in getattr(transition, group))
            yield any(not _is_question(definition, spec) for spec in transition.cond)


def _hooks(definition: type[AnyMachine], spec: Any) -> bool:
    """Whether it is anything but an action that is named in the transition, or a hook by its name that is not there."""
    if spec.is_convention:
        return hasattr(definition, spec.attr_name)
    return spec.group.name != "ON" or not (isinstance(spec.func, str) and _takes_nothing(definition, spec.func))


def _is_question(definition: type[AnyMachine], spec: Any) -> bool:
    if callable(spec.func):
        return not inspect.iscoroutinefunction(spec.func) and not inspect.signature(spec.func).parameters
    return _takes_nothing(definition, spec.func.removeprefix("not ").strip())


def _takes_nothing(definition: type[AnyMachine], name: str) -> bool:
    """Whether the name is that of a method that takes nothing, and is no coroutine."""
    method = inspect.getattr_static(definition, name, None)
    if not inspect.isfunction(method) or inspect.iscoroutinefunction(method):
        return False
    return len(inspect.signature(method).parameters) == 1
