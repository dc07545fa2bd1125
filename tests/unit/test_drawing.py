"""Pictures: a life in time in characters and as SVG, and a machine as SVG; what stands where, worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations

import pytest

from lifecycle.drawing import machine_svg, timeline_svg
from lifecycle.drawing.svg import wide
from lifecycle.drawing.terminal import bands, mark
from lifecycle.drawing.timeline import Timeline, timeline
from tests.pictures import SVG, parsed, texts
from tests.unit.machine_world import MATRIX, utc


@dataclass(frozen=True)
class Step:
    """A transition, as the log tells it."""

    at: datetime
    event: str
    source: str | None
    target: str
    actor: str = "ann"
    changes: dict[str, object] = field(default_factory=dict)


def bought(day: str) -> Step:
    """A first cycle."""
    return Step(utc(day), "subscribed", None, "active", changes={"cycle": 1})


def renewed(day: str, cycle: int) -> Step:
    """A later one."""
    return Step(utc(day), "cycle_starts", "active", "active", "scheduler", {"cycle": cycle})


def ten_days() -> Timeline:
    """Bought on 1 June, renewed on the 4th, cancelled on the 6th for the 10th; it is the 8th."""
    steps = [
        bought("2026-06-01"),
        renewed("2026-06-04", 2),
        Step(utc("2026-06-06"), "cancel", "active", "pending_cancellation"),
    ]
    return timeline(steps, [(utc("2026-06-10"), "end_date_arrives")], utc("2026-06-08"))


def when(instant: datetime) -> str:
    """As the pictures write it here."""
    return f"{instant:%Y-%m-%d}"


def test_a_life_is_told_in_stretches_and_moments() -> None:
    """Two states, and four moments, of which a cycle's start needs no number."""
    life = ten_days()
    assert [(s.state, s.start.day, s.end.day) for s in life.stretches] == [
        ("active", 1, 6),
        ("pending_cancellation", 6, 10),
    ]
    assert [(m.number, m.event, m.who) for m in life.moments] == [
        (1, "subscribed", "ann"),
        (0, "cycle_starts", "scheduler"),
        (2, "cancel", "ann"),
        (3, "end_date_arrives", "to come"),
    ]


def test_what_is_late_is_overdue() -> None:
    """Due on the 10th, and it is the 12th: the life goes on to now."""
    life = timeline([bought("2026-06-01")], [(utc("2026-06-10"), "cycle_starts")], utc("2026-06-12"))
    assert (life.moments[-1].who, life.end) == ("overdue", utc("2026-06-12"))


def test_what_has_ended_ends_there() -> None:
    """However long ago that is."""
    steps = [bought("2026-06-01"), Step(utc("2026-06-03"), "cancel_now", "active", "ended")]
    assert timeline(steps, [], utc("2027-01-01")).end == utc("2026-06-03")


def test_nothing_has_no_timeline() -> None:
    """There is no life without a transition."""
    with pytest.raises(ValueError, match="Nothing has happened"):
        timeline([], [], utc("2026-06-01"))


def test_a_bar_in_characters() -> None:
    """Nine days in 72 columns of three hours: the 4th is column 24, the 6th column 40, now is column 56."""
    [band] = bands(ten_days(), 80)
    assert band.bar == "┣ active " + "━" * 15 + "╋" + "━" * 15 + "┣ pending_cancellation " + "╌" * 10
    assert band.marks == "1" + " " * 39 + "2" + " " * 15 + "▼" + " " * 15 + "3"
    assert band.states == ("active",) * 40 + ("pending_cancellation",) * 33


def test_a_name_stands_where_there_is_room() -> None:
    """In columns of twelve hours the cycle's sign is in the way of ` active `."""
    [band] = bands(ten_days(), 24)
    assert band.bar == "┣━━━━━╋━━━┣━━━━╌╌╌╌"


def test_a_long_life_is_wrapped() -> None:
    """200 days in rows of 60: a column is a day, and the marks of one day are told together."""
    steps = [bought("2026-01-01"), Step(utc("2026-01-01 06:00"), "add_seats", "active", "active")]
    life = timeline(steps, [(utc("2026-07-20"), "cycle_starts")], utc("2026-01-02"))
    rows = bands(life, 60)
    assert [(row.start, len(row.bar)) for row in rows] == [
        (utc("2026-01-01"), 60),
        (utc("2026-03-02"), 60),
        (utc("2026-05-01"), 60),
        (utc("2026-06-30"), 21),
    ]
    assert (rows[0].marks, rows[-1].marks) == ("+▼", " " * 20 + "3")


