"""What a quote shows of a command before it is confirmed: each field, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from lifecycle.domain.catalog import CreditTerms
from lifecycle.domain.machine import Json, Stimulus
from lifecycle.domain.policies import CancelPolicy, Policies, Proration
from lifecycle.domain.quoting import next_invoice, quote
from lifecycle.domain.surroundings import Purse, Surroundings
from tests.unit.machine_world import (
    ACCOUNT,
    CATALOG,
    FREE,
    INTERPRETER,
    KEEP,
    MATRIX,
    PRO,
    SURROUNDINGS,
    Story,
    at,
    in_state,
    ruled_by,
    subscribed,
    utc,
    with_plan,
)
from tests.unit.test_invoicing import vat


def quoted(story: Story, event: str, day: str, /, **arguments: object) -> Json:
    """The quote of a command on that day; nothing is done."""
    story.until(utc(day))
    facts = story.facts if story.state in MATRIX.states else None
    decision = INTERPRETER.step(story.state, facts, Stimulus(event, utc(day), arguments), story.surroundings)
    assert decision is not None
    return quote(facts, decision, event, story.surroundings, utc(day))


def coming(shown: Json) -> tuple[str, int] | None:
    """The next invoice, by its day."""
    found = shown.get("next_invoice")
    return None if found is None else (f"{datetime.fromisoformat(found['date']):%Y-%m-%d}", found["total"])


# -------------------------------------------------------------------------------------------------- field by field


def test_a_first_purchase() -> None:
    """100.00 now, and again on 1 July (rules D1, H3)."""
    shown = quoted(Story(), "subscribed", "2026-06-01", plan="team", interval="month")
    lines = shown.pop("lines")
    assert [(one["kind"], one["amount"]) for one in lines] == [("plan", 10000)]
    assert shown == {
        "total": 10000,
        "credit": 0,
        "due_now": 10000,
        "unused": 0,
        "forfeited": 0,
        "to_balance": 0,
        "to_refund": 0,
        "credits_carried": 0,
        "credits_lost": 0,
        "trial_given_up": 0,
        "effective_at": at("2026-06-01"),
        "plan": "team",
        "interval": "month",
        "seats": 3,
        "next_invoice": {"date": at("2026-07-01"), "total": 10000},
        "warnings": [],
    }


def test_an_upgrade() -> None:
    """25.00 of 50.00 are unused, 75.00 are due, 20.00 of them are on the balance (rules D1, I6)."""
    story = subscribed("basic", "2026-06-01", replace(SURROUNDINGS, purse=Purse(2000)), trial=False)
    shown = quoted(story, "change_now", "2026-06-15", plan="team")
    assert (shown["total"], shown["credit"], shown["due_now"], shown["unused"]) == (7500, 2000, 5500, 2500)
    assert shown["lines"][1]["formula"] == "50.00 × 15/30 days unused = 25.00"
    assert (coming(shown), shown["effective_at"]) == (("2026-07-15", 10000), at("2026-06-15"))


def test_a_downgrade_warns_of_what_waiting_would_save() -> None:
    """50.00 are forfeited, and on 1 July nothing would be (rule D1)."""
    shown = quoted(subscribed("pro", "2026-06-01"), "change_now", "2026-06-15", plan="basic")
    assert (shown["due_now"], shown["unused"], shown["forfeited"]) == (0, 10000, 5000)
    assert shown["warnings"] == ["50.00 USD of unused time is forfeited. Waiting until 2026-07-01 would lose nothing."]


@pytest.mark.parametrize(
    ("excess", "period", "expected"),
    [
        ("balance", "reset", (0, 5000, 0)),
        ("refund", "reset", (0, 0, 5000)),
        ("forfeit", "keep", (7500, 0, 0)),
        ("balance", "keep", (0, 7500, 0)),
        ("refund", "keep", (0, 0, 7500)),
    ],
)
def test_where_an_excess_goes(excess: str, period: str, expected: tuple[int, int, int]) -> None:
    """A line of the nil invoice, or a credit note (rules H3, I7, I19)."""
    policies = Policies(proration=Proration(excess=excess, period=period))  # type: ignore[arg-type]
    shown = quoted(subscribed("pro", "2026-06-01", ruled_by(policies)), "change_now", "2026-06-15", plan="basic")
    assert (shown["forfeited"], shown["to_balance"], shown["to_refund"]) == expected
    assert (shown["due_now"], shown["unused"], bool(shown["warnings"])) == (0, 10000, excess == "forfeit")


def test_without_a_unit_nothing_is_unused() -> None:
    """Zero, both (rule I22)."""
    story = subscribed("pro", "2026-06-01", ruled_by(Policies(proration=Proration(unit="none"))))
    shown = quoted(story, "change_now", "2026-06-15", plan="basic")
    assert (shown["unused"], shown["forfeited"], shown["due_now"]) == (0, 0, 5000)


def test_credits_that_are_carried_or_lost() -> None:
    """A hundred are left: to Pro they go along, to Basic they are lost (rules D10, H3)."""
    pro = replace(PRO, credits=CreditTerms(1000))
    story = subscribed("team", "2026-06-01", Surroundings(with_plan(pro), ACCOUNT))
    up = quoted(story, "change_now", "2026-06-02", plan="pro")
    assert (up["credits_carried"], up["credits_lost"], up["warnings"]) == (100, 0, [])
    down = quoted(story, "change_now", "2026-06-02", plan="basic")
    assert (down["credits_carried"], down["credits_lost"]) == (0, 100)
    assert down["warnings"][-1] == "100 credits are lost."


def test_activation_gives_up_the_rest_of_the_trial() -> None:
    """Ten of fourteen days, on 5 June (rule D8)."""
    shown = quoted(subscribed("basic", "2026-06-01"), "activate", "2026-06-05")
    assert (shown["trial_given_up"], shown["due_now"], coming(shown)) == (10, 5000, ("2026-07-05", 5000))
    assert shown["warnings"] == ["10 days of the trial are given up. It ends by itself on 2026-06-15."]


def test_a_change_now_says_that_it_drops_the_pending_one() -> None:
    """All of it (rule I23)."""
    shown = quoted(in_state("pending_change", "paid"), "change_now", "2026-06-05", plan="pro", seats=1)
    assert shown["warnings"][-1] == "The change that is pending is dropped, all of it."


def test_more_seats() -> None:
    """Two for 15/30 of June, then 140.00 (rules I4, D1)."""
    shown = quoted(subscribed("team", "2026-06-01"), "add_seats", "2026-06-15", seats=2)
    assert (shown["due_now"], shown["seats"], coming(shown)) == (2000, 5, ("2026-07-01", 14000))


def test_taxes_are_shown() -> None:
    """Now and next (rules E8, D1)."""
    story = Story(replace(SURROUNDINGS, tax=vat))
    shown = quoted(story, "subscribed", "2026-06-01", plan="team", interval="month")
    assert (shown["total"], coming(shown)) == (12000, ("2026-07-01", 12000))


@pytest.mark.parametrize(("refund", "expected"), [("none", (0, 0)), ("balance", (5000, 0)), ("refund", (0, 5000))])
def test_what_a_cancellation_gives_back(refund: str, expected: tuple[int, int]) -> None:
    """100.00 × 15/30, and no invoice comes any more (rules D12, D1)."""
    around = ruled_by(Policies(cancel=CancelPolicy(refund=refund)))  # type: ignore[arg-type]
    shown = quoted(subscribed("team", "2026-06-01", around), "cancel_now", "2026-06-15")
    assert ((shown["to_balance"], shown["to_refund"]), coming(shown)) == (expected, None)


def test_the_missing_part_of_a_cut_cycle() -> None:
    """Withdrawing costs 100.00 × 17/31, in the quote too (rule I17)."""
    story = subscribed("team", "2026-06-01")
    story.do("cancel", "2026-06-10", at=at("2026-08-15"))
    shown = quoted(story, "withdraw_cancellation", "2026-08-10")
    assert (shown["due_now"], coming(shown)) == (5484, ("2026-09-01", 10000))


# ------------------------------------------------------------------------------------------------ the next invoice


def following(story: Story) -> tuple[str, int] | None:
    """The next invoice of the story, by its day."""
    found = next_invoice(story.facts, story.surroundings)
    return None if found is None else (f"{found[0]:%Y-%m-%d}", found[1])


def test_a_trial_is_invoiced_at_its_end() -> None:
    """With the change that is due by then (rules B12, I11)."""
    assert quoted(Story(), "subscribed", "2026-06-01", plan="basic", interval="month")["due_now"] == 0
    story = subscribed("basic", "2026-06-01")
    assert following(story) == ("2026-06-15", 5000)
    story.do("schedule_change", "2026-06-02", plan="team", at="next_cycle")
    assert following(story) == ("2026-06-15", 10000)
    story.do("schedule_change", "2026-06-03", plan="pro", at=at("2026-06-10"))
    assert following(story) == ("2026-06-15", 20000)
    story.do("cancel", "2026-06-04", at="period_end")
    assert following(story) is None


def test_the_next_cycle_with_a_change() -> None:
    """On 1 July at the new price; before the end of a cancellation, by its days (rules D1, I17)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    assert following(story) == ("2026-07-01", 5000)
    shown = quoted(story, "schedule_change", "2026-06-10", plan="team", at="next_cycle")
    assert (shown["due_now"], shown["effective_at"], coming(shown)) == (0, at("2026-07-01"), ("2026-07-01", 10000))
    shown = quoted(story, "cancel", "2026-06-10", at=at("2026-07-15"))
    assert (shown["effective_at"], coming(shown)) == (at("2026-07-15"), ("2026-07-01", 2258))  # 50 × 14/31
    assert coming(quoted(story, "cancel", "2026-06-10", at="period_end")) is None


