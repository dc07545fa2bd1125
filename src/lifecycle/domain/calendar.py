"""The calendar of an account: intervals, durations, and the boundaries they make in an IANA time zone.

Promises: a boundary is counted from its anchor, never from the boundary before it, by the wall clock of the
zone; every instant that comes out is aware and in UTC. A local time that does not exist moves forward by the
gap; of two, the first is meant. Nothing here reads a clock.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

Unit = Literal["day", "month"]

_INTERVALS: dict[str, tuple[Unit, int]] = {
    "day": ("day", 1),
    "week": ("day", 7),
    "month": ("month", 1),
    "quarter": ("month", 3),
    "year": ("month", 12),
}
_NAMES = "|".join(_INTERVALS)
_INTERVAL = re.compile(rf"({_NAMES})|([1-9][0-9]{{0,3}}) ({_NAMES})s?")
_MOST_UNITS = 1200

_DURATIONS = {"s": (0, 1), "m": (0, 60), "h": (0, 3600), "d": (1, 0), "w": (7, 0)}
_DURATION = re.compile(r"(0|[1-9][0-9]{0,9})([smhdw])")
_CENTURY = 36_525 * 86_400  # seconds

_SHORTEST_MONTH = 28
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?"
)

_Exact = timedelta  # because inside Duration that name is a property


@dataclass(frozen=True, slots=True, order=False)
class Interval:
    """The length of a cycle: 1 to 1200 days, or 1 to 1200 months; a week is 7 days, a year 12 months.

    Raises ValueError for a count outside of that.
    """

    unit: Unit
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.count <= _MOST_UNITS:
            raise ValueError(f"An interval has 1 to {_MOST_UNITS} {self.unit}s, not {self.count}.")

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Read ``day``, ``week``, ``month``, ``quarter``, ``year`` or a count of them, such as ``6 months``.

        Raises ValueError for anything else.
        """
        match = _INTERVAL.fullmatch(text)
        if match is None:
            raise ValueError(
                f"{text!r} is not an interval: write day, week, month, quarter, year, or a count such as '6 months'."
            )
        unit, size = _INTERVALS[match[1] or match[3]]
        return cls(unit, size * int(match[2] or 1))

    @property
    def days(self) -> int:
        """The mean length in whole days, for ordering intervals by length only: never for dates."""
        if self.unit == "day":
            return self.count
        # 400 years are 4,800 months and 146,097 days: 30.436875 days a month, rounded half up.
        return (self.count * 146_097 + 2_400) // 4_800

    def __str__(self) -> str:
        """The canonical name, which ``parse`` reads back: ``quarter``, ``2 years``, ``10 days``."""
        if (self.unit, self.count) == _INTERVALS["quarter"]:
            return "quarter"
        name: str = "week" if self.unit == "day" else "year"
        number, rest = divmod(self.count, _INTERVALS[name][1])
        if rest:
            name, number = self.unit, self.count
        return name if number == 1 else f"{number} {name}s"


