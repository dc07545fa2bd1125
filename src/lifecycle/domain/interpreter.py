"""One step of one machine: a stimulus over facts gives a decision, a refusal, or nothing.

A machine is dear to build and cheap to step, so an `Interpreter` keeps one resident per definition, over a slot;
it is not for use by several threads at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from statemachine import State
from statemachine.exceptions import TransitionNotAllowed

from lifecycle.domain.explaining import Prospect, foretell
from lifecycle.domain.machine import NOWHERE, Decision, Place, Step, Stimulus
from lifecycle.domain.matrix import DOES_NOTHING, AnyMachine, matrix_of
from lifecycle.errors import DefinitionError, Refused


class Interpreter:
    """Steps one definition by python-statemachine."""

    def __init__(self, definition: type[AnyMachine]) -> None:
        self.definition = definition
        self.matrix = matrix_of(definition)
        self._build()

    def step(
        self, state: str, facts: Any, stimulus: Stimulus, context: object, place: Place = NOWHERE
    ) -> Decision[Any] | None:
        """Decide on `stimulus` in `state`. None: a deferred event that does nothing here.

        Raises Refused for a command that is refused; whatever a guard or an action raises passes through.
        """
        if state in self.matrix.final or (state, stimulus.event) not in self.matrix.cells:
            self._not_taken(state, facts, stimulus, context, place)
            return None
        slot = self._fill(state, facts, stimulus, context, place)
        target = self._take_row(state, stimulus.event)
        if target is None:
            self._not_taken(state, facts, stimulus, context, place)
            return None
        return Decision(target, slot.facts, tuple(slot.effects))

    def why_not(
        self, state: str, facts: Any, stimulus: Stimulus, context: object, place: Place = NOWHERE
    ) -> Refused | None:
        """The refusal that `stimulus` would meet now (code `does_nothing` for an idle deferred event), or None."""
        self._fill(state, facts, stimulus, context, place)
        code = self.matrix.refusal(self._machine, state, stimulus.event)
        return None if code is None else self._machine.refusal(code)

    def explain(self, state: str, facts: Any, stimulus: Stimulus, context: object, place: Place = NOWHERE) -> Prospect:
        """What `stimulus` would meet now; with arguments that are `Untold`, whatever they may be."""
        try:
            self._fill(state, facts, stimulus, context, place)
            return foretell(self.matrix, self._machine, state, stimulus.event)
        except Exception as error:  # noqa: BLE001  # whatever a guard raises is the answer
            return Prospect(stimulus.event, "fails", message=f"{type(error).__name__}: {error}")

    def _take_row(self, state: str, event: str) -> str | None:
        """Take the first row of the cell whose guards hold, for what is in the slot; the state that it leads to, or
        None where there is no such row."""
        del state  # it is in the slot
        try:
            self._events[event]()
        except TransitionNotAllowed:
            return None
        except BaseException:
            self._build()
            raise
        target = str(self._slot.state)
        if target in self.matrix.final:
            self._renew()
        return target

    def _not_taken(self, state: str, facts: Any, stimulus: Stimulus, context: object, place: Place) -> None:
        """Raise the refusal, unless a deferred event merely does nothing here."""
        refusal = self.why_not(state, facts, stimulus, context, place)
        if refusal is None:
            raise DefinitionError(
                f"{self.definition.__name__} took no row for {stimulus.event} in {state}, but none refuses."
            )
        if refusal.code != DOES_NOTHING:
            raise refusal

    def _fill(self, state: str, facts: Any, stimulus: Stimulus, context: object, place: Place) -> Step[Any, Any]:
        slot = self._slot
        slot.state, slot.facts = state, self.definition.fresh(facts)
        slot.stimulus, slot.context, slot.place, slot.effects, slot.memo = stimulus, context, place, [], {}
        return slot

    def _renew(self) -> None:
        """A resident that has reached a final state takes no more events, for its engine has stopped; another engine is
        a small part of a machine. That is no public business of the library's: where it is otherwise, build anew."""
        another_engine: Callable[[], Any] | None = getattr(self._machine, "_get_engine", None)
        if another_engine is not None:
            self._machine._engine = another_engine()
        if self._machine.is_terminated:
            self._build()

    def _build(self) -> None:
        """A resident that was interrupted by an error takes no more events."""
        self._slot: Step[Any, Any] = Step()
        self._slot.state = self.matrix.initial
        self._machine = self.definition(self._slot)
        self._events = {event: self._bound(event) for _, event in self.matrix.cells}

    def _bound(self, event: str) -> Callable[[], object]:
        """What sends an event; where a state has the same name, that is what the attribute is."""
        attribute = getattr(self._machine, event)
        return partial(self._machine.send, event) if isinstance(attribute, State) else attribute
