"""What callers give, checked and brought into the form in which it is logged. Anything wrong is refused `invalid`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import cast

from lifecycle.domain.calendar import Duration, Interval, parse_instant, shift
from lifecycle.domain.language import language_tag
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


_ORDINARY = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*@(?:[a-z0-9]{1,60}\.)+[a-z]{2,20}", re.ASCII)
_SPECIAL = (".arpa", ".invalid", ".local", ".localhost", ".onion", ".test")
"""What nobody has an address at."""


def email(text: str) -> str:
    """An e-mail address, normalised; whether it can be reached is not asked. Most are ordinary, which is seen at once,
    as the library would see it."""
    is_short = len(text) <= 200 and text.find("@") <= 60
    if is_short and _ORDINARY.fullmatch(text) and not text.endswith(_SPECIAL):
        return text
    return _unusual_email(text)


def _unusual_email(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415  # dear to import

    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise invalid(f"{text!r} is not an e-mail address: {error}") from error


def language(text: str | None) -> str | None:
    """The tag of a language; None where none is given, or an empty one."""
    if not text:
        return None
    try:
        return language_tag(text)
    except ValueError as error:
        raise invalid(str(error)) from error


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


def end(until: When, zone: str, now: datetime) -> datetime:
    """An instant that has not passed, in UTC: as `instant` takes it, or so long from now: `+3 months`, `+14d`."""
    at = moment(until, zone, now)
    if at < now:
        raise invalid(f"{until} has passed; give a date or time to come, or a length such as '+3 months'.")
    return at


def moment(when: When, zone: str, now: datetime) -> datetime:
    """An instant, in UTC: as `instant` takes it, or so long from now: `+3 months`, `+14d`."""
    try:
        if isinstance(when, str) and when.startswith("+"):
            return _after(now, when[1:].strip(), zone)
        return datetime.fromisoformat(instant(when, zone))
    except OverflowError as error:
        raise invalid(f"{when} is further than the calendar goes.") from error


def _after(now: datetime, length: str, zone: str) -> datetime:
    """`now` plus an interval, by the calendar of the zone, or a duration."""
    try:
        interval = Interval.parse(length)
    except ValueError:
        interval = None
    try:
        if interval is not None:
            return shift(now, interval.unit, interval.count, zone)
        return Duration.parse(length).after(now, zone)
    except ValueError as error:
        raise invalid(f"'+{length}' is no length: write it like '+3 months', '+1 year', +14d or +12h.") from error


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
