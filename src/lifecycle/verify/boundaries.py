"""Where cycles start, counted from the anchor by the calendar of the account's zone (rule C1)."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from lifecycle.verify.reading import instant
from lifecycle.verify.records import Json

_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAYS = {"day": 1, "week": 7}


def starts_a_cycle(moment: datetime, facts: Json) -> bool:
    """Whether a cycle is to start at `moment`, later than now: the cycles to come are counted off one by one.

    In a trial they are counted from its end. Raises KeyError, TypeError, ValueError or OverflowError for facts that
    can't be read.
    """
    boundary = instant(facts["boundary"])
    if moment == boundary:
        return True
    first = boundary if facts["phase"] == "trial" else instant(facts["anchor"])
    anchor, units = first.astimezone(ZoneInfo(facts["zone"])), facts["elapsed"]
    number, unit = _interval(facts["interval"])
    while True:
        units += number
        start = _later(anchor, units, unit)
        if start >= moment:
            return start == moment


def _interval(text: str) -> tuple[int, str]:
    """`month`, `2 weeks`: how many, of what."""
    number, _, unit = text.rpartition(" ")
    count, unit = int(number or 1), unit if not number or int(number) == 1 else unit.removesuffix("s")
    if count < 1 or unit not in _MONTHS | _DAYS:
        raise ValueError(f"{text!r} is no interval")
    sizes = _MONTHS if unit in _MONTHS else _DAYS
    return count * sizes[unit], "month" if unit in _MONTHS else "day"


def _later(anchor: datetime, count: int, unit: str) -> datetime:
    """So many units after the anchor, at its wall time: the last day of a month that is too short, the first of two
    times, and after a gap as much later as the gap is long."""
    if unit == "day":
        wall = anchor + timedelta(days=count)
    else:
        months = anchor.year * 12 + anchor.month - 1 + count
        year, month = months // 12, months % 12 + 1
        wall = anchor.replace(year=year, month=month, day=min(anchor.day, monthrange(year, month)[1]), fold=0)
    return wall.astimezone(UTC)
