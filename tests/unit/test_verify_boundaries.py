"""The verifier counts boundaries by itself, and comes to the same dates as the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.domain.calendar import Interval, is_boundary, shift
from lifecycle.verify.boundaries import starts_a_cycle

# Gaps at midnight, half-hour shifts, a day that was left out, +05:45, and one that never shifts.
ZONES = ["Africa/Cairo", "America/Sao_Paulo", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]


def paid(anchor: str, interval: str, zone: str, elapsed: int = 0, boundary: str = "2020-01-01") -> dict[str, object]:
    """What of the facts of a paid subscription decides where its cycles start."""
    return {
        "phase": "paid",
        "zone": zone,
        "interval": interval,
        "anchor": utc(anchor).isoformat(),
        "elapsed": elapsed,
        "boundary": utc(boundary).isoformat(),
    }


def utc(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "starts"),
    [("2026-02-28", True), ("2026-03-28", False), ("2026-03-31", True), ("2026-03-30", False), ("2028-02-29", True)],
)
def test_a_month_end_is_kept(moment: str, starts: bool) -> None:
    """From 31 January: 28 February, 31 March, and 29 February in a leap year."""
    assert starts_a_cycle(utc(moment), paid("2026-01-31", "month", "UTC")) is starts


def test_the_wall_clock_decides() -> None:
    """Noon in Paris is 11:00 UTC in winter and 10:00 in summer."""
    facts = paid("2026-01-15 11:00", "month", "Europe/Paris")
    assert starts_a_cycle(utc("2026-07-15 10:00"), facts)
    assert not starts_a_cycle(utc("2026-07-15 11:00"), facts)


def test_a_time_that_is_left_out_moves_on_by_the_gap() -> None:
    """On 29 March 2026 there is no 02:30 in Paris: it is 03:30 then, 01:30 UTC."""
    facts = paid("2026-02-28 01:30", "day", "Europe/Paris")
    assert starts_a_cycle(utc("2026-03-29 01:30"), facts)
    assert starts_a_cycle(utc("2026-03-30 00:30"), facts)


def test_of_two_times_the_first_is_meant() -> None:
    """On 25 October 2026 02:30 comes twice in Paris, first at 00:30 UTC."""
    facts = paid("2026-09-25 00:30", "month", "Europe/Paris")
    assert starts_a_cycle(utc("2026-10-25 00:30"), facts)
    assert not starts_a_cycle(utc("2026-10-25 01:30"), facts)


def test_the_first_is_meant_even_if_the_anchor_was_a_second() -> None:
    """On 25 October 2020 as in 2026 02:30 came twice in Paris; this one was bought at the second, 01:30 UTC."""
    facts = paid("2020-10-25 01:30", "6 years", "Europe/Paris")
    assert starts_a_cycle(utc("2026-10-25 00:30"), facts)
    assert not starts_a_cycle(utc("2026-10-25 01:30"), facts)
    daily = paid("2020-10-25 01:30", "2191 days", "Europe/Paris")
    assert starts_a_cycle(utc("2026-10-25 00:30"), daily)


def test_what_has_passed_is_no_boundary_to_come() -> None:
    """After two months, cycles start from the third on."""
    facts = paid("2026-01-01", "month", "UTC", elapsed=2)
    assert not starts_a_cycle(utc("2026-03-01"), facts)
    assert starts_a_cycle(utc("2026-04-01"), facts)


def test_a_stored_boundary_holds_whatever_the_zone_says_today() -> None:
    """It was computed with the rules of its day."""
    assert starts_a_cycle(utc("2026-02-01 00:07"), paid("2026-01-01", "month", "UTC", boundary="2026-02-01 00:07"))


def test_in_a_trial_cycles_are_counted_from_its_end() -> None:
    """A trial that ends on 15 January, and a month from there."""
    facts = paid("2026-01-01", "month", "UTC", boundary="2026-01-15") | {"phase": "trial"}
    assert starts_a_cycle(utc("2026-01-15"), facts)
    assert starts_a_cycle(utc("2026-02-15"), facts)
    assert not starts_a_cycle(utc("2026-02-01"), facts)


@pytest.mark.parametrize("interval", ["0 months", "-1 months", "fortnight", "", "x months", "month month"])
def test_what_is_no_interval_raises(interval: str) -> None:
    """It can't be read, and never counts for ever."""
    with pytest.raises(ValueError, match=r"interval|invalid literal"):
        starts_a_cycle(utc("2026-02-01"), paid("2026-01-01", interval, "UTC"))


@given(
    zone=st.sampled_from(ZONES),
    minutes=st.integers(0, 30 * 365 * 24 * 60),
    interval=st.builds(Interval, st.sampled_from(["day", "month"]), st.integers(1, 40)),
    passed=st.integers(0, 5),
    ahead=st.integers(1, 12),
    off=st.sampled_from([0, 0, 1, -1]) | st.integers(-90_000, 90_000),
)
def test_it_agrees_with_the_calendar(  # noqa: PLR0917 - hypothesis names them all
    zone: str, minutes: int, interval: Interval, passed: int, ahead: int, off: int
) -> None:
    """Two ways to count, written apart, never differ, on a boundary or near one."""
    anchor, elapsed = utc("2005-01-01") + timedelta(minutes=minutes), passed * interval.count
    moment = shift(anchor, interval.unit, elapsed + ahead * interval.count, zone) + timedelta(seconds=off)
    facts = paid("2000-01-01", str(interval), zone, elapsed) | {"anchor": anchor.isoformat()}
    expected = is_boundary(moment, anchor, interval.unit, elapsed, interval.count, zone)
    assert starts_a_cycle(moment, facts) is expected
