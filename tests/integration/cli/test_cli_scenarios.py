"""`lifecycle scenario`: stories in files, for people, programs and servers that build."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.integration.cli.world import lifecycle

GOOD = """
scenario: Someone buys
covers: [D2]
start: 2026-06-01
steps:
  - subscribe: {account: acme, plan: team}
  - expect: {state: active}
"""
BAD = GOOD.replace("Someone buys", "Someone <else>").replace("state: active", "state: trial")


@pytest.fixture
def stories(empty: Path) -> Path:
    """A folder with a story that holds and one that does not, beside the configuration."""
    folder = empty / "stories"
    folder.mkdir()
    (folder / "a.scenario.yaml").write_text(GOOD)
    (folder / "b.scenario.yaml").write_text(BAD)
    return folder


def test_run_tells_what_held_and_what_did_not(stories: Path) -> None:
    """Exit code 0 where all held, 1 where some did not."""
    held = lifecycle("scenario", "run", "stories/a.scenario.yaml")
    assert (held.code, held.err) == (0, "1 scenarios held.\n")
    assert held.lines[0].startswith("✓ Someone buys (stories/a.scenario.yaml): 2 steps")
    both = lifecycle("scenario", "run", str(stories), "--brief")
    assert (both.code, both.err) == (1, "2 scenarios, 1 of which did not hold.\n")
    assert both.lines[-1].strip() == "state: expected trial, actual active"


def test_run_tells_programs(stories: Path) -> None:
    """The same in JSON, and nothing else on stdout."""
    first, second = lifecycle("scenario", "run", str(stories), "--json").json
    assert (first["held"], first["covers"], second["held"]) == (True, ["D2"], False)
    assert second["steps"][1]["wrong"] == [{"what": "state", "expected": "trial", "actual": "active"}]
    assert second["steps"][0] == {
        "line": 6,
        "step": "subscribe account=acme plan=team",
        "at": "2026-06-01T00:00:00Z",
        "came": "active",
        "fired": [],
        "wrong": [],
    }


def test_run_tells_servers_that_build(stories: Path) -> None:
    """JUnit XML, in a file."""
    assert lifecycle("scenario", "run", str(stories), "--junit", "report.xml").code == 1
    suite = ElementTree.parse("report.xml").getroot()  # noqa: S314  # our own
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    good, bad = suite
    assert (good.get("name"), list(good)) == ("Someone buys", [])
    assert (bad.get("name"), bad[0].get("message")) == ("Someone <else>", "state: expected trial, actual active")
    both = lifecycle("scenario", "run", str(stories), "--junit", "-", "--json")
    assert (both.code, both.json["error"]["code"]) == (2, "usage")


def test_run_through_the_scheduler_and_on_a_file(stories: Path, empty: Path) -> None:
    """A file is for one story, and can be looked at afterwards."""
    good = str(stories / "a.scenario.yaml")
    assert lifecycle("scenario", "run", good, "--scheduler", "--database", f"sqlite:///{empty}/lifecycle.db").code == 0
    assert [one["state"] for one in lifecycle("list", "--json").json] == ["active"]
    several = lifecycle("scenario", "run", str(stories), "--database", "sqlite:///other.db")
    assert (several.code, "one story" in several.err) == (2, True)


def test_list_and_check_play_nothing(stories: Path) -> None:
    """What there is, and whether it can be read."""
    listed = lifecycle("scenario", "list", str(stories), "--json").json
    assert [(one["scenario"], one["steps"], one["covers"]) for one in listed] == [
        ("Someone buys", 2, ["D2"]),
        ("Someone <else>", 2, ["D2"]),
    ]
    assert "Someone buys" in lifecycle("scenario", "list", str(stories)).out
    assert lifecycle("scenario", "check", str(stories)).out == "2 scenarios can be played.\n"


def test_what_is_mistyped_in_any_file_is_told(stories: Path) -> None:
    """Each with file and line, as usage: exit code 2; in JSON as problems."""
    (stories / "a.scenario.yaml").write_text(GOOD.replace("expect", "expct"))
    (stories / "b.scenario.yaml").write_text(BAD.replace("start", "begin"))
    for command in ("run", "check", "list"):
        ended = lifecycle("scenario", command, str(stories))
        assert (ended.code, ended.out) == (2, "")
        assert [line.split(": ")[:2] for line in ended.err.splitlines()] == [
            [f"{stories}/a.scenario.yaml:7", "steps[1].expct"],
            [f"{stories}/b.scenario.yaml:1", "start"],
            [f"{stories}/b.scenario.yaml:4", "begin"],
        ]
    problems = lifecycle("scenario", "check", str(stories), "--json").json["error"]["problems"]
    assert problems[0]["line"] == 7


def test_a_folder_without_stories_is_told(empty: Path) -> None:
    """Nothing was played, which is no success."""
    ended = lifecycle("scenario", "run", str(empty))
    assert (ended.code, "no scenario file" in ended.err) == (1, True)
