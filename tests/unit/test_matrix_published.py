"""The published matrix is the machine: docs/matrix.md is written from the class, and what draws it is tested.

`LIFECYCLE_TEST_WRITE_DOCS=1 pytest tests/unit/test_matrix_published.py` writes the file anew.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from statemachine import State

from lifecycle.config.settings import MACHINES as SHIPPED
from lifecycle.domain.diagrams import as_markdown, as_mermaid, as_table, markdown_row
from lifecycle.domain.machine import Json, Machine, refuse, refusing
from lifecycle.domain.matrix import Guard, Matrix, matrix_of
from lifecycle.domain.refusals import REFUSALS
from lifecycle_machines.account import AccountMachine
from lifecycle_machines.adjustment import AdjustmentMachine
from lifecycle_machines.credit_note import CreditNoteMachine
from lifecycle_machines.invitation import InvitationMachine
from lifecycle_machines.invoice import InvoiceMachine
from lifecycle_machines.member import MemberMachine
from lifecycle_machines.order import OrderMachine
from lifecycle_machines.refund import RefundMachine
from lifecycle_machines.subscription import SubscriptionMachine
from lifecycle_machines.wallet import WalletMachine
from lifecycle_machines.webhook import WebhookMachine

AnyMachine = type[Machine[Any, Any]]
MACHINES: tuple[tuple[str, AnyMachine], ...] = (
    ("Subscription", SubscriptionMachine),
    ("Order", OrderMachine),
    ("Invoice", InvoiceMachine),
    ("Credit note", CreditNoteMachine),
    ("Refund", RefundMachine),
    ("Adjustment of a balance", AdjustmentMachine),
    ("Account", AccountMachine),
    ("Member", MemberMachine),
    ("Wallet", WalletMachine),
    ("Invitation", InvitationMachine),
    ("Webhook", WebhookMachine),
)
PAGE = Path(__file__).parents[2] / "docs" / "matrix.md"

INTRODUCTION = """\
# The state machines

What a subscription, and each of the others that come with the engine, answers to each event in each state, and why it
refuses, written from the machines' own classes and never by hand. A state is where a row leads; the guards in brackets
choose between rows, and what follows *unless* are the codes of the refusals that can stand in the way."""


def asked(matrix: Matrix) -> dict[str, tuple[Guard, list[str]]]:
    """Every guard that is a question, in the order of the class, with the events that ask it."""
    guards: dict[str, tuple[Guard, list[str]]] = {}
    for (_, event), rows in matrix.cells.items():
        for guard in (guard for row in rows for guard in row.guards if guard.function is None):
            events = guards.setdefault(guard.name, (guard, []))[1]
            if event not in events:
                events.append(event)
    return guards


QUESTIONS = [(machine, name) for _, machine in MACHINES for name in asked(matrix_of(machine))]


def question(machine: AnyMachine, name: str) -> str:
    """The first line of the guard's docstring."""
    return (inspect.getdoc(getattr(machine, name)) or "").splitlines()[0]


def guard_lines(machine: AnyMachine) -> Iterator[str]:
    """The table of guards."""
    yield from (markdown_row(["guard", "holds when", "otherwise refused", "asked by"]), markdown_row(["---"] * 4))
    for name, (guard, events) in asked(matrix_of(machine)).items():
        code = f"`{guard.code}`" if guard.code else ""
        yield markdown_row([f"`{name}`", question(machine, name), code, ", ".join(f"`{event}`" for event in events)])


def about(title: str, machine: AnyMachine) -> Iterator[str]:
    """The diagram of a machine, its table, and its guards if it has any."""
    matrix = matrix_of(machine)
    yield as_markdown(matrix, title).rstrip()
    yield "```mermaid\n" + as_mermaid(matrix) + "```"
    if asked(matrix):
        yield "### Guards\n\n" + "\n".join(guard_lines(machine))


def refusal_lines() -> Iterator[str]:
    """The table of refusal codes."""
    yield from (markdown_row(["code", "means", "instead"]), markdown_row(["---"] * 3))
    for code, (sentence, instead) in REFUSALS.items():
        yield markdown_row([f"`{code}`", sentence.format(event="…", state="…"), instead])


def published() -> str:
    """The page, as it has to be."""
    machines = (section for title, machine in MACHINES for section in about(title, machine))
    sections = [INTRODUCTION, *machines, "## Refusals\n\n" + "\n".join(refusal_lines())]
    return "\n\n".join(sections) + "\n"


