"""A subscription's time: cycles and anchors, trials, ends and cut cycles, in dates worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lifecycle.domain.policies import CancelPolicy, Policies
from lifecycle.domain.surroundings import Surroundings
from tests.unit.machine_world import (
    ACCOUNT,
    CATALOG,
    MONTH,
    WITHOUT_CARD,
    YEAR,
    Story,
    at,
    bill,
    ruled_by,
    subscribed,
    utc,
    without_plan,
)

IN_PARIS = Surroundings(CATALOG, replace(ACCOUNT, zone="Europe/Paris"))


def cycles(story: Story, number: int) -> list[str]:
    """The instants, in UTC, at which the next cycles start."""
    return [f"{story.fire():%Y-%m-%d %H:%M}" for _ in range(number)]


# --------------------------------------------------------------------------------------- cycles and anchors


def test_an_anchor_on_the_31st_comes_back_to_it() -> None:
    """31 January, 28 February, 31 March, 30 April: counted from the anchor, each cycle invoiced whole (rule C1).

    `renewed` is said by the invoice, once it is paid (rule I26).
    """
    story = subscribed("team", "2026-01-31")
    assert story.bills == [bill("purchase", 1, "2026-01-31", "2026-02-28", 10000)]
    story.travel("2026-02-28")
    assert story.bills == [bill("renewal", 2, "2026-02-28", "2026-03-31", 10000)]
    story.travel("2026-03-31")
    assert story.bills == [bill("renewal", 3, "2026-03-31", "2026-04-30", 10000)]
    assert story.notices == []


def test_a_year_from_a_leap_day_comes_back_to_it() -> None:
    """29 February 2028, then the 28th for three years, then 29 February 2032 (rule C1)."""
    story = subscribed("basic", "2028-02-29", interval="year", trial=False)
    assert cycles(story, 4) == ["2029-02-28 00:00", "2030-02-28 00:00", "2031-02-28 00:00", "2032-02-29 00:00"]


def test_a_change_at_a_boundary_keeps_the_anchor_day() -> None:
    """Anchor 31 January, change on 28 February, next 31 March (rule I3)."""
    story = subscribed("team", "2026-01-31")
    story.do("schedule_change", "2026-02-10", plan="pro", at="next_cycle")
    story.travel("2026-02-28")
    assert (story.state, story.facts.plan, story.notices) == ("active", "pro", ["changed"])
    assert story.bills == [bill("renewal", 2, "2026-02-28", "2026-03-31", 20000)]


def test_from_months_to_years_the_count_of_months_goes_on() -> None:
    """Monthly from 31 January 2026, yearly from 28 February 2027, next 29 February 2028 (rule I3)."""
    story = subscribed("basic", "2026-01-31", trial=False)
    story.do("schedule_change", "2027-02-10", interval="year", at="next_cycle")
    story.travel("2027-02-28")
    assert story.bills == [bill("renewal", 14, "2027-02-28", "2028-02-29", 50000)]
    assert (story.facts.interval, story.facts.price, story.facts.anchor) == (YEAR, 50000, utc("2026-01-31"))


def test_between_months_and_weeks_the_boundary_becomes_the_anchor() -> None:
    """From 31 January by the month, from 28 February by the week, from 14 March by the month again (rule I3)."""
    story = subscribed("pro", "2026-01-31")
    story.do("schedule_change", "2026-02-10", interval="week", at="next_cycle")
    assert cycles(story, 2) == ["2026-02-28 00:00", "2026-03-07 00:00"]
    assert story.facts.anchor == utc("2026-02-28")
    story.do("schedule_change", "2026-03-08", interval="month", at="next_cycle")
    assert cycles(story, 2) == ["2026-03-14 00:00", "2026-04-14 00:00"]
    assert (story.facts.interval, story.facts.anchor) == (MONTH, utc("2026-03-14"))


def test_cycles_keep_the_local_time_through_both_changes_of_the_clock() -> None:
    """02:30 in Paris: 03:30 on 29 March, when there is no 02:30, and again 02:30 on 29 April (rule C1)."""
    story = subscribed("pro", "2026-01-29 01:30", IN_PARIS)
    assert cycles(story, 3) == ["2026-02-28 01:30", "2026-03-29 01:30", "2026-04-29 00:30"]


def test_a_local_time_that_comes_twice_is_the_first() -> None:
    """On 25 October 02:30 comes at 00:30 and at 01:30 UTC; the month after it is 01:30 (rule C1)."""
    story = subscribed("pro", "2026-09-25 00:30", IN_PARIS)
    assert cycles(story, 2) == ["2026-10-25 00:30", "2026-11-25 01:30"]


def test_a_free_plan_is_never_billed() -> None:
    """A cycle without a price writes no invoice (rule I6)."""
    story = subscribed("free", "2026-06-01", WITHOUT_CARD, trial=False)
    assert (story.state, story.bills) == ("active", [])
    story.travel("2026-07-01")
    assert (story.facts.cycle, story.bills, story.notices) == (2, [], ["renewed"])


# --------------------------------------------------------------------------------------------------- trials


def test_a_trial_becomes_paid_by_itself() -> None:
    """Fourteen days from 1 June; the first cycle and its anchor start at the trial's end (rules B12, I11)."""
    story = subscribed("basic", "2026-06-01", WITHOUT_CARD)
    assert (story.state, story.notices, story.bills) == ("trial", ["trial_started"], [])
    assert story.due == {"trial_ends": utc("2026-06-15")}
    story.meanwhile(account=ACCOUNT)
    story.travel("2026-06-15")
    assert (story.state, story.notices) == ("active", ["trial_converted"])
    assert story.bills == [bill("purchase", 1, "2026-06-15", "2026-07-15", 5000)]
    assert story.facts.anchor == utc("2026-06-15")


