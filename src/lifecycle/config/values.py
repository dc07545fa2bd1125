"""The single values of the configuration: each kind reads what is written, and says what it expects.

A check that needs the rest of the file (which plans there are, the currency of amounts) finds it in `Known`,
which every validation is given as its context.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    PlainValidator,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from lifecycle.config.errors import Path
from lifecycle.domain.calendar import Duration, Interval, known_zone
from lifecycle.domain.language import language_tag
from lifecycle.domain.money import exponent, parse_amount
from lifecycle.domain.policies import ANY

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_DOTTED_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Known:
    """What values may refer to: the currency of the catalogue (None: it is wrong itself), the ids of its plans."""

    currency: str | None
    plans: frozenset[str]


class Section(BaseModel):
    """A map with fixed keys: an unknown key is an error, and no value is converted silently."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def wrong(expected: str, at: Path = ()) -> PydanticCustomError:
    """The error to raise for one thing wrong; `at` is its path below the value in hand."""
    return all_wrong([(at, expected)])


def all_wrong(findings: Iterable[tuple[Path, str]]) -> PydanticCustomError:
    """The error to raise for several things wrong: their paths below the value in hand, and what is expected."""
    return PydanticCustomError("wrong", "wrong", {"findings": tuple(findings)})


def known_currency(code: str) -> bool:
    """Whether amounts can be given in this currency."""
    try:
        exponent(code)
    except ValueError:
        return False
    return True


def _currency(value: str) -> str:
    if not known_currency(value):
        raise wrong("an ISO 4217 currency code such as USD")
    return value


def _duration(value: object) -> Duration:
    try:
        return Duration.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise wrong("a duration such as 30s, 5m, 2h, 3d or 1w") from None


def _some_time(value: Duration) -> Duration:
    if not value.timedelta:
        raise wrong("a duration longer than none")
    return value


def _short_time(value: Duration) -> Duration:
    if value.timedelta > timedelta(seconds=30):
        raise wrong("a duration of at most 30s")
    return value


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError:
        raise wrong("a network such as 10.1.0.0/16 or fd00::/8") from None
    return value


def _interval(value: object) -> Interval:
    try:
        return Interval.parse(value if isinstance(value, str) else "")
    except ValueError:
        raise wrong("an interval: day, week, month, quarter, year, or a count such as '6 months'") from None


def _amount(value: object, currency: str) -> tuple[int, str]:
    """Minor units and nothing, or what is expected instead."""
    if isinstance(value, int | float):
        return 0, 'an amount as text: write it in quotes, such as "50.00"'
    if not isinstance(value, str):
        return 0, 'an amount in quotes, such as "50.00"'
    try:
        minor = parse_amount(value, currency)
    except ValueError:
        return 0, f"an amount in {currency}: digits, and at most {exponent(currency)} decimals after a point"
    return minor, "" if minor >= 0 else "an amount of at least 0"


def _price(value: object, info: ValidationInfo[Known]) -> dict[str, int]:
    """A price per currency, from a map or from one amount in the catalogue's currency."""
    known = info.context
    if not isinstance(value, dict):
        if known.currency is None:
            return {}
        minor, expected = _amount(value, known.currency)
        if expected:
            raise wrong(expected)
        return {known.currency: minor}
    findings: list[tuple[Path, str]] = [] if value else [((), "an amount, or a map of currencies to amounts")]
    prices: dict[str, int] = {}
    for currency, amount in value.items():
        if not known_currency(currency):
            findings.append(((currency,), "an ISO 4217 currency code such as USD as the key"))
            continue
        prices[currency], expected = _amount(amount, currency)
        if expected:
            findings.append(((currency,), expected))
    if findings:
        raise all_wrong(findings)
    return prices


def _no_twins(value: object, handler: ValidatorFunctionWrapHandler) -> dict[Interval, dict[str, int]]:
    prices: dict[Interval, dict[str, int]] = handler(value)
    if isinstance(value, dict) and len(prices) < len(value):
        raise wrong("each interval once: two of these keys are the same interval")
    return prices