def test_the_published_matrix_is_the_machine() -> None:
    """The page says what the class says today (rule B1)."""
    if os.environ.get("LIFECYCLE_TEST_WRITE_DOCS"):
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(published(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == published()


def test_the_page_is_of_all_machines() -> None:
    """Those that run where the configuration names none are on it (rule B1)."""
    assert {f"{machine.__module__}:{machine.__name__}" for _, machine in MACHINES} == set(SHIPPED)


@pytest.mark.parametrize(("machine", "name"), QUESTIONS)
def test_every_guard_says_what_it_asks(machine: AnyMachine, name: str) -> None:
    """The page has a sentence for each guard."""
    assert question(machine, name).endswith(".")


@pytest.mark.parametrize("machine", [machine for _, machine in MACHINES])
def test_every_code_of_the_machine_has_a_sentence(machine: AnyMachine) -> None:
    """What the machine refuses with is in the table of codes (rule B2)."""
    matrix = matrix_of(machine)
    codes = {guard.code for rows in matrix.cells.values() for row in rows for guard in row.guards if guard.code}
    people = matrix.final if machine in {SubscriptionMachine, InvoiceMachine} else set()  # command these themselves
    assert codes | {machine.final_codes.get(state, state) for state in people} <= set(REFUSALS)


# ---------------------------------------------------------------------------------- drawing, on a small machine


class Door(Machine[Json, None]):
    """A door that closes by itself, if nobody stands in it."""

    kind = "door"
    deferred = ("closes",)

    outside = State(initial=True)
    shut = State()
    open = State()
    gone = State(final=True)

    built = outside.to(shut)
    opens = shut.to(open, cond=["not locked", "key_there"]) | shut.to(shut, cond=["locked", refuse("held")])
    opens |= open.to(open, cond=refuse("no_change"))
    knock = shut.to(open, cond="somebody_in") | open.to(open)
    closes = open.to(shut, cond=["not somebody_in", "not locked"]) | open.to(gone, cond=["not somebody_in", "locked"])

    def locked(self) -> bool:
        """It is locked."""
        return bool(self.facts["locked"])

    def somebody_in(self) -> bool:
        """Somebody is in."""
        return bool(self.facts["somebody_in"])

    @refusing("not_found")
    def key_there(self) -> bool:
        """The key is there | or under the mat."""
        return bool(self.facts["key"])


def test_a_table_has_a_cell_for_each_event_and_state() -> None:
    """Targets with what chooses them, what only refuses, what may be refused, and what happens otherwise."""
    assert as_table(matrix_of(Door)) == [
        ["event", "outside", "shut", "open", "gone"],
        ["built", "shut", "`not_allowed`", "`not_allowed`", "`gone`"],
        ["opens", "", "open [not locked]\n`held` [locked]\nunless `not_found`", "`no_change`", "`gone`"],
        ["knock", "", "open [somebody_in]\nelse `not_allowed`", "open", "`gone`"],
        [
            "closes",
            "",
            "does nothing",
            "shut [not somebody_in, not locked]\ngone [not somebody_in, locked]\nelse does nothing",
            "does nothing",
        ],
    ]


def test_a_table_in_markdown() -> None:
    """A heading, a head, and one line for each event."""
    lines = as_markdown(matrix_of(Door), "A door").split("\n")
    assert lines[:4] == [
        "## A door",
        "",
        "| event | outside | shut | open | gone |",
        "| --- | --- | --- | --- | --- |",
    ]
    assert lines[6] == "| `knock` |  | open [somebody_in]<br>else `not_allowed` | open | `gone` |"
    assert (len(lines), lines[-1]) == (9, "")
    assert markdown_row(["a | b"]) == "| a \\| b |"


def test_a_diagram_in_mermaid() -> None:
    """One arrow from a state to another with all its events; no arrow for a refusal; both ends are dots."""
    assert as_mermaid(matrix_of(Door)) == (
        "stateDiagram-v2\n"
        "    [*] --> shut: built\n"
        "    shut --> open: opens [not locked]<br>knock [somebody_in]\n"
        "    open --> open: knock\n"
        "    open --> shut: closes [not somebody_in, not locked]\n"
        "    open --> gone: closes [not somebody_in, locked]\n"
        "    gone --> [*]\n"
    )


def test_a_state_can_be_lit() -> None:
    """The state of an instance stands out by a class of its own."""
    lines = as_mermaid(matrix_of(Door), lit="open").splitlines()
    assert lines[-2].startswith("    classDef lit fill:")
    assert lines[-1] == "    class open lit"
