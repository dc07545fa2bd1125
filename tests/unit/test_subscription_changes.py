"""What a subscription can be changed to, when, and at which price, in dates worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lifecycle.domain.catalog import SeatTerms
from lifecycle.domain.change import Change
from lifecycle.domain.effects import Bill
from lifecycle.domain.policies import ChangeRule, Policies
from lifecycle.domain.surroundings import Surroundings
from tests.unit.machine_world import (
    ACCOUNT,
    CATALOG,
    KEEP,
    MONTH,
    PRO,
    SURROUNDINGS,
    TEAM,
    YEAR,
    at,
    bill,
    in_hand,
    in_state,
    ruled_by,
    subscribed,
    utc,
    with_plan,
    with_policies,
    without_plan,
)

DEARER = with_plan(
    replace(TEAM, prices={MONTH: {"USD": 15000}}, seats=SeatTerms(included=1, maximum=4, prices={MONTH: {"USD": 9000}}))
)


def purchase(cycle: int, start: str, end: str, total: int) -> Bill:
    """The bill of a period that somebody has asked for."""
    return bill("purchase", cycle, start, end, total)


# ------------------------------------------------------------------------------------------------ changes now


def test_a_change_now_starts_a_new_period() -> None:
    """50 to 100 on the 15th: a period from there, then each 15th, and nothing on the 1st (rules D4, D5)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("change_now", "2026-06-15", plan="team")
    assert (story.state, story.notices, story.facts.anchor) == ("active", ["changed"], utc("2026-06-15"))
    assert story.bills == [purchase(2, "2026-06-15", "2026-07-15", 7500)]
    assert story.due == {"cycle_starts": utc("2026-07-15")}


def test_a_policy_keeps_the_running_period() -> None:
    """The new price counts from the 15th, the period stays that of the 1st (rule D4)."""
    story = subscribed("basic", "2026-06-01", ruled_by(KEEP), trial=False)
    story.do("change_now", "2026-06-15", plan="team")
    assert (story.facts.price, story.facts.cycle, story.notices) == (10000, 1, ["changed"])
    assert story.bills == [bill("change", 1, "2026-06-15", "2026-07-01", 2500)]
    assert (story.facts.period_start, story.facts.anchor) == (utc("2026-06-01"), utc("2026-06-01"))
    assert story.due == {"cycle_starts": utc("2026-07-01")}


def test_another_interval_never_keeps_the_period() -> None:
    """Under `keep` too, a year starts when it is chosen (rule D6)."""
    story = subscribed("basic", "2026-06-01", ruled_by(KEEP), trial=False)
    story.do("change_now", "2026-06-15", interval="year")
    assert story.bills == [purchase(2, "2026-06-15", "2027-06-15", 47500)]


def test_a_change_now_in_a_trial_swaps_the_plan() -> None:
    """No charge, and the same end of the trial."""
    story = subscribed("basic", "2026-06-01")
    story.do("change_now", "2026-06-05", plan="pro")
    assert (story.state, story.facts.plan, story.bills, story.notices) == ("trial", "pro", [], ["changed"])
    assert story.due == {"trial_ends": utc("2026-06-15")}


def test_a_change_now_discards_the_pending_one() -> None:
    """Whole: the seats that were to come with it do not come (rule I23)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("schedule_change", "2026-06-02", plan="team", seats=9, at="next_cycle")
    story.do("change_now", "2026-06-03", plan="team")
    assert (story.state, story.facts.pending, in_hand(story)) == ("active", None, ("team", 3, 10000))


# ---------------------------------------------------------------------------------------------- scheduled changes


@pytest.mark.parametrize(
    ("surroundings", "start", "due", "bills"),
    [
        (SURROUNDINGS, "2026-06-20", "2026-07-20", [purchase(2, "2026-06-20", "2026-07-20", 8333)]),
        (ruled_by(KEEP), "2026-06-01", "2026-07-01", [bill("change", 1, "2026-06-20", "2026-07-01", 1666)]),
    ],
)
def test_a_change_on_a_date_inside_a_cycle(surroundings: Surroundings, start: str, due: str, bills: list[Bill]) -> None:
    """As a change now would be on that date: a new period from the 20th, or the running one kept (rule I11)."""
    story = subscribed("basic", "2026-06-01", surroundings, trial=False)
    story.do("schedule_change", "2026-06-10", plan="team", at=at("2026-06-20"))
    assert (story.state, story.notices) == ("pending_change", ["change_scheduled"])
    assert story.due == {"change_takes_effect": utc("2026-06-20"), "cycle_starts": utc("2026-07-01")}
    story.travel("2026-06-20")
    assert (story.state, story.facts.plan, story.notices) == ("active", "team", ["changed"])
    assert (story.facts.period_start, story.due, story.bills) == (utc(start), {"cycle_starts": utc(due)}, bills)


def test_a_date_on_a_boundary_is_a_change_with_that_cycle() -> None:
    """1 August starts a cycle: July is renewed as it is, August comes with the new plan (rule C2)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("schedule_change", "2026-06-10", plan="team", at=at("2026-08-01"))
    assert story.due == {"cycle_starts": utc("2026-07-01")}
    story.travel("2026-07-01")
    assert (story.state, story.facts.plan, story.notices) == ("pending_change", "basic", [])
    story.travel("2026-08-01")
    assert (story.state, story.facts.plan, story.notices) == ("active", "team", ["changed"])
    assert story.bills == [bill("renewal", 3, "2026-08-01", "2026-09-01", 10000)]


