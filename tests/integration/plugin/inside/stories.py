"""A host's tests with the plugin. They are run from a folder that has only them, a configuration and a pytest.ini."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from lifecycle import Lifecycle, Message, Step
from lifecycle.engine.commands import Creation
from lifecycle.errors import LifecycleError
from lifecycle.testing.notices import News
from lifecycle.testing.story import (
    AssertNext,
    AssertTransitions,
    Card,
    Notices,
    StandStill,
    Travel,
    TravelTo,
    TravelToNext,
)
from lifecycle.testing.traveller import Traveller

ANN = "ann@acme.test"


def subscribe(lifecycle: Lifecycle, plan: str = "team", account: str = "acme") -> str:
    """The id of a subscription of a new account, with a card."""
    lifecycle.accounts.create(account, email=ANN, payment_method=True)
    return lifecycle.subscriptions.create(account, plan=plan, by=ANN).id


def utc(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("time", ["first", "second"])
def test_each_test_has_an_engine_of_its_own(lifecycle: Lifecycle, time: str) -> None:
    """Nothing is there, and ids count from the same one."""
    assert time
    assert lifecycle.accounts.list() == []
    assert subscribe(lifecycle) == "sub_01KDVA7EC00000000000000004"


def test_the_clock_starts_where_the_year_does(lifecycle: Lifecycle) -> None:
    """Midnight in Paris is 23:00 UTC; the sandbox takes the payments, in a database in memory."""
    assert lifecycle.clock.now() == utc("2025-12-31T23:00")
    assert lifecycle.database.url.render_as_string() == "sqlite://"
    assert lifecycle.gateway.name == "sandbox"


def test_travel_gives_what_fired(
    lifecycle: Lifecycle, travel_to: TravelTo, travel: Travel, travel_to_next: TravelToNext
) -> None:
    """To a date, for a time, and to what comes next: 1 February, 1 March, 1 April."""
    subscribe(lifecycle)
    starts = [
        [step.at for step in steps if step.event == "cycle_starts"]
        for steps in (travel_to(date(2026, 2, 1)), travel(months=1), travel_to_next(), travel(days=1))
    ]
    assert starts == [[utc("2026-01-31T23:00")], [utc("2026-02-28T23:00")], [utc("2026-03-31T22:00")], []]


def test_nothing_is_next(travel_to_next: TravelToNext) -> None:
    """Without a subscription."""
    with pytest.raises(LifecycleError, match="Nothing is due"):
        travel_to_next()


def test_a_daemon_that_was_down_catches_up(lifecycle: Lifecycle, stand_still_until: StandStill) -> None:
    """Nobody is there in February; on 1 March both cycles start, each at its own instant."""
    subscribe(lifecycle)
    late = [step for step in stand_still_until("2026-03-01") if step.event == "cycle_starts"]
    assert [(step.at, step.fired_at) for step in late] == [
        (utc("2026-01-31T23:00"), utc("2026-02-28T23:00")),
        (utc("2026-02-28T23:00"), utc("2026-02-28T23:00")),
    ]


@pytest.mark.parametrize("scheduler", [False, True])
def test_the_hosts_own_code_has_the_same_time(lifecycle: Lifecycle, travel_to: TravelTo, scheduler: bool) -> None:
    """In a hook, and in the test; also where APScheduler fires, in threads of its own."""
    seen: list[tuple[str, datetime]] = []

    @lifecycle.on("subscription.cycle_starts")
    def hear(step: Step) -> None:
        seen.append((step.event, datetime.now(UTC)))

    subscribe(lifecycle)
    assert datetime.now(UTC) == lifecycle.clock.now()
    travel_to("2026-03-15", scheduler=scheduler)
    assert seen == [("cycle_starts", utc("2026-01-31T23:00")), ("cycle_starts", utc("2026-02-28T23:00"))]
    assert datetime.now(UTC) == utc("2026-03-14T23:00")


def test_cards_and_notices(lifecycle: Lifecycle, travel_to: TravelTo, card: Card, notices: Notices) -> None:
    """Acme's renewal is declined and paid with a new card; each notice is told once, whoever asks for whose."""
    acme = subscribe(lifecycle)
    subscribe(lifecycle, account="initech")
    assert notices() == ["subscribed", "subscribed"]
    card("acme", "declines")
    travel_to("2026-02-01")
    assert notices("acme") == ["renewal_ahead", "payment_failed"]
    assert notices() == ["renewal_ahead", "renewed"]
    assert card("acme", "ok").last4 == "4242"
    assert (notices("initech"), notices(), notices()) == ([], ["payment_recovered"], [])
    theirs = ["subscribed", "renewal_ahead", "payment_failed", "payment_recovered"]
    assert News(lifecycle)(root=acme) == News(lifecycle)("acme") == theirs
    assert sorted(News(lifecycle)()) == sorted([*theirs, "subscribed", "renewal_ahead", "renewed"])


