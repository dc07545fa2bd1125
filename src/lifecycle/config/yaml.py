"""A YAML reader for people's files: strict about what is ambiguous, and it knows the line of everything.

Promises: a key given twice, an alias, an anchor, a merge key or a tag is a problem and not a surprise. Keys are
always text. Only `true`, `false`, `null` and plain numbers are anything but text, so `no` and `on` are words,
and a date is its text. Problems are collected, with their lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from lifecycle.config.errors import Path, Problem, dotted, shown

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})\.[0-9]+(?:[eE][-+]?[0-9]{1,2})?")
_DEEPEST = 50
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Document:
    """What a text says: its value, the line of every path, its problems. Unreadable: no value, no lines."""

    value: object
    lines: Mapping[Path, int]
    problems: tuple[Problem, ...]


def read_yaml(text: str, file: str) -> Document:
    """Read one YAML document. Raises nothing: what is wrong stands in `problems`, with `file` as its place.

    The line of a scalar is its own; the line of a map or list is that of the key that introduces it.
    """
    reader = _Reader(file, iter(()))
    try:
        reader.events = yaml.parse(text, Loader=yaml.SafeLoader)
        value = reader.document()
    except yaml.YAMLError as error:
        return Document(None, {}, (*reader.problems, _unreadable(error, text, file)))
    return Document(value, reader.lines, tuple(reader.problems))


@dataclass(slots=True)
class _Reader:
    """One pass over the events of a document, which keeps the lines and the problems that it meets."""

    file: str
    events: Iterator[yaml.Event]
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def document(self) -> object:
        value: object = None
        documents = 0
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
            elif isinstance(event, yaml.NodeEvent) and documents == 1:
                value = self.value(event, (), 1)
            elif isinstance(event, yaml.NodeEvent):
                self._add((), _line(event), "---", "one document only")
                break
        return value

    def value(self, event: yaml.Event, path: Path, key_line: int) -> object:
        line = _line(event) if isinstance(event, yaml.ScalarEvent) else key_line
        self.lines[path] = line
        if len(path) > _DEEPEST:
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=yaml.Mark("", 0, line - 1, 0, None, 0))
        self._refuse_references(event, path, line)
        if isinstance(event, yaml.MappingStartEvent):
            return self._map(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(path)
        return _scalar(event) if isinstance(event, yaml.ScalarEvent) else None

    def _list(self, path: Path) -> list[object]:
        found: list[object] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self.value(event, (*path, len(found)), _line(event)))
        return found

    def _map(self, path: Path) -> dict[str, object]:
        found: dict[str, object] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            line = _line(event)
            key = self._key(event, path)
            if key is None or key in found:
                again = _Reader(self.file, self.events).value(next(self.events), path, line)
                if key is not None:
                    expected = f"this key once: line {self.lines[(*path, key)]} has it already"
                    self._add((*path, key), line, shown(again, key), expected)
            else:
                found[key] = None
                found[key] = self.value(next(self.events), (*path, key), line)
        return found

    def _key(self, event: yaml.Event, path: Path) -> str | None:
        """The key, or None with a problem noted."""
        if not isinstance(event, yaml.ScalarEvent):
            _Reader(self.file, self.events).value(event, (*path, 0), 1)
            self._add(path, _line(event), "a list, map or alias as a key", "a word as a key")
            return None
        self._refuse_references(event, (*path, str(event.value)), _line(event))
        if event.value == "<<" and event.style is None:
            self._add(path, _line(event), "'<<'", "the keys themselves, written out: merge keys are not read")
            return None
        return str(event.value)

    def _refuse_references(self, event: yaml.Event, path: Path, line: int) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._add(path, line, f"*{event.anchor}", "the value, written out: aliases are not read")
        elif isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            self._add(path, line, f"&{event.anchor}", "the value alone: anchors are not read")
        elif tag := getattr(event, "tag", None):
            self._add(path, line, str(tag), "the value alone: tags are not read")

    def _add(self, path: Path, line: int, value: str, expected: str) -> None:
        self.problems.append(Problem(self.file, line, dotted(path), value, expected))


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _scalar(event: yaml.ScalarEvent) -> object:
    text = str(event.value)
    if event.style is not None:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _unreadable(error: yaml.YAMLError, text: str, file: str) -> Problem:
    if isinstance(error, yaml.reader.ReaderError):
        line, reason = text.count("\n", 0, error.position) + 1, str(error.reason)
    else:
        mark = getattr(error, "problem_mark", None)
        line, reason = (mark.line + 1 if mark else 1), str(getattr(error, "problem", None))
    return Problem(file, line, "", "", f"valid YAML: {reason}")
