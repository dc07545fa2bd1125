"""Shares of a period: how much of it is left, by the day, by the second, by 30/360; and what a share comes to."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.domain.calendar import Interval, parse_instant, shift
from lifecycle.domain.policies import Proration, ProrationUnit
from lifecycle.domain.proration import WHOLE, Period, Share, between, left
from tests.unit.machine_world import MONTH, WEEK, YEAR, utc

DAY, SECOND, THIRTIES, NONE = (Proration(unit=unit) for unit in ("day", "second", "fixed_30", "none"))
UNUSED = Proration(change_day="unused")


def period(start: str, interval: Interval = MONTH, end: str | None = None, zone: str = "UTC") -> Period:
    """The first period of an anchor, cut at `end`; dates are local ones."""
    begins = parse_instant(start, zone)
    boundary = shift(begins, interval.unit, interval.count, zone)
    return Period(begins, parse_instant(end, zone) if end else boundary, boundary, interval, zone)


def shares(start: str, *days: str, policy: Proration = DAY, interval: Interval = MONTH, zone: str = "UTC") -> list[str]:
    """What is left of the period at each of these local times, as `15/30`."""
    of = period(start, interval, zone=zone)
    return [str(left(of, parse_instant(day, zone), policy)).split()[0] for day in days]


# ----------------------------------------------------------------------------------------------------- by the day


@pytest.mark.parametrize(
    ("start", "day", "used", "unused"),
    [
        ("2026-02-01", "2026-02-15", "13/28", "14/28"),
        ("2028-02-01", "2028-02-15", "14/29", "15/29"),
        ("2026-06-01", "2026-06-15", "15/30", "16/30"),
        ("2026-07-01", "2026-07-15", "16/31", "17/31"),
        ("2026-01-31", "2026-02-15", "12/28", "13/28"),  # 31 January to 28 February
        ("2026-01-15", "2026-02-01", "13/31", "14/31"),  # 15 January to 15 February
    ],
)
def test_months_of_28_to_31_days(start: str, day: str, used: str, unused: str) -> None:
    """The days after the day of the change, or that day too, of as many as the month has (rules D4, D5)."""
    assert shares(start, day) == [used]
    assert shares(start, day, policy=UNUSED) == [unused]


def test_the_first_and_the_last_day_of_a_period() -> None:
    """Bought and changed on one day: 29 of 30 are left, or all; on the last day none is left, or one (rule D4)."""
    assert shares("2026-06-01", "2026-06-01", "2026-06-30", "2026-07-01") == ["29/30", "0/30", "0/30"]
    assert shares("2026-06-01", "2026-06-01", "2026-06-30", policy=UNUSED) == ["30/30", "1/30"]


def test_the_time_of_day_does_not_matter() -> None:
    """Bought at 18:00 on 1 June: any time on the 15th counts as the 15th (rule D4)."""
    assert shares("2026-06-01 18:00", "2026-06-15", "2026-06-15 17:59", "2026-06-15 23:59") == ["15/30"] * 3


def test_what_lies_outside_of_the_period_is_all_or_none() -> None:
    """A count never goes below none nor above all (rule D4)."""
    assert shares("2026-06-01", "2026-05-20", "2026-08-01") == ["30/30", "0/30"]


def test_weeks_and_years_by_the_day() -> None:
    """A week from Monday 1 June, on the Wednesday; a year of 365 days, on 15 June, its 166th (rule D4)."""
    assert shares("2026-06-01", "2026-06-03", interval=WEEK) == ["4/7"]
    assert shares("2026-01-01", "2026-06-15", interval=YEAR) == ["199/365"]
    assert shares("2028-01-01", "2028-06-15", interval=YEAR) == ["199/366"]


# ----------------------------------------------------------------------------- by the zone, and when clocks change


def test_days_are_those_of_the_accounts_zone() -> None:
    """23:00 UTC on 14 June is the 15th in Paris and still the 14th in New York (rule D4)."""
    at = utc("2026-06-14 23:00")
    for zone, expected in (("UTC", "16/30"), ("Europe/Paris", "15/30"), ("America/New_York", "16/30")):
        assert str(left(period("2026-06-01", zone=zone), at, DAY)) == f"{expected} days"


@pytest.mark.parametrize(
    ("zone", "start", "day", "expected"),
    [
        ("Europe/Paris", "2026-03-15", "2026-03-28 23:30", "17/31"),  # the clock goes forward on the 29th
        ("Europe/Paris", "2026-03-15", "2026-03-29 03:30", "16/31"),
        ("Europe/Paris", "2026-10-15", "2026-10-25 23:30", "20/31"),  # … and back on the 25th
        ("America/New_York", "2026-11-01", "2026-11-01 23:59", "29/30"),  # a first day of 25 hours
        ("Pacific/Apia", "2011-12-15", "2011-12-31", "14/31"),  # there was no 30th in Samoa: it counts all the same
    ],
)
def test_days_over_a_change_of_the_clock(zone: str, start: str, day: str, expected: str) -> None:
    """A day of 23 or 25 hours is a day (rule D4)."""
    assert shares(start, day, zone=zone) == [expected]


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """The machine stands in Kiritimati, fourteen hours ahead."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Pacific/Kiritimati"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


