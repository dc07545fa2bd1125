"""Cron lines mean what they mean to cron, on the wall clock of a zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from lifecycle.config.cron import cron_trigger

PARIS = ZoneInfo("Europe/Paris")


def runs(line: str, since: str, times: int) -> list[str]:
    """The next so many times after a date, in Paris."""
    trigger = cron_trigger(line, "Europe/Paris")
    now = datetime.fromisoformat(since).replace(tzinfo=PARIS)
    found: list[str] = []
    for _ in range(times):
        now = trigger.get_next_fire_time(now if found else None, now)
        found.append(f"{now:%a %d %H:%M}")
    return found


def test_a_line_is_read_by_the_wall_clock_of_its_zone() -> None:
    """At four in the morning it is four before and after the clocks go forward on 29 March 2026."""
    trigger = cron_trigger("0 4 * * *", "Europe/Paris")
    day = trigger.get_next_fire_time(None, datetime(2026, 3, 28, 12, tzinfo=PARIS))
    assert day.isoformat() == "2026-03-29T04:00:00+02:00"


@pytest.mark.parametrize("weekday", ["0", "7", "sun", "SUN"])
def test_sunday_is_0_and_7(weekday: str) -> None:
    """From Wednesday, 4 March 2026, the next Sundays are the 8th and the 15th."""
    assert runs(f"0 0 * * {weekday}", "2026-03-04", 2) == ["Sun 08 00:00", "Sun 15 00:00"]


@pytest.mark.parametrize(
    ("weekdays", "expected"),
    [
        ("1-5", ["Thu 05", "Fri 06", "Mon 09", "Tue 10"]),
        ("mon-fri", ["Thu 05", "Fri 06", "Mon 09", "Tue 10"]),
        ("5-7", ["Fri 06", "Sat 07", "Sun 08", "Fri 13"]),
        ("fri-sun", ["Fri 06", "Sat 07", "Sun 08", "Fri 13"]),
        ("0-1", ["Sun 08", "Mon 09", "Sun 15", "Mon 16"]),
        ("*/2", ["Thu 05", "Sat 07", "Sun 08", "Tue 10"]),
        ("1/3", ["Thu 05", "Mon 09", "Thu 12", "Mon 16"]),
        ("1-5/2", ["Fri 06", "Mon 09", "Wed 11", "Fri 13"]),
        ("2,sat", ["Sat 07", "Tue 10", "Sat 14", "Tue 17"]),
        ("*", ["Thu 05", "Fri 06", "Sat 07", "Sun 08"]),
    ],
)
def test_weekdays_are_counted_from_sunday(weekdays: str, expected: list[str]) -> None:
    """From Wednesday, 4 March 2026, at noon."""
    assert runs(f"30 6 * * {weekdays}", "2026-03-04T12:00", 4) == [f"{day} 06:30" for day in expected]


def test_of_a_day_and_a_weekday_either_will_do() -> None:
    """On the 13th and on Fridays: in April 2026 on 3, 10, 13 and 17."""
    assert runs("0 0 13 * fri", "2026-04-01", 4) == ["Fri 03 00:00", "Fri 10 00:00", "Mon 13 00:00", "Fri 17 00:00"]


def test_a_day_that_starts_with_a_star_narrows_the_weekday() -> None:
    """On Fridays that are odd days of their month: in April 2026 the 3rd and the 17th."""
    assert runs("0 0 */2 * fri", "2026-04-01", 2) == ["Fri 03 00:00", "Fri 17 00:00"]


@pytest.mark.parametrize(
    "line", ["", "0 4 * *", "0 4 * * * *", "61 4 * * *", "0 0 * * 8", "0 0 * * 1,5-3", "0 0 * * fri-mon", "0 0 * * day"]
)
def test_what_is_no_cron_line_is_refused(line: str) -> None:
    """Too few or too many fields, what is out of range, and what goes backwards."""
    with pytest.raises(ValueError):  # noqa: PT011  # who asks says it in words of its own
        cron_trigger(line, "UTC")
