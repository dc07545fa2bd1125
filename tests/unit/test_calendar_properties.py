"""The calendar in every time zone, against dateutil: another implementation of months, of zone files and of gaps.

Half of the examples land within three hours of a change of the clocks, where a boundary can be wrong.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from dateutil import tz
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

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
from tests.conftest import examples

ZONES = sorted(zone for zone in available_timezones() if known_zone(zone))
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2041, 1, 1, tzinfo=UTC)
MOST = {"day": 800, "month": 240}

Boundary = tuple[datetime, Unit, int, str]
thorough = settings(max_examples=examples(400))


@cache
def theirs(zone: str) -> tzinfo:
    """The zone as dateutil reads it."""
    found = tz.gettz(zone)
    assert found is not None, zone
    return found


@cache
def changes(zone: str) -> list[datetime]:
    """The instants, to the second and in UTC, at which the clocks of the zone change from 2020 to 2040."""
    clock = ZoneInfo(zone)
    weeks = [START + timedelta(weeks=week) for week in range((END - START).days // 7)]
    offsets = [week.astimezone(clock).utcoffset() for week in weeks]
    found = []
    for (before, old), (after, new) in pairwise(zip(weeks, offsets, strict=True)):
        if old != new:
            low, high = before, after
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) // 2
                low, high = (middle, high) if middle.astimezone(clock).utcoffset() == old else (low, middle)
            found.append(high.replace(microsecond=0))
    return found


@cache
def zones_with_changes() -> list[str]:
    """The zones that have summer time, or move, from 2020 to 2040."""
    return [zone for zone in ZONES if changes(zone)]


def wall(instant: datetime, zone: str) -> datetime:
    """What a clock on the wall shows, without an offset, as dateutil reads the zone."""
    return instant.astimezone(theirs(zone)).replace(tzinfo=None, fold=0)


def offset(instant: datetime, zone: str) -> timedelta:
    """How far the clocks of the zone are ahead of UTC."""
    return wall(instant, zone) - instant.replace(tzinfo=None)


def meant(anchor: datetime, unit: Unit, count: int, zone: str) -> datetime:
    """The wall time that a boundary ought to have, whether or not it exists."""
    step = relativedelta(months=count) if unit == "month" else relativedelta(days=count)
    return wall(anchor, zone) + step


def resolved(time: datetime, zone: str) -> datetime:
    """The instant of a wall time: the first of two, and past the gap if there is none."""
    return tz.resolve_imaginary(time.replace(tzinfo=theirs(zone))).astimezone(UTC)


units: st.SearchStrategy[Unit] = st.sampled_from(("day", "month"))
anchors = st.datetimes(START.replace(tzinfo=None), END.replace(tzinfo=None), timezones=st.just(UTC))


@st.composite
def anywhere(draw: st.DrawFn) -> Boundary:
    """An anchor from 2020 to 2040, and a count that leads to a boundary after it."""
    unit: Unit = draw(units)
    return draw(anchors), unit, draw(st.integers(1, MOST[unit])), draw(st.sampled_from(ZONES))


@st.composite
def at_changes(draw: st.DrawFn) -> Boundary:
    """An anchor and a count that lead to a wall time within three hours of a change of the clocks."""
    zone = draw(st.sampled_from(zones_with_changes()))
    unit: Unit = draw(units)
    count = draw(st.integers(1, MOST[unit]))
    change = draw(st.sampled_from(changes(zone)))
    minutes = timedelta(minutes=draw(st.integers(-180, 180)))
    target = wall(change - timedelta(seconds=1), zone) + timedelta(seconds=1) + minutes
    back = relativedelta(months=-count) if unit == "month" else relativedelta(days=-count)
    return resolved(target + back, zone), unit, count, zone


@st.composite
def from_repeated_hours(draw: st.DrawFn) -> Boundary:
    """An anchor within three hours of a change, so that some are the second of two equal wall times."""
    zone = draw(st.sampled_from(zones_with_changes()))
    unit: Unit = draw(units)
    anchor = draw(st.sampled_from(changes(zone))) + timedelta(minutes=draw(st.integers(-180, 180)))
    return anchor, unit, draw(st.integers(1, MOST[unit])), zone


boundaries = st.one_of(anywhere(), at_changes(), from_repeated_hours(), at_changes())


@settings(max_examples=examples(1000))
@given(boundaries)
def test_boundaries_agree_with_dateutil(boundary: Boundary) -> None:
    """The same instant, from another reader of the zone files and another way to add months (rule C1)."""
    anchor, unit, count, zone = boundary
    assert shift(anchor, unit, count, zone) == resolved(meant(anchor, unit, count, zone), zone)


@settings(max_examples=examples(30))
@given(anchor=anchors, unit=units, count=st.integers(1, 240))
def test_boundaries_agree_with_dateutil_in_every_zone(anchor: datetime, unit: Unit, count: int) -> None:
    """Each example is tried in all zones (rule C1)."""
    ours = {zone: shift(anchor, unit, count, zone) for zone in ZONES}
    assert ours == {zone: resolved(meant(anchor, unit, count, zone), zone) for zone in ZONES}


@thorough
@given(boundaries)
def test_a_boundary_is_never_earlier_than_the_wall_clock_says(boundary: Boundary) -> None:
    """It shows the time that is meant; where there is none, later by exactly the gap (rules C1, C7)."""
    anchor, unit, count, zone = boundary
    at = shift(anchor, unit, count, zone)
    time = meant(anchor, unit, count, zone)
    moved = wall(at, zone) - time
    gap = offset(at, zone) - offset(at - moved, zone)
    exists = tz.datetime_exists(time.replace(tzinfo=theirs(zone)))
    assert moved == timedelta(0) if exists else moved == gap > timedelta(0)


@thorough
@given(boundaries)
def test_a_boundary_is_on_the_day_of_its_anchor(boundary: Boundary) -> None:
    """Or on the last of a shorter month; a day later only past a gap before midnight (rule C1)."""
    anchor, _, count, zone = boundary
    here = local(anchor, zone)
    year, month = divmod(here.year * 12 + here.month - 1 + count, 12)
    day = datetime(year, month + 1, min(here.day, monthrange(year, month + 1)[1]), tzinfo=UTC).date()
    missing = not tz.datetime_exists(datetime.combine(day, here.time()).replace(tzinfo=theirs(zone)))
    date = local(shift(anchor, "month", count, zone), zone).date()
    assert date == day or (missing and date == day + timedelta(days=1))


@thorough
@given(boundaries)
def test_boundaries_strictly_increase(boundary: Boundary) -> None:
    """From the anchor itself on, no two boundaries are one (rule C1)."""
    anchor, unit, count, zone = boundary
    series = [anchor, *(shift(anchor, unit, n, zone) for n in range(max(1, count - 3), count + 4))]
    assert all(earlier < later for earlier, later in pairwise(series))


@thorough
@given(boundaries, st.integers(0, 30), st.integers(1, 30), st.sampled_from([-1, 1]))
def test_is_boundary_knows_the_series_to_the_second(boundary: Boundary, start: int, step: int, second: int) -> None:
    """The k-th boundary after the start is one; a second beside it, and the start itself, are none (rule C2)."""
    anchor, unit, k, zone = boundary
    at = shift(anchor, unit, start + k * step, zone)
    assert is_boundary(at, anchor, unit, start, step, zone)
    assert not is_boundary(at + timedelta(seconds=second), anchor, unit, start, step, zone)
    assert not is_boundary(shift(anchor, unit, start, zone), anchor, unit, start, step, zone)


@thorough
@given(boundaries, st.integers(0, 30), st.integers(1, 30))
def test_is_boundary_leaves_out_what_the_step_leaves_out(boundary: Boundary, start: int, step: int) -> None:
    """Of all boundaries of the anchor, every step-th after the start is one (rule C2)."""
    anchor, unit, n, zone = boundary
    expected = n in range(start + step, n + 1, step)
    assert is_boundary(shift(anchor, unit, n, zone), anchor, unit, start, step, zone) == expected


@thorough
@given(boundaries)
def test_days_of_a_duration_keep_the_wall_time(boundary: Boundary) -> None:
    """Forward and back, as dateutil counts days (rule I5)."""
    anchor, _, count, zone = boundary
    duration = Duration(count, 0)
    assert duration.after(anchor, zone) == resolved(meant(anchor, "day", count, zone), zone)
    assert duration.before(anchor, zone) == resolved(meant(anchor, "day", -count, zone), zone)


@thorough
@given(boundaries)
def test_a_time_without_an_offset_is_read_as_dateutil_reads_it(boundary: Boundary) -> None:
    """Whether it exists once, twice or not at all (rule C1)."""
    anchor, unit, count, zone = boundary
    time = meant(anchor, unit, count, zone)
    assert parse_instant(time.isoformat(), zone) == resolved(time, zone)


@thorough
@given(anchors, st.sampled_from(ZONES))
def test_a_local_time_with_its_offset_is_the_same_instant(instant: datetime, zone: str) -> None:
    """What is shown in a zone can be typed in anywhere (rule C1)."""
    assert parse_instant(local(instant, zone).isoformat(), "Europe/Paris") == instant


@given(unit=units, count=st.integers(1, 1200))
def test_an_interval_is_read_back_from_its_name(unit: Unit, count: int) -> None:
    """For all that can be made."""
    assert Interval.parse(str(Interval(unit, count))) == Interval(unit, count)


durations = st.one_of(
    st.builds(Duration, st.integers(0, 36_525), st.just(0)),
    st.builds(Duration, st.just(0), st.integers(0, 36_525 * 86_400)),
)


@given(durations)
def test_a_duration_is_read_back_from_its_name(duration: Duration) -> None:
    """For all that can be made."""
    assert Duration.parse(str(duration)) == duration
