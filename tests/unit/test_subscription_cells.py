"""Every cell of the subscription's table (rules B1, B2), written out by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from datetime import datetime, timedelta

import pytest

from lifecycle.domain.machine import Step, Stimulus
from lifecycle.domain.policies import Dunning, Policies
from lifecycle.domain.subscription import Subscription, dump
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.subscription import SubscriptionMachine
from tests.unit.machine_world import MATRIX, NO_CARD, WITHOUT_CARD, Phase, Story, at, in_state, utc, with_policies

# ------------------------------------------------------------------------------------------------- the table

COLUMNS: tuple[tuple[str, Phase], ...] = (
    ("trial", "trial"),
    ("active", "paid"),
    ("pending_change", "trial"),
    ("pending_change", "paid"),
    ("pending_cancellation", "trial"),
    ("pending_cancellation", "paid"),
    ("ended", "trial"),
    ("ended", "paid"),
)

# In the order of the columns: a target, `!` and a refusal code, or `-` where the event does nothing. Before and after
# `>`: the answer before the running period's boundary, and the one from that instant on.
TABLE = {
    "subscribed": "!not_allowed | !not_allowed | !not_allowed | !not_allowed | !not_allowed | !not_allowed"
    " | !ended | !ended",
    "activate": "active | !already_active | active | !already_active | !cancellation_pending | !cancellation_pending"
    " | !ended | !ended",
    "change_now": "trial | active | trial | active | !cancellation_pending | !cancellation_pending | !ended | !ended",
    "schedule_change to the next cycle": "pending_change > !date_in_past | pending_change > !date_in_past"
    " | pending_change > !date_in_past | pending_change > !date_in_past"
    " | !cancellation_pending | !cancellation_pending | !ended | !ended",
    "schedule_change to a date": "pending_change | pending_change | pending_change | pending_change"
    " | !cancellation_pending | !cancellation_pending | !ended | !ended",
    "withdraw_change": "!no_pending_change | !no_pending_change | trial | active"
    " | !cancellation_pending | !cancellation_pending | !ended | !ended",
    "add_seats": "trial | active | pending_change | pending_change | !cancellation_pending | !cancellation_pending"
    " | !ended | !ended",
    "cancel at the period's end": "pending_cancellation > !date_in_past | pending_cancellation > !date_in_past"
    " | pending_cancellation > !date_in_past | pending_cancellation > !date_in_past"
    " | pending_cancellation > !date_in_past | pending_cancellation > !date_in_past | !ended | !ended",
    "cancel on a date": "pending_cancellation | pending_cancellation | pending_cancellation | pending_cancellation"
    " | pending_cancellation | pending_cancellation | !ended | !ended",
    "cancel_now": "ended | ended | ended | ended | ended | ended | !ended | !ended",
    "use_credits": "trial | active | pending_change | pending_change | pending_cancellation | pending_cancellation"
    " | !ended | !ended",
    "withdraw_cancellation": "!no_pending_cancellation | !no_pending_cancellation | !no_pending_cancellation"
    " | !no_pending_cancellation | trial | active | !ended | !ended",
    "buy_tokens": "!tokens_not_sold | !tokens_not_sold | !tokens_not_sold | !tokens_not_sold"
    " | !tokens_not_sold | !tokens_not_sold | !ended | !ended",
    "seats_assigned": "trial | active | pending_change | pending_change"
    " | pending_cancellation | pending_cancellation | !ended | !ended",
    "seats_unassigned of somebody": "!no_change | !no_change | !no_change | !no_change | !no_change | !no_change"
    " | !ended | !ended",
    "card_changed": "trial | active | pending_change | pending_change"
    " | pending_cancellation | pending_cancellation | !ended | !ended",
    "trial_ends": "active | - | active | - | pending_cancellation | - | - | -",
    "cycle_starts": "- | active | - | active | - | pending_cancellation | - | -",
    "change_takes_effect": "- | - | trial | active | - | - | - | -",
    "end_date_arrives": "- | - | - | - | ended | ended | - | -",
    "payment_exhausted": "- | ended | ended | ended | ended | ended | - | -",
    "reminded": "trial | active | pending_change | pending_change"
    " | pending_cancellation | pending_cancellation | - | -",
}

ARGUMENTS: Mapping[str, Mapping[str, object]] = {
    "subscribed": {"plan": "team", "interval": "month"},
    "change_now": {"plan": "basic"},
    "schedule_change to the next cycle": {"plan": "basic", "at": "next_cycle"},
    "schedule_change to a date": {"plan": "basic", "at": at("2026-09-10")},
    "cancel at the period's end": {"at": "period_end"},
    "cancel on a date": {"at": at("2026-09-10")},
    "seats_assigned": {"members": ["mem_1"]},
    "seats_unassigned of somebody": {"members": ["mem_1"]},
}

SECOND = timedelta(seconds=1)


def event_of(row: str) -> str:
    """The event that a row of the table is about."""
    return row.split(maxsplit=1)[0]


def moments(story: Story) -> Iterator[datetime]:
    """Just before, at and just after each due instant of the facts; for what has ended, the end and a year later."""
    if story.state in MATRIX.final:
        yield from (utc("2026-06-10"), utc("2027-06-10"))
    for due in story.due.values():
        yield from (due - SECOND, due, due + SECOND)


@pytest.mark.parametrize(("state", "phase"), COLUMNS)
@pytest.mark.parametrize("row", TABLE)
def test_a_cell_answers_as_the_table_says(row: str, state: str, phase: Phase) -> None:
    """Each cell, in both phases, just before, at and just after each due instant; a refusal changes nothing."""
    there = in_state(state, phase)
    facts, stored = there.facts, dump(there.facts)
    expected = TABLE[row].split(" | ")[COLUMNS.index((state, phase))].split(" > ")
    for now in moments(there):
        story = copy(there)
        answer = story.answer(event_of(row), now, **ARGUMENTS.get(row, {}))
        assert answer == expected[-1 if now >= facts.boundary else 0], f"{row} at {now}"
        assert dump(facts) == stored
        assert (story.facts is facts) is (answer not in MATRIX.states)


def test_the_table_is_total() -> None:
    """Every state and every event of the class is in the table above, and nothing else (rule B1)."""
    assert {state for state, _ in COLUMNS} == set(MATRIX.states)
    assert {event_of(row) for row in TABLE} == {*MATRIX.creations, *MATRIX.commands, *MATRIX.deferred}
    assert {len(cells.split(" | ")) for cells in TABLE.values()} == {len(COLUMNS)}


@pytest.mark.parametrize("row", TABLE)
def test_before_it_is_subscribed_there_is_nothing_to_command(row: str) -> None:
    """In the initial pseudostate only `subscribed` leads anywhere."""
    event = event_of(row)
    expected = {"subscribed": "active"}.get(event, "-" if event in MATRIX.deferred else "!not_allowed")
    assert Story().answer(event, utc("2026-06-01"), **ARGUMENTS.get(row, {})) == expected


@pytest.mark.parametrize(
    "arguments", [{"plan": "gold", "trial": True}, {"plan": "storage"}, {"interval": "year"}, {"seats": 99}, {}]
)
@pytest.mark.parametrize(("state", "phase"), [(MATRIX.initial, "paid"), *COLUMNS])
def test_a_guard_can_always_be_asked(state: str, phase: Phase, arguments: dict[str, object]) -> None:
    """No question raises, whatever is asked for and whatever the others answer (rule G3)."""
    step: Step[Subscription, Surroundings] = Step()
    step.state = MATRIX.initial
    machine = SubscriptionMachine(step)
    step.context = WITHOUT_CARD
    if state != MATRIX.initial:
        step.facts = in_state(state, phase).facts
    for (source, event), rows in MATRIX.cells.items():
        if source == state:
            step.stimulus = Stimulus(event, utc("2026-06-05"), {"at": "next_cycle", **arguments})
            assert {guard.holds(machine) for row in rows for guard in row.guards} <= {True, False}


def test_only_ended_is_final() -> None:
    """What is final demands nothing of the future (rule B8), so nothing else may be."""
    assert MATRIX.final == {"ended"}


def test_deferred_events_of_one_instant_have_an_order() -> None:
    """End date, payment exhausted, change, trial's end, cycle, reminder (rule C6)."""
    assert MATRIX.deferred == (
        "end_date_arrives",
        "payment_exhausted",
        "change_takes_effect",
        "trial_ends",
        "cycle_starts",
        "reminded",
    )