@pytest.mark.parametrize("days", [0, 1, 30, 400, 4000, 40_000, 400_000])
@pytest.mark.parametrize("width", [1, 24, 80, 200])
def test_every_life_fits(days: int, width: int) -> None:
    """From one moment to a thousand years, on any terminal: no more than eight rows, none too wide."""
    start = utc("2026-01-01")
    life = timeline([bought("2026-01-01")], [(start + timedelta(days=days), "cycle_starts")], start)
    rows = bands(life, width)
    assert len(rows) <= 8
    assert {len(row.bar) <= max(width, 24) for row in rows} == {True}


def test_marks_are_told_apart() -> None:
    """Sixty-one signs, then dots."""
    assert [mark(number) for number in (0, 1, 9, 10, 35, 36, 61, 62)] == ["╋", "1", "9", "a", "z", "A", "Z", "•"]


# SVG


def boxes(svg: str) -> list[tuple[float, float, float, float]]:
    """Where each line of text lies: left, top, right, bottom, with letters of its size."""
    found = []
    for element in parsed(svg).iter(f"{SVG}text"):
        words, x, y = element.text or "", float(element.get("x", 0)), float(element.get("y", 0))
        half = {"start": 0.0, "middle": 0.5, "end": 1.0}[element.get("text-anchor", "start")]
        left = x - half * wide(words)
        found.append((left, y - 9, left + wide(words), y + 2))
    return found


def apart(areas: Sequence[tuple[float, float, float, float]]) -> bool:
    """Whether no two of them touch."""
    return all(a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1] for a, b in combinations(areas, 2))


def crowded() -> Timeline:
    """Twelve changes within an hour, of a life of two years."""
    changes = [Step(utc(f"2026-01-01 10:{minute:02}"), "add_seats", "active", "active") for minute in range(0, 60, 5)]
    return timeline([bought("2026-01-01"), *changes], [(utc("2028-01-01"), "cycle_starts")], utc("2026-12-01"))


def test_a_picture_needs_nothing_else() -> None:
    """Well-formed, no link, no script, and colours for light and for dark."""
    for svg in (timeline_svg.as_svg(ten_days(), "acme", when), machine_svg.as_svg(MATRIX, "subscription", "active")):
        parsed(svg)
        assert svg.count("http") == 1  # the name of the namespace
        assert "prefers-color-scheme: dark" in svg
        assert "<script" not in svg


def test_a_picture_of_a_life_says_everything() -> None:
    """States in the bar, and each moment in words."""
    said = texts(timeline_svg.as_svg(ten_days(), "acme", when))
    assert said[0] == "acme"
    assert {"active", "now", "subscribed", "cancel", "active → pending_cancellation", "to come", "2026-06-10"} <= {
        *said
    }


@pytest.mark.parametrize("life", [ten_days(), crowded()], ids=["plain", "crowded"])
def test_no_text_in_a_life_lies_on_another(life: Timeline) -> None:
    """Numbers are put above one another where they are close."""
    assert apart(boxes(timeline_svg.as_svg(life, "acme", when)))


def test_no_text_in_a_machine_lies_on_another() -> None:
    """Each way has its own line."""
    assert apart(boxes(machine_svg.as_svg(MATRIX, "subscription", "trial")))


def test_all_of_a_picture_is_in_the_picture() -> None:
    """Nothing is cut off at the right or below."""
    for svg in (timeline_svg.as_svg(crowded(), "acme", when), machine_svg.as_svg(MATRIX, "subscription")):
        root = parsed(svg)
        width, height = float(root.get("width", 0)), float(root.get("height", 0))
        assert all(left >= 0 and right <= width and bottom <= height for left, _, right, bottom in boxes(svg))


def test_a_machine_shows_every_way_and_lights_one_state() -> None:
    """All events that lead somewhere, each with the guards that choose it; what only refuses is left out."""
    svg = machine_svg.as_svg(MATRIX, "subscription", "pending_change")
    said = texts(svg)
    assert "trial_ends [in_trial, converts, not change_due]" in said
    assert {state for state in MATRIX.states if said.count(state) == 2} == set(MATRIX.states)
    assert svg.count('class="lit"') == 2
    assert 'class="lit"' not in machine_svg.as_svg(MATRIX, "subscription")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><b>&amp;', "\x1b[2J\x00\ud800", "\u202eevil"])
def test_no_text_breaks_out(text: str) -> None:
    """Whatever somebody calls himself, it is text in a picture that can be read."""
    steps = [Step(utc("2026-06-01"), text, None, "active", text)]
    svg = timeline_svg.as_svg(timeline(steps, [], utc("2026-06-02")), text, when)
    parsed(svg)
    assert "<script" not in svg
    assert "<b>" not in svg
    assert "\u202e" not in svg