def test_a_change_on_a_date_is_invoiced_on_it() -> None:
    """On 20 June 100.00 less 50.00 × 10/30; under `keep` both × 10/30 (rule I11)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("schedule_change", "2026-06-10", plan="team", at=at("2026-06-20"))
    assert following(story) == ("2026-06-20", 8333)
    story = subscribed("basic", "2026-06-01", ruled_by(KEEP), trial=False)
    story.do("schedule_change", "2026-06-10", plan="team", at=at("2026-06-20"))
    assert following(story) == ("2026-06-20", 1666)


def test_a_change_that_will_fail_is_not_counted_on() -> None:
    """Basic for July was asked for, and then five seats: Team goes on, for 140.00 (rule B7)."""
    story = subscribed("team", "2026-06-01")
    story.do("schedule_change", "2026-06-02", plan="basic", at="next_cycle")
    story.do("add_seats", "2026-06-03", seats=2)
    assert following(story) == ("2026-07-01", 14000)


def test_a_nil_invoice_is_an_invoice() -> None:
    """From 200.00 to 50.00 on 15 June (rules D5, I6)."""
    story = subscribed("pro", "2026-06-01")
    story.do("schedule_change", "2026-06-10", plan="basic", at=at("2026-06-15"))
    assert following(story) == ("2026-06-15", 0)


def test_a_credit_note_is_no_invoice() -> None:
    """Under `keep` with `balance` the next is that of 1 July (rule I7)."""
    around = ruled_by(Policies(proration=Proration(excess="balance", period="keep")))
    story = subscribed("pro", "2026-06-01", around)
    story.do("schedule_change", "2026-06-10", plan="basic", at=at("2026-06-15"))
    assert following(story) == ("2026-07-01", 5000)


def test_a_change_that_is_held_back_is_not_invoiced() -> None:
    """The end comes first (rule B6)."""
    story = subscribed("basic", "2026-06-01", trial=False)
    story.do("schedule_change", "2026-06-10", plan="team", at=at("2026-06-25"))
    story.do("cancel", "2026-06-10", at=at("2026-06-20"))
    assert following(story) is None


def test_a_free_plan_is_not_invoiced_until_it_is_left() -> None:
    """Free for two months, then Basic on 1 August (rules I6, D1)."""
    story = subscribed("free", "2026-06-01", trial=False)
    assert following(story) is None
    story.do("schedule_change", "2026-06-10", plan="basic", at=at("2026-08-01"))
    assert following(story) == ("2026-08-01", 5000)


def test_a_free_plan_to_come_ends_the_invoices() -> None:
    """Basic for July, then Free (rule I6)."""
    story = subscribed("basic", "2026-06-01", Surroundings(with_plan(replace(FREE, trial=None)), ACCOUNT), trial=False)
    story.do("schedule_change", "2026-06-10", plan="free", at=at("2026-08-01"))
    assert following(story) == ("2026-07-01", 5000)
    story.travel("2026-07-01")
    assert following(story) is None


def test_the_zone_decides_the_day_that_is_named() -> None:
    """1 July in Paris begins at 22:00 UTC on 30 June (rule C1)."""
    around = Surroundings(CATALOG, replace(ACCOUNT, zone="Europe/Paris"))
    story = subscribed("pro", "2026-05-31 22:00", around)
    shown = quoted(story, "change_now", "2026-06-15", plan="basic")
    assert "Waiting until 2026-07-01" in shown["warnings"][0]