def test_boundaries_ahead_are_counted_from_the_anchor() -> None:
    """Anchor 31 January: 31 March starts a cycle, 28 March does not (rules C1, C2)."""
    story = subscribed("team", "2026-01-31")
    story.do("schedule_change", "2026-02-01", plan="pro", at=at("2026-03-31"))
    assert story.due == {"cycle_starts": utc("2026-02-28")}
    story.do("schedule_change", "2026-02-02", plan="pro", at=at("2026-03-28"))
    assert story.due == {"cycle_starts": utc("2026-02-28"), "change_takes_effect": utc("2026-03-28")}


def test_the_boundaries_after_a_trial_are_known_in_it() -> None:
    """The trial ends on 15 June: 15 July starts a cycle, 1 July does not (rules C2, I11)."""
    story = subscribed("basic", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="team", at=at("2026-07-15"))
    assert story.due == {"trial_ends": utc("2026-06-15")}
    story.do("schedule_change", "2026-06-03", plan="team", at=at("2026-07-01"))
    assert story.due == {"trial_ends": utc("2026-06-15"), "change_takes_effect": utc("2026-07-01")}


def test_a_change_for_later_outlasts_the_trial() -> None:
    """On 15 June the first cycle starts with the plan in hand; on 1 July the change comes, inside it (rule I11)."""
    story = subscribed("basic", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="team", at=at("2026-07-01"))
    story.travel("2026-06-15")
    assert (story.state, story.facts.phase, story.facts.plan) == ("pending_change", "paid", "basic")
    assert story.bills == [purchase(1, "2026-06-15", "2026-07-15", 5000)]
    story.travel("2026-07-01")
    assert (story.state, story.facts.plan) == ("active", "team")


def test_a_newer_change_merges_by_field() -> None:
    """Team on 1 July, then nine seats on 20 July: Team with nine seats, all of it on 20 July (rule B5)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("schedule_change", "2026-06-10", plan="team", at="next_cycle")
    story.do("schedule_change", "2026-06-11", seats=9, at=at("2026-07-20"))
    terms = TEAM.terms(MONTH, "USD")
    assert terms is not None
    assert story.facts.pending == Change(utc("2026-07-20"), terms, plan="team", seats=9)
    story.travel("2026-07-20")
    assert in_hand(story) == ("team", 9, 22000)


def test_a_withdrawn_change_leaves_no_trace() -> None:
    """The facts and what is due are those from before it."""
    story = subscribed("basic", "2026-06-01", trial=False)
    facts, due = story.facts, story.due
    story.do("schedule_change", "2026-06-10", plan="team", at=at("2026-06-20"))
    story.do("withdraw_change", "2026-06-11")
    assert (story.state, story.facts, story.due, story.notices) == ("active", facts, due, ["change_withdrawn"])


@pytest.mark.parametrize(
    ("when", "arguments"),
    [
        ("schedule_change", {"at": "next_cycle"}),
        ("schedule_change", {"at": "next_cycle", "plan": "basic"}),
        ("schedule_change", {"at": "next_cycle", "plan": "basic", "interval": "month", "seats": 1}),
        ("change_now", {}),
        ("change_now", {"plan": "basic", "interval": "month"}),
    ],
)
def test_what_is_in_hand_is_no_change(when: str, arguments: dict[str, object]) -> None:
    """A change that differs in nothing from what is, with a change pending or without (rules B5, I23)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    assert story.refusal(when, "2026-06-02", **arguments).code == "no_change"
    story.do("schedule_change", "2026-06-03", plan="team", at="next_cycle")
    refusal = story.refusal(when, "2026-06-04", **arguments)
    assert (refusal.code, refusal.instead) == ("no_change", "A pending change is undone with withdraw-change.")


