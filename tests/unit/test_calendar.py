"""The calendar: intervals, durations and boundaries, with every expected date worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lifecycle.domain.calendar import (
    Duration,
    Interval,
    Unit,
    is_boundary,
    known_zone,
    local,
    parse_instant,
    shift,
)


def utc(text: str) -> datetime:
    """The instant that a UTC date and time name."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# ------------------------------------------------------------------------------------------------- intervals


@pytest.mark.parametrize(
    ("text", "unit", "count"),
    [
        ("day", "day", 1),
        ("week", "day", 7),
        ("month", "month", 1),
        ("quarter", "month", 3),
        ("year", "month", 12),
        ("6 months", "month", 6),
        ("1 month", "month", 1),
        ("2 weeks", "day", 14),
        ("10 days", "day", 10),
        ("2 quarters", "month", 6),
        ("100 years", "month", 1200),
    ],
)
def test_an_interval_is_read_as_days_or_months(text: str, unit: Unit, count: int) -> None:
    """Weeks become 7 days, quarters 3 months and years 12 months."""
    assert Interval.parse(text) == Interval(unit, count)


@pytest.mark.parametrize(
    ("unit", "count", "name"),
    [
        ("day", 1, "day"),
        ("day", 7, "week"),
        ("day", 10, "10 days"),
        ("day", 14, "2 weeks"),
        ("month", 1, "month"),
        ("month", 3, "quarter"),
        ("month", 6, "6 months"),
        ("month", 12, "year"),
        ("month", 24, "2 years"),
        ("day", 3, "3 days"),
    ],
)
def test_an_interval_has_one_name(unit: Unit, count: int, name: str) -> None:
    """The canonical name is the shortest: 24 months are '2 years', 6 months are not '2 quarters'."""
    assert str(Interval(unit, count)) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", "months", "Month", "monthly", "6 fortnights"),  # no unit of ours
        *("6months", "6  months", "06 months", "month\n"),  # another form
        *("0 months", "-1 month", "1.5 months", "\u0666 months", "12001 months"),  # no count
    ],
)
def test_what_is_no_interval_is_refused_with_examples(text: str) -> None:
    """Anything else is a ValueError that tells how an interval is written."""
    with pytest.raises(ValueError, match="is not an interval: write day, week, month, quarter, year, or"):
        Interval.parse(text)


@pytest.mark.parametrize("text", ["1201 months", "101 years", "1201 days", "172 weeks"])
def test_an_interval_has_at_most_1200_days_or_months(text: str) -> None:
    """172 weeks are 1204 days, 101 years 1212 months: both are over the limit."""
    with pytest.raises(ValueError, match="An interval has 1 to 1200"):
        Interval.parse(text)


def test_an_interval_is_at_least_one_unit() -> None:
    """No interval stands still."""
    with pytest.raises(ValueError, match="1 to 1200 months, not 0"):
        Interval("month", 0)


@pytest.mark.parametrize(
    ("text", "days"), [("10 days", 10), ("month", 30), ("quarter", 91), ("year", 365), ("4 years", 1461)]
)
def test_intervals_compare_by_their_mean_length(text: str, days: int) -> None:
    """30.436875 days a month: 91.3 a quarter, 365.2 a year, 1460.97 in four."""
    assert Interval.parse(text).days == days


# ------------------------------------------------------------------------------------------------- durations


@pytest.mark.parametrize(
    ("text", "days", "seconds"),
    [("30s", 0, 30), ("5m", 0, 300), ("2h", 0, 7200), ("3d", 3, 0), ("1w", 7, 0), ("0d", 0, 0)],
)
def test_a_duration_is_days_or_seconds(text: str, days: int, seconds: int) -> None:
    """Days and weeks are calendar days; hours, minutes and seconds are exact."""
    assert Duration.parse(text) == Duration(days, seconds)


@pytest.mark.parametrize(
    ("days", "seconds", "name"),
    [(0, 0, "0s"), (0, 90, "90s"), (0, 5400, "90m"), (0, 86_400, "24h"), (3, 0, "3d"), (14, 0, "2w")],
)
def test_a_duration_has_one_name(days: int, seconds: int, name: str) -> None:
    """The largest unit that divides it; 24 hours are not a day."""
    assert str(Duration(days, seconds)) == name


