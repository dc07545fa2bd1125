"""What is refused: a first purchase, a change against the plan's rules, what nobody can pay for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lifecycle.domain.catalog import SeatTerms
from lifecycle.domain.policies import CancelPolicy, ChangeRule, Policies
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.subscription import SubscriptionMachine
from tests.unit.machine_world import (
    ACCOUNT,
    CATALOG,
    MONTH,
    NO_CARD,
    SURROUNDINGS,
    WITHOUT_CARD,
    Phase,
    Story,
    at,
    in_state,
    ruled_by,
    subscribed,
    utc,
    with_plan,
    with_policies,
)

CHANGEABLE: tuple[tuple[str, Phase], ...] = (
    ("trial", "trial"),
    ("active", "paid"),
    ("pending_change", "trial"),
    ("pending_change", "paid"),
)
LIVE: tuple[tuple[str, Phase], ...] = (*CHANGEABLE, ("pending_cancellation", "trial"), ("pending_cancellation", "paid"))


# ------------------------------------------------------------------------------ by whatever state that is live


@pytest.mark.parametrize("event", ["activate", "change_now", "schedule_change"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"plan": "gold"}, "plan_unknown"),
        ({"plan": "storage"}, "not_offered"),
        ({"interval": "year"}, "not_offered"),
        ({"plan": "basic", "seats": 2}, "not_offered"),
        ({"plan": "team", "seats": 51}, "seats_limit"),
        ({"plan": "basic"}, "contact_us"),
    ],
)
@pytest.mark.parametrize(("state", "phase"), CHANGEABLE)
def test_a_choice_that_is_not_to_be_had(
    event: str, arguments: dict[str, object], code: str, state: str, phase: Phase
) -> None:
    """An unknown plan, one that is not offered so, a rule against it: in every state that allows a choice (rule D3)."""
    stories = [in_state(state, phase)]
    if state == "pending_change":
        stories.append(in_state(state, phase))
        stories[1].do("schedule_change", "2026-06-03", plan="pro", at=at("2026-09-01"))
    for story in stories:
        story.meanwhile(catalog=with_policies(Policies(change=(ChangeRule(refuse="contact_us"),))))
        expected = "already_active" if (event, phase) == ("activate", "paid") else code
        assert story.refusal(event, "2026-06-04", at="next_cycle", **arguments).code == expected


@pytest.mark.parametrize(("state", "phase"), CHANGEABLE)
def test_a_change_that_changes_nothing_or_comes_too_late(state: str, phase: Phase) -> None:
    """The plan in hand, or a date that is past (rules B5, C2)."""
    story = in_state(state, phase)
    assert story.refusal("change_now", "2026-06-04", plan="team").code == "no_change"
    assert story.refusal("schedule_change", "2026-06-04", plan="team", at="next_cycle").code == "no_change"
    assert story.refusal("schedule_change", "2026-06-04", plan="basic", at=at("2026-06-04")).code == "date_in_past"


@pytest.mark.parametrize(("state", "phase"), CHANGEABLE)
def test_seats_that_are_not_to_be_had(state: str, phase: Phase) -> None:
    """Fifty-one on Team, two on Basic (rules D9, I25)."""
    assert in_state(state, phase).refusal("add_seats", "2026-06-04", seats=48).code == "seats_limit"
    assert in_state(state, phase, plan="basic").refusal("add_seats", "2026-06-04").code == "not_offered"


@pytest.mark.parametrize(("state", "phase"), CHANGEABLE)
def test_who_has_to_pay_needs_a_payment_method(state: str, phase: Phase) -> None:
    """What is bought in a paid phase, and activation; nothing else in a trial (rule B12)."""
    story = in_state(state, phase)
    story.meanwhile(account=NO_CARD)
    buys = [("add_seats", {}), ("change_now", {"plan": "pro"})] if phase == "paid" else [("activate", {})]
    for event, arguments in buys:
        assert story.refusal(event, "2026-06-04", **arguments).code == "payment_method_missing"
    story.do("schedule_change", "2026-06-04", plan="basic", at=at("2026-09-01"))
    if phase == "trial":
        assert story.refusal("activate", "2026-06-04").code == "payment_method_missing"
        story.do("add_seats", "2026-06-04")


@pytest.mark.parametrize(("state", "phase"), LIVE)
def test_an_end_that_is_not_to_be_had(state: str, phase: Phase) -> None:
    """A date that is past, and by policy any date or now (rules C2, D12)."""
    story = in_state(state, phase)
    assert story.refusal("cancel", "2026-06-04", at=at("2026-06-04")).code == "date_in_past"
    story.meanwhile(catalog=with_policies(Policies(cancel=CancelPolicy(when=("period_end",)))))
    assert story.refusal("cancel", "2026-06-04", at=at("2026-06-20")).code == "when_not_allowed"
    assert story.refusal("cancel_now", "2026-06-04").code == "when_not_allowed"


# ------------------------------------------------------------------------------------------- first purchases


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"plan": "gold"}, "plan_unknown"),
        ({"plan": "team", "interval": "year"}, "not_offered"),
        ({"plan": "team", "interval": None}, "not_offered"),
        ({"plan": "team", "seats": 51}, "seats_limit"),
        ({"plan": "basic", "seats": 2}, "not_offered"),
        ({"plan": "team", "trial": True}, "not_offered"),
    ],
)
def test_what_cannot_be_subscribed(arguments: dict[str, object], code: str) -> None:
    """An unknown plan, or one that is not to be had so (rules H2, I15, I25)."""
    assert Story().refusal("subscribed", "2026-06-01", **{"interval": "month", **arguments}).code == code


def test_a_plan_is_offered_in_the_accounts_currency_or_not_at_all() -> None:
    """There are no prices in euros (rule I15)."""
    story = Story(Surroundings(CATALOG, replace(ACCOUNT, currency="EUR")))
    assert story.refusal("subscribed", "2026-06-01", plan="team", interval="month").code == "not_offered"


def test_a_closed_account_takes_no_plan() -> None:
    """It can only be read (rules A2, I15), whatever else is wrong with the command (rule I14)."""
    story = Story(Surroundings(CATALOG, replace(ACCOUNT, closed=True)))
    for plan in ("basic", "team", "gold"):
        assert story.refusal("subscribed", "2026-06-01", plan=plan, interval="month").code == "account_closed"


@pytest.mark.parametrize("trial", [True, False])
def test_there_is_one_live_subscription_in_a_family(trial: bool) -> None:
    """Basic and Team are of one family, Storage is of another (rule A5)."""
    story = Story(replace(SURROUNDINGS, live_families=frozenset({"main"})))
    for plan in ("basic", "team"):
        arguments = {"plan": plan, "interval": "month", "trial": trial and plan == "basic"}
        assert story.refusal("subscribed", "2026-06-01", **arguments).code == "already_subscribed"
    story.do("subscribed", "2026-06-01", plan="storage", interval="month")


def test_the_family_is_claimed_by_account() -> None:
    """The name that one live subscription at a time may hold (rule A5)."""
    facts = subscribed("basic", "2026-06-01").facts
    assert SubscriptionMachine.live_key(facts) == "acct_1/main"


def test_a_plan_of_another_family_is_no_change() -> None:
    """From Basic to Storage there is no way: take it beside (rules A5, X2)."""
    story = subscribed("basic", "2026-06-01")
    assert story.refusal("change_now", "2026-06-02", plan="storage").code == "not_offered"


def test_a_trial_is_once_per_account_and_family() -> None:
    """Who has had one buys, or is refused when a trial was insisted on (rules B12, D8)."""
    had = replace(SURROUNDINGS, trial_families=frozenset({"main"}))
    assert subscribed("basic", "2026-06-01", had).state == "active"
    refusal = Story(had).refusal("subscribed", "2026-06-01", plan="basic", interval="month", trial=True)
    assert refusal.code == "trial_used"
    other = replace(SURROUNDINGS, trial_families=frozenset({"storage"}))
    assert subscribed("basic", "2026-06-01", other, trial=True).state == "trial"


@pytest.mark.parametrize(
    ("opening", "event", "arguments"),
    [
        ("basic", "activate", {}),
        ("free", "change_now", {"plan": "basic"}),
        ("free", "add_seats", {}),
    ],
)
def test_a_purchase_wants_a_payment_method(opening: str, event: str, arguments: dict[str, object]) -> None:
    """Activation, a change now and more seats cost money (rule B12)."""
    free = replace(CATALOG.plans["free"], seats=SeatTerms(maximum=9, prices={MONTH: {"USD": 100}}), trial=None)
    story = subscribed(opening, "2026-06-01", Surroundings(with_plan(free), NO_CARD))
    refusal = story.refusal(event, "2026-06-02", **arguments)
    assert (refusal.code, refusal.instead) == ("payment_method_missing", "Add a payment method first.")
    story.meanwhile(account=ACCOUNT)
    story.do(event, "2026-06-02", **arguments)


def test_a_first_purchase_wants_a_payment_method() -> None:
    """A trial does not, nor a free plan (rule B12)."""
    story = Story(WITHOUT_CARD)
    refusal = story.refusal("subscribed", "2026-06-01", plan="basic", interval="month", trial=False)
    assert refusal.code == "payment_method_missing"
    assert subscribed("basic", "2026-06-01", WITHOUT_CARD).state == "trial"
    assert subscribed("free", "2026-06-01", WITHOUT_CARD, trial=False).state == "active"


def test_in_a_trial_nothing_is_paid() -> None:
    """Another plan, more seats, a change to come: all without a payment method."""
    story = subscribed("basic", "2026-06-01", WITHOUT_CARD)
    story.do("change_now", "2026-06-02", plan="team")
    story.do("add_seats", "2026-06-02")
    story.do("schedule_change", "2026-06-02", plan="pro", seats=1, at="next_cycle")
    story.do("add_seats", "2026-06-02")
    story.do("change_now", "2026-06-02", plan="pro", seats=1)
    assert story.state == "trial"


RULES = Policies(
    change=(
        ChangeRule(source="team", target="basic", refuse="contact_us", message="Please write to us."),
        ChangeRule(direction="downgrade", when=("next_cycle", "date")),
    )
)


@pytest.mark.parametrize(
    ("opening", "event", "asked", "refusal"),
    [
        ("team", "change_now", {"plan": "basic"}, ("contact_us", "Please write to us.")),
        ("team", "schedule_change", {"plan": "basic", "at": "next_cycle"}, ("contact_us", "Please write to us.")),
        (
            "pro",
            "change_now",
            {"plan": "basic"},
            ("when_not_allowed", "This change is possible only at the next cycle or on a date."),
        ),
    ],
)
def test_a_change_rule_refuses_with_its_own_words(
    opening: str, event: str, asked: dict[str, object], refusal: tuple[str, str]
) -> None:
    """The first rule that matches decides (rule D3)."""
    refused = subscribed(opening, "2026-06-01", ruled_by(RULES)).refusal(event, "2026-06-02", **asked)
    assert (refused.code, str(refused)) == refusal


def test_a_change_rule_has_no_word_in_a_cancellation() -> None:
    """A change is pending that would be refused now; the cancellation is refused for its own reason."""
    policies = Policies(change=(ChangeRule(when=("next_cycle",)),), cancel=CancelPolicy(when=("period_end",)))
    story = subscribed("team", "2026-06-01", ruled_by(policies))
    story.do("schedule_change", "2026-06-02", plan="pro", at="next_cycle")
    assert str(story.refusal("cancel_now", "2026-06-02")) == "The plan does not allow this at that time."


def test_a_change_rule_that_lets_nobody_wait() -> None:
    """Now only: a change now is taken, one at the next cycle is refused (rule D3)."""
    story = subscribed("team", "2026-06-01", ruled_by(Policies(change=(ChangeRule(when=("now",)),))))
    refusal = story.refusal("schedule_change", "2026-06-02", plan="pro", at="next_cycle")
    assert str(refusal) == "This change is possible only now."
    story.do("change_now", "2026-06-02", plan="pro")
    assert story.facts.plan == "pro"


@pytest.mark.parametrize(
    ("when", "day", "allowed"),
    [
        ("next_cycle", "2026-07-01", True),
        ("next_cycle", "2026-08-01", True),
        ("next_cycle", "2026-06-20", False),
        ("date", "2026-06-20", True),
        ("date", "2026-07-01", False),
    ],
)
def test_a_date_on_a_boundary_counts_as_the_next_cycle(when: str, day: str, allowed: bool) -> None:
    """1 July and 1 August start cycles, 20 June does not (rules C2, D3)."""
    rule = ChangeRule(when=("next_cycle",) if when == "next_cycle" else ("date",))
    story = subscribed("team", "2026-06-01", ruled_by(Policies(change=(rule,))))
    expected = "pending_change" if allowed else "!when_not_allowed"
    assert story.answer("schedule_change", utc("2026-06-02"), plan="pro", at=at(day)) == expected
