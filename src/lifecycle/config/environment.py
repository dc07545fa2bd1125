"""The environment over the file: `LIFECYCLE_SCHEDULER__BATCH=100` is `scheduler: {batch: 100}`.

A variable replaces the value that it names, whatever its case; maps, lists and numbers are read as YAML, text is
taken as it is. Promises: a `LIFECYCLE_` variable that names no setting is a problem, never silently ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from lifecycle.config.errors import ENVIRONMENT, Path, Problem, dotted, shown
from lifecycle.config.settings import Settings
from lifecycle.config.shape import below, core, element, items, keys
from lifecycle.config.values import Amount, Currency
from lifecycle.config.yaml import read_yaml

PREFIX = "LIFECYCLE_"
_CONFIG = "LIFECYCLE_CONFIG"
_TESTS = "LIFECYCLE_TEST_"


@dataclass(slots=True)
class Overlay:
    """The file's value with the environment over it, the variable behind each path set, and the problems."""

    value: dict[str, object]
    variables: dict[Path, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, variable: str, text: str) -> None:
        """Set what the variable names, or note why that cannot be."""
        path, kind = resolve(variable, self.value)
        if kind is None:
            nearest = get_close_matches(variable.upper(), list(known(self.value)), n=1, cutoff=0)
            self._refuse(variable, text, f"a known name; the nearest is {nearest[0]}")
        elif path in self.variables:
            self._refuse(variable, text, f"one variable for this setting: {self.variables[path]} names it too")
        else:
            self._set(path, self._read(variable, text, kind), variable, text)

    def _read(self, variable: str, text: str, kind: object) -> object:
        """The value of a variable for a setting of this kind."""
        number = core(kind) in (int, bool) and kind is not Amount
        map_ = bool(items(kind) or keys(kind))
        if not (number or map_ or element(kind)):
            return text
        document = read_yaml(text, ENVIRONMENT)
        for problem in document.problems:
            self._refuse(variable, text, problem.expected)
        # Where a map is expected, one word may do: an amount instead of prices by currency.
        return text if map_ and not isinstance(document.value, dict | list | str) else document.value

    def _set(self, path: Path, value: object, variable: str, text: str) -> None:
        place: dict[str, object] = self.value
        for depth, step in enumerate(path[:-1], start=1):
            inner = place.get(str(step))
            if inner is None:
                inner = place[str(step)] = {}
                self.variables[path[:depth]] = variable
            if not isinstance(inner, dict):
                self._refuse(variable, text, f"a map at {dotted(path[:depth])}, where the file has one value")
                return
            place = inner
        place[str(path[-1])] = value
        self.variables[path] = variable

    def _refuse(self, variable: str, text: str, expected: str) -> None:
        self.problems.append(Problem(ENVIRONMENT, None, variable, shown(text, variable), expected))


def overlaid(value: dict[str, object], environ: Mapping[str, str]) -> Overlay:
    """`value` (changed in place) with every `LIFECYCLE_` variable over it, the shallow ones first.

    `LIFECYCLE_CONFIG` and `LIFECYCLE_TEST_…` mean other things and are passed over.
    """
    overlay = Overlay(value)
    names = [name for name in environ if _is_setting(name.upper())]
    for name in sorted(names, key=lambda name: (name.count("__"), name)):
        overlay.add(name, environ[name])
    return overlay


def resolve(variable: str, value: object) -> tuple[Path, object | None]:
    """The path that a variable names and the kind of value there: None if it names no setting."""
    kind: object | None = Settings
    path: Path = ()
    for segment in variable[len(PREFIX) :].split("__"):
        step = _step(segment, kind, value)
        kind, path = below(kind, step), (*path, step)
        value = value.get(step) if isinstance(value, dict) else None
    return path, kind


def known(value: object, kind: object = Settings, prefix: str = PREFIX) -> Iterator[str]:
    """The variables of all single values and lists, with the names that the file gives to plans and jobs."""
    names = keys(kind) or (value if items(kind) and isinstance(value, dict) else {})
    for name in names:
        inner = value.get(name) if isinstance(value, dict) else None
        yield from known(inner, below(kind, name), f"{prefix}{name.upper()}__")
    if not names:
        yield prefix.removesuffix("__")


def _step(segment: str, kind: object, value: object) -> str:
    """The key that a segment means: one that is there, whatever its case, or a new one."""
    there = [*keys(kind), *(value if items(kind) and isinstance(value, dict) else ())]
    free = items(kind)
    new = segment.upper() if free and free[0] is Currency else segment.lower()
    return next((key for key in there if key.lower() == segment.lower()), new)


def _is_setting(name: str) -> bool:
    return name.startswith(PREFIX) and name != _CONFIG and not name.startswith(_TESTS)
