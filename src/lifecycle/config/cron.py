"""Cron lines as cron reads them. APScheduler 3 counts weekdays from Monday, and asks for the day and the weekday."""

from __future__ import annotations

import re

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAME = f"{'|'.join(_WEEKDAYS[:7])}|[0-7]"
_PART = re.compile(rf"(?:\*|(?P<first>{_NAME})(?:-(?P<last>{_NAME}))?)(?:/(?P<step>[1-9]))?")


def cron_trigger(line: str, zone: str) -> BaseTrigger:
    """The trigger for a line of minute, hour, day, month and weekday, by the wall clock of `zone`.

    Sunday is 0 and 7. Where both a day and a weekday are given, either of them will do. Raises ValueError.
    """
    minute, hour, day, month, weekday = line.lower().split()
    at = {"minute": minute, "hour": hour, "month": month, "timezone": zone}
    weekdays = ",".join(_WEEKDAYS[number] for part in weekday.split(",") for number in _numbers(part))
    if day.startswith("*") or weekday.startswith("*"):
        return CronTrigger(day=day, day_of_week=weekdays, **at)
    return OrTrigger([CronTrigger(day=day, **at), CronTrigger(day_of_week=weekdays, **at)])


def _numbers(part: str) -> range:
    """The weekdays that a part of the last field means, counted from Sunday: `5-7`, `mon-fri`, `*/2`."""
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError(f"{part!r} is no weekday of a cron line.")
    first, last, step = match["first"], match["last"], match["step"]
    start = _number(first) if first else 0
    end = _number(last) if last else start if first and not step else 6
    if end == 0 < start:
        end = 7
    if end < start:
        raise ValueError(f"{part!r} goes backwards.")
    return range(start, end + 1, int(step or 1))


def _number(day: str) -> int:
    return int(day) if day.isdigit() else _WEEKDAYS.index(day)