def _pack(value: object) -> int:
    if not isinstance(value, str) or not _COUNT.fullmatch(value):
        raise wrong("a number of tokens, at least 1, as the key")
    return int(value)


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise wrong("a name of at most 64 letters, digits, '_', '-' and '.', which starts with a letter or digit")
    return value


def _code(value: str) -> str:
    if not _CODE.fullmatch(value):
        raise wrong("a refusal code of small letters, digits and '_', such as contact_us")
    return value


def _plan_or_any(value: str, info: ValidationInfo[Known]) -> str:
    known = info.context
    if value != ANY and value not in known.plans:
        raise wrong(f"a plan of the catalogue or '*': one of {', '.join([*sorted(known.plans), ANY])}")
    return value


def _text(value: str) -> str:
    if not value.strip():
        raise wrong("a text that is not blank")
    return value


def _zone(value: str) -> str:
    if not known_zone(value):
        raise wrong("an IANA time zone such as UTC or Europe/Paris")
    return value


def _language(value: str) -> str:
    try:
        return value if value == "en" else language_tag(value)
    except ValueError:
        raise wrong("a language such as en, de or pt-BR") from None


def _email(value: str) -> str:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - slow to import, and seldom needed

    try:
        return validate_email(value, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise wrong("an e-mail address such as billing@example.com") from None


def _page_link(value: str) -> str:
    if value and (not value.startswith(("https://", "http://")) or not value.isprintable() or " " in value):
        raise wrong("the address of a page, such as https://example.com/{account}")
    return value


def _dotted_path(value: str) -> str:
    if not _DOTTED_PATH.fullmatch(value):
        raise wrong("a dotted path such as package.module:Name")
    return value


def _cron(value: str) -> str:
    from lifecycle.config.cron import cron_trigger  # noqa: PLC0415 - slow to import, and not every file has jobs

    try:
        cron_trigger(value, "UTC")
    except ValueError:
        raise wrong("a cron line of 5 fields (minute, hour, day, month, weekday), such as '0 4 * * *'") from None
    return value


def _database_url(value: str) -> str:
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - as slow, and not needed to define these types
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        backend = make_url(value).get_backend_name()
    except (ArgumentError, ValueError):
        backend = ""
    if backend not in ("sqlite", "postgresql"):
        raise wrong("a database URL such as sqlite:///lifecycle.db or postgresql+psycopg://user@host/name")
    return value


Currency = Annotated[str, AfterValidator(_currency)]
DurationText = Annotated[Duration, PlainValidator(_duration)]
SomeTime = Annotated[Duration, PlainValidator(_duration), AfterValidator(_some_time)]
Heartbeat = Annotated[SomeTime, AfterValidator(_short_time)]
Timeout = Annotated[SomeTime, AfterValidator(_short_time)]
IntervalText = Annotated[Interval, PlainValidator(_interval)]
Amount = Annotated[int, "minor units, written as text"]
Price = Annotated[dict[Currency, Amount], PlainValidator(_price)]
PricesByInterval = Annotated[dict[IntervalText, Price], WrapValidator(_no_twins)]
PackSize = Annotated[int, PlainValidator(_pack)]
Name = Annotated[str, AfterValidator(_name)]
RefusalCode = Annotated[str, AfterValidator(_code)]
PlanOrAny = Annotated[str, AfterValidator(_plan_or_any)]
Text = Annotated[str, AfterValidator(_text)]
Zone = Annotated[str, AfterValidator(_zone)]
Language = Annotated[str, AfterValidator(_language)]
Email = Annotated[str, AfterValidator(_email)]
PageLink = Annotated[str, AfterValidator(_page_link)]
DottedPath = Annotated[str, AfterValidator(_dotted_path)]
CronText = Annotated[str, AfterValidator(_cron)]
NetworkText = Annotated[str, AfterValidator(_network)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
