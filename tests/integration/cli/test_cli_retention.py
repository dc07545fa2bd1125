"""`lifecycle prune` on the history in `world`, and what the others say afterwards.

Before 1 March 2020 nine rows of acme were recorded (bought, renewed) and two of globex (tried, ended); eight came
later.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.integration.cli.world import lifecycle

pytestmark = pytest.mark.sampled

FILE = "lifecycle-log-before-2020-03-01.jsonl"

ORDERED = ["confirmed", "drafted", "completed", "subscribed", "opened", "charged"]
"""A purchase: its order, its invoice, and then the subscription."""
ACME = list(enumerate([*ORDERED, "cycle_starts", "opened", "charged"], 1))
GLOBEX = [(1, "subscribed"), (2, "trial_ends")]


def events(file: Path) -> list[tuple[int, str]]:
    """Number and event of each line."""
    return [(row["seq"], row["event"]) for row in map(json.loads, file.read_text().splitlines())]


def test_prune_moves_old_rows_beside_the_configuration(history: Path) -> None:
    """It says how many went where; a second time there is nothing."""
    done = lifecycle("prune", "--before", "2020-03-01")
    assert (done.code, done.err) == (0, "")
    assert done.lines == [f"Moved 11 transitions of 2 roots to {FILE}."]
    assert events(history / FILE) == [*ACME, *GLOBEX]
    assert lifecycle("prune", "--before", "2020-03-01").lines == ["There is nothing to move out."]


def test_prune_adds_to_a_file_that_is_named(history: Path) -> None:
    """A path is as in every shell: from the working directory; what is there stays."""
    for day in ("2020-02-01", "2020-03-01"):
        assert lifecycle("prune", "--before", day, "--to", "old.jsonl").code == 0
    assert sorted(events(history / "old.jsonl")) == sorted([*ACME, *GLOBEX])
    assert lifecycle("verify", "--archive", "old.jsonl").code == 0


def test_prune_for_programs(history: Path) -> None:
    """One JSON object; with --dry-run nothing has happened."""
    would = lifecycle("prune", "--before", "2020-03-01", "--dry-run", "--json")
    assert would.json == {
        "before": "2020-03-01T00:00:00Z",
        "roots": 2,
        "rows": 11,
        "file": FILE,
        "broken": [],
        "dry_run": True,
    }
    assert not (history / FILE).exists()
    assert len(lifecycle("log", "--json").json) == 19


@pytest.mark.usefixtures("history")
def test_a_dry_run_says_what_would_be() -> None:
    """In words."""
    assert lifecycle("prune", "--before", "2020-03-01", "--dry-run").lines == [
        f"Would move 11 transitions of 2 roots to {FILE}."
    ]


@pytest.mark.usefixtures("history")
def test_a_date_is_local_to_the_configured_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 March in Tokyo begins on 29 February, 15:00 UTC; an instant is what it says (X30)."""
    monkeypatch.setenv("LIFECYCLE_ZONE", "Asia/Tokyo")
    local = lifecycle("prune", "--before", "2020-03-01", "--dry-run", "--json").json
    assert (local["before"], local["file"]) == ("2020-02-29T15:00:00Z", FILE)
    exact = lifecycle("prune", "--before", "2020-02-29T23:30:00+00:00", "--dry-run", "--json").json
    assert (exact["before"], exact["file"]) == ("2020-02-29T23:30:00Z", FILE)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("when", ["2020-03-21", "2020-03-20T00:00:01+00:00", "soon"])
def test_what_is_no_past_date_is_refused(when: str) -> None:
    """It is 20 March, 00:00 UTC (X30)."""
    refused = lifecycle("prune", "--before", when, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (3, "invalid")


@pytest.mark.usefixtures("history")
def test_now_is_not_the_future() -> None:
    """Everything recorded before this very instant can go (X30)."""
    assert lifecycle("prune", "--before", "2020-03-20", "--json").json["rows"] == 19


def test_a_broken_chain_is_told_and_stays(history: Path) -> None:
    """Exit code 1, and who it is; the rows of the others have gone (X31)."""
    engine = create_engine(f"sqlite:///{history}/lifecycle.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE lifecycle_log SET actor = 'x' WHERE event = 'trial_ends'"))
        (globex,) = connection.execute(text("SELECT root_id FROM lifecycle_log WHERE event = 'trial_ends'")).one()
    engine.dispose()
    done = lifecycle("prune", "--before", "2020-03-01")
    assert done.code == 1
    assert done.err == f"Their chain is broken, and their rows stay: {globex}. See: lifecycle verify\n"
    assert done.lines == [f"Moved 9 transitions of 1 roots to {FILE}."]


