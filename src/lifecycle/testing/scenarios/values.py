"""The single values of a scenario file: each is checked as it is read, and says what it expects."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainValidator

from lifecycle.app.arguments import moment
from lifecycle.config.values import wrong
from lifecycle.domain.calendar import parse_instant
from lifecycle.errors import Refused
from lifecycle.gateways.sandbox_cards import is_script

NOTHING = "none"
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)
_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,4})?")
_RULE = re.compile(r"[A-Z][1-9][0-9]?")


def _instant(value: object) -> str:
    if isinstance(value, str) and _is_instant(value):
        return value
    raise wrong("a date or time such as 2026-06-15, 2026-06-15T10:00 or 2026-06-15T10:00+02:00")


def _is_instant(text: str) -> bool:
    try:
        parse_instant(text, "UTC")
    except ValueError:
        return False
    return True


def _length(value: object) -> str:
    text = value.removeprefix("+").strip() if isinstance(value, str) else ""
    try:
        moment(f"+{text}", "UTC", _SOME_DAY)
    except Refused:
        raise wrong("a length of time such as 2h, 14d or '1 month'") from None
    return text


def _destination(value: object) -> str:
    if value == "next":
        return "next"
    if isinstance(value, str) and value.startswith("+"):
        return f"+{_length(value)}"
    if isinstance(value, str) and _is_instant(value):
        return value
    raise wrong("an instant, a length such as +14d or '+1 month', or next")


def _until(value: object) -> str:
    if isinstance(value, str) and (value.startswith("+") or _is_length(value)):
        return f"+{_length(value)}"
    if isinstance(value, str) and _is_instant(value):
        return value
    raise wrong("an instant, or a length such as 14d or '1 month'")


def _is_length(text: str) -> bool:
    try:
        _length(text)
    except ValueError:
        return False
    return True


def _one_of(*words: str) -> PlainValidator:
    """An instant, or one of these words."""

    def check(value: object) -> str:
        if isinstance(value, str) and (value in words or _is_instant(value)):
            return value
        raise wrong(f"{', '.join(words)}, or an instant")

    return PlainValidator(check)


def _amount(value: object) -> str:
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        return value
    raise wrong('an amount in quotes, such as "75.00"')


def _card(value: object) -> str:
    text = value
    if isinstance(value, dict) and len(value) == 1:
        [(name, number)] = value.items()
        text = f"{name}:{number}" if type(number) is int else ""
    if isinstance(text, str) and (text == NOTHING or is_script(text)):
        return text
    raise wrong(
        "ok, declines, expired, times_out, reply_lost, none, {declines_after: N} or {declines_first: N}: a sandbox card"
    )


def _rule(value: str) -> str:
    if not _RULE.fullmatch(value):
        raise wrong("the id of a rule, such as D5")
    return value


def _optional(value: object) -> object:
    return None if value == NOTHING else value


Instant = Annotated[str, PlainValidator(_instant)]
Length = Annotated[str, PlainValidator(_length)]
Destination = Annotated[str, PlainValidator(_destination)]
Until = Annotated[str, PlainValidator(_until)]
WhenToChange = Annotated[str, _one_of("now", "next_cycle")]
WhenToEnd = Annotated[str, _one_of("period_end", "now")]
Amount = Annotated[str, PlainValidator(_amount)]
Card = Annotated[str, PlainValidator(_card)]
RuleId = Annotated[str, AfterValidator(_rule)]
OrNone = BeforeValidator(_optional)
"""With it, `none` may stand for what is not there."""