def test_a_trial_of_days_keeps_the_local_time() -> None:
    """Fourteen days over the change of the clock: the same wall time, an hour less (rule I5)."""
    story = subscribed("basic", "2026-03-20 09:00", IN_PARIS)
    assert story.facts.trial_end == utc("2026-04-03 08:00")


def test_a_trial_without_a_payment_method_ends() -> None:
    """What has ended still shows its end, its last period and its trial's end (rules B8, I16)."""
    story = subscribed("basic", "2026-06-01", WITHOUT_CARD)
    story.travel("2026-06-15")
    assert (story.state, story.notices, story.bills, story.due) == ("ended", ["ended"], [], {})
    facts = story.facts
    assert (facts.ends_at, facts.trial_end) == (utc("2026-06-15"), utc("2026-06-15"))
    assert (facts.period_start, facts.period_end) == (utc("2026-06-01"), utc("2026-06-15"))


def test_a_trial_of_a_free_plan_goes_on_without_a_payment_method() -> None:
    """Nothing is due, so nothing has to be paid with."""
    story = subscribed("free", "2026-06-01", WITHOUT_CARD)
    story.travel("2026-06-15")
    assert (story.state, story.bills) == ("active", [])


@pytest.mark.parametrize(("plan", "state"), [("free", "active"), ("team", "ended")])
def test_what_is_due_at_a_trials_end_is_judged_after_the_change(plan: str, state: str) -> None:
    """Without a payment method a trial goes on into a free plan, and not into another."""
    story = subscribed("basic" if plan == "free" else "free", "2026-06-01", WITHOUT_CARD)
    story.do("schedule_change", "2026-06-02", plan=plan, at="next_cycle")
    story.travel("2026-06-15")
    assert story.state == state


def test_activation_gives_up_the_rest_of_the_trial() -> None:
    """Activated on 5 June: period and anchor start there, and so the trial's end is there (rules D8, X3)."""
    story = subscribed("basic", "2026-06-01")
    story.do("activate", "2026-06-05")
    assert (story.state, story.notices) == ("active", ["trial_converted"])
    assert story.bills == [bill("purchase", 1, "2026-06-05", "2026-07-05", 5000)]
    assert (story.facts.anchor, story.facts.trial_end) == (utc("2026-06-05"), utc("2026-06-05"))
    assert story.due == {"cycle_starts": utc("2026-07-05")}


def test_activation_may_choose_another_plan_and_interval() -> None:
    """Choose a plan and pay: a year of Basic is 500.00."""
    story = subscribed("basic", "2026-06-01")
    story.do("activate", "2026-06-05", interval="year")
    assert (story.facts.price, story.facts.boundary) == (50000, utc("2027-06-05"))


