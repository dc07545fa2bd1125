"""A life in time as SVG: rows of a bar with the states in it, numbers above it, and what they stand for below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from math import ceil

from lifecycle.drawing.svg import COLOURS, box, document, line, text, wide
from lifecycle.drawing.timeline import Moment, Timeline, unit_of

WIDTH, MARGIN, BAR, RADIUS, GAP = 1080.0, 28.0, 30.0, 9.0, 26.0
INNER = WIDTH - 2 * MARGIN
ROWS = 6
COLUMNS = 180
"""Days in a row, of a life of some years."""

When = Callable[[datetime], str]


def as_svg(life: Timeline, title: str, when: When) -> str:
    """The picture; `when` writes an instant for people."""
    whole = max(life.end - life.start, timedelta(seconds=1)) * 1.01
    span = whole / ceil(whole / (unit_of(life, COLUMNS, ROWS) * COLUMNS))
    colours = {state: COLOURS[number % len(COLOURS)] for number, state in enumerate(life.states)}
    parts, y = [text(MARGIN, 36, title, "title")], 58.0
    start = life.start
    while start <= life.end:
        row = _Row(life, start, span, colours, when)
        y += row.above
        parts += row.draw(y)
        y += BAR + 40
        start += span
    parts += _legend(life, y, when)
    return document(WIDTH, y + 20 * len(life.moments) + 34, title, parts)


class _Row:
    """One row of the bar. `above` is the height that its numbers take."""

    def __init__(
        self, life: Timeline, start: datetime, span: timedelta, colours: Mapping[str, str], when: When
    ) -> None:
        self._life, self._start, self._span = life, start, span
        self._colours, self._when = colours, when
        self._lanes = list(self._in_lanes(m for m in life.moments if m.number and self._holds(m.at)))
        self.above = 14 + (RADIUS * 2 + 3) * (1 + max((lane for lane, _, _ in self._lanes), default=0))

    def draw(self, y: float) -> Iterator[str]:
        """The row, with the top of its bar at `y`."""
        yield from self._stretches(y)
        for moment in self._life.moments:
            if moment.cycle and self._holds(moment.at):
                x = self._x(moment.at)
                yield line(x, y - 3, x, y + 6, kind="line")
                yield line(x, y + BAR - 6, x, y + BAR + 3, kind="line")
        for lane, x, _ in self._lanes:
            yield line(x, _level(y, lane) + RADIUS, x, y)
        for lane, x, moment in self._lanes:
            yield from self._number(x, _level(y, lane), moment)
        yield from self._ends(y + BAR + 17)
        if self._holds(self._life.now):
            x = self._x(self._life.now)
            yield line(x, y - 8, x, y + BAR + 8, kind="now")
            yield text(min(max(x, 40 + MARGIN), WIDTH - MARGIN - 40), y + BAR + 31, "now", anchor="middle")

    def _stretches(self, y: float) -> Iterator[str]:
        for stretch in self._life.stretches:
            if stretch.end < self._start or stretch.start >= self._start + self._span:
                continue
            x, end = self._x(stretch.start), self._x(stretch.end)
            now = min(max(self._x(self._life.now), x), end)
            fill = self._colours[stretch.state]
            if now > x:
                yield box(x, y, now - x, BAR, fill=fill)
            if end > now:
                dashed = f' stroke="{fill}" stroke-width="2" stroke-dasharray="6 4"'
                yield box(now + 1, y + 1, end - now - 2, BAR - 2, fill="none", more=dashed)
            lived = now - x >= end - now
            start, stop = (x, now) if lived else (now, end)
            if wide(stretch.state) + 12 < stop - start:
                colour = "dark" if lived else ""
                yield text((start + stop) / 2, y + BAR / 2 + 4.5, stretch.state, colour, anchor="middle")

    def _number(self, x: float, y: float, moment: Moment) -> Iterator[str]:
        fill = "var(--paper)" if moment.to_come else "var(--ink)"
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}" fill="{fill}" stroke="var(--ink)"/>'
        colour = "var(--ink)" if moment.to_come else "var(--paper)"
        style = f"font-size: 10px; fill: {colour}"
        yield f'<text x="{x:.1f}" y="{y + 3.6:.1f}" text-anchor="middle" style="{style}">{moment.number}</text>'

    def _ends(self, y: float) -> Iterator[str]:
        last = min(self._start + self._span, self._life.end)
        yield text(MARGIN, y, self._when(self._start), "faint")
        if self._x(last) - MARGIN > 2 * wide(self._when(last)):
            yield text(self._x(last), y, self._when(last), "faint", anchor="end")

    def _in_lanes(self, moments: Iterator[Moment]) -> Iterator[tuple[int, float, Moment]]:
        """Each moment in the lowest lane in which it touches no other."""
        ends: list[float] = []
        for moment in sorted(moments, key=lambda moment: moment.at):
            x = self._x(moment.at)
            lane = next((lane for lane, end in enumerate(ends) if x - end >= RADIUS * 2 + 2), len(ends))
            ends[lane : lane + 1] = [x]
            yield lane, x, moment

    def _holds(self, instant: datetime) -> bool:
        return self._start <= instant < self._start + self._span

    def _x(self, instant: datetime) -> float:
        share = (instant - self._start) / self._span
        return MARGIN + INNER * min(max(share, 0.0), 1.0)


def _legend(life: Timeline, y: float, when: When) -> Iterator[str]:
    """Every moment in words."""
    y += 16
    for moment in life.moments:
        kind = "faint" if moment.to_come else ""
        words = (f"{moment.number or '│':>4}", when(moment.at), moment.event, moment.way, _short(moment.who, 30))
        for x, said in zip((0, 44, 230, 430, 780), words, strict=True):
            yield text(MARGIN + x, y, said, kind)
        y += 20


def _level(bar: float, lane: int) -> float:
    """The height of the numbers in a lane above the bar."""
    return bar - 14 - lane * (RADIUS * 2 + 3)


def _short(words: str, most: int) -> str:
    return words if len(words) <= most else f"{words[: most - 1]}…"
