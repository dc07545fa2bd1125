"""What an event would meet: the same answer as trying it, and 'it depends' where the arguments decide (G3)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from statemachine import State

from lifecycle.domain.explaining import Depends, Prospect, Untold
from lifecycle.domain.interpreter import Interpreter
from lifecycle.domain.machine import Json, Machine, Stimulus, refusing
from lifecycle.domain.matrix import matrix_of
from tests.unit.machine_world import INTERPRETER, MATRIX, SURROUNDINGS, WITHOUT_CARD, Phase, at, in_state, utc

NOW = utc("2026-06-10 12:00")
STATES: list[tuple[str, Phase]] = [
    ("trial", "trial"),
    ("active", "paid"),
    ("pending_change", "trial"),
    ("pending_change", "paid"),
    ("pending_cancellation", "trial"),
    ("pending_cancellation", "paid"),
    ("ended", "paid"),
]
ARGUMENTS: list[Json] = [
    {},
    {"plan": "pro"},
    {"plan": "team"},
    {"plan": "nothing"},
    {"plan": "pro", "at": "next_cycle"},
    {"at": at("2026-06-01")},
    {"at": "period_end"},
    {"seats": 3},
    {"seats": 99},
]


def prospect(state: str, phase: Phase, event: str, said: Json | None, *, card: bool = True) -> Prospect:
    """What the event would meet on 10 June; None: whatever may be said."""
    around = SURROUNDINGS if card else WITHOUT_CARD
    stimulus = Stimulus(event, NOW, Untold() if said is None else said)
    return INTERPRETER.explain(state, in_state(state, phase).facts, stimulus, around)


@pytest.mark.parametrize(("state", "phase"), STATES)
def test_to_explain_is_to_foretell(state: str, phase: Phase) -> None:
    """For every event, with and without a payment method, whatever is asked: what `why_not` says, guard by guard."""
    facts = in_state(state, phase).facts
    for event, said, card in product((*MATRIX.commands, *MATRIX.deferred), ARGUMENTS, (True, False)):
        around = SURROUNDINGS if card else WITHOUT_CARD
        refusal = INTERPRETER.why_not(state, facts, Stimulus(event, NOW, said), around)
        told = prospect(state, phase, event, said, card=card)
        if refusal is None:
            assert (told.verdict, told.target in MATRIX.states) == ("allowed", True)
        elif refusal.code == "does_nothing":
            assert told.verdict == "does_nothing"
        else:
            assert (told.verdict, told.code, told.message, told.instead) == (
                "refused",
                refusal.code,
                str(refusal),
                refusal.instead,
            )


@pytest.mark.parametrize(("state", "phase"), STATES)
def test_what_is_certain_without_arguments_is_so_with_any(state: str, phase: Phase) -> None:
    """Allowed or refused before anything is said: then so for all that can be said."""
    for event, said in product(MATRIX.commands, ARGUMENTS):
        before, after = prospect(state, phase, event, None), prospect(state, phase, event, said)
        assert before.verdict in (after.verdict, "depends")
        if after.verdict == "refused" and before.verdict == "depends":
            assert (after.guard, after.code) in {
                (question.guard, question.code) for question in before.questions
            } or after.code == "contact_us"


def test_what_the_arguments_decide_is_told_guard_by_guard() -> None:
    """To cancel depends on the date: is it ahead, and does the policy allow it?"""
    told = prospect("active", "paid", "cancel", None)
    assert (told.verdict, told.target) == ("depends", "pending_cancellation")
    assert [(one.guard, one.code, one.asks) for one in told.questions] == [
        ("date_ahead", "date_in_past", "The date is later than now."),
        ("cancel_allowed", "when_not_allowed", "The plan's policy allows to cancel at that time."),
    ]


def test_what_no_argument_can_change_is_certain() -> None:
    """While a cancellation stands, the state itself refuses a change; and to end now is allowed in any state."""
    told = prospect("pending_cancellation", "paid", "change_now", None)
    assert (told.verdict, told.guard, told.code) == ("refused", None, "cancellation_pending")
    assert told.instead == "Withdraw the cancellation first."
    assert prospect("active", "paid", "cancel_now", None).target == "ended"


def test_the_refusing_guard_is_named() -> None:
    """A plan that is not there; a card that is not there."""
    assert prospect("active", "paid", "change_now", {"plan": "nothing"}).guard == "plan_known"
    assert prospect("active", "paid", "change_now", {"plan": "pro"}, card=False).guard == "payable"


class Door(Machine[Json, object]):
    """A door of a host's own: which way it goes depends on the wind; a wedge stands in its way."""

    kind = "door"

    new = State(initial=True)
    shut = State()
    ajar = State()
    open = State()

    hung = new.to(shut)
    pushed = shut.to(open, cond=["strongly", "unwedged"]) | shut.to(ajar, cond=["not strongly", "unwedged", "oiled"])
    kicked = shut.to(open, cond=["strongly", "bare"])
    broken = shut.to(open, cond="splintered") | open.to(shut) | ajar.to(shut)

    def strongly(self) -> bool:
        """It depends."""
        return bool(self.arguments["force"] > 3)

    @refusing("wedged")
    def unwedged(self) -> bool:
        """No wedge is under it."""
        return not self.facts["wedge"]

    @refusing("rusty")
    def oiled(self) -> bool:
        """Oil has been asked for."""
        return "oil" in self.arguments

    def bare(self) -> bool:
        """Without a shoe it is not even tried."""
        return False

    def splintered(self) -> bool:
        """Nobody can tell."""
        raise RuntimeError("no wood")


def pushed(wedge: bool, event: str = "pushed", said: Json | None = None) -> Prospect:
    """What a shut door answers."""
    stimulus = Stimulus(event, NOW, Untold() if said is None else said)
    return Interpreter(Door).explain("shut", {"wedge": wedge}, stimulus, None)


def test_even_where_it_leads_may_depend() -> None:
    """Every guard of every way it could go is asked about, once."""
    told = pushed(wedge=False)
    assert (told.verdict, told.target) == ("depends", None)
    assert [one.guard for one in told.questions] == ["unwedged", "oiled"]
    assert pushed(wedge=False, said={"force": 5}).target == "open"


def test_what_is_chosen_in_no_case_does_not_depend() -> None:
    """One guard that chooses would depend, another rules it out."""
    told = pushed(wedge=False, event="kicked")
    assert (told.verdict, told.code) == ("refused", "not_allowed")


def test_a_guard_that_raises_is_told() -> None:
    """With its error; and the machine answers the next question."""
    told = pushed(wedge=False, event="broken")
    assert (told.verdict, told.message) == ("fails", "RuntimeError: no wood")
    assert pushed(wedge=True, said={"force": 5}).code == "wedged"


LOOKS: dict[str, Callable[[Untold], object]] = {
    "item": lambda said: said["x"],
    "get": lambda said: said.get("x"),
    "in": lambda said: "x" in said,
    "length": len,
    "list": list,
}


@pytest.mark.parametrize("look", LOOKS)
def test_no_look_at_the_arguments_goes_unseen(look: str) -> None:
    """However a guard looks."""
    with pytest.raises(Depends):
        LOOKS[look](Untold())


def test_a_question_is_the_first_line_of_its_docstring() -> None:
    """As the published matrix has it."""
    [row, _] = matrix_of(Door).cells["shut", "pushed"]
    assert [guard.asks for guard in row.guards] == ["It depends.", "No wedge is under it."]
