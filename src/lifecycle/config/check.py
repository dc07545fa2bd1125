"""Checking the value of a file against the shape of the settings: all that is wrong at once, told by path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lifecycle.config.errors import Path, shown
from lifecycle.config.settings import Settings
from lifecycle.config.shape import below, keys
from lifecycle.config.values import Known, Section, known_currency

AnySection = TypeVar("AnySection", bound=Section)

_EXPECTED = {
    "missing": "a value: it has no default",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "string_type": "a text (in quotes, if it looks like a number)",
    "list_type": "a list",
    "dict_type": "a map of keys to values",
    "model_type": "a map of keys to values",
    "greater_than_equal": "a number of at least {ge}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "{expected}",
    "too_short": "at least {min_length} entry",
}


class Finding(NamedTuple):
    """One thing wrong at a path: the value there as shown to people, and what is expected."""

    path: Path
    value: str
    expected: str


def check(value: Mapping[str, object]) -> Settings | list[Finding]:
    """The settings, or all that is wrong with them."""
    return validated(value, Settings, _known(value))


def validated(value: object, kind: type[AnySection], context: object = None) -> AnySection | list[Finding]:
    """A section of any file, or all that is wrong with it; its values may ask for the `context`."""
    try:
        return kind.model_validate(value, context=context)
    except ValidationError as error:
        found = error.errors(include_url=False)
        return [finding for details in found for finding in _findings(details, value, kind)]


def _known(value: object) -> Known:
    """What single values may refer to, as far as it can be made out where anything may be wrong."""
    catalog = _at(value, ("catalog",))
    currency, plans = _at(catalog, ("currency",)), _at(catalog, ("plans",))
    return Known(
        currency=currency if isinstance(currency, str) and known_currency(currency) else None,
        plans=frozenset(plans) if isinstance(plans, dict) else frozenset(),
    )


def _findings(details: ErrorDetails, value: object, whole: object) -> Iterator[Finding]:
    path, kind, context = details["loc"], details["type"], details.get("ctx", {})
    if kind == "missing":
        yield Finding(path, "missing", _EXPECTED[kind])
    elif kind == "extra_forbidden":
        names = ", ".join(_keys_at(path[:-1], whole))
        yield Finding(path, shown(_at(value, path), path[-1]), f"a known key: one of {names}")
    elif kind == "wrong":
        for at, expected in context["findings"]:
            yield _finding((*path, *at), value, expected)
    else:
        template = _EXPECTED.get(kind)
        yield _finding(path, value, template.format(**context) if template else details["msg"])


def _finding(path: Path, value: object, expected: str) -> Finding:
    """A finding at the part of `path` that the file has: pydantic goes on where it is about a key."""
    there = path
    while there and not _has(value, there):
        there = there[:-1]
    if path[len(there) :] == ("[key]",):
        return Finding(there, shown(there[-1]), expected)
    return Finding(there, shown(_at(value, there), there[-1] if there else ""), expected)


def _keys_at(path: Path, whole: object) -> list[str]:
    kind: object | None = whole
    for step in path:
        kind = below(kind, step)
    return list(keys(kind))


def _has(value: object, path: Path) -> bool:
    parent, last = _at(value, path[:-1]), path[-1]
    if isinstance(parent, list):
        return isinstance(last, int) and last < len(parent)
    return isinstance(parent, dict) and last in parent


def _at(value: object, path: Path) -> object:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