@pytest.mark.parametrize("text", ["", "5", "d", "-3d", "1.5h", "3 d", "3D", "03d", "1d12h", "3d\n", "\u0663d"])
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    """Anything else is a ValueError that tells how a duration is written."""
    with pytest.raises(ValueError, match="is not a duration: write it like 30s, 5m, 2h, 3d or 1w"):
        Duration.parse(text)


@pytest.mark.parametrize(("days", "seconds"), [(1, 1), (-1, 0), (0, -1), (36_526, 0), (0, 3_155_760_001)])
def test_a_duration_is_one_kind_of_length_within_100_years(days: int, seconds: int) -> None:
    """Days with seconds, less than nothing, and more than 36,525 days are refused."""
    with pytest.raises(ValueError, match="A duration is days or seconds"):
        Duration(days, seconds)


@pytest.mark.parametrize(
    ("text", "later"),
    [
        ("1d", "2026-03-29T08:00"),  # 10:00 summer time
        ("1w", "2026-04-04T08:00"),
        ("24h", "2026-03-29T09:00"),
        ("0d", "2026-03-28T09:00"),
    ],
)
def test_days_keep_the_wall_time_and_hours_are_exact(text: str, later: str) -> None:
    """From 28 March 2026, 10:00 in Paris, over the night in which the clocks go forward (rule I5)."""
    assert Duration.parse(text).after(utc("2026-03-28T09:00"), "Europe/Paris") == utc(later)


@pytest.mark.parametrize(
    ("text", "earlier"), [("1d", "2026-03-28T09:00"), ("1w", "2026-03-22T09:00"), ("24h", "2026-03-28T08:00")]
)
def test_a_duration_before_an_instant_follows_the_same_rule(text: str, earlier: str) -> None:
    """A reminder's date: before 29 March 2026, 10:00 summer time in Paris (rule I5)."""
    assert Duration.parse(text).before(utc("2026-03-29T08:00"), "Europe/Paris") == utc(earlier)


@pytest.mark.parametrize(("text", "seconds"), [("1d", 86_400), ("2w", 1_209_600), ("90m", 5400)])
def test_where_there_is_no_zone_a_day_has_24_hours(text: str, seconds: int) -> None:
    """The exact length in seconds."""
    assert Duration.parse(text).timedelta == timedelta(seconds=seconds)


# ------------------------------------------------------------------------------------------------ boundaries

MONTH_ENDS = {
    29: "2027-02-28 2027-03-29 2027-04-29 2027-05-29 2027-06-29 2027-07-29 2027-08-29 2027-09-29 2027-10-29 "
    "2027-11-29 2027-12-29 2028-01-29 2028-02-29 2028-03-29 2028-04-29",
    30: "2027-02-28 2027-03-30 2027-04-30 2027-05-30 2027-06-30 2027-07-30 2027-08-30 2027-09-30 2027-10-30 "
    "2027-11-30 2027-12-30 2028-01-30 2028-02-29 2028-03-30 2028-04-30",
    31: "2027-02-28 2027-03-31 2027-04-30 2027-05-31 2027-06-30 2027-07-31 2027-08-31 2027-09-30 2027-10-31 "
    "2027-11-30 2027-12-31 2028-01-31 2028-02-29 2028-03-31 2028-04-30",
}


@pytest.mark.parametrize("day", [29, 30, 31])
def test_a_month_that_lacks_the_day_ends_on_its_last(day: int) -> None:
    """From the 29th, 30th and 31st of January 2027 through 2028, a leap year (rule C1)."""
    anchor = utc(f"2027-01-{day}T12:00")
    dates = [shift(anchor, "month", n, "UTC").date().isoformat() for n in range(1, 16)]
    assert dates == MONTH_ENDS[day].split()


def test_a_leap_day_returns_every_fourth_year() -> None:
    """Yearly from 29 February 2024 to 2032 (rule C1)."""
    dates = [shift(utc("2024-02-29T00:00"), "month", 12 * n, "UTC").date().isoformat() for n in range(1, 9)]
    assert dates[:4] == ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]
    assert dates[4:] == ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


@pytest.mark.parametrize(
    ("months", "date"),
    [(1, "2026-02-28"), (2, "2026-03-31"), (12, "2027-01-31"), (13, "2027-02-28"), (25, "2028-02-29")],
)
def test_a_change_of_interval_goes_on_counting_from_the_anchor(months: int, date: str) -> None:
    """Monthly from 31 January 2026, yearly from 28 February 2027: next is 29 February 2028 (rule I3)."""
    assert shift(utc("2026-01-31T00:00"), "month", months, "UTC").date().isoformat() == date