# ------------------------------------------------- cells that answer differently by the change or the end in hand

Steps = tuple[tuple[str, str], ...]

VARIANTS: tuple[tuple[tuple[str, Phase], Steps, Mapping[str, str]], ...] = (
    # A change is pending for later than the trial's end.
    (
        ("trial", "trial"),
        (("schedule_change", "2026-07-01"),),
        {"activate": "pending_change", "trial_ends": "pending_change", "change_takes_effect": "trial"},
    ),
    # A change is pending for a date inside the trial.
    (
        ("trial", "trial"),
        (("schedule_change", "2026-06-10"),),
        {"activate": "active", "change_takes_effect": "trial", "withdraw_change": "trial"},
    ),
    # A change is pending for a date inside the second paid cycle.
    (
        ("active", "paid"),
        (("schedule_change", "2026-07-20"),),
        {"cycle_starts": "pending_change", "change_takes_effect": "active", "withdraw_change": "active"},
    ),
    # The end comes before the pending change, which is shelved.
    (
        ("trial", "trial"),
        (("schedule_change", "2026-07-01"), ("cancel", "2026-06-20")),
        {"withdraw_cancellation": "pending_change", "change_takes_effect": "-", "trial_ends": "pending_cancellation"},
    ),
    (
        ("active", "paid"),
        (("schedule_change", "2026-07-20"), ("cancel", "2026-07-20")),
        {"withdraw_cancellation": "pending_change", "change_takes_effect": "-", "cycle_starts": "pending_cancellation"},
    ),
    (
        ("active", "paid"),
        (("schedule_change", "2026-06-20"), ("cancel", "2026-06-20")),
        {"withdraw_cancellation": "pending_change", "change_takes_effect": "-"},
    ),
    # The pending change comes before the end.
    (
        ("trial", "trial"),
        (("schedule_change", "2026-06-10"), ("cancel", "2026-06-14")),
        {"withdraw_cancellation": "pending_change", "change_takes_effect": "pending_cancellation"},
    ),
    (
        ("active", "paid"),
        (("schedule_change", "2026-06-20"), ("cancel", "2026-06-21")),
        {"withdraw_cancellation": "pending_change", "change_takes_effect": "pending_cancellation"},
    ),
)


