"""A life in time in characters: rows of a bar that is wrapped to the width, with marks above it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.drawing.plain import when
from lifecycle.drawing.timeline import Timeline, unit_of

ROWS = 8
"""As many rows as a life should not exceed; one that would is drawn in larger units."""
LEAST = 24
LABEL = 24
"""Columns left of the bar, for the instant at which a row starts."""
LIVED, TO_COME, CYCLE, CHANGE, NOW = "━", "╌", "╋", "┣", "▼"
SEVERAL = "+"


@dataclass(frozen=True, slots=True)
class Band:
    """One row: when it starts, the marks, the bar under them, and for each column of the bar the state."""

    start: datetime
    marks: str
    bar: str
    states: tuple[str, ...]

    def written(self, zone: str) -> tuple[str, str, str]:
        """The line above; and of the row itself what stands left of its bar, and the bar."""
        return " " * LABEL + self.marks, f"{when(self.start, zone):<{LABEL}}", self.bar


def mark(number: int) -> str:
    """What stands for a moment in a row: 1 to 9, then letters, then a dot; for a cycle's start its sign in the bar."""
    if not number:
        return CYCLE
    signs = "123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return signs[number - 1] if number <= len(signs) else "•"


def bands(life: Timeline, width: int) -> list[Band]:
    """The rows, each at most `width` columns wide."""
    columns = max(width, LEAST)
    unit = unit_of(life, columns, ROWS)
    return list(_bands(_Line(life, unit), columns))


class _Line:
    """The whole life in one row."""

    def __init__(self, life: Timeline, unit: timedelta) -> None:
        self.start, self.unit = life.start, unit
        self.length = self._column(life.end, life) + 1
        self.states: list[str] = [""] * self.length
        self.bar, self.marks = [LIVED] * self.length, [" "] * self.length
        now = self._column(life.now, life)
        for stretch in life.stretches:
            first, last = self._column(stretch.start, life), self._column(stretch.end, life)
            self.states[first : last + 1] = [stretch.state] * (last + 1 - first)
        self.bar[now + 1 :] = [TO_COME] * len(self.bar[now + 1 :])
        for moment in life.moments:
            if moment.cycle:
                self.bar[self._column(moment.at, life)] = CYCLE
        for stretch in life.stretches:
            self.bar[self._column(stretch.start, life)] = CHANGE
        self._mark(life, now)

    def _mark(self, life: Timeline, now: int) -> None:
        for moment in life.moments:
            if not moment.number:
                continue
            column = self._column(moment.at, life)
            self.marks[column] = mark(moment.number) if self.marks[column] == " " else SEVERAL
        if life.start <= life.now <= life.end and self.marks[now] == " ":
            self.marks[now] = NOW

    def _column(self, instant: datetime, life: Timeline) -> int:
        return int((min(max(instant, life.start), life.end) - life.start) / self.unit)


def _bands(line: _Line, columns: int) -> Iterator[Band]:
    for first in range(0, line.length, columns):
        part = slice(first, first + columns)
        states = line.states[part]
        bar = _named(line.bar[part], states)
        yield Band(line.start + first * line.unit, "".join(line.marks[part]).rstrip(), bar, tuple(states))


def _named(bar: list[str], states: list[str]) -> str:
    """The bar with the name of each state written into its part, where there is room between two signs."""
    named, begin = list(bar), 0
    for column in range(1, len(bar) + 1):
        if column < len(bar) and states[column] == states[begin] and bar[column] != CHANGE:
            continue
        text = f" {states[begin]} "
        rooms = range(begin + 1, column - len(text))
        if room := next((room for room in rooms if CYCLE not in bar[room : room + len(text)]), None):
            named[room : room + len(text)] = list(text)
        begin = column
    return "".join(named)
