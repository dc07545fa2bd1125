"""What an event would meet now, guard by guard: asked of the machine and never tried.

A command can be judged before anybody has said what is asked for: a guard that looks at the arguments can't be answered
then, and what hangs on such guards depends on them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from lifecycle.domain.matrix import AnyMachine, Guard, Matrix, Row
from lifecycle.domain.refusals import refused

Verdict = Literal["allowed", "refused", "depends", "deferred", "not_deferred", "does_nothing", "fails"]
"""`deferred`: it fires by itself at `due_at`. `not_deferred`: it would have an effect, but nothing brings it about.
`fails`: a guard raises."""


@dataclass(frozen=True, slots=True)
class Question:
    """A refusing guard: its name, what it asks, and the code of the refusal it stands for."""

    guard: str
    asks: str
    code: str


@dataclass(frozen=True, slots=True)
class Prospect:
    """What an event would meet. `target` is where it would lead.

    Refused: by `guard` (None: the state itself), with `code`, `message` and what to do `instead`. Depends: on what the
    `questions` are answered.
    """

    event: str
    verdict: Verdict
    target: str | None = None
    guard: str | None = None
    code: str | None = None
    message: str = ""
    instead: str = ""
    questions: tuple[Question, ...] = ()
    due_at: datetime | None = None


class Untold(Mapping[str, Any]):
    """Arguments that nobody has given yet: to look at them raises `Depends`."""

    def __getitem__(self, key: str) -> Any:
        raise Depends

    def __iter__(self) -> Iterator[str]:
        raise Depends

    def __len__(self) -> int:
        raise Depends

    def __contains__(self, key: object) -> bool:
        raise Depends


class Depends(Exception):
    """What is asked of a machine depends on the arguments, which are not there."""


def foretell(matrix: Matrix, machine: AnyMachine, state: str, event: str) -> Prospect:
    """What `event` meets for what the machine has in hand: allowed, refused, depends, or does nothing."""
    if state in matrix.final:
        return _otherwise(matrix, machine, event, machine.final_codes.get(state, state))
    rows = [(row, _chosen(row, machine)) for row in matrix.cells.get((state, event), ())]
    possible = [(row, chosen) for row, chosen in rows if chosen is not False]
    if not possible:
        return _otherwise(matrix, machine, event, "not_allowed")
    row, certain = possible[0]
    return _taken(row, machine, event) if certain else _depends(event, [row for row, _ in possible])


def _otherwise(matrix: Matrix, machine: AnyMachine, event: str, code: str) -> Prospect:
    return Prospect(event, "does_nothing") if event in matrix.deferred else _refused(machine, event, None, code)


def _taken(row: Row, machine: AnyMachine, event: str) -> Prospect:
    """What stands in the way of the row that is chosen: a guard that fails whatever is asked for comes first."""
    answers = [(guard, _holds(guard, machine)) for guard in row.guards if guard.code]
    for guard, holds in answers:
        if holds is False:
            return _refused(machine, event, None if guard.function else guard, str(guard.code))
    if any(holds is None for _, holds in answers):
        return Prospect(event, "depends", row.target, questions=_questions(g for g, holds in answers if holds is None))
    return Prospect(event, "allowed", row.target)


def _depends(event: str, rows: Sequence[Row]) -> Prospect:
    """Even which row is chosen depends on the arguments."""
    return Prospect(event, "depends", questions=_questions(guard for row in rows for guard in row.guards if guard.code))


def _refused(machine: AnyMachine, event: str, guard: Guard | None, code: str) -> Prospect:
    try:
        refusal = machine.refusal(code)
    except Depends:
        refusal = refused(code)
    name = None if guard is None else guard.name
    return Prospect(event, "refused", None, name, refusal.code, str(refusal), refusal.instead)


def _questions(guards: Iterator[Guard]) -> tuple[Question, ...]:
    return tuple(dict.fromkeys(Question(guard.name, guard.asks, str(guard.code)) for guard in guards))


def _chosen(row: Row, machine: AnyMachine) -> bool | None:
    answers = {_holds(guard, machine) for guard in row.guards if guard.code is None}
    return False if False in answers else None if None in answers else True


def _holds(guard: Guard, machine: AnyMachine) -> bool | None:
    try:
        return guard.holds(machine)
    except Depends:
        return None