def test_transitions_and_what_comes_next(
    lifecycle: Lifecycle, travel: Travel, assert_transitions: AssertTransitions, assert_next: AssertNext
) -> None:
    """By id or as a command gave it; in an hour of the configured zone."""
    sub = subscribe(lifecycle, "basic")
    assert_next(sub, "trial_ends", "2026-01-15")
    assert_next(lifecycle.subscriptions.get(sub), "trial_ends")
    travel(days=14)
    assert_transitions(sub, ["subscribed", "trial_ends"])
    lifecycle.subscriptions.cancel(sub, when="now", by=ANN)
    assert_next(sub, None)


def test_other_transitions_are_shown_side_by_side(
    lifecycle: Lifecycle, travel: Travel, assert_transitions: AssertTransitions
) -> None:
    """One is missing, and one is too many."""
    sub = subscribe(lifecycle, "basic")
    travel(days=14)
    with pytest.raises(AssertionError) as failure:
        assert_transitions(sub, ["subscribed", "activate"])
    assert str(failure.value).splitlines() == [
        "The transitions are others:",
        "   expected    actual",
        "   subscribed  subscribed  2026-01-01 00:00 CET  trial",
        ">  activate    -",
        ">  -           trial_ends  2026-01-15 00:00 CET  trial → active",
    ]


def test_what_else_comes_next_is_shown(lifecycle: Lifecycle, assert_next: AssertNext) -> None:
    """Another event, another instant, or something where nothing was to come."""
    sub = subscribe(lifecycle, "basic")
    for event, due, expected, actual in (
        ("trial_ends", "2026-01-14", "trial_ends  2026-01-14 00:00 CET", "trial_ends  2026-01-15 00:00 CET"),
        ("cycle_starts", None, "cycle_starts", "trial_ends    2026-01-15 00:00 CET"),
        (None, None, "nothing", "trial_ends  2026-01-15 00:00 CET"),
    ):
        with pytest.raises(AssertionError) as failure:
            assert_next(sub, event, due)
        assert str(failure.value).splitlines() == [
            "Something else comes next:",
            f"expected  {expected}",
            f"actual    {actual}",
        ]


@pytest.mark.lifecycle(start=datetime(2026, 6, 1, 9, tzinfo=UTC), zone="America/New_York")
class TestMarked:
    """The marker of the class."""

    def test_by_the_class(self, lifecycle: Lifecycle) -> None:
        """What it says holds."""
        assert (lifecycle.clock.now(), lifecycle.config.zone) == (utc("2026-06-01T09:00"), "America/New_York")

    @pytest.mark.lifecycle(start="2026-07-01")
    def test_and_closer(self, lifecycle: Lifecycle) -> None:
        """Midnight in New York; the zone is the class's still."""
        assert lifecycle.clock.now() == utc("2026-07-01T04:00")


@pytest.mark.lifecycle(config="other/config.yaml")
def test_another_configuration(lifecycle: Lifecycle, travel_to: TravelTo) -> None:
    """With a machine in a module beside it, which sends the office a message each hour from midnight in Tokyo on; the
    office's clock agrees."""
    seen: list[datetime] = []

    @lifecycle.destination("office")
    def take(message: Message) -> None:
        assert message.kind == "round"
        seen.append(datetime.now(UTC))

    hired = Creation("courier", "hired", "act_1", "cou", arguments={"next": "2026-01-01T15:00:00+00:00"})
    lifecycle.engine.attempt(lambda work: work.create(hired))
    travel_to("2026-01-02T01:30")
    assert seen == [utc("2026-01-01T15:00"), utc("2026-01-01T16:00")]


@pytest.mark.anyio
async def test_in_a_loop(lifecycle_traveller: Traveller) -> None:
    """A coroutine has the fixtures too."""
    subscribe(lifecycle_traveller.lifecycle)
    assert len(lifecycle_traveller.travel(months=1)) == 3
