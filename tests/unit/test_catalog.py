"""The catalogue: terms, directions and the ordered change rules."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lifecycle.domain.calendar import Duration, Interval
from lifecycle.domain.catalog import (
    CancelPolicy,
    Catalog,
    ChangeRefusal,
    ChangeRule,
    CreditTerms,
    Plan,
    Policies,
    SeatTerms,
    Terms,
)
from lifecycle.domain.policies import ChangeWhen

MONTH, QUARTER, YEAR = Interval.parse("month"), Interval.parse("quarter"), Interval.parse("year")

BASIC = Plan("basic", "Basic", prices={MONTH: {"USD": 5000}, YEAR: {"USD": 50000, "EUR": 45000}}, rank=10)
TEAM = Plan(
    "team",
    "Team",
    prices={MONTH: {"USD": 10000}, YEAR: {"USD": 100000}},
    rank=20,
    seats=SeatTerms(included=3, minimum=2, maximum=50, prices={MONTH: {"USD": 2000}}),
    credits=CreditTerms(grant=100),
)


def catalog(*rules: ChangeRule) -> Catalog:
    """Basic and Team, both with these change rules."""
    policies = Policies(change=rules)
    plans = {plan.id: replace(plan, policies=policies) for plan in (BASIC, TEAM)}
    return Catalog("USD", plans, Policies())


def test_a_plan_without_seats_has_exactly_one() -> None:
    """Basic sells one seat, which its price includes."""
    assert BASIC.terms(MONTH, "USD") == Terms("USD", 5000, 0, 1, 1, 1, 0)


def test_terms_are_the_plans_prices_seats_and_credits() -> None:
    """Team by the month: 100.00 with three seats, 20.00 for each further one up to 50, 100 credits a cycle."""
    assert TEAM.terms(MONTH, "USD") == Terms("USD", 10000, 2000, 3, 2, 50, 100)


def test_a_seat_without_a_price_is_free() -> None:
    """Team by the year prices no seats."""
    terms = TEAM.terms(YEAR, "USD")
    assert terms is not None
    assert terms.seat_price == 0


@pytest.mark.parametrize(("interval", "currency"), [(QUARTER, "USD"), (MONTH, "EUR")])
def test_a_plan_is_not_offered_in_every_interval_and_currency(interval: Interval, currency: str) -> None:
    """Basic is not sold by the quarter, and in EUR only by the year."""
    assert BASIC.terms(interval, currency) is None


@pytest.mark.parametrize(("seats", "total"), [(2, 10000), (3, 10000), (4, 12000), (10, 24000)])
def test_only_seats_above_the_included_ones_cost(seats: int, total: int) -> None:
    """Three seats are in the price of 100.00; the fourth costs 20.00 more, the tenth is seven above."""
    assert Terms("USD", 10000, 2000, 3, 1, None, 0).total(seats) == total


@pytest.mark.parametrize("maximum", [None, 50])
def test_terms_come_back_from_their_json(maximum: int | None) -> None:
    """A snapshot that was stored as JSON is the snapshot that was taken."""
    terms = Terms("JPY", 980, 20, 3, 1, maximum, 100)
    assert Terms.from_json(json.loads(json.dumps(terms.as_json()))) == terms


def test_the_json_of_terms_is_flat_and_stable() -> None:
    """The stored keys are a promise: old snapshots are read by newer versions."""
    assert Terms("USD", 10000, 2000, 3, 2, None, 100).as_json() == {
        "currency": "USD",
        "price": 10000,
        "seat_price": 2000,
        "seats_included": 3,
        "seats_min": 2,
        "seats_max": None,
        "credits": 100,
    }


@pytest.mark.parametrize(
    ("source", "source_interval", "target", "target_interval", "direction"),
    [
        ("basic", MONTH, "team", MONTH, "upgrade"),
        ("team", MONTH, "basic", YEAR, "downgrade"),
        ("basic", MONTH, "basic", YEAR, "upgrade"),
        ("basic", YEAR, "basic", QUARTER, "downgrade"),
        ("basic", MONTH, "basic", MONTH, "same"),
        ("gone", YEAR, "basic", MONTH, "upgrade"),
    ],
)
def test_direction_goes_by_rank_then_by_the_intervals_length(
    source: str, source_interval: Interval, target: str, target_interval: Interval, direction: str
) -> None:
    """Rank decides, even against the interval; between equal ranks the longer interval is up; a gone plan ranks 0."""
    assert catalog().direction(source, source_interval, target, target_interval) == direction


@pytest.mark.parametrize("when", ["now", "next_cycle", "date"])
def test_without_rules_every_change_is_allowed(when: ChangeWhen) -> None:
    """D3: nothing matches, so all three times are allowed."""
    assert catalog().change_refusal("basic", MONTH, "team", MONTH, when) is None


def test_a_refusing_rule_gives_its_code_and_message() -> None:
    """From Team by the year to anything by the month, one has to ask."""
    rule = ChangeRule("team", "*", None, YEAR, MONTH, refuse="contact_us", message="Please contact us.")
    answer = catalog(rule).change_refusal("team", YEAR, "basic", MONTH, "now")
    assert answer == ChangeRefusal("contact_us", "Please contact us.")


def test_a_time_that_the_rule_leaves_out_is_not_allowed() -> None:
    """A downgrade is possible at the next cycle or on a date, so not now."""
    rule = ChangeRule(direction="downgrade", when=("next_cycle", "date"))
    answer = catalog(rule).change_refusal("team", MONTH, "basic", MONTH, "now")
    assert answer == ChangeRefusal("when_not_allowed", "This change is possible only at the next cycle or on a date.")
    assert catalog(rule).change_refusal("team", MONTH, "basic", MONTH, "date") is None


def test_the_first_rule_that_matches_decides() -> None:
    """Team to Basic is allowed now by the first rule, although the second would refuse all that leaves Team."""
    allow = ChangeRule(source="team", target="basic", when=("now",))
    refuse = ChangeRule(source="team", refuse="contact_us")
    assert catalog(allow, refuse).change_refusal("team", MONTH, "basic", MONTH, "now") is None
    answer = catalog(refuse, allow).change_refusal("team", MONTH, "basic", MONTH, "now")
    assert answer == ChangeRefusal("contact_us", "")


@pytest.mark.parametrize(
    "rule",
    [
        ChangeRule(source="team", refuse="no"),
        ChangeRule(target="basic", refuse="no"),
        ChangeRule(direction="downgrade", refuse="no"),
        ChangeRule(interval_from=YEAR, refuse="no"),
        ChangeRule(interval_to=MONTH, refuse="no"),
    ],
)
def test_a_rule_about_another_change_decides_nothing(rule: ChangeRule) -> None:
    """Basic by the month to Team by the year: none of source, target, direction and the two intervals is that."""
    assert catalog(rule).change_refusal("basic", MONTH, "team", YEAR, "now") is None


def test_the_policies_of_the_source_plan_decide() -> None:
    """Leaving Team is refused by Team's own policies; Basic has others, and so goes to Team."""
    closed = replace(TEAM, policies=Policies(change=(ChangeRule(refuse="contact_us"),)))
    shop = Catalog("USD", {"basic": BASIC, "team": closed})
    assert shop.change_refusal("basic", MONTH, "team", MONTH, "now") is None
    assert shop.change_refusal("team", MONTH, "basic", MONTH, "now") == ChangeRefusal("contact_us", "")