@pytest.mark.parametrize(
    "again",
    [
        {"plan": "team", "seats": 9},
        {"plan": "team"},
        {"seats": 9},
        {"plan": "team", "interval": "month"},
        {"seats": 9, "interval": "month"},
    ],
)
def test_what_is_pending_is_no_change(again: dict[str, object]) -> None:
    """A change that differs in nothing from what is pending, however it is said (rule B5)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("schedule_change", "2026-06-02", plan="team", seats=9, at="next_cycle")
    assert story.refusal("schedule_change", "2026-06-03", at="next_cycle", **again).code == "no_change"
    story.do("schedule_change", "2026-06-03", at=at("2026-08-01"), **again)
    assert story.facts.pending is not None
    assert story.facts.pending.due_at == utc("2026-08-01")


def test_the_plan_in_hand_named_with_pending_seats_is_no_change() -> None:
    """Nine seats are pending on Team: nine seats of Team are the same (rule B5)."""
    story = subscribed("team", "2026-06-01")
    story.do("schedule_change", "2026-06-02", seats=9, at="next_cycle")
    assert story.refusal("schedule_change", "2026-06-03", plan="team", seats=9, at="next_cycle").code == "no_change"


@pytest.mark.parametrize("day", ["2026-06-10", "2026-06-09"])
def test_a_change_is_dated_later_than_now(day: str) -> None:
    """Now and the past are refused (rule C2)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    assert story.refusal("schedule_change", "2026-06-10", plan="team", at=at(day)).code == "date_in_past"


# ----------------------------------------------------------------------------------- changes and cancellations


def test_an_end_shelves_a_change_that_comes_later() -> None:
    """An end on 20 June holds back the change of 1 July; moved to 15 August, it lets it happen (rule B6)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("schedule_change", "2026-06-02", plan="team", at=at("2026-07-10"))
    story.do("cancel", "2026-06-03", at=at("2026-07-10"))
    assert story.due == {"cycle_starts": utc("2026-07-01"), "end_date_arrives": utc("2026-07-10")}
    shelved = [story.facts.shelved]
    story.do("cancel", "2026-06-04", at=at("2026-08-15"))
    assert story.due["change_takes_effect"] == utc("2026-07-10")
    shelved.append(story.facts.shelved)
    story.travel("2026-07-10")
    assert (story.state, story.facts.plan, story.notices) == ("pending_cancellation", "team", ["changed"])
    assert [*shelved, story.facts.shelved] == [True, False, False]
    assert story.bills == [purchase(3, "2026-07-10", "2026-08-10", 6613)]
    story.do("withdraw_cancellation", "2026-07-11")
    assert (story.state, story.facts.plan) == ("active", "team")


def test_a_shelved_change_comes_back_with_the_cancellation_withdrawn() -> None:
    """Exactly as if the cancellation had not been asked for."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("schedule_change", "2026-06-02", plan="team", at="next_cycle")
    facts, due = story.facts, story.due
    story.do("cancel", "2026-06-03", at="period_end")
    assert story.due == {"end_date_arrives": utc("2026-07-01")}
    story.do("withdraw_cancellation", "2026-06-04")
    assert (story.state, story.facts, story.due) == ("pending_change", facts, due)


def test_a_change_with_a_cycle_before_the_end() -> None:
    """The cycle of 1 July starts with the new plan, and the cancellation stays."""
    story = in_state("pending_change", "paid")
    story.do("cancel", "2026-06-03", at=at("2026-07-10"))
    story.travel("2026-07-01")
    assert (story.state, story.facts.plan) == ("pending_cancellation", "pro")
    assert story.bills == [bill("renewal", 2, "2026-07-01", "2026-07-10", 5806)]


# ------------------------------------------------------------------------------------- changes and activation


def test_activation_applies_what_was_due_by_the_trials_end() -> None:
    """The change of 15 June comes on 5 June, and is paid then."""
    story = in_state("pending_change", "trial")
    story.do("activate", "2026-06-05")
    assert (story.state, story.facts.plan, story.facts.pending) == ("active", "pro", None)
    assert story.bills == [purchase(1, "2026-06-05", "2026-07-05", 20000)]


def test_activation_keeps_a_later_change() -> None:
    """A change of 1 August stays, armed for a date inside the cycles from 5 June."""
    story = subscribed("basic", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="team", at=at("2026-08-01"))
    story.do("activate", "2026-06-05")
    assert (story.state, story.facts.phase, story.facts.plan) == ("pending_change", "paid", "basic")
    assert story.due == {"cycle_starts": utc("2026-07-05"), "change_takes_effect": utc("2026-08-01")}