@pytest.mark.parametrize(("months", "date"), [(-1, "2026-02-28"), (-3, "2025-12-31"), (-25, "2024-02-29")])
def test_boundaries_count_backwards_too(months: int, date: str) -> None:
    """From 31 March 2026."""
    assert shift(utc("2026-03-31T00:00"), "month", months, "UTC").date().isoformat() == date


@pytest.mark.parametrize(
    ("unit", "count", "boundary"),
    [
        ("month", 1, "2026-02-27T23:00"),  # 28 February, 00:00
        ("month", 2, "2026-03-30T22:00"),  # 31 March, 00:00 summer time
        ("day", 1, "2026-01-31T23:00"),
        ("day", 59, "2026-03-30T22:00"),  # 31 March again: 28 + 31 days
    ],
)
def test_the_date_is_that_of_the_account(unit: Unit, count: int, boundary: str) -> None:
    """31 January 2026, 00:00 in Paris is still 30 January in UTC (rule C1)."""
    assert shift(utc("2026-01-30T23:00"), unit, count, "Europe/Paris") == utc(boundary)


def test_seconds_and_microseconds_are_kept() -> None:
    """A purchase at a fraction of a second renews at the same fraction."""
    boundary = shift(utc("2026-01-31T09:30:15.000250"), "month", 1, "Europe/Paris")
    assert boundary == utc("2026-02-28T09:30:15.000250")


def test_a_boundary_is_in_utc() -> None:
    """Whatever zone the anchor is written in, and for a count of 0 as well (rule C1)."""
    anchor = datetime(2026, 1, 31, 10, 0, tzinfo=ZoneInfo("America/New_York"))
    assert {shift(anchor, "month", n, "Europe/Paris").tzinfo for n in (0, 1)} == {UTC}


@pytest.mark.parametrize(
    ("zone", "anchor", "unit", "count", "boundary"),
    [
        # 29 March 2026, 02:00 to 03:00: 02:30 becomes 03:30, and 02:30 again in April.
        ("Europe/Paris", "2026-01-29T01:30", "month", 2, "2026-03-29T01:30"),
        ("Europe/Paris", "2026-01-29T01:30", "month", 3, "2026-04-29T00:30"),
        ("Europe/Paris", "2026-03-28T01:30", "day", 1, "2026-03-29T01:30"),
        # 8 March 2026, 02:00 to 03:00: 02:30 becomes 03:30.
        ("America/New_York", "2026-02-08T07:30", "month", 1, "2026-03-08T07:30"),
        # 4 October 2026, 02:00 to 02:30: 02:10 becomes 02:40.
        ("Australia/Lord_Howe", "2026-09-03T15:40", "month", 1, "2026-10-03T15:40"),
        # 6 September 2026, 00:00 to 01:00: the day begins at 01:00.
        ("America/Santiago", "2026-08-06T04:00", "month", 1, "2026-09-06T04:00"),
        # 29 March 2026, 00:00 to 01:00.
        ("Asia/Beirut", "2026-03-27T22:00", "day", 1, "2026-03-28T22:00"),
        # 29 March 2026, 01:00 to 03:00: 01:30 becomes 03:30.
        ("Antarctica/Troll", "2026-03-28T01:30", "day", 1, "2026-03-29T01:30"),
        # 28 March 2026, 23:00 to 24:00: 23:30 becomes 00:30 of the 29th.
        ("America/Nuuk", "2026-03-28T01:30", "day", 1, "2026-03-29T01:30"),
        # The whole 30 December 2011 is missing: 10:00 becomes 10:00 of the 31st.
        ("Pacific/Apia", "2011-11-30T20:00", "month", 1, "2011-12-30T20:00"),
        ("Pacific/Apia", "2011-12-29T20:00", "day", 1, "2011-12-30T20:00"),
    ],
)
def test_a_missing_local_time_moves_forward_by_the_gap(
    zone: str, anchor: str, unit: Unit, count: int, boundary: str
) -> None:
    """Where the clocks go forward over a boundary, it comes later by as much (rule C1)."""
    assert shift(utc(anchor), unit, count, zone) == utc(boundary)