@pytest.mark.usefixtures("elsewhere")
def test_days_do_not_depend_on_the_zone_of_the_machine() -> None:
    """Nor on which zone the instant is written in (rule D4)."""
    at = utc("2026-06-14 23:00")
    assert at.astimezone().hour == 13, "the machine stands elsewhere"
    assert str(left(period("2026-06-01"), at, DAY)) == "16/30 days"
    assert str(left(period("2026-06-01"), at.astimezone(), DAY)) == "16/30 days"


# --------------------------------------------------------------------------------------------------- by the second


def test_seconds_are_real_ones() -> None:
    """Half of June; and a March in Paris that is an hour short (rules D4, I5)."""
    half = left(period("2026-06-01"), utc("2026-06-16"), SECOND)
    assert str(half) == "1296000/2592000 seconds"
    paris = left(period("2026-03-01", zone="Europe/Paris"), utc("2026-03-30 22:00"), SECOND)
    assert (paris.part, paris.whole) == (86_400, 31 * 86_400 - 3_600)


def test_the_day_of_the_change_is_nothing_to_seconds() -> None:
    """`change_day` is about days (rule D4)."""
    both = [
        left(period("2026-06-01"), utc("2026-06-16"), replace(SECOND, change_day=day)) for day in ("used", "unused")
    ]
    assert both[0] == both[1]


# -------------------------------------------------------------------------------------------------------- 30/360


@pytest.mark.parametrize(
    ("start", "day", "expected"),
    [
        ("2026-06-01", "2026-06-15", "15/30"),
        ("2026-07-01", "2026-07-15", "15/30"),  # July has 30 days, too
        ("2026-07-01", "2026-07-30", "0/30"),
        ("2026-07-01", "2026-07-31", "0/30"),  # the 31st is the 30th
        ("2026-02-01", "2026-02-15", "15/30"),
        ("2026-02-01", "2026-02-28", "2/30"),  # February's days are as they are
        ("2026-01-15", "2026-01-31", "14/30"),
        ("2026-01-15", "2026-02-01", "13/30"),
        ("2026-01-31", "2026-02-15", "12/28"),  # from the 30th to the 28th
        ("2026-02-28", "2026-03-15", "12/30"),  # 2 days of February, 15 of March
    ],
)
def test_thirty_days_in_every_month(start: str, day: str, expected: str) -> None:
    """By the European count, worked out by hand (rules D4, I21)."""
    assert shares(start, day, policy=THIRTIES) == [expected]


def test_a_year_of_360_days() -> None:
    """On 15 June 5 × 30 + 15 of them are used (rule I21)."""
    assert shares("2026-01-01", "2026-06-15", policy=THIRTIES, interval=YEAR) == ["195/360"]


def test_weeks_and_days_count_real_days() -> None:
    """A week over the end of January, and ten days of it (rule I21)."""
    assert shares("2026-01-29", "2026-01-31", policy=THIRTIES, interval=WEEK) == ["4/7"]
    assert shares("2026-01-25", "2026-01-31", policy=THIRTIES, interval=Interval("day", 10)) == ["3/10"]


# ----------------------------------------------------------------------------------------------------------- none


def test_nothing_is_ever_left() -> None:
    """`unit: none` (rules D6, I22)."""
    assert left(period("2026-06-01"), utc("2026-06-02"), NONE).of(5000) == 0


# ----------------------------------------------------------------------------------------------------- cut cycles


@pytest.mark.parametrize(
    ("policy", "expected", "rest"),
    [
        (DAY, "14/31 days", "17/31 days"),
        (UNUSED, "14/31 days", "17/31 days"),
        (SECOND, "1209600/2678400 seconds", "1468800/2678400 seconds"),
        (THIRTIES, "14/30 days", "16/30 days"),
    ],
)
def test_a_cycle_that_is_cut_costs_its_days(policy: Proration, expected: str, rest: str) -> None:
    """1 to 15 August, the 15th not counted whatever `change_day` says; and what is missing of it (rule I17)."""
    cut = period("2026-08-01", end="2026-08-15")
    assert str(between(cut, cut.start, cut.end, policy)) == expected
    assert str(between(period("2026-08-01"), cut.end, cut.boundary, policy)) == rest


def test_a_cycle_that_is_cut_costs_the_whole_without_a_unit() -> None:
    """… and then nothing is missing of it (rule I17)."""
    cut = period("2026-08-01", end="2026-08-15")
    assert between(cut, cut.start, cut.end, NONE) == WHOLE
    assert between(period("2026-08-01"), cut.end, cut.boundary, NONE).part == 0


