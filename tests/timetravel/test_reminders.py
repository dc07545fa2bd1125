"""Reminders in the engine: who sees them, what stands in their way, and what a downtime does to them (rule I12)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.config import Config, load_config
from lifecycle.testing.databases import IN_MEMORY
from lifecycle.testing.notices import News
from lifecycle.testing.traveller import Traveller, journey
from lifecycle.verify import verify
from tests.unit.machine_world import utc

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def config() -> Config:
    """The shipped one."""
    return load_config(PROJECT / "config.yaml", {})


@pytest.fixture
def traveller(config: Config, database_url: str) -> Iterator[Traveller]:
    """1 June 2026; acme has bought team by the month."""
    url = IN_MEMORY if database_url.startswith("sqlite") else database_url
    with journey(config, utc("2026-06-01"), url=url) as traveller:
        traveller.lifecycle.accounts.create("acme", email="ann@acme.test", payment_method=True)
        traveller.lifecycle.subscriptions.create("acme", plan="team", trial=False, by="operator")
        yield traveller
        assert verify(traveller.lifecycle.database, now=traveller.now).findings == ()


def the_one(traveller: Traveller) -> str:
    """The subscription's id."""
    return traveller.lifecycle.subscriptions.list()[0].id


def test_who_asks_for_them_sees_them(traveller: Traveller) -> None:
    """On 24 June the renewal is announced; what comes next, the deferrals and the log leave that out unless asked
    (rules I12, X312)."""
    lifecycle, sub = traveller.lifecycle, the_one(traveller)
    assert [(one.event, one.due_at) for one in lifecycle.due(reminders=True)] == [
        ("reminded", utc("2026-06-24")),
        ("cycle_starts", utc("2026-07-01")),
    ]
    assert [one.event for one in lifecycle.due()] == ["cycle_starts"]
    shown, standing = lifecycle.subscriptions.get(sub).next, lifecycle.operations.standing(sub)
    assert (shown and shown.event, standing.next_event) == ("cycle_starts", "cycle_starts")
    held = lifecycle.operations.hold(sub, reason="a look")
    assert held.next_event == "cycle_starts"
    lifecycle.operations.release(sub, reason="seen")
    assert traveller.travel_to("2026-06-30") == []
    assert [step.event for step in lifecycle.subscriptions.history(sub)] == ["subscribed", "held", "released"]
    [reminded] = lifecycle.log(events=["reminded"])
    assert (reminded.at, reminded.fired_at, reminded.target) == (utc("2026-06-24"), utc("2026-06-24"), "active")
    assert reminded in lifecycle.subscriptions.history(sub, reminders=True)
    assert "renewal_ahead" in News(lifecycle)("acme")


def test_after_a_downtime_each_bears_its_own_instant(traveller: Traveller) -> None:
    """Down from 1 June to 2 August: both months are announced and started, in order (rules C4, X308)."""
    traveller.stand_still_until("2026-08-02")
    steps = traveller.lifecycle.subscriptions.history(the_one(traveller), reminders=True)
    assert [(step.event, f"{step.at:%m-%d}") for step in steps] == [
        ("subscribed", "06-01"),
        ("reminded", "06-24"),
        ("cycle_starts", "07-01"),
        ("reminded", "07-25"),
        ("cycle_starts", "08-01"),
    ]


def test_a_reminder_that_is_late_is_overdue_and_can_be_skipped(traveller: Traveller) -> None:
    """Held over 24 June it is what is late; skipped, it is dropped, and not sent any more (rules G3, X313)."""
    lifecycle, sub = traveller.lifecycle, the_one(traveller)
    lifecycle.operations.hold(sub, reason="a look")
    traveller.travel_to("2026-06-26")
    assert [one.event for one in lifecycle.due(overdue=True)] == ["reminded"]
    assert lifecycle.operations.explain(sub).due[0].skippable
    lifecycle.operations.skip(sub, reason="not now")
    assert [one.event for one in lifecycle.due(reminders=True)] == ["cycle_starts"]
    lifecycle.operations.release(sub, reason="seen")
    traveller.travel_to("2026-07-26")
    assert News(lifecycle)("acme").count("renewal_ahead") == 1  # that of 25 July


def test_a_late_reminder_stands_in_the_way_of_no_operator(traveller: Traveller) -> None:
    """Held over 24 June and 1 July, what can be skipped is the cycle; its reminder goes with it, and the next cycle has
    its own, on 25 July (rules G3, X313)."""
    lifecycle, sub = traveller.lifecycle, the_one(traveller)
    lifecycle.operations.hold(sub, reason="a look")
    traveller.travel_to("2026-07-02")
    assert [(one.event, one.skippable) for one in lifecycle.operations.explain(sub).due] == [
        ("reminded", False),
        ("cycle_starts", True),
    ]
    lifecycle.operations.skip(sub, reason="on us")
    coming = [(one.event, one.due_at) for one in lifecycle.due(reminders=True)]
    assert coming == [("reminded", utc("2026-07-25")), ("cycle_starts", utc("2026-08-01"))]


def test_fired_by_hand_a_late_reminder_goes_first(traveller: Traveller) -> None:
    """Held over both, the operator's `fire` starts the cycle, and tells before that it comes (rules G3, X313)."""
    lifecycle, sub = traveller.lifecycle, the_one(traveller)
    lifecycle.operations.hold(sub, reason="a look")
    traveller.travel_to("2026-07-02")
    lifecycle.operations.fire(sub, reason="now", by="olga")
    steps = lifecycle.subscriptions.history(sub, reminders=True)
    assert [(step.event, step.actor) for step in steps if step.cause == "operator"][-2:] == [
        ("reminded", "olga"),
        ("cycle_starts", "olga"),
    ]