@pytest.mark.parametrize(
    ("zone", "anchor", "boundary"),
    [
        ("Europe/Paris", "2026-09-25T00:30", "2026-10-25T00:30"),  # 02:30 summer time
        ("America/New_York", "2026-10-01T05:30", "2026-11-01T05:30"),  # 01:30 summer time
        ("Australia/Lord_Howe", "2026-03-04T14:40", "2026-04-04T14:40"),  # 01:40 on 5 April, summer time
        ("America/Santiago", "2026-03-05T02:30", "2026-04-05T02:30"),  # 23:30 on 4 April, summer time
    ],
)
def test_of_two_equal_local_times_the_first_is_meant(zone: str, anchor: str, boundary: str) -> None:
    """A month later the local time comes twice: the boundary is the first (rule C1)."""
    assert shift(utc(anchor), "month", 1, zone) == utc(boundary)


@pytest.mark.parametrize(
    ("unit", "count", "boundary"),
    [
        ("month", 0, "2026-11-01T06:30"),  # the anchor itself
        ("day", 1, "2026-11-02T06:30"),
        ("month", 1, "2026-12-01T06:30"),
        ("month", 6, "2027-05-01T05:30"),  # 01:30 summer time
        ("month", 132, "2037-11-01T05:30"),  # 1 November is a Sunday again: the first 01:30, not the second
        ("day", 371, "2027-11-07T05:30"),  # and so it is on the first Sunday of November 2027
    ],
)
def test_an_anchor_in_a_repeated_hour_is_only_a_wall_time(unit: Unit, count: int, boundary: str) -> None:
    """Bought on 1 November 2026 at the second 01:30 in New York (rule C1)."""
    assert shift(utc("2026-11-01T06:30"), unit, count, "America/New_York") == utc(boundary)


# ----------------------------------------------------------------------------------------------- is_boundary


@pytest.mark.parametrize(
    ("instant", "answer"),
    [
        ("2026-02-28T09:00", True),
        ("2026-03-31T08:00", True),  # 10:00 summer time
        ("2028-02-29T09:00", True),
        ("2026-03-31T09:00", False),  # 11:00
        ("2026-02-27T09:00", False),
        ("2026-02-28T09:00:01", False),
        ("2026-01-31T09:00", False),  # the anchor
        ("2025-12-31T09:00", False),  # before it
    ],
)
def test_a_boundary_of_months_is_recognised(instant: str, answer: bool) -> None:
    """Monthly from 31 January 2026, 10:00 in Paris (rule C2)."""
    assert is_boundary(utc(instant), utc("2026-01-31T09:00"), "month", 0, 1, "Europe/Paris") is answer


@pytest.mark.parametrize(
    ("instant", "answer"),
    [
        ("2028-02-29T09:00", True),  # month 25
        ("2029-02-28T09:00", True),  # month 37
        ("2027-02-28T09:00", False),  # month 13 is where the year starts
        ("2026-02-28T09:00", False),  # month 1
        ("2028-01-31T09:00", False),  # month 24
    ],
)
def test_boundaries_count_from_the_start_in_steps(instant: str, answer: bool) -> None:
    """Yearly from month 13 of an anchor of 31 January 2026 (rule I3)."""
    assert is_boundary(utc(instant), utc("2026-01-31T09:00"), "month", 13, 12, "Europe/Paris") is answer


@pytest.mark.parametrize(("instant", "answer"), [("2026-04-11T08:00", True), ("2026-04-10T08:00", False)])
def test_a_boundary_of_weeks_is_recognised(instant: str, answer: bool) -> None:
    """Weekly from 31 January 2026, 10:00 in Paris: 70 days later it is 11 April (rule C2)."""
    assert is_boundary(utc(instant), utc("2026-01-31T09:00"), "day", 0, 7, "Europe/Paris") is answer


def test_a_boundary_moved_past_midnight_is_recognised() -> None:
    """In Nuuk, 28 March 2026 has no 23:30, so that day's boundary is on the 29th (rule C2)."""
    assert is_boundary(utc("2026-03-29T01:30"), utc("2026-03-28T01:30"), "day", 0, 1, "America/Nuuk")


def test_a_boundary_in_a_repeated_hour_is_recognised_in_any_zone() -> None:
    """Given as 25 October 2026, 02:30 in Paris: the first is the boundary, the second is not (rule C2)."""
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Paris"))
    answers = [
        is_boundary(first.replace(fold=fold), utc("2026-09-25T00:30"), "month", 0, 1, "Europe/Paris") for fold in (0, 1)
    ]
    assert answers == [True, False]


