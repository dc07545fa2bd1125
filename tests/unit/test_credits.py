"""Credits: granted with each period, kept or lost at renewals and changes, and used up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lifecycle.domain.catalog import Carry, Catalog, CreditTerms
from lifecycle.domain.effects import Post
from lifecycle.domain.policies import Policies, Proration
from lifecycle.domain.surroundings import Surroundings
from tests.unit.machine_world import ACCOUNT, BASIC, CATALOG, PRO, TEAM, YEAR, Story, at, subscribed, without_plan


def granting(at_renewal: Carry = "reset", on_upgrade: Carry = "carry_over", **proration: object) -> Catalog:
    """Basic grants 10, Team 100, Pro 1000, all by these policies; Storage and Free grant none."""
    plans = {
        plan.id: replace(
            plan,
            credits=CreditTerms(grant, at_renewal, on_upgrade),
            policies=Policies(proration=Proration(**proration)),  # type: ignore[arg-type]
        )
        for plan, grant in ((BASIC, 10), (TEAM, 100), (PRO, 1000))
    }
    return replace(CATALOG, plans={**CATALOG.plans, **plans})


def left_of_30(catalog: Catalog, plan: str = "team", **more: object) -> Story:
    """A subscription since 1 June of whose credits 30 are left."""
    story = subscribed(plan, "2026-06-01", Surroundings(catalog, ACCOUNT), **{"trial": False, **more})
    story.do("use_credits", "2026-06-02", credits=story.facts.credits - 30)
    return story


def posted(story: Story) -> dict[str, int]:
    """What the last step posts in credits, without books that stay."""
    posts = [one for one in story.effects if isinstance(one, Post) and one.unit == "credits"]
    return {book: amount for post in posts for book, amount in post.entries.items() if amount}


# --------------------------------------------------------------------------------------------------- each cycle


def test_credits_are_granted_with_a_purchase() -> None:
    """A hundred, in the books too (rules D10, E7)."""
    story = subscribed("team", "2026-06-01", Surroundings(granting(), ACCOUNT))
    assert (story.facts.credits, posted(story)) == (100, {"credits": 100, "granted": -100})


@pytest.mark.parametrize(
    ("policy", "expected", "books"),
    [
        ("reset", 100, {"credits": 70, "granted": -100, "lost": 30}),
        ("carry_over", 130, {"credits": 100, "granted": -100}),
    ],
)
def test_at_a_renewal_what_is_left_is_lost_or_kept(policy: Carry, expected: int, books: dict[str, int]) -> None:
    """Thirty are left on 1 July (rule D10)."""
    story = left_of_30(granting(policy))
    story.fire()
    assert (story.facts.credits, posted(story)) == (expected, books)


def test_a_trial_grants_whole_and_so_does_its_end() -> None:
    """Ten in the trial, ten with the first paid cycle (rules I9, D10)."""
    story = subscribed("basic", "2026-06-01", Surroundings(granting(), ACCOUNT))
    assert story.facts.credits == 10
    story.do("use_credits", "2026-06-02", credits=7)
    story.fire()
    assert (story.facts.phase, story.facts.credits) == ("paid", 10)


def test_a_plan_without_credits_posts_nothing() -> None:
    """Storage grants none (rule D10)."""
    story = subscribed("storage", "2026-06-01", Surroundings(granting(), ACCOUNT))
    assert (story.facts.credits, posted(story)) == (0, {})


def test_the_grant_is_that_of_the_snapshot() -> None:
    """Team grants 500 to who takes it today; who has it gets 100, by today's policy (rules A5, D10)."""
    story = left_of_30(granting())
    catalog = granting("carry_over")
    plans = {**catalog.plans, "team": replace(catalog.plans["team"], credits=CreditTerms(500, "carry_over"))}
    story.meanwhile(catalog=replace(catalog, plans=plans))
    story.fire()
    assert story.facts.credits == 130


def test_a_plan_that_is_gone_carries_nothing_over() -> None:
    """It renews, and what is left is lost (rules A5, D10)."""
    story = left_of_30(granting("carry_over"))
    story.meanwhile(catalog=without_plan("team"))
    story.fire()
    assert story.facts.credits == 100


# ------------------------------------------------------------------------------------------------------- changes


