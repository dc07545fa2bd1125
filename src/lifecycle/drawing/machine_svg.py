"""A machine as SVG, from its matrix: a line for each state, and under one another an arrow for each way to go.

So labels never meet, however many ways there are. What only refuses is left out, as in the other diagram.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lifecycle.domain.matrix import Matrix, Row
from lifecycle.drawing.svg import FONT, box, document, line, text, wide

MARGIN, TOP, HEAD, LINE, LOOP = 24.0, 56.0, 34.0, 17.0, 26.0
LIT, PLAIN = "#fde68a", "#bfdbfe"


@dataclass(frozen=True, slots=True)
class _Way:
    """From one state to another, by these events."""

    source: str
    target: str
    labels: tuple[str, ...]

    @property
    def height(self) -> float:
        """Of the labels and the arrow under them."""
        return LINE * len(self.labels) + (28 if self.source == self.target else 20)


def as_svg(matrix: Matrix, title: str, lit: str | None = None) -> str:
    """The picture, with the state `lit` lit."""
    states = [matrix.initial, *matrix.states]
    ways = _ways(matrix)
    columns = _columns(states)
    body = TOP + HEAD + 16
    height = body + sum(way.height for way in ways) + HEAD + 30
    parts = [_ARROW, text(MARGIN, 32, title, "title"), *_lifelines(matrix, columns, body, height, lit)]
    y = body
    for way in ways:
        parts += _drawn(way, columns, y)
        y += way.height
    right = max(
        [columns[s] + _half(s) for s in states]
        + [_left(way, columns) + wide(max(way.labels, key=wide)) for way in ways]
    )
    return document(right + MARGIN, height, title, parts)


_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" '
    'orient="auto-start-reverse"><path d="M0 1 10 5 0 9z" fill="var(--ink)"/></marker></defs>'
)


def _ways(matrix: Matrix) -> list[_Way]:
    """Every way, in the order of the states from which and to which it leads."""
    labels: dict[tuple[str, str], list[str]] = {}
    for (state, event), rows in matrix.cells.items():
        for row in rows:
            if row.always_refused is None:
                labels.setdefault((state, row.target), []).append(event + _choosing(row))
    order = [matrix.initial, *matrix.states].index
    return [_Way(*ends, tuple(labels[ends])) for ends in sorted(labels, key=lambda ends: tuple(map(order, ends)))]


def _choosing(row: Row) -> str:
    names = [guard.name if guard.expected else f"not {guard.name}" for guard in row.guards if guard.code is None]
    return f" [{', '.join(names)}]" if names else ""


def _half(state: str) -> float:
    return wide(state) / 2 + 14


def _columns(states: list[str]) -> dict[str, float]:
    """The middle of each state's line."""
    columns, x = {}, MARGIN
    for state in states:
        columns[state] = x + max(_half(state), 70)
        x = columns[state] + max(_half(state), 70) + 16
    return columns


def _lifelines(matrix: Matrix, columns: dict[str, float], body: float, height: float, lit: str | None) -> Iterator[str]:
    for state, x in columns.items():
        yield line(x, body - 16, x, height - HEAD - 16, more=' stroke-dasharray="2 4"')
        for y in (TOP, height - HEAD - 14):
            if state == matrix.initial:
                yield f'<circle cx="{x:.1f}" cy="{y + HEAD / 2:.1f}" r="7" fill="var(--ink)"/>'
                continue
            more = ' class="lit"' if state == lit else ' stroke="var(--ink)"'
            if state in matrix.final:
                yield box(
                    x - _half(state) - 4,
                    y - 4,
                    2 * _half(state) + 8,
                    HEAD + 8,
                    fill="none",
                    more=' stroke="var(--ink)"',
                )
            fill = LIT if state == lit else PLAIN
            yield box(x - _half(state), y, 2 * _half(state), HEAD, fill=fill, more=more)
            yield text(x, y + HEAD / 2 + 4.5, state, "dark", anchor="middle")


def _left(way: _Way, columns: dict[str, float]) -> float:
    """Where the labels begin."""
    if way.source == way.target:
        return columns[way.source] + LOOP + 12
    return min(columns[way.source], columns[way.target]) + 12


def _drawn(way: _Way, columns: dict[str, float], y: float) -> Iterator[str]:
    source, target, x = columns[way.source], columns[way.target], _left(way, columns)
    for number, label in enumerate(way.labels):
        yield text(x, y + FONT + LINE * number, label, "halo")
    arrow = ' class="line" marker-end="url(#arrow)"'
    if way.source == way.target:
        top, bottom = y + 8, y + way.height - 14
        yield f'<path d="M{source:.1f} {top:.1f}h{LOOP}V{bottom:.1f}h-{LOOP - 2}"{arrow}/>'
    else:
        base = y + LINE * len(way.labels) + 6
        yield f'<circle cx="{source:.1f}" cy="{base:.1f}" r="3.5" fill="var(--ink)"/>'
        yield f'<path d="M{source:.1f} {base:.1f}H{target + (2 if target < source else -2):.1f}"{arrow}/>'
