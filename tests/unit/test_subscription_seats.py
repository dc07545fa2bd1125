"""Seats: how many a plan includes, more of them now, fewer of them by policy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lifecycle.domain.catalog import SeatTerms
from lifecycle.domain.policies import Policies
from lifecycle.domain.surroundings import Surroundings
from tests.unit.machine_world import (
    ACCOUNT,
    MONTH,
    PRO,
    Phase,
    at,
    bill,
    in_hand,
    in_state,
    ruled_by,
    subscribed,
    utc,
    with_plan,
)


@pytest.mark.parametrize(
    ("state", "phase"),
    [("trial", "trial"), ("active", "paid"), ("pending_change", "trial"), ("pending_change", "paid")],
)
def test_seats_are_added_in_the_running_period(state: str, phase: Phase) -> None:
    """Two above the three that are included: 100.00 + 2 × 20.00; what is pending and due stays (rule D9)."""
    story = in_state(state, phase)
    before, due = story.facts, story.due
    story.do("add_seats", "2026-06-03", seats=2)
    assert (story.state, story.notices, story.due) == (state, ["seats_changed"], due)
    assert in_hand(story) == ("team", 5, 14000)
    assert (story.facts.pending, story.facts.cycle) == (before.pending, before.cycle)


def test_seats_that_are_included_cost_nothing() -> None:
    """Two seats where three are included cost what three do; a third one is added for nothing more."""
    story = subscribed("team", "2026-06-01", seats=2)
    assert in_hand(story) == ("team", 2, 10000)
    story.do("add_seats", "2026-06-02")
    assert in_hand(story) == ("team", 3, 10000)


@pytest.mark.parametrize(
    ("event", "arguments", "code"),
    [
        ("add_seats", {"seats": 48}, "seats_limit"),
        ("change_now", {"seats": 51}, "seats_limit"),
        ("schedule_change", {"seats": 51, "at": "next_cycle"}, "seats_limit"),
        ("schedule_change", {"seats": 0, "at": "next_cycle"}, "seats_limit"),
        ("change_now", {"plan": "basic", "seats": 2}, "not_offered"),
    ],
)
def test_a_number_of_seats_that_is_not_to_be_had(event: str, arguments: dict[str, object], code: str) -> None:
    """Above 50 or below 1, or more than one on a plan without seats, by whatever command (rule I25)."""
    assert subscribed("team", "2026-06-01").refusal(event, "2026-06-02", **arguments).code == code


def test_seats_are_not_offered_on_a_plan_without_them() -> None:
    """Basic is for one person (rule I25)."""
    assert subscribed("basic", "2026-06-01").refusal("add_seats", "2026-06-02").code == "not_offered"


def test_more_seats_by_a_change_now_keep_the_period() -> None:
    """A change of seats alone starts no period; two seats for 15/30 of the month are 20.00 (rules I4, I20)."""
    story = subscribed("team", "2026-06-01")
    story.do("change_now", "2026-06-15", seats=5)
    assert (in_hand(story), story.notices) == (("team", 5, 14000), ["seats_changed"])
    assert story.bills == [bill("change", 1, "2026-06-15", "2026-07-01", 2000)]
    assert story.due == {"cycle_starts": utc("2026-07-01")}


def test_more_seats_on_a_date_keep_the_period() -> None:
    """On 20 June there are five seats, in the period of the 1st: 2 × 20.00 × 10/30 days = 13.33 (rule I4)."""
    story = subscribed("team", "2026-06-01")
    story.do("schedule_change", "2026-06-15", seats=5, at=at("2026-06-20"))
    story.travel("2026-06-20")
    assert (in_hand(story), story.notices) == (("team", 5, 14000), ["seats_changed"])
    assert story.bills == [bill("change", 1, "2026-06-20", "2026-07-01", 1333)]
    assert story.due == {"cycle_starts": utc("2026-07-01")}


def test_fewer_seats_wait_for_the_next_cycle() -> None:
    """Now and on a date are refused by default; at the next cycle there are two (rule D9)."""
    story = subscribed("team", "2026-06-01", seats=5)
    for event, arguments in (("change_now", {}), ("schedule_change", {"at": at("2026-06-20")})):
        refusal = story.refusal(event, "2026-06-02", seats=2, **arguments)
        assert (refusal.code, str(refusal)) == (
            "when_not_allowed",
            "Fewer seats take effect at the start of a cycle.",
        )
    story.do("schedule_change", "2026-06-02", seats=2, at="next_cycle")
    assert story.notices == ["change_scheduled"]
    story.travel("2026-07-01")
    assert (in_hand(story), story.notices) == (("team", 2, 10000), ["changed"])


def test_fewer_seats_now_by_policy() -> None:
    """Two seats at once, in the period that runs (rules D9, I20)."""
    story = subscribed("team", "2026-06-01", ruled_by(Policies(seats_decrease="now")), seats=5)
    story.do("change_now", "2026-06-15", seats=2)
    assert (in_hand(story), story.facts.period_start) == (("team", 2, 10000), utc("2026-06-01"))


def test_fewer_seats_refused_by_policy() -> None:
    """At the next cycle neither; somebody has to be asked (rule D9)."""
    story = subscribed("team", "2026-06-01", ruled_by(Policies(seats_decrease="refuse")), seats=5)
    refusal = story.refusal("schedule_change", "2026-06-02", seats=2, at="next_cycle")
    assert (refusal.code, str(refusal)) == ("contact_us", "Fewer seats are not offered here. Please contact us.")


@pytest.mark.parametrize(("asked", "expected"), [({}, ("team", 3, 10000)), ({"seats": 1}, ("team", 1, 10000))])
def test_the_seats_follow_what_the_plan_includes(asked: dict[str, object], expected: tuple[str, int, int]) -> None:
    """From one person to a team there are three seats, unless a number is named (rule X1)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("change_now", "2026-06-02", plan="team", **asked)
    assert in_hand(story) == expected


@pytest.mark.parametrize(
    ("seats", "expected"), [(2, ("pro", 4, 20000)), (3, ("pro", 4, 20000)), (5, ("pro", 5, 21000))]
)
def test_seats_that_were_bought_are_kept(seats: int, expected: tuple[str, int, int]) -> None:
    """Of three included to four included; who has bought two more has five, and now pays for one (rule X1)."""
    four = replace(PRO, seats=SeatTerms(included=4, prices={MONTH: {"USD": 1000}}))
    story = subscribed("team", "2026-06-01", Surroundings(with_plan(four), ACCOUNT), seats=seats)
    story.do("change_now", "2026-06-02", plan="pro")
    assert in_hand(story) == expected