def test_a_gone_plan_has_the_default_policies() -> None:
    """Policies are read live: where the plan was taken from the catalogue, the defaults hold."""
    own, default = Policies(cancel=CancelPolicy(when=("now",))), Policies(renewal_notice=Duration(1, 0))
    shop = Catalog("USD", {"basic": replace(BASIC, policies=own)}, default)
    assert shop.policies_of("basic") == own
    assert shop.policies_of("gone") == default
    assert shop.plan("gone") is None


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        (ChangeRule(), ChangeRule("team", "basic", "downgrade", YEAR, MONTH), True),
        (ChangeRule(source="team"), ChangeRule(source="team", target="basic"), True),
        (ChangeRule(source="team"), ChangeRule(), False),
        (ChangeRule(target="team"), ChangeRule(target="basic"), False),
        (ChangeRule(direction="upgrade"), ChangeRule(direction=None), False),
        (ChangeRule(interval_from=YEAR), ChangeRule(interval_from=MONTH), False),
        (ChangeRule(interval_to=YEAR), ChangeRule(interval_from=YEAR), False),
    ],
)
def test_a_rule_covers_another_if_it_matches_all_that_the_other_does(
    earlier: ChangeRule, later: ChangeRule, covered: bool
) -> None:
    """Wider or equal in every part; narrower in one part is not enough."""
    assert earlier.covers(later) is covered