def test_a_trial_can_be_declined() -> None:
    """`trial: false` buys at once (rule B12)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    assert (story.state, story.facts.trial_end, story.notices) == ("active", None, ["subscribed"])
    assert story.bills == [bill("purchase", 1, "2026-06-01", "2026-07-01", 5000)]


def test_a_change_dated_inside_a_trial_applies_there() -> None:
    """On 8 June, without a charge; the trial goes on and the first cycle is one of the new plan (rule I11)."""
    story = subscribed("basic", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="team", at=at("2026-06-08"))
    story.travel("2026-06-08")
    assert (story.state, story.facts.plan, story.notices, story.bills) == ("trial", "team", ["changed"], [])
    story.travel("2026-06-15")
    assert story.bills == [bill("purchase", 1, "2026-06-15", "2026-07-15", 10000)]
    assert story.facts.price == 10000
    assert story.log[-3:] == ["change_takes_effect", "reminded", "trial_ends"]


# ----------------------------------------------------------------------------------------------- ends and cuts


def cut_on_15_august() -> Story:
    """Monthly from 1 June, to end on 15 August, in the cycle that this cuts."""
    story = subscribed("team", "2026-06-01")
    story.do("cancel", "2026-06-10", at=at("2026-08-15"))
    story.travel("2026-08-01")
    return story


def test_a_cycle_is_billed_to_the_end_that_is_known() -> None:
    """July whole, August to the 15th; on that day it is over (rules C2, I17)."""
    story = subscribed("team", "2026-06-01")
    story.do("cancel", "2026-06-10", at=at("2026-08-15"))
    assert (story.notices, story.bills) == (["cancellation_scheduled"], [])
    story.travel("2026-07-01")
    assert story.bills == [bill("renewal", 2, "2026-07-01", "2026-08-01", 10000)]
    story.travel("2026-08-01")
    assert story.bills == [bill("renewal", 3, "2026-08-01", "2026-08-15", 4516)]
    assert story.due == {"end_date_arrives": utc("2026-08-15")}
    story.travel("2026-08-15")
    assert (story.state, story.notices, story.due) == ("ended", ["ended"], {})


def test_an_end_inside_a_billed_cycle_leaves_its_period() -> None:
    """June was bought whole; an end on 20 June does not change what the period was (rule I16)."""
    story = subscribed("team", "2026-06-01")
    story.do("cancel", "2026-06-10", at=at("2026-06-20"))
    story.travel("2026-06-20")
    assert (story.state, story.facts.ends_at, story.facts.period_end) == (
        "ended",
        utc("2026-06-20"),
        utc("2026-07-01"),
    )


def test_a_cut_cycle_is_made_whole_when_the_end_is_withdrawn() -> None:
    """Withdrawn on 10 August: 15 August to 1 September is invoiced at once (rule I17)."""
    story = cut_on_15_august()
    story.do("withdraw_cancellation", "2026-08-10")
    assert (story.state, story.notices) == ("active", ["cancellation_withdrawn"])
    assert story.bills == [bill("rest_of_cycle", 3, "2026-08-15", "2026-09-01", 5484)]
    assert story.due == {"cycle_starts": utc("2026-09-01")}


def test_a_cut_cycle_grows_as_the_end_moves() -> None:
    """To the 20th: five days more; back to the 12th: none; far ahead: the rest of August (rule I17)."""
    story = cut_on_15_august()
    story.do("cancel", "2026-08-02", at=at("2026-08-20"))
    assert story.bills == [bill("rest_of_cycle", 3, "2026-08-15", "2026-08-20", 1613)]
    story.do("cancel", "2026-08-03", at=at("2026-08-12"))
    assert (story.bills, story.facts.period_end) == ([], utc("2026-08-20"))
    story.do("cancel", "2026-08-04", at=at("2026-10-05"))
    assert story.bills == [bill("rest_of_cycle", 3, "2026-08-20", "2026-09-01", 3871)]


def test_the_period_of_a_cut_cycle_ends_where_it_is_billed_to() -> None:
    """From 12 August the end is put off to the period's end, which is the 15th; that costs nothing (rule I17)."""
    story = cut_on_15_august()
    story.do("cancel", "2026-08-02", at=at("2026-08-12"))
    story.do("cancel", "2026-08-03", at="period_end")
    assert (story.due, story.bills) == ({"end_date_arrives": utc("2026-08-15")}, [])


def test_a_cancellation_at_the_periods_end_is_at_the_boundary() -> None:
    """Cancelled on 10 June: over on 1 July, and no cycle starts on that day (rules D12, C6)."""
    story = subscribed("team", "2026-06-01")
    story.do("cancel", "2026-06-10", at="period_end")
    assert story.due == {"end_date_arrives": utc("2026-07-01")}
    story.travel("2027-01-01")
    assert story.log == ["subscribed", "cancel", "end_date_arrives"]


def test_the_period_of_a_trial_ends_with_it() -> None:
    """A trial cancelled at the period's end is over on 15 June and never becomes paid."""
    story = subscribed("basic", "2026-06-01")
    story.do("cancel", "2026-06-10", at="period_end")
    story.travel("2027-01-01")
    assert (story.log, story.facts.cycle) == (["subscribed", "cancel", "end_date_arrives"], 0)


