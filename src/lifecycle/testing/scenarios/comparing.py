"""Whether what is there is what was expected; what is not named is not compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lifecycle.config.values import Section
from lifecycle.domain.calendar import Interval, local, parse_instant
from lifecycle.domain.money import format_amount, parse_amount


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units."""

    minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that is not as expected, both as people write it."""

    what: str
    expected: str
    actual: str


def compare(what: str, expected: object, actual: object, zone: str) -> Iterator[Mismatch]:
    """What differs. Instants are compared as instants and amounts as amounts, however they are written; `actual` has
    maps where `expected` has sections, aware datetimes, dates, `Money`, and plain values."""
    if isinstance(expected, Section) and isinstance(actual, Mapping):
        for name, it in named(expected).items():
            yield from compare(f"{what}.{name}" if what else name, it, actual.get(name), zone)
    elif isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for name, it in expected.items():
            yield from compare(f"{what}.{name}", it, actual.get(name), zone)
    elif isinstance(expected, list) and isinstance(actual, Sequence) and not isinstance(actual, str):
        plain = not any(isinstance(one, Section) for one in expected) and expected != list(actual)
        if len(expected) != len(actual) or plain:
            yield Mismatch(what, told(expected, zone), told([_like(expected, one) for one in actual], zone))
            return
        for number, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from compare(f"{what}[{number}]", one, other, zone)
    elif not _same(expected, actual, zone):
        yield Mismatch(what, told(expected, zone), told(actual, zone))


def named(section: Section) -> dict[str, object]:
    """What a section says, by the names that the file has for it."""
    fields = ((name, field.alias or name) for name, field in type(section).model_fields.items())
    return {alias: getattr(section, name) for name, alias in fields if name in section.model_fields_set}


def _same(expected: object, actual: object, zone: str) -> bool:
    if isinstance(expected, Interval):
        return str(expected) == actual
    if isinstance(expected, str):
        match actual:
            case datetime():
                return parse_instant(expected, zone) == actual
            case date():
                return local(parse_instant(expected, zone), zone).date() == actual
            case Money(minor, currency):
                return parse_amount(expected, currency) == minor
    return type(expected) is type(actual) and expected == actual


def _like(expected: Sequence[object], actual: object) -> object:
    """Of what is there, only that which is asked for somewhere."""
    asked = {name for one in expected if isinstance(one, Section) for name in named(one)}
    if isinstance(actual, Mapping) and asked:
        return {name: actual.get(name) for name in actual if name in asked}
    return actual


def told(value: object, zone: str) -> str:
    """A value as the file would have it."""
    if isinstance(value, Section):
        value = named(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {told(it, zone)}" for name, it in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(told(one, zone) for one in value) + "]"
    return _word(value, zone)


def _word(value: object, zone: str) -> str:
    match value:
        case None | bool():
            return {None: "none", True: "true", False: "false"}[value]
        case datetime():
            return f"{local(value, zone):%Y-%m-%dT%H:%M:%S}".removesuffix(":00")
        case Money(minor, currency):
            return f'"{format_amount(minor, currency)}"'
    return str(value)
