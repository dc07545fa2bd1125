"""What is wrong with a configuration: every problem, each with its place, its value and what is expected.

Promises: no problem ever shows a password of a database URL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lifecycle.errors import LifecycleError

Path = tuple[str | int, ...]

ENVIRONMENT = "environment"

_LONGEST = 80
_SECRET_NAME = re.compile(r"password|passwd|pwd|secret", re.IGNORECASE)
_URL_NAME = re.compile(r"(url|uri|dsn)$", re.IGNORECASE)
_LIKE_A_URL = re.compile(r"://|:.*@", re.DOTALL)
_QUERY_PASSWORD = re.compile(r"((?:password|passwd|pwd|secret)[^=&\s]*=)[^&\s]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong, in a file or in the `environment`; `path` is a dotted path of keys, or the variable.

    `line` counts from 1, None where there is none. `value` is the value as people see it, passwords masked.
    """

    file: str
    line: int | None
    path: str
    value: str
    expected: str

    def __str__(self) -> str:
        """One line, such as ``config.yaml:12: scheduler.batch: 0: expected a number of at least 1``."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.path, self.value, f"expected {self.expected}") if part)


class ConfigError(LifecycleError):
    """The configuration cannot be used (code ``config_invalid``); ``str()`` lists the problems, one a line."""

    code = "config_invalid"

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def dotted(path: Path) -> str:
    """The path as people write it: ``policies.change[0].when``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def shown(value: object, name: object = "") -> str:
    """A value for people, in one line: text in quotes, the rest as in YAML, cut if long, without secrets.

    `name` is the key that holds the value: what belongs to a key such as `password` is not shown at all.
    """
    text = _shown(value, name)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _shown(value: object, name: object = "") -> str:
    if isinstance(name, str) and _SECRET_NAME.search(name):
        return "'***'"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(part, key)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_shown(part, name) for part in value) + "]"
    if isinstance(value, str):
        like_a_url = _URL_NAME.search(str(name)) or _LIKE_A_URL.search(value)
        return repr(_masked(value) if like_a_url else value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _masked(url: str) -> str:
    """A URL, even a malformed one, without all that may be its password: up to the last @, or to the end."""
    head, slashes, rest = url.partition("//") if "//" in url else ("", "", url)
    user, colon, secret = rest.partition(":")
    if colon:
        _, at, host = secret.rpartition("@")
        rest = f"{user}:***{at}{host}" if at else f"{user}:***"
    return _QUERY_PASSWORD.sub(r"\1***", f"{head}{slashes}{rest}")