def test_a_trial_to_end_after_it_has_become_paid() -> None:
    """The first cycle, from 15 June, is billed to the end on 20 June; withdrawing makes it whole (rule I17)."""
    story = subscribed("basic", "2026-06-01")
    story.do("cancel", "2026-06-10", at=at("2026-06-20"))
    story.travel("2026-06-15")
    assert (story.state, story.facts.phase) == ("pending_cancellation", "paid")
    assert story.bills == [bill("purchase", 1, "2026-06-15", "2026-06-20", 833)]
    story.do("withdraw_cancellation", "2026-06-18")
    assert story.bills == [bill("rest_of_cycle", 1, "2026-06-20", "2026-07-15", 4167)]


def test_a_free_cycle_is_made_whole_without_a_bill() -> None:
    """A cycle without a price writes no invoice, cut or not (rule I6)."""
    story = subscribed("free", "2026-06-01", trial=False)
    story.do("cancel", "2026-06-10", at=at("2026-07-15"))
    story.do("withdraw_cancellation", "2026-07-02")
    assert (story.facts.period_end, story.bills) == (utc("2026-08-01"), [])


def test_withdrawing_in_a_trial_bills_nothing() -> None:
    """There is nothing to make whole in a trial (rule I6)."""
    story = subscribed("basic", "2026-06-01")
    story.do("cancel", "2026-06-10", at=at("2026-06-12"))
    story.do("withdraw_cancellation", "2026-06-11")
    assert (story.state, story.bills, story.due) == ("trial", [], {"trial_ends": utc("2026-06-15")})


def test_cancelled_now_it_is_over_at_once() -> None:
    """The end is the instant of the command, and the period stays on view (rule I16)."""
    story = subscribed("team", "2026-06-01")
    story.do("cancel_now", "2026-06-10 08:00")
    assert (story.state, story.notices) == ("ended", ["ended"])
    assert (story.facts.ends_at, story.facts.period_end) == (utc("2026-06-10 08:00"), utc("2026-07-01"))


def test_exhausted_payment_ends_it_by_policy() -> None:
    """The default policy ends it, whatever is pending (rule E5)."""
    story = subscribed("team", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="pro", at="next_cycle")
    assert story.answer("payment_exhausted", utc("2026-06-20")) == "ended"
    assert (story.facts.ends_at, story.facts.pending, story.notices) == (utc("2026-06-20"), None, ["ended"])


def test_a_cancellation_without_a_date_is_one_for_now() -> None:
    """To end now there is a command of its own (rule C2)."""
    assert subscribed("team", "2026-06-01").refusal("cancel", "2026-06-10").code == "date_in_past"


@pytest.mark.parametrize("day", ["2026-06-10", "2026-06-09"])
def test_an_end_is_later_than_now(day: str) -> None:
    """Now and the past are refused (rule C2)."""
    assert subscribed("team", "2026-06-01").refusal("cancel", "2026-06-10", at=at(day)).code == "date_in_past"


def test_a_policy_on_when_to_cancel() -> None:
    """At the period's end only: another date and now are refused, the same date named is not (rules D12, I25)."""
    story = subscribed("team", "2026-06-01", ruled_by(Policies(cancel=CancelPolicy(when=("period_end",)))))
    assert story.refusal("cancel", "2026-06-10", at=at("2026-06-20")).code == "when_not_allowed"
    assert story.refusal("cancel_now", "2026-06-10").code == "when_not_allowed"
    story.do("cancel", "2026-06-10", at=at("2026-07-01"))
    assert story.state == "pending_cancellation"


def test_a_policy_that_lets_nobody_wait() -> None:
    """Now only: a date is refused, the command that ends it at once is not (rule D12)."""
    story = subscribed("team", "2026-06-01", ruled_by(Policies(cancel=CancelPolicy(when=("now",)))))
    assert story.refusal("cancel", "2026-06-10", at=at("2026-06-20")).code == "when_not_allowed"
    story.do("cancel_now", "2026-06-10")
    assert story.state == "ended"


def test_a_policy_that_leaves_out_the_periods_end() -> None:
    """On a date or now only: at the period's end is refused; when the plan is gone, the defaults hold."""
    story = subscribed("team", "2026-06-01", ruled_by(Policies(cancel=CancelPolicy(when=("date", "now")))))
    refusal = story.refusal("cancel", "2026-06-10", at="period_end")
    assert (refusal.code, str(refusal)) == ("when_not_allowed", "The plan does not allow this at that time.")
    story.meanwhile(catalog=without_plan("team"))
    story.do("cancel", "2026-06-10", at="period_end")
    assert story.due == {"end_date_arrives": utc("2026-07-01")}
