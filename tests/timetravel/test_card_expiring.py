"""That the card expires is told once for each card, in time, of a subscription that is going to be charged on it.

The sandbox's cards are good for two years, to the end of the month in which they were made: one of 31 January 2026 to
31 January 2028, so that it is told at the beginning of 2 January 2028, thirty days before 1 February.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import pytest

from lifecycle import Lifecycle, VirtualClock
from lifecycle.verify import verify
from tests.integration.world import NOT_REMINDED, travelling

pytestmark = pytest.mark.sampled

ANN = "ann@acme.test"
START = "2026-01-31T09:00+00:00"
World = tuple[Lifecycle, VirtualClock]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Acme in Paris buys by the month, with a card of that day; nothing else is reminded of."""
    with travelling(database_url, START, **NOT_REMINDED) as world:
        lifecycle, _ = world
        lifecycle.accounts.create("acme", email=ANN, zone="Europe/Paris", payment_method=True)
        lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ANN)
        yield world
        assert verify(lifecycle.database).findings == ()


def at(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(f"{text}+00:00")


def told(lifecycle: Lifecycle) -> list[str]:
    """When it was told, in UTC."""
    return [
        f"{step.at:%Y-%m-%d %H:%M}"
        for step in lifecycle.log(reminders=True)
        for effect in step.effects
        if effect == {"effect": "notice", "kind": "card_expiring"}
    ]


def test_a_card_is_told_of_once_thirty_days_before_its_month_is_over(world: World) -> None:
    """At midnight in Paris, which is 23:00 of the day before; and never again of this card (G2, X314)."""
    lifecycle, _ = world
    lifecycle.advance_to(at("2028-01-01T22:59"))
    assert told(lifecycle) == []
    lifecycle.advance_to(at("2028-06-01T00:00"))
    assert told(lifecycle) == ["2028-01-01 23:00"]


def test_another_card_takes_the_reminder_away_and_has_its_own(world: World) -> None:
    """On 20 December 2027 a new one: to the end of December 2029, told of on 2 December 2029 (X315)."""
    lifecycle, _ = world
    lifecycle.advance_to(at("2027-12-31T12:00"))  # planned by now
    before = lifecycle.due(reminders=True)
    assert [one.due_at for one in before if one.event == "reminded"] == [at("2028-01-01T23:00")]
    lifecycle.payment_methods.add("acme", "ok", by=ANN)
    assert [one.event for one in lifecycle.due(reminders=True)] == ["cycle_starts"]
    lifecycle.advance_to(at("2030-03-01T00:00"))
    assert told(lifecycle) == ["2029-12-01 23:00"]


def test_a_card_that_comes_late_in_a_long_period_is_told_of_in_it(database_url: str) -> None:
    """Bought by the year on 10 March 2027, with a new card; then the old one is made the default again, which expires
    within the year (X315)."""
    with travelling(database_url, START, **NOT_REMINDED) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, zone="Europe/Paris", payment_method=True)
        old = lifecycle.payment_methods.list("acme")[0].id
        clock.move_to(at("2027-03-10T09:00"))
        lifecycle.payment_methods.add("acme", "ok", by=ANN)
        lifecycle.subscriptions.create("acme", plan="team", interval="year", by=ANN)
        lifecycle.payment_methods.make_default("acme", old, by=ANN)
        lifecycle.advance_to(at("2028-02-15T00:00"))
        assert told(lifecycle) == ["2028-01-01 23:00"]


def test_who_is_not_charged_again_is_not_told(world: World) -> None:
    """It ends with the period in which that would be told; undone, it is told after all (X315)."""
    lifecycle, _ = world
    [held] = lifecycle.subscriptions.list()
    lifecycle.advance_to(at("2027-12-31T12:00"))
    lifecycle.subscriptions.cancel(held.id, by=ANN)
    assert [one.event for one in lifecycle.due(reminders=True)] == ["end_date_arrives"]
    lifecycle.subscriptions.withdraw_cancellation(held.id, by=ANN)
    lifecycle.advance_to(at("2028-02-01T00:00"))
    assert told(lifecycle) == ["2028-01-01 23:00"]


def test_it_can_be_turned_off(database_url: str) -> None:
    """`notices.card: 0d`."""
    with travelling(database_url, START, **NOT_REMINDED, LIFECYCLE_NOTICES__CARD="0d") as (lifecycle, _):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)
        lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ANN)
        lifecycle.advance_to(at("2028-06-01T00:00"))
        assert told(lifecycle) == []


def test_the_last_card_takes_its_reminder_along(world: World) -> None:
    """Removed while nothing is to be paid with it any more: nothing is told (X315)."""
    lifecycle, _ = world
    [held] = lifecycle.subscriptions.list()
    lifecycle.advance_to(at("2027-12-31T12:00"))
    lifecycle.subscriptions.cancel(held.id, when="2028-06-15", by=ANN)
    lifecycle.payment_methods.remove("acme", lifecycle.payment_methods.list("acme")[0].id, by=ANN)
    lifecycle.advance_to(at("2028-01-20T00:00"))
    assert told(lifecycle) == []


def test_an_earlier_notice_tells_nobody_twice(world: World) -> None:
    """Told of on 2 January 2028; then `notices.card` becomes ten days, whose instant is still to come: no more,
    and of the next card ten days before (X314)."""
    lifecycle, clock = world
    lifecycle.advance_to(at("2028-01-05T12:00"))
    assert told(lifecycle) == ["2028-01-01 23:00"]
    url = str(lifecycle.database.url.render_as_string(hide_password=False))
    with travelling(url, clock.now().isoformat(), **NOT_REMINDED, LIFECYCLE_NOTICES__CARD="10d") as (later, _):
        later.advance_to(at("2028-02-15T00:00"))
        assert told(later) == ["2028-01-01 23:00"]
        later.payment_methods.add("acme", "ok", by=ANN)
        later.advance_to(at("2030-03-15T00:00"))
        assert told(later) == ["2028-01-01 23:00", "2030-02-18 23:00"]