@pytest.mark.parametrize(("column", "steps", "cells"), VARIANTS)
def test_a_cell_that_depends_on_dates(column: tuple[str, Phase], steps: Steps, cells: Mapping[str, str]) -> None:
    """A change by the boundary or after it, an end before the change or after it (rules B5, B6)."""
    there = in_state(*column)
    for event, date in steps:
        there.do(event, "2026-06-02", at=at(date), **({"plan": "pro"} if event == "schedule_change" else {}))
    answers = {event: {copy(there).answer(event, now) for now in moments(there)} for event in cells}
    assert answers == {event: {expected} for event, expected in cells.items()}


@pytest.mark.parametrize("state", ["trial", "pending_change", "pending_cancellation"])
def test_a_trial_ends_for_good_without_a_payment_method(state: str) -> None:
    """Whatever is pending, nobody pays for the first cycle (rules B12, D8)."""
    story = in_state(state, "trial")
    story.meanwhile(account=NO_CARD)
    assert story.answer("trial_ends", utc("2026-06-15")) == "ended"
    assert (story.facts.ends_at, story.notices) == (utc("2026-06-15"), ["ended"])


@pytest.mark.parametrize("state", ["active", "pending_change", "pending_cancellation"])
def test_a_policy_keeps_what_nobody_pays_for(state: str) -> None:
    """`exhausted: keep`: the state stays, and so do the facts (rule E5)."""
    story = in_state(state, "paid")
    story.meanwhile(catalog=with_policies(Policies(dunning=Dunning(exhausted="keep"))))
    facts = story.facts
    assert story.answer("payment_exhausted", utc("2026-06-20")) == state
    assert story.facts is facts
    assert story.notices == []


def test_an_end_moved_to_where_it_is_is_no_change() -> None:
    """The same date again is refused."""
    story = in_state("pending_cancellation", "paid")
    assert story.refusal("cancel", "2026-06-03", at=at("2026-08-15")).code == "no_change"
