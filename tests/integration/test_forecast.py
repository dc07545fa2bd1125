"""Forecasts beside subscriptions: a host's own machine, and the dates that are asked for (G3, X90)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from lifecycle import Lifecycle, Message, Refused
from lifecycle.app import arguments
from lifecycle.app.arguments import When
from lifecycle.engine.commands import Creation
from tests.contract.outbox_world import COURIER
from tests.integration.test_rules import START
from tests.integration.world import travelling

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


@pytest.fixture
def couriers(database_url: str) -> Iterator[Lifecycle]:
    """Couriers of a host's, who belong to no account."""
    with travelling(database_url, START, LIFECYCLE_MACHINES=f"[{COURIER}]", LIFECYCLE_MAIL__USE="none") as (made, _):
        yield made


@pytest.mark.sampled
def test_a_machine_of_a_hosts_own(couriers: Lifecycle) -> None:
    """A courier goes three rounds in three hours; the office, to which each sends a message, hears of none of them."""
    heard: list[Message] = []
    couriers.destination("office")(heard.append)
    now = couriers.clock.now()
    creation = Creation("courier", "hired", "usr_1", "cou", arguments={"next": now.isoformat()})
    hired, other = (couriers.engine.attempt(lambda work: work.create(creation)).id for _ in range(2))
    forecast = couriers.forecast(hired, until="+2h")
    assert [(step.instance_id, step.event, (step.at - now).seconds) for step in forecast.steps] == [
        (hired, "rounds", 0),
        (hired, "rounds", 3600),
        (hired, "rounds", 7200),
    ]
    assert {step.instance_id for step in couriers.forecast(until="+2h").steps} == {hired, other}
    assert (heard, couriers.outbox.list(), couriers.instance(hired).version) == ([], [], 1)
    assert [step.event for step in couriers.advance_to(forecast.end)] == ["rounds"] * 6
    assert len(heard) == 6


@pytest.mark.parametrize(
    ("until", "zone", "instant"),
    [
        ("2026-02-28", "Europe/Paris", "2026-02-27T23:00Z"),
        (date(2026, 2, 28), "UTC", "2026-02-28T00:00Z"),
        (datetime(2026, 1, 31, 9, 0, tzinfo=UTC), "UTC", "2026-01-31T09:00Z"),
        ("+1 month", "UTC", "2026-02-28T09:00Z"),
        ("+2 months", "Europe/Paris", "2026-03-31T08:00Z"),
        ("+ 1 year", "UTC", "2027-01-31T09:00Z"),
        ("+60d", "Europe/Paris", "2026-04-01T08:00Z"),
        ("+90m", "UTC", "2026-01-31T10:30Z"),
    ],
)
def test_until_when(until: When, zone: str, instant: str) -> None:
    """At nine on 31 January by UTC, and ten in Paris: a date, or a length by the calendar of the zone (C1, C2, I5)."""
    assert arguments.end(until, zone, NOW) == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    "until", ["2026-01-31", "yesterday", "+", "+3", "+3 moons", "+-1d", "+9999 years", "9999-12-31T23:59-12:00"]
)
def test_until_never(until: str) -> None:
    """What has passed, what is no length, and what is beyond all calendars is refused."""
    with pytest.raises(Refused) as refused:
        arguments.end(until, "UTC", NOW)
    assert refused.value.code == "invalid"