@dataclass(frozen=True, slots=True)
class Duration:
    """A delay, in calendar days of the account's zone or in exact seconds, never both: none to 100 years.

    Raises ValueError for anything else.
    """

    days: int
    seconds: int

    def __post_init__(self) -> None:
        # The smaller one is 0 exactly when neither is negative and one of them is nothing.
        if min(self.days, self.seconds) != 0 or self.days * 86_400 + self.seconds > _CENTURY:
            raise ValueError("A duration is days or seconds, not both; not negative, and at most 100 years.")

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read ``30s``, ``5m``, ``2h`` (exact), ``3d`` or ``1w`` (calendar days), ``0s`` and ``0d`` too.

        Raises ValueError for anything else.
        """
        match = _DURATION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a duration: write it like 30s, 5m, 2h, 3d or 1w.")
        days, seconds = _DURATIONS[match[2]]
        number = int(match[1])
        return cls(number * days, number * seconds)

    def after(self, instant: datetime, zone: str) -> datetime:
        """``instant`` plus this, aware and in UTC: days keep the wall time of the zone, seconds are exact."""
        return shift(instant, "day", self.days, zone) + timedelta(seconds=self.seconds)

    def before(self, instant: datetime, zone: str) -> datetime:
        """``instant`` minus this, aware and in UTC, by the same rule as ``after``."""
        return shift(instant, "day", -self.days, zone) - timedelta(seconds=self.seconds)

    @property
    def timedelta(self) -> _Exact:
        """The exact length, for where there is no zone: a day has 24 hours."""
        return timedelta(days=self.days, seconds=self.seconds)

    def __str__(self) -> str:
        """The canonical form, which ``parse`` reads back, in the largest unit that divides it, or ``0s``."""
        if self.days:
            return f"{self.days // 7}w" if self.days % 7 == 0 else f"{self.days}d"
        unit = next((u for u in "hm" if self.seconds and self.seconds % _DURATIONS[u][1] == 0), "s")
        return f"{self.seconds // _DURATIONS[unit][1]}{unit}"


def shift(anchor: datetime, unit: Unit, count: int, zone: str) -> datetime:
    """The boundary ``count`` units from ``anchor`` by the wall clock of ``zone``, aware and in UTC.

    A day that the month lacks becomes its last: 31 January, 28 February, 31 March. Seconds and microseconds
    are kept; a count of 0 is the anchor itself. Raises ValueError for a naive anchor or an unknown zone.
    """
    here = local(anchor, zone)
    if count == 0:
        return here.astimezone(UTC)
    if unit == "day":
        return _instant(here + timedelta(days=count))
    years, month = divmod(here.month - 1 + count, 12)
    year, month, day = here.year + years, month + 1, here.day
    if day > _SHORTEST_MONTH:
        day = min(day, monthrange(year, month)[1])
    return _instant(here.replace(year, month, day))


def is_boundary(  # noqa: PLR0917 - the arguments of shift, and the three that make a series of it
    instant: datetime, anchor: datetime, unit: Unit, start: int, step: int, zone: str
) -> bool:
    """Whether ``instant`` is ``shift(anchor, unit, start + k * step, zone)`` for a whole k >= 1.

    ``step`` is at least 1. Raises ValueError for a naive instant or anchor, and for an unknown zone.
    """
    here, origin = local(instant, zone), local(anchor, zone)
    moment = here.astimezone(UTC)  # across zones, a time in a repeated hour equals nothing, not even itself
    if unit == "day":
        count = here.toordinal() - origin.toordinal()
    else:
        count = (here.year - origin.year) * 12 + here.month - origin.month
    # A gap can move a boundary past midnight: then it was counted one unit less than its date says.
    return any(
        n > start and (n - start) % step == 0 and shift(anchor, unit, n, zone) == moment for n in (count, count - 1)
    )


def parse_instant(text: str, zone: str) -> datetime:
    """Read an ISO date (00:00 local) or a date and time; one without an offset is local to ``zone``.

    ``2026-06-15``, ``2026-06-15 10:00``, ``2026-06-15T10:00:30Z``, ``2026-06-15T10:00+02:00``; the result is
    aware and in UTC. Raises ValueError for anything else, and for an unknown zone.
    """
    clock = _zone(zone)
    try:
        if _INSTANT.fullmatch(text) is None:
            raise ValueError("not of this form")
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else _instant(moment.replace(tzinfo=clock))
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text!r} is not a date or time: write 2026-06-15, '2026-06-15 10:00' or 2026-06-15T10:00+02:00."
        ) from error


def local(instant: datetime, zone: str) -> datetime:
    """The wall clock of ``zone`` at ``instant``. Raises ValueError for a naive instant or an unknown zone."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no offset: an instant must be aware.")
    return instant.astimezone(_zone(zone))


def known_zone(name: str) -> bool:
    """Whether ``name`` is an IANA time zone, spelled exactly so. Never raises, whatever the text."""
    return name in _zone_names()


def _instant(wall: datetime) -> datetime:
    """The instant of a wall time: fold 0 is the first of two, and moves a missing one forward by the gap."""
    return wall.replace(fold=0).astimezone(UTC)


@cache
def _zone(name: str) -> ZoneInfo:
    """The zone, kept for good: zoneinfo itself is sure to keep only the last eight."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone: write an IANA name such as Europe/Paris.") from error


@cache
def _zone_names() -> frozenset[str]:
    # Some systems add a link "localtime", which is another zone on each machine.
    return frozenset(available_timezones() - {"localtime"})
