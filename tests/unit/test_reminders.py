"""When the reminder of a subscription is due, and when there is none (rules I5, X308 to X311), in dates."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lifecycle.domain.calendar import Duration
from lifecycle.domain.policies import Policies, Proration, TrialPolicy
from lifecycle.domain.subscription import dump, load
from lifecycle.domain.surroundings import Surroundings
from tests.unit.machine_world import ACCOUNT, CATALOG, FREE, Story, at, ruled_by, subscribed, utc, with_policies


def test_three_days_before_a_trials_end_and_a_week_before_each_cycle() -> None:
    """A trial to 15 June, then cycles to 15 July and 15 August: each announced once, logged, its state kept (rule
    X308)."""
    story = subscribed("basic", "2026-06-01")
    told = []
    for _ in range(6):
        told.append((f"{story.fire_one():%m-%d}", story.log[-1], story.state, *story.notices))
    assert told == [
        ("06-12", "reminded", "trial", "trial_ending"),
        ("06-15", "trial_ends", "active", "trial_converted"),
        ("07-08", "reminded", "active", "renewal_ahead"),
        ("07-15", "cycle_starts", "active"),
        ("08-08", "reminded", "active", "renewal_ahead"),
        ("08-15", "cycle_starts", "active"),
    ]


def test_calendar_days_at_the_same_wall_time() -> None:
    """Paris, 9:00 from 2 March to 2 April, summer time from 29 March: a week before is 26 March, 9:00, winter (I5)."""
    paris = Surroundings(CATALOG, replace(ACCOUNT, zone="Europe/Paris"))
    story = subscribed("team", "2026-03-02 08:00", paris)
    assert story.facts.boundary == utc("2026-04-02 07:00")
    assert story.all_due["reminded"] == utc("2026-03-26 08:00")


@pytest.mark.parametrize(
    ("policies", "plan", "interval"),
    [
        (Policies(), "pro", "week"),
        (Policies(renewal_notice=Duration(0, 0)), "team", "month"),
        (Policies(), "free", "month"),
    ],
)
def test_none_where_there_is_nothing_to_tell_in_time(policies: Policies, plan: str, interval: str) -> None:
    """Seven days before the end of a week is its start; `0d` turns it off; what is free announces nothing (X309)."""
    story = subscribed(plan, "2026-06-01", ruled_by(policies), interval=interval, trial=False)
    assert set(story.all_due) == {"cycle_starts"}


def test_a_free_trial_has_nothing_to_announce() -> None:
    """The cycle after it costs nothing (X309)."""
    assert set(subscribed(FREE.id, "2026-06-01").all_due) == {"trial_ends"}


def test_a_change_to_what_is_free_takes_the_reminder_with_it() -> None:
    """Free from 1 July on: nothing is announced for that; withdrawn, it is again (rules X309, X310)."""
    story = subscribed("team", "2026-06-01")
    story.do("schedule_change", "2026-06-10", plan="free", seats=1, at="next_cycle")
    assert "reminded" not in story.all_due
    story.do("withdraw_change", "2026-06-11")
    assert story.all_due["reminded"] == utc("2026-06-24")


def test_a_change_that_starts_a_cycle_before_the_boundary() -> None:
    """On 28 June another plan starts a period of its own, so no cycle starts on 1 July; that of 28 July does (X309).
    Where the policy keeps the period, 1 July stays."""
    story = subscribed("team", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="pro", at=at("2026-06-28"))
    assert "reminded" not in story.all_due
    story.travel("2026-06-28")
    assert story.all_due["reminded"] == utc("2026-07-21")
    kept = subscribed("team", "2026-06-01", ruled_by(Policies(proration=Proration(period="keep"))))
    kept.do("schedule_change", "2026-06-02", plan="pro", at=at("2026-06-28"))
    assert kept.all_due["reminded"] == utc("2026-06-24")


@pytest.mark.parametrize(
    ("end", "reminded"), [("2026-06-20", None), ("2026-07-01", None), ("2026-07-10", "2026-06-24")]
)
def test_an_end_by_the_boundary_takes_the_reminder_with_it(end: str, reminded: str | None) -> None:
    """Only where the cycle of 1 July still starts is it announced (rule X310)."""
    story = subscribed("team", "2026-06-01")
    story.do("cancel", "2026-06-05", at=at(end))
    assert story.all_due.get("reminded") == (reminded and utc(reminded))


def cancelled_until(day: str) -> Story:
    """To end with the period on 1 July; withdrawn on that day."""
    story = subscribed("team", "2026-06-01")
    story.do("cancel", "2026-06-05", at="period_end")
    story.do("withdraw_cancellation", day)
    return story


def test_an_end_withdrawn_in_time_brings_the_reminder_back() -> None:
    """Before 24 June, and at its very instant; a day later it stays away, for its instant has passed (rule X310)."""
    assert cancelled_until("2026-06-23").all_due["reminded"] == utc("2026-06-24")
    assert cancelled_until("2026-06-24").all_due["reminded"] == utc("2026-06-24")
    assert "reminded" not in cancelled_until("2026-06-25").all_due


def test_once_a_period() -> None:
    """Reminded a week before, by a policy that is then cut to three days: not a second time in that period (X311)."""
    story = subscribed("team", "2026-06-01")
    story.travel("2026-06-24")
    story.meanwhile(catalog=with_policies(Policies(renewal_notice=Duration(3, 0))))
    story.do("use_credits", "2026-06-25")
    assert "reminded" not in story.all_due
    story.travel("2026-07-01")
    assert story.all_due["reminded"] == utc("2026-07-29")


def test_the_policy_of_today_holds_from_the_next_transition_on() -> None:
    """From seven days to three: the instant moves when something happens to the subscription (rule X311)."""
    story = subscribed("team", "2026-06-01")
    shorter = Policies(trial=TrialPolicy(reminder=Duration(1, 0)), renewal_notice=Duration(3, 0))
    story.meanwhile(catalog=with_policies(shorter))
    assert story.all_due["reminded"] == utc("2026-06-24")
    story.do("use_credits", "2026-06-02")
    assert story.all_due["reminded"] == utc("2026-06-28")


def test_facts_from_before_there_were_reminders() -> None:
    """They know of none; the next transition plans it (rule X311)."""
    story = subscribed("team", "2026-06-01")
    stored = {key: value for key, value in dump(story.facts).items() if key != "remind_at"}
    story.restored(load(stored))
    assert set(story.all_due) == {"cycle_starts"}
    story.do("use_credits", "2026-06-02")
    assert story.all_due["reminded"] == utc("2026-06-24")


def test_a_trial_that_nobody_pays_for_is_announced_too() -> None:
    """Without a card it ends, which the customer should hear in time (rules D8, X308)."""
    story = subscribed("basic", "2026-06-01", Surroundings(CATALOG, replace(ACCOUNT, payment_method=None)))
    story.travel("2026-06-12")
    assert story.notices == ["trial_ending"]