def test_a_file_of_another_kind_is_told(history: Path) -> None:
    """Nobody loses a file to a slip of the hand, least of all the configuration."""
    before = (history / "config.yaml").read_bytes()
    failed = lifecycle("prune", "--before", "2020-03-01", "--to", "config.yaml")
    assert (failed.code, failed.err) == (
        1,
        "failed (archive_failed): The log can't be moved to config.yaml: it is there, and holds something else.\n",
    )
    assert (history / "config.yaml").read_bytes() == before


@pytest.mark.usefixtures("history")
def test_who_reads_the_log_is_told_what_is_missing() -> None:
    """On stderr; local to the account, where there is one. Who asks for fewer than are left is not (X30)."""
    assert lifecycle("log", "acme").err == ""
    lifecycle("prune", "--before", "2020-03-01")
    log = lifecycle("log", "acme")
    assert [line[22:47].split() for line in log.lines[2:]] == [["acme", "schedule_change"]]
    assert log.err == "Earlier transitions were moved out on 2020-03-20 01:00 CET, up to number 9.\n"
    assert lifecycle("log", "globex", "--json").json == []
    assert "up to number 2" in lifecycle("log", "globex").err
    assert lifecycle("log").err == "Earlier transitions of 2 roots were moved out, the last on 2020-03-20 00:00 UTC.\n"
    assert lifecycle("log", "--account", "acme").err.startswith(
        "Earlier transitions were moved out on 2020-03-20 00:00"
    )
    assert lifecycle("log", "initech").err == ""
    assert lifecycle("log", "--last", "3").err == ""


@pytest.mark.usefixtures("history")
def test_show_says_it_too() -> None:
    """What holds is as it was; the last transitions are those that are left."""
    before = lifecycle("show", "acme", "--json").json
    lifecycle("prune", "--before", "2020-03-01")
    shown = lifecycle("show", "acme", "--json").json
    moved_out = shown.pop("moved_out")
    assert {key: moved_out[key] for key in ("up_to", "at")} == {"up_to": 9, "at": "2020-03-20T00:00:00Z"}
    assert before.pop("moved_out") is None
    assert before.pop("transitions")[2:] == shown.pop("transitions")
    assert shown == before
    assert lifecycle("show", "acme").err.startswith("Earlier transitions were moved out")


@pytest.mark.usefixtures("history")
def test_verify_reads_the_file_too() -> None:
    """It says how many rows it was."""
    lifecycle("prune", "--before", "2020-03-01")
    assert lifecycle("verify").lines == ["The history of 6 roots and 8 transitions is whole."]
    both = lifecycle("verify", "--archive", FILE)
    assert both.lines == ["The history of 6 roots and 8 transitions, and of 11 that were moved out, is whole."]
    assert lifecycle("verify", "--archive", FILE, "--json").json["archived"] == 11


def test_verify_without_one_of_the_files_fails(history: Path) -> None:
    """Exit code 1, and a finding for each root that has gone on since."""
    lifecycle("prune", "--before", "2020-02-10", "--to", "first.jsonl")
    lifecycle("prune", "--before", "2020-03-01", "--to", "second.jsonl")
    missing = lifecycle("verify", "--archive", "first.jsonl", "--json")
    assert missing.code == 1
    assert [finding["code"] for finding in missing.json["findings"]] == ["archive", "archive"]
    assert lifecycle("verify", "--archive", "first.jsonl", "--archive", "second.jsonl").code == 0
    assert sorted(file.name for file in history.glob("*.jsonl")) == ["first.jsonl", "second.jsonl"]
