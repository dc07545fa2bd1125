"""Reading scenario files: a story, or everything that is wrong with the file, each with its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any

from lifecycle.config import Config, ConfigError, Problem, load_config
from lifecycle.config.check import Finding, validated
from lifecycle.config.errors import Path, dotted, shown
from lifecycle.config.load import Over
from lifecycle.config.yaml import Document, read_yaml
from lifecycle.domain.calendar import known_zone
from lifecycle.errors import LifecycleError
from lifecycle.testing.scenarios.model import MODIFIERS, Expect, ExpectQuote, Scenario, Step

SUFFIX = ".scenario.yaml"
WITHOUT_ARGUMENTS = frozenset(Step.model_fields) - MODIFIERS - {"account", "card", "skip", "down", "run", "travel"}
"""The commands of which a bare word may be made."""


class ScenarioInvalid(LifecycleError):
    """A scenario file can't be played (code `scenario_invalid`); `str()` lists the problems, one a line."""

    code = "scenario_invalid"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


@dataclass(frozen=True, slots=True)
class Told:
    """A step with its line in the file, as it stands there, and what is expected of it, if anything."""

    step: Step
    line: int
    words: str
    expected: Expect | ExpectQuote | None


@dataclass(frozen=True, slots=True)
class Story:
    """A scenario as it was read, with the configuration that it is played with."""

    file: FilePath
    scenario: Scenario
    steps: tuple[Told, ...]
    config: Config

    @property
    def name(self) -> str:
        """What it is called."""
        return self.scenario.scenario

    @property
    def zone(self) -> str:
        """The zone of its instants."""
        return self.config.zone


def found_in(paths: Sequence[FilePath]) -> list[FilePath]:
    """The scenario files that are named, and those in the folders that are, in order of their names. Raises
    LifecycleError (`no_scenario`) for a folder without one, and a file that is not there."""
    files: list[FilePath] = []
    for path in paths:
        inside = sorted(path.rglob(f"*{SUFFIX}")) if path.is_dir() else [path] if path.is_file() else []
        if not inside:
            raise LifecycleError(f"There is no scenario file at {path}.", code="no_scenario")
        files += inside
    return list(dict.fromkeys(files))


def read_scenario(file: FilePath, config: FilePath) -> Story:
    """The story of a file, over the configuration of another. Raises ScenarioInvalid with all that is wrong, and
    ConfigError where that is the configuration itself."""
    document = _document(file)
    raw = _normal(document.value)
    scenario = validated(raw, Scenario)
    problems = list(document.problems)
    if isinstance(scenario, list):
        problems += _problems(scenario, file, document.lines)
    steps = list(_told(raw, document.lines, file, problems))
    told = _config(config, raw, Over({}, str(file), document.lines, ("config",)))
    if isinstance(told, ConfigError):
        problems += told.problems
    if problems or isinstance(scenario, list) or isinstance(told, ConfigError):
        raise ScenarioInvalid(sorted(dict.fromkeys(problems), key=lambda one: (one.line or 0, one.path)))
    return Story(file, scenario, tuple(steps), told)


def _config(path: FilePath, raw: object, over: Over) -> Config | ConfigError:
    """The configuration with what the file says over it, or what is wrong with that. Nothing of the machine's
    environment gets into a story. Raises ConfigError where it is the configuration itself."""
    said, zone = (raw.get("config"), raw.get("zone")) if isinstance(raw, dict) else (None, None)
    value = dict(said) if isinstance(said, dict) else {}
    value |= {"zone": zone} if isinstance(zone, str) and known_zone(zone) else {}
    try:
        return load_config(path, {}, replace(over, value=value))
    except ConfigError as error:
        if any(problem.file != over.file for problem in error.problems):
            raise
        return error


def _document(file: FilePath) -> Document:
    try:
        return read_yaml(file.read_text(encoding="utf-8-sig"), str(file))
    except OSError as error:
        raise ScenarioInvalid([Problem(str(file), None, "", "", f"a readable file: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise ScenarioInvalid([Problem(str(file), None, "", "", "a file in UTF-8")]) from error


def _normal(value: object) -> object:
    """The document with bare words written out: `withdraw_change` is `withdraw_change: {}`, `account: acme` is
    `account: {name: acme}`."""
    if not (isinstance(value, dict) and isinstance(value.get("steps"), list)):
        return value
    return value | {"steps": [_normal_step(step) for step in value["steps"]]}


def _normal_step(step: object) -> object:
    if isinstance(step, str):
        return {step: {}}
    if not isinstance(step, dict):
        return step
    written = {name: {} if it is None and name in WITHOUT_ARGUMENTS else it for name, it in step.items()}
    if isinstance(written.get("account"), str):
        written["account"] = {"name": written["account"]}
    if "quote" in written:
        written["quote"] = _normal_step(written["quote"])
    return written


def _told(raw: object, lines: Mapping[Path, int], file: FilePath, problems: list[Problem]) -> Iterator[Told]:
    """The steps that can be read; what is wrong with an expectation goes to the problems."""
    steps = raw.get("steps") if isinstance(raw, dict) else None
    for number, step in enumerate(steps if isinstance(steps, list) else []):
        if not isinstance(step, dict):
            continue
        expected: Expect | ExpectQuote | None = None
        if "expect" in step:
            checked = validated(step["expect"], ExpectQuote) if "quote" in step else validated(step["expect"], Expect)
            if isinstance(checked, list):
                at: Path = ("steps", number, "expect")
                moved = [Finding((*at, *one.path), one.value, one.expected) for one in checked]
                problems += _problems(moved, file, lines)
                continue
            expected = checked
        read = validated(step, Step)
        if isinstance(read, Step):
            yield Told(read, lines[("steps", number)], _words(step), expected)


def _words(step: Mapping[str, Any]) -> str:
    """A step in one line, without what is expected of it."""
    parts = [f"{name} {_plain(value)}".rstrip() for name, value in step.items() if name != "expect"]
    return ", ".join(parts) or "expect"


def _plain(value: object) -> str:
    if not isinstance(value, dict):
        return shown(value).strip("'")
    inner = {name: _plain(it) for name, it in value.items()}
    return " ".join(f"{name} {it}" if isinstance(value[name], dict) else f"{name}={it}" for name, it in inner.items())


def _problems(found: Sequence[Finding], file: FilePath, lines: Mapping[Path, int]) -> Iterator[Problem]:
    for path, value, expected in found:
        above = (path[:depth] for depth in range(len(path), -1, -1))
        line = next((lines[place] for place in above if place in lines), 1)
        yield Problem(str(file), line, dotted(path), value, expected)
