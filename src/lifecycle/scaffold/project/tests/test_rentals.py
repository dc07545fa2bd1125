"""Rentals on a virtual clock: days pass in no time, and all that is due fires, each at its own instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rentals.commands import bring_back, lend, prolong
from rentals.jobs import tell_what_is_due
from structlog.testing import capture_logs

from lifecycle import Lifecycle, Refused, VirtualClock

CONFIG = Path(__file__).parents[1] / "config.yaml"


def day(number: int) -> datetime:
    """A day of June 2026, 09:00 UTC."""
    return datetime(2026, 6, number, 9, tzinfo=UTC)


@pytest.fixture
def lifecycle() -> Iterator[Lifecycle]:
    """The configured engine on 1 June, over a database in memory."""
    lifecycle = Lifecycle.from_config(
        CONFIG, clock=VirtualClock(day(1)), environ={"LIFECYCLE_DATABASE__URL": "sqlite://"}
    )
    lifecycle.upgrade_schema()
    yield lifecycle
    lifecycle.close()


def events(lifecycle: Lifecycle) -> list[tuple[datetime, str, str]]:
    """The log: when, what, and the state that it led to."""
    return [(step.at, step.event, step.target) for step in lifecycle.log()]


def test_what_is_not_brought_back_falls_due(lifecycle: Lifecycle) -> None:
    """Lent on the 1st until the 8th; it is overdue from then on, and comes back on the 10th."""
    drill = lend(lifecycle, "drill", day(8), by="usr_1")
    lifecycle.advance_to(day(10))
    bring_back(lifecycle, drill.id, by="usr_1")
    assert events(lifecycle) == [
        (day(1), "lent", "out"),
        (day(8), "falls_due", "overdue"),
        (day(10), "brought_back", "returned"),
    ]


def test_what_is_brought_back_in_time_never_falls_due(lifecycle: Lifecycle) -> None:
    """The deferred transition goes in the transaction that ends the rental."""
    drill = lend(lifecycle, "drill", day(8), by="usr_1")
    lifecycle.advance_to(day(7))
    bring_back(lifecycle, drill.id, by="usr_1")
    assert lifecycle.advance_to(day(30)) == []


def test_a_rental_can_be_prolonged(lifecycle: Lifecycle) -> None:
    """On the 5th, until the 20th: it falls due then, and not on the 8th."""
    drill = lend(lifecycle, "drill", day(8), by="usr_1")
    lifecycle.advance_to(day(5))
    prolong(lifecycle, drill.id, day(20), by="usr_1")
    assert [step.at for step in lifecycle.advance_to(day(30))] == [day(20)]


@pytest.mark.parametrize(
    ("until", "code"), [(day(1), "date_in_past"), (datetime(2026, 7, 1, 9, 0, 1, tzinfo=UTC), "too_long")]
)
def test_nobody_keeps_a_thing_for_no_time_or_for_ever(lifecycle: Lifecycle, until: datetime, code: str) -> None:
    """A refusal has a stable code, and changes nothing. Thirty days after 1 June is 1 July."""
    with pytest.raises(Refused) as refusal:
        lend(lifecycle, "drill", until, by="usr_1")
    assert refusal.value.code == code
    assert lifecycle.log() == []


def test_what_is_due_tomorrow_is_told(lifecycle: Lifecycle) -> None:
    """The calendar job, called as the daemon calls it: nothing on the 1st, a line on the 7th."""
    drill = lend(lifecycle, "drill", day(8), by="usr_1")
    with capture_logs() as lines:
        tell_what_is_due(lifecycle)
        assert lines == []
        lifecycle.advance_to(day(7))
        tell_what_is_due(lifecycle)
    assert [(line["event"], line["rental"]) for line in lines] == [("falls_due_soon", drill.id)]
