"""Loading the configuration: the file, the environment over it, then a `Config` or every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from lifecycle.config.errors import ENVIRONMENT, ConfigError, Path, Problem, dotted, shown
from lifecycle.config.model import Config

if TYPE_CHECKING:
    from lifecycle.config.check import Finding
    from lifecycle.config.yaml import Document


REPLACED: Path = ("catalog", "plans")
"""The map that is replaced as a whole by another file's: its plans are all that there are."""


@dataclass(frozen=True, slots=True)
class Over:
    """What another file says over the configuration: maps merge, but for the plans; all else is replaced.

    `lines` are its lines by path, and `at` is where in that file the value stands.
    """

    value: Mapping[str, object]
    file: str
    lines: Mapping[Path, int]
    at: Path

    def line(self, path: Path) -> int | None:
        """Where it says something of this path."""
        return self.lines.get((*self.at, *path)) if path else None

    def replaces(self, path: Path) -> bool:
        """Whether nothing that the configuration says of this path counts any more."""
        value: object = self.value
        for depth, step in enumerate(path, start=1):
            if not isinstance(value, Mapping) or path[: depth - 1] == REPLACED:
                return True
            if step not in value:
                return False
            value = value[str(step)]
        return False


def load_config(path: FilePath, environ: Mapping[str, str], over: Over | None = None) -> Config:
    """The configuration of a file with what is said `over` it, and the `LIFECYCLE_…` variables of `environ` over both.

    Raises ConfigError with all problems: those of the files by line, then those of the environment.
    """
    # Here and not above, so that `from lifecycle.config import …` waits for neither pydantic nor YAML.
    from lifecycle.config.check import check  # noqa: PLC0415
    from lifecycle.config.environment import overlaid  # noqa: PLC0415

    file = str(path)
    document = _read(_text(path), file)
    value = deepcopy(document.value)
    problems = list(document.problems)
    if not isinstance(value, dict | None):
        problems.append(Problem(file, 1, "", shown(value), "a map of keys to values"))
    merged = value if isinstance(value, dict) else {}
    if over is not None:
        merged = _merged(merged, over.value, ())
    overlay = overlaid(merged, environ)
    problems += overlay.problems
    if problems and not isinstance(value, dict):
        raise ConfigError(problems)
    settings = check(overlay.value)
    if isinstance(settings, list):
        taken = {(problem.file, problem.path) for problem in problems}
        found = [_problem(finding, file, document.lines, overlay.variables, over) for finding in settings]
        problems += [problem for problem in found if (problem.file, problem.path) not in taken]
    elif not problems:
        return settings.as_config(path)
    raise ConfigError(sorted(problems, key=_order))


@lru_cache(maxsize=8)
def _read(text: str, file: str) -> Document:
    """A document, which is read once however often it is asked for: testers load one file hundreds of times."""
    from lifecycle.config.yaml import read_yaml  # noqa: PLC0415

    return read_yaml(text, file)


def _text(path: FilePath) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError([Problem(str(path), None, "", "", f"a readable file: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem(str(path), None, "", "", "a file in UTF-8")]) from error


def _merged(below: Mapping[str, object], above: Mapping[str, object], at: Path) -> dict[str, object]:
    """Both, where the one above wins."""
    both = dict(below)
    for key, value in above.items():
        under, path = both.get(key), (*at, key)
        merges = isinstance(under, dict) and isinstance(value, Mapping) and path != REPLACED
        both[key] = _merged(under, value, path) if merges else value  # type: ignore[arg-type]  # both are maps then
    return both


def _problem(
    finding: Finding, file: str, lines: Mapping[Path, int], variables: Mapping[Path, str], over: Over | None
) -> Problem:
    """The finding at the variable that set its path, or at the line of the file that did: of two, the one above."""
    path, value, expected = finding
    above = [path[:depth] for depth in range(len(path), -1, -1)]
    for origin in above:
        if origin in variables:
            rest = dotted(path[len(origin) :])
            return Problem(ENVIRONMENT, None, variables[origin], f"{rest}: {value}" if rest else value, expected)
    for origin in above:
        if over is not None and (line := over.line(origin)) is not None:
            return Problem(over.file, line, dotted((*over.at, *path)), value, expected)
        if origin in lines and not (over is not None and over.replaces(origin)):
            return Problem(file, lines[origin], dotted(path), value, expected)
    return Problem(file, None, dotted(path), value, expected)


def _order(problem: Problem) -> tuple[bool, int, str]:
    return problem.file == ENVIRONMENT, problem.line or 0, problem.path