def test_what_is_left_of_a_cut_cycle_ends_with_it() -> None:
    """On 10 August, of a cycle to the 15th: the 11th to the 14th, of 31 days (rules I17, D4)."""
    cut = period("2026-08-01", end="2026-08-15")
    assert str(left(cut, utc("2026-08-10"), DAY)) == "4/31 days"
    assert str(left(cut, utc("2026-08-20"), DAY)) == "0/31 days"


# ------------------------------------------------------------------------------------------------- what it comes to


@pytest.mark.parametrize(
    ("amount", "part", "whole", "expected"),
    [
        (5000, 15, 30, 2500),
        (1, 1, 2, 1),  # half up
        (-1, 1, 2, -1),  # … on the magnitude
        (1, 1, 3, 0),
        (2, 1, 3, 1),
        (-2, 1, 3, -1),
        (5, 1, 2, 3),
        (0, 1, 2, 0),
        (10**14, 1, 3, 33_333_333_333_333),
    ],
)
def test_a_share_is_rounded_half_up_on_the_magnitude(amount: int, part: int, whole: int, expected: int) -> None:
    """Once, in whole minor units (rules D4, E1)."""
    assert Share(part, whole).of(amount) == expected


def test_a_share_reads_as_a_person_says_it() -> None:
    """And so does what it leaves."""
    share = Share(14, 31)
    assert (str(share), str(share.rest), share.is_whole, Share(3, 3).is_whole) == (
        "14/31 days",
        "17/31 days",
        False,
        True,
    )


# ------------------------------------------------------------------------------------------------------ properties

units: st.SearchStrategy[ProrationUnit] = st.sampled_from(["day", "second", "fixed_30"])
policies = st.builds(Proration, unit=units, change_day=st.sampled_from(["used", "unused"]))
intervals = st.sampled_from([MONTH, YEAR, WEEK, Interval("month", 3), Interval("day", 1), Interval("day", 10)])
zones = st.sampled_from(
    ["UTC", "Europe/Paris", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "Australia/Lord_Howe"]
)
starts = st.integers(0, 40 * 366 * 24 * 60).map(lambda minutes: utc("2009-01-01") + timedelta(minutes=minutes))
parts = st.floats(0, 1)
amounts = st.integers(0, 10**12)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    """Any period, perhaps cut."""
    start, interval, zone = draw(starts), draw(intervals), draw(zones)
    boundary = shift(start, interval.unit, interval.count, zone)
    end = start + (boundary - start) * draw(parts) if draw(st.booleans()) else boundary
    return Period(start, end, boundary, interval, zone)


def instant(of: Period, part: float) -> datetime:
    """An instant in a period."""
    return of.start + (of.boundary - of.start) * part


@given(periods(), policies, parts, amounts)
def test_used_and_unused_are_the_whole(of: Period, policy: Proration, part: float, amount: int) -> None:
    """A share and its rest come to the price, up to the one rounding; neither is negative (rule D4)."""
    share = left(of, instant(of, part), policy)
    assert 0 <= share.part <= share.whole
    assert amount <= share.of(amount) + share.rest.of(amount) <= amount + 1
    assert min(share.of(amount), share.rest.of(amount)) >= 0


@given(periods(), policies, parts, parts, amounts)
def test_less_is_left_later(of: Period, policy: Proration, one: float, other: float, amount: int) -> None:
    """What is left never grows with time (rule D4)."""
    earlier, later = sorted((instant(of, one), instant(of, other)))
    assert left(of, earlier, policy).of(amount) >= left(of, later, policy).of(amount)


@given(periods(), policies, parts)
def test_a_cycle_and_its_missing_part_are_the_whole(of: Period, policy: Proration, part: float) -> None:
    """Cut anywhere and made whole again, a cycle costs its price, up to the rounding of each part (rule I17)."""
    cut = instant(of, part)
    first = between(replace(of, end=cut), of.start, cut, policy)
    missing = between(replace(of, end=of.boundary), cut, of.boundary, policy)
    assert Fraction(first.part, first.whole) + Fraction(missing.part, missing.whole) == 1
    assert 10_000 <= first.of(10_000) + missing.of(10_000) <= 10_001


@given(st.integers(1, 10**9), st.integers(0, 10**6), st.integers(1, 10**6))
def test_rounding_is_half_up_on_the_magnitude(amount: int, part: int, whole: int) -> None:
    """Nearest, a half away from nothing, and the same in both directions (rule D4)."""
    share = Share(min(part, whole), whole)
    exact = Fraction(amount * share.part, whole)
    assert exact - Fraction(1, 2) < share.of(amount) <= exact + Fraction(1, 2)
    assert share.of(-amount) == -share.of(amount)
