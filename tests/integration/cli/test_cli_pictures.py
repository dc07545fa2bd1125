"""`lifecycle timeline` and `lifecycle machine --format svg`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.world import lifecycle, standing_at
from tests.pictures import SVG, parsed, texts

pytestmark = pytest.mark.usefixtures("history")


def test_a_life_in_the_terminal() -> None:
    """60 days in 60 columns: the second cycle is column 29, the change column 39, now column 48, in Paris's time."""
    ended = lifecycle("timeline", "acme")
    assert ended.lines[0] == " " * 24 + "1" + " " * 38 + "2" + " " * 8 + "▼" + " " * 10 + "3"
    assert ended.lines[1].startswith("2020-01-31 10:00 CET    ┣ active ━━━━━━━━━━━━━━━━━━━━╋━━━━━━━━━┣")
    assert ended.lines[5].split() == ["1", "2020-01-31", "10:00", "CET", "subscribed", "active", "ann@acme.test"]
    assert ended.lines[8].split()[-2:] == ["to", "come"]
    assert ended.lines[-1] == "▼  now: 2020-03-20 01:00 CET"


def test_a_life_as_a_picture_and_for_programs(history: Path) -> None:
    """The file says the same; with --json it is data too."""
    ended = lifecycle("timeline", "initech", "--svg", "life.svg", "--json")
    assert ended.err == "Written to life.svg.\n"
    assert [stretch["state"] for stretch in ended.json["stretches"]] == ["active", "pending_cancellation"]
    assert "2020-06-15 00:00 EDT" in texts((history / "life.svg").read_text(encoding="utf-8"))


def test_what_has_ended_has_a_timeline() -> None:
    """Globex's trial ended; nothing is to come, and now is long after."""
    ended = lifecycle("timeline", "globex")
    assert ended.code == 0
    assert "▼" not in ended.lines[0]


def test_what_is_overdue_is_said() -> None:
    """Acme's cycle of 31 March, on 2 April."""
    with standing_at("2020-04-02T00:00:00Z"):
        assert "overdue" in lifecycle("timeline", "acme").out


def test_a_machine_as_a_picture() -> None:
    """With acme's state lit, by whatever names acme."""
    svg = lifecycle("machine", "--format", "svg", "--sub", "acme").out
    assert parsed(svg).tag == f"{SVG}svg"
    assert svg.count('class="lit"') == 2


def test_who_is_not_there_has_no_timeline() -> None:
    """4."""
    assert lifecycle("timeline", "nobody").code == 4