@pytest.mark.parametrize(
    ("asked", "expected"), [({"plan": "basic"}, ("basic", 1, 5000)), ({"seats": 2}, ("team", 2, 10000))]
)
def test_activation_does_not_judge_the_pending_change_again(
    asked: dict[str, object], expected: tuple[str, int, int]
) -> None:
    """A plan, or fewer seats, only at the next cycle: that was judged when it was scheduled (rules D3, D9)."""
    story = in_state("trial", "trial")
    story.meanwhile(catalog=with_policies(Policies(change=(ChangeRule(when=("next_cycle",)),))))
    story.do("schedule_change", "2026-06-02", at="next_cycle", **asked)
    story.do("activate", "2026-06-05")
    assert (story.state, in_hand(story)) == ("active", expected)


def test_activation_judges_what_it_asks_for() -> None:
    """A plan to which a rule lets nobody go at once (rule D3)."""
    story = subscribed("basic", "2026-06-01", ruled_by(Policies(change=(ChangeRule(when=("next_cycle",)),))))
    refusal = story.refusal("activate", "2026-06-05", plan="pro")
    assert (refusal.code, str(refusal)) == ("when_not_allowed", "This change is possible only at the next cycle.")


def test_activation_withdraws_a_change_that_has_become_impossible() -> None:
    """Pro is gone: the plan in hand is activated, and the change has failed (rule B7)."""
    story = in_state("pending_change", "trial")
    story.meanwhile(catalog=without_plan("pro"))
    story.do("activate", "2026-06-05")
    assert (story.state, in_hand(story)) == ("active", ("team", 3, 10000))
    assert story.notices == ["change_failed", "trial_converted"]


def test_a_change_that_is_kept_counts_from_what_was_activated() -> None:
    """A month of Pro was to come; a year of Basic is activated, so a year of Pro is to come, at today's price."""
    catalog = with_plan(replace(PRO, prices={**PRO.prices, YEAR: {"USD": 190000}}))
    story = subscribed("basic", "2026-06-01", Surroundings(catalog, ACCOUNT))
    story.do("schedule_change", "2026-06-02", plan="pro", at=at("2026-08-01"))
    story.do("activate", "2026-06-05", interval="year")
    story.travel("2026-08-01")
    assert (story.facts.interval, in_hand(story)) == (YEAR, ("pro", 1, 190000))


def test_a_change_that_is_kept_keeps_its_price() -> None:
    """A month of Team was confirmed at 100.00; Pro is activated, and Team then costs 100.00, not 150.00 (rule A5)."""
    story = subscribed("basic", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="team", at=at("2026-08-01"))
    story.meanwhile(catalog=DEARER)
    story.do("activate", "2026-06-05", plan="pro")
    story.travel("2026-08-01")
    assert in_hand(story) == ("team", 3, 10000)


def test_seats_that_are_kept_are_seats_of_what_was_activated() -> None:
    """Nine seats of Team were to come; Basic is activated, which has one, so the change fails (rule B7)."""
    story = in_state("trial", "trial")
    story.do("schedule_change", "2026-06-02", seats=9, at=at("2026-08-01"))
    story.do("activate", "2026-06-05", plan="basic")
    story.travel("2026-08-01")
    assert (in_hand(story), story.notices) == (("basic", 1, 5000), ["change_failed"])


def test_activation_with_a_change_that_stays_is_of_an_offered_plan() -> None:
    """Storage is of another family, whatever is pending."""
    story = subscribed("basic", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="pro", at=at("2026-08-01"))
    assert story.refusal("activate", "2026-06-05", plan="storage").code == "not_offered"


def test_activation_is_refused_where_the_change_that_stays_has_no_price() -> None:
    """There is no year of Pro: the change has to be withdrawn first."""
    story = subscribed("basic", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="pro", at=at("2026-08-01"))
    assert story.refusal("activate", "2026-06-05", interval="year").code == "not_offered"


# ------------------------------------------------------------------------- changes that have become impossible


@pytest.mark.parametrize("phase", ["trial", "paid"])
def test_a_change_to_a_plan_that_is_gone_fails(phase: str) -> None:
    """At the boundary the plan in hand goes on, and plan and seats are withdrawn (rules B7, I28)."""
    story = subscribed("basic", "2026-06-01", trial=None if phase == "trial" else False)
    story.do("schedule_change", "2026-06-02", plan="team", seats=9, at="next_cycle")
    story.meanwhile(catalog=without_plan("team"))
    story.travel("2026-07-01")
    assert (story.state, story.facts.pending, in_hand(story)) == ("active", None, ("basic", 1, 5000))
    assert story.notices == ["change_failed", *(["trial_converted"] if phase == "trial" else [])]


