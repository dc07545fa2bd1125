"""The shop's stories in dates; each begins on 1 June 2026 at 9:00 in Paris, which is 7:00 UTC."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from shop import days_left, diary

from lifecycle import Lifecycle, Refused
from lifecycle.testing.story import AssertNext, AssertTransitions, Card, Notices, StandStill, Travel, TravelTo

ANN = "ann@acme.test"


def bills(lifecycle: Lifecycle) -> list[tuple[int, str]]:
    """What Acme was asked for, in cents, and what became of it."""
    return [(one.total, one.status) for one in lifecycle.invoices.list(account="acme")]


def test_a_trial_converts(
    lifecycle: Lifecycle,
    travel: Travel,
    notices: Notices,
    assert_transitions: AssertTransitions,
    assert_next: AssertNext,
) -> None:
    """Two weeks for nothing; on 15 June the first month is paid, and the next begins on 15 July."""
    sub = lifecycle.subscriptions.create("acme", plan="basic", by=ANN)
    assert_next(sub, "trial_ends", "2026-06-15T09:00")
    travel(days=4)
    assert days_left(lifecycle, sub.id) == 10

    travel(days=10)

    assert_transitions(sub, ["subscribed", "trial_ends"])
    assert_next(sub, "cycle_starts", "2026-07-15T09:00")
    assert bills(lifecycle) == [(50_00, "paid")]
    assert notices()[-1] == "trial_converted"


def test_an_upgrade_in_the_middle_of_a_month(
    lifecycle: Lifecycle, travel_to: TravelTo, assert_next: AssertNext
) -> None:
    """June has 30 days, and 15 of Basic's are left: 100.00 - 50.00 × 15/30 = 75.00. The new month begins at once."""
    sub = lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN)

    travel_to("2026-06-15T09:00")
    lifecycle.subscriptions.change(sub.id, plan="team", when="now", by=ANN)

    assert bills(lifecycle) == [(50_00, "paid"), (75_00, "paid")]
    assert_next(sub, "cycle_starts", "2026-07-15T09:00")
    travel_to("2026-07-15T09:00")
    assert bills(lifecycle)[2:] == [(100_00, "paid")]


def test_a_renewal_is_declined_and_a_new_card_pays(
    lifecycle: Lifecycle, travel_to: TravelTo, card: Card, notices: Notices
) -> None:
    """Declined on 1 July, which Ann is told, and again on the 4th; the card that comes on the 5th pays at once."""
    sub = lifecycle.subscriptions.create("acme", plan="team", by=ANN)
    card("acme", "declines")
    notices()

    travel_to("2026-07-05")
    assert bills(lifecycle)[1:] == [(100_00, "open")]
    assert lifecycle.subscriptions.standing(sub.id).standing == "past_due"
    assert notices() == ["renewal_ahead", "payment_failed"]

    card("acme", "ok")
    assert bills(lifecycle)[1:] == [(100_00, "paid")]
    assert lifecycle.subscriptions.standing(sub.id).standing == "good"
    assert notices() == ["payment_recovered"]


def test_whoever_never_pays_is_let_go(lifecycle: Lifecycle, travel_to: TravelTo, card: Card) -> None:
    """Declined on 1 July, and 3, 5 and 7 days later, which is the 16th: over, and the shop's own clock agrees."""
    lifecycle.subscriptions.create("acme", plan="team", by=ANN)
    card("acme", "declines")

    travel_to("2026-08-01")

    assert diary == [(datetime(2026, 7, 16, 7, 0, tzinfo=UTC), "payment_exhausted")]


def test_a_cancellation_is_undone(
    lifecycle: Lifecycle, travel_to: TravelTo, assert_transitions: AssertTransitions, assert_next: AssertNext
) -> None:
    """Cancelled to the end of June, and taken back on the 20th: July is paid as if nothing had been."""
    sub = lifecycle.subscriptions.create("acme", plan="team", by=ANN)
    lifecycle.subscriptions.cancel(sub.id, by=ANN, reason="Too dear.")
    assert_next(sub, "end_date_arrives", "2026-07-01T09:00")
    with pytest.raises(Refused) as refused:
        lifecycle.subscriptions.change(sub.id, plan="basic", by=ANN)
    assert refused.value.code == "cancellation_pending"

    travel_to("2026-06-20")
    lifecycle.subscriptions.withdraw_cancellation(sub.id, by=ANN)
    travel_to("2026-07-01T09:00")

    assert_transitions(sub, ["subscribed", "cancel", "withdraw_cancellation", "cycle_starts"])
    assert bills(lifecycle) == [(100_00, "paid"), (100_00, "paid")]
    assert diary == []


@pytest.mark.lifecycle(start="2026-01-31T09:00")
def test_three_months_without_a_daemon(lifecycle: Lifecycle, stand_still_until: StandStill) -> None:
    """From 31 January nobody is there until May; each cycle starts late, at its own instant, and at a month's end."""
    lifecycle.subscriptions.create("acme", plan="team", by=ANN)

    late = [step for step in stand_still_until("2026-05-01") if step.event == "cycle_starts"]

    assert [f"{step.at:%d %B}" for step in late] == ["28 February", "31 March", "30 April"]
    assert {step.fired_at for step in late} == {datetime(2026, 4, 30, 22, 0, tzinfo=UTC)}