# ------------------------------------------------------------------------------------------- instants, zones


@pytest.mark.parametrize(
    ("text", "zone", "instant"),
    [
        ("2026-06-15", "Europe/Paris", "2026-06-14T22:00"),
        ("2026-06-15T00:00", "Europe/Paris", "2026-06-14T22:00"),
        ("2026-06-15 10:00", "America/New_York", "2026-06-15T14:00"),
        ("2026-06-15T10:00:30.25", "Europe/Paris", "2026-06-15T08:00:30.250"),
        ("2026-06-15T10:00Z", "Europe/Paris", "2026-06-15T10:00"),
        ("2026-06-15 10:00:30+02:00", "America/New_York", "2026-06-15T08:00:30"),
        ("2026-03-29 02:30", "Europe/Paris", "2026-03-29T01:30"),  # missing: 03:30
        ("2026-10-25 02:30", "Europe/Paris", "2026-10-25T00:30"),  # the first of two
        ("2026-09-06", "America/Santiago", "2026-09-06T04:00"),  # a day that begins at 01:00
    ],
)
def test_an_instant_without_an_offset_is_local(text: str, zone: str, instant: str) -> None:
    """A date is 00:00 of the account's zone; an offset overrules the zone (rules C1, C2)."""
    parsed = parse_instant(text, zone)
    assert (parsed, parsed.tzinfo) == (utc(instant), UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "tomorrow", "15/06/2026", "2026-6-15", "202\u0666-06-15", "2026-06-15\n"),
        *("20260615", "2026-W25-1", "2026-06-15T10", "2026-06-15T10:00+0200"),  # rarer forms of ISO 8601
        *("2026-02-30", "2026-06-15T25:00", "2026-06-15T10:00:60", "2026-06-15T10:00+25:00"),  # no such time
        *("2026-06-15Z", "2026-06-15_10:00", "0001-01-01"),  # the last has no instant in UTC
    ],
)
def test_what_is_no_instant_is_refused_with_examples(text: str) -> None:
    """Anything else is a ValueError that tells how an instant is written."""
    with pytest.raises(ValueError, match="is not a date or time: write 2026-06-15"):
        parse_instant(text, "Europe/Paris")


def test_local_shows_the_wall_clock() -> None:
    """Noon in UTC is 14:00 in Paris in June."""
    assert local(utc("2026-06-15T12:00"), "Europe/Paris").isoformat() == "2026-06-15T14:00:00+02:00"


def test_a_naive_datetime_is_never_an_instant() -> None:
    """Whoever forgot the zone is told, wherever an instant comes in (rule C1)."""
    naive, aware = datetime.fromisoformat("2026-06-15T12:00"), utc("2026-06-15T12:00")
    with pytest.raises(ValueError, match="2026-06-15T12:00:00 has no offset"):
        shift(naive, "day", 0, "UTC")
    with pytest.raises(ValueError, match="has no offset"):
        is_boundary(naive, aware, "day", 0, 1, "UTC")
    with pytest.raises(ValueError, match="has no offset"):
        Duration(0, 60).after(naive, "UTC")


@pytest.mark.parametrize("name", ["UTC", "Europe/Paris", "America/Argentina/Buenos_Aires", "Asia/Calcutta"])
def test_a_zone_is_known_by_its_iana_name(name: str) -> None:
    """Old names that IANA keeps are among them."""
    assert known_zone(name)


STRANGE_ZONES = ["", "Mars/Olympus", "../etc/passwd", "/usr/share/zoneinfo/UTC", "Europe", "UTC\0", 300 * "A"]
OTHER_NAMES = ["europe/paris", "EUROPE/PARIS", " UTC", "+02:00", "localtime", "right/UTC", "posix/UTC"]


@pytest.mark.parametrize("name", STRANGE_ZONES + OTHER_NAMES)
def test_what_is_no_zone_is_not_known(name: str) -> None:
    """Paths, folders, other spellings and the machine's own zone are no zones, and none of them raises."""
    assert not known_zone(name)


@pytest.mark.parametrize("name", STRANGE_ZONES)
def test_an_unknown_zone_is_one_kind_of_error(name: str) -> None:
    """However zoneinfo fails on it, the caller gets a ValueError that names an example."""
    with pytest.raises(ValueError, match="is not a time zone: write an IANA name such as Europe/Paris"):
        shift(utc("2026-06-15T12:00"), "day", 1, name)