@pytest.mark.parametrize("kept", ["reset", "keep"])
@pytest.mark.parametrize(("policy", "expected", "lost"), [("carry_over", 1030, 0), ("reset", 1000, 30)])
def test_an_upgrade_adds_what_is_left(policy: Carry, expected: int, lost: int, kept: str) -> None:
    """To Pro on 15 June: its whole grant, in mid-period too, and thirty more by policy (rules D10, I9)."""
    story = left_of_30(granting(on_upgrade=policy, period=kept))
    story.do("change_now", "2026-06-15", plan="pro")
    assert (story.facts.credits, posted(story).get("lost", 0)) == (expected, lost)


def test_the_policy_of_the_plan_changed_to_decides() -> None:
    """Team would carry over, Pro does not (rule I9)."""
    catalog = granting(on_upgrade="carry_over")
    pro = replace(catalog.plans["pro"], credits=CreditTerms(1000, on_upgrade="reset"))
    story = left_of_30(replace(catalog, plans={**catalog.plans, "pro": pro}))
    story.do("change_now", "2026-06-15", plan="pro")
    assert story.facts.credits == 1000


def test_a_downgrade_replaces_what_is_left() -> None:
    """To Basic: ten, and thirty are lost, whatever is said of upgrades and renewals (rule D10)."""
    story = left_of_30(granting("carry_over", "carry_over"))
    story.do("change_now", "2026-06-15", plan="basic")
    assert (story.facts.credits, posted(story)) == (10, {"credits": -20, "granted": -10, "lost": 30})


@pytest.mark.parametrize(("plan", "expected"), [("pro", 1030), ("basic", 10)])
def test_a_change_with_the_next_cycle_counts_as_a_change(plan: str, expected: int) -> None:
    """An upgrade on 1 July carries over though a renewal would not (rule I9)."""
    story = left_of_30(granting("reset", "carry_over"))
    story.do("schedule_change", "2026-06-10", plan=plan, at="next_cycle")
    story.fire()
    assert story.facts.credits == expected


def test_a_change_on_a_date_counts_as_a_change_now() -> None:
    """On 20 June (rules I9, I11)."""
    story = left_of_30(granting())
    story.do("schedule_change", "2026-06-10", plan="pro", at=at("2026-06-20"))
    story.fire()
    assert story.facts.credits == 1030


def test_a_change_in_a_trial_grants_whole() -> None:
    """From Basic to Team in the trial: a hundred, and the ten (rule I9)."""
    story = subscribed("basic", "2026-06-01", Surroundings(granting(), ACCOUNT))
    story.do("change_now", "2026-06-05", plan="team")
    assert story.facts.credits == 110


@pytest.mark.parametrize("asked", [{"seats": 5}, {"interval": "year"}])
def test_seats_or_interval_alone_keep_the_credits(asked: dict[str, object]) -> None:
    """Thirty stay thirty, and nothing is posted (rule I20)."""
    plan = "team" if "seats" in asked else "basic"
    catalog = granting()
    basic = replace(catalog.plans["basic"], credits=CreditTerms(50))
    story = left_of_30(replace(catalog, plans={**catalog.plans, "basic": basic}), plan)
    story.do("change_now", "2026-06-15", **asked)
    assert (story.facts.credits, posted(story)) == (30, {})
    assert story.facts.interval == (YEAR if "interval" in asked else story.facts.interval)


def test_a_cut_cycle_grants_whole() -> None:
    """July ends on the 10th, and has its hundred (rule I17)."""
    story = left_of_30(granting())
    story.do("cancel", "2026-06-10", at=at("2026-07-10"))
    story.fire()
    assert story.facts.credits == 100


# --------------------------------------------------------------------------------------------------------- using


def test_credits_are_never_negative() -> None:
    """All hundred, and then not one more (rule D10)."""
    story = subscribed("team", "2026-06-01", Surroundings(granting(), ACCOUNT))
    assert story.refusal("use_credits", "2026-06-02", credits=101).code == "credits_exhausted"
    story.do("use_credits", "2026-06-02", credits=100)
    assert (story.facts.credits, posted(story), story.notices) == (0, {"credits": -100, "used": 100}, [])
    assert story.refusal("use_credits", "2026-06-02").code == "credits_exhausted"


def test_one_is_used_where_no_number_is_given() -> None:
    """One (rule D10)."""
    story = subscribed("team", "2026-06-01", Surroundings(granting(), ACCOUNT))
    story.do("use_credits", "2026-06-02")
    assert story.facts.credits == 99
