"""What callers give, checked and brought into the form in which it is logged. Anything wrong is refused `invalid`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import cast

from lifecycle.domain.calendar import Duration, Interval, parse_instant, shift
from lifecycle.domain.machine import Json
from lifecycle.errors import Refused

When = str | date | datetime
"""`now`, `next_cycle`, `period_end`, or an instant: aware, or a date or text that is local to the account's zone."""


def invalid(message: str) -> Refused:
    """The refusal of an argument that can't be meant."""
    return Refused("invalid", message, instead="Correct it and try again.")


def choice(plan: str | None, interval: str | None, seats: int | None) -> Json:
    """The fields of a plan choice that were given."""
    arguments: Json = {}
    if plan is not None:
        arguments["plan"] = plan
    if interval is not None:
        arguments["interval"] = _interval(interval)
    if seats is not None:
        arguments["seats"] = count(seats, "seats")
    return arguments


def count(value: int, what: str) -> int:
    """A whole number of at least 1."""
    if type(value) is not int or not 1 <= value <= 1_000_000:  # True is an int too
        raise invalid(f"{what} must be a whole number from 1 to 1,000,000, not {value!r}.")
    return value


def instant(when: When, zone: str) -> str:
    """An instant as it is logged: ISO 8601 in UTC. Dates and text without an offset are local to `zone`."""
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise invalid(f"{when!r} has no time zone; give an aware datetime, or a date.")
        return when.astimezone(UTC).isoformat()
    try:
        return parse_instant(when if isinstance(when, str) else when.isoformat(), zone).isoformat()
    except ValueError as error:
        raise invalid(str(error)) from error


def later(when: When, zone: str, now: datetime) -> datetime:
    """An instant, or one so far ahead of `now`: `+14d`, `+2h`, `+1 month`."""
    if not (isinstance(when, str) and when.startswith("+")):
        return datetime.fromisoformat(instant(when, zone))
    length = when[1:].strip()
    with suppress(ValueError):
        return Duration.parse(length).after(now, zone)
    try:
        interval = Interval.parse(length)
        return shift(now, interval.unit, interval.count, zone)
    except (ValueError, OverflowError) as error:
        raise invalid(f"{when!r} is no length such as +14d, +2h or '+1 month'.") from error


def asked(given: Mapping[str, object], zone: str) -> Json:
    """A command's arguments by the names that the machine has for them, in the form in which they are logged."""
    plan, interval, seats, at = (given.get(name) for name in ("plan", "interval", "seats", "at"))
    arguments = choice(
        None if plan is None else str(plan), None if interval is None else str(interval), cast("int | None", seats)
    )
    if at is not None:
        named = at in ("next_cycle", "period_end")
        arguments["at"] = at if named else instant(at if isinstance(at, date) else str(at), zone)
    return {**given, **arguments}


def _interval(text: str) -> str:
    try:
        return str(Interval.parse(text))
    except ValueError as error:
        raise invalid(str(error)) from error