@pytest.mark.parametrize(("phase", "state"), [("trial", "trial"), ("paid", "active")])
def test_a_dated_change_to_a_plan_that_is_gone_fails(phase: str, state: str) -> None:
    """On its date nothing happens but that it is withdrawn, with a notice (rule B7)."""
    story = subscribed("basic", "2026-06-01", trial=None if phase == "trial" else False)
    facts = story.facts
    story.do("schedule_change", "2026-06-02", plan="team", at=at("2026-06-10"))
    story.meanwhile(catalog=without_plan("team"))
    story.travel("2026-06-10")
    assert (story.state, story.facts, story.notices, story.bills) == (state, facts, ["change_failed"], [])


def test_a_change_fails_only_when_it_is_due() -> None:
    """A plan that is gone in July and back in August is there for a change of 20 August (rule B7)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("schedule_change", "2026-06-02", plan="team", at=at("2026-08-20"))
    story.meanwhile(catalog=without_plan("team"))
    story.travel("2026-08-01")
    assert story.state == "pending_change"
    story.meanwhile(catalog=CATALOG)
    story.travel("2026-08-20")
    assert (story.state, story.facts.plan) == ("active", "team")


def test_a_change_to_fewer_seats_than_were_added_fails() -> None:
    """Basic was to come, which has one seat; meanwhile there are five (rules B7, I25)."""
    story = subscribed("team", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="basic", at="next_cycle")
    story.do("add_seats", "2026-06-03", seats=2)
    story.travel("2026-07-01")
    assert (in_hand(story), story.notices) == (("team", 5, 14000), ["change_failed"])


# ----------------------------------------------------------------------------------------------------- prices


def test_an_edited_catalogue_does_not_touch_a_subscription() -> None:
    """Team rises to 150.00 and allows four seats: who has it renews and grows on the old terms (rules A5, I10)."""
    story = subscribed("team", "2026-06-01")
    story.meanwhile(catalog=DEARER)
    story.travel("2026-07-01")
    assert in_hand(story) == ("team", 3, 10000)
    story.do("add_seats", "2026-07-02", seats=2)
    assert in_hand(story) == ("team", 5, 14000)
    story.do("schedule_change", "2026-07-03", plan="team", seats=6, at="next_cycle")
    story.travel("2026-08-01")
    assert in_hand(story) == ("team", 6, 16000)


def test_a_change_takes_the_price_at_which_it_was_confirmed() -> None:
    """Scheduled at 100.00, edited to 150.00 before it is due, and moved to another date (rules A5, I10)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("schedule_change", "2026-06-02", plan="team", at="next_cycle")
    story.meanwhile(catalog=DEARER)
    story.do("schedule_change", "2026-06-03", seats=4, at=at("2026-08-01"))
    story.travel("2026-08-01")
    assert in_hand(story) == ("team", 4, 12000)


def test_the_plan_in_hand_asked_for_again_keeps_its_price() -> None:
    """Pro is pending, Team costs 150.00 by now; five seats of Team, which is in hand, are 140.00 (rules B5, I10)."""
    story = subscribed("team", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="pro", at="next_cycle")
    story.meanwhile(catalog=DEARER)
    story.do("schedule_change", "2026-06-03", plan="team", seats=5, at="next_cycle")
    story.travel("2026-07-01")
    assert in_hand(story) == ("team", 5, 14000)


def test_another_plan_or_interval_takes_todays_price() -> None:
    """Away from Team and back to it, when it costs 150.00 with one seat (rule I10)."""
    story = subscribed("team", "2026-06-01")
    story.meanwhile(catalog=DEARER)
    story.do("change_now", "2026-06-02", plan="pro")
    story.do("change_now", "2026-06-03", plan="team")
    assert in_hand(story) == ("team", 1, 15000)
    story.do("change_now", "2026-06-03", plan="pro", interval="week")
    assert in_hand(story) == ("pro", 1, 6000)


def test_a_plan_that_is_gone_goes_on_for_who_has_it() -> None:
    """It renews, and takes more seats, as before (rule A5)."""
    story = subscribed("team", "2026-06-01")
    story.meanwhile(catalog=without_plan("team"))
    story.do("schedule_change", "2026-06-02", seats=5, at="next_cycle")
    story.travel("2026-07-01")
    assert (in_hand(story), story.notices) == (("team", 5, 14000), ["changed"])
    assert story.refusal("add_seats", "2026-07-02", seats=46).code == "seats_limit"
