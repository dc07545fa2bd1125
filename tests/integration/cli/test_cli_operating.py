"""What operators do and ask, on the command line: acts with a reason, what is kept aside, and why not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from structlog.testing import capture_logs

from lifecycle import Lifecycle
from tests.integration.alarms import wind
from tests.integration.cli.world import lifecycle, shop, standing_at, utc
from tests.integration.world import PROJECT
from tests.schema import give_schema

pytestmark = pytest.mark.sampled

LATE = "2020-04-02T00:00:00Z"
"""Acme's cycle of 31 March 08:00 UTC is 40 hours late."""
WHY = ("--reason", "asked by phone", "--by", "olga")


@pytest.fixture
def alarm(empty: Path) -> Iterator[str]:
    """A host's own machine, an alarm broken at 10:00 that was kept aside; it is 10:01. Its id."""
    text = (PROJECT / "config.yaml").read_text(encoding="utf-8")
    shop(empty, text.replace("machines: ", "machines:\n  - tests.integration.alarms:Alarm #"))
    engine = Lifecycle.from_config("config.yaml")
    give_schema(engine.database)
    [alarm] = wind(engine.engine, utc("2020-01-31T10:00"), broken=True)
    for second in (0, 1, 3, 7, 15):
        with standing_at(f"2020-01-31T10:00:{second:02}Z"), capture_logs():
            engine.fire_due()
    engine.close()
    with standing_at("2020-01-31T10:01:00Z"):
        yield alarm


def last_rows(number: int) -> list[tuple[str, str, str, str | None]]:
    """The newest rows of the log: event, cause, actor and reason."""
    rows = lifecycle("log", "--last", str(number), "--json").json
    return [(row["event"], row["cause"], row["actor"], row["reason"]) for row in rows]


@pytest.mark.usefixtures("history")
def test_a_hold_and_its_release() -> None:
    """By the account's reference: what holds now, and a row with the operator's name and reason."""
    with standing_at(LATE):
        held = lifecycle("hold", "acme", *WHY)
        refused = lifecycle("withdraw-change", "acme")
        released = lifecycle("release", "acme", *WHY, "--json").json
    assert held.code == 0
    assert "state    pending_change (held)" in held.lines[2]
    assert (refused.code, refused.err.startswith("refused (held)")) == (3, True)
    assert (released["account"], released["status"], released["version"]) == ("acme", "live", 12)
    assert last_rows(2) == [(event, "operator", "olga", "asked by phone") for event in ("held", "released")]


@pytest.mark.usefixtures("history")
def test_to_fire_and_to_skip_by_hand() -> None:
    """No daemon runs: acme's late cycle is skipped with its change, which waits for 30 April; then nothing is due."""
    with standing_at(LATE):
        skipped = lifecycle("skip", "acme", *WHY, "--json").json
        nothing = lifecycle("fire", "acme", *WHY)
    assert (skipped["state"], skipped["next_due_at"]) == ("pending_change", "2020-04-30T08:00:00Z")
    assert nothing.code == 3
    assert (
        nothing.err
        == "refused (not_due): Nothing of this is due, held or backing off. See what comes next, and when.\n"
    )
    with standing_at("2020-04-30T08:00:00Z"):
        assert lifecycle("fire", "acme", *WHY, "--json").json["state"] == "active"
    assert last_rows(2) == [(event, "operator", "olga", "asked by phone") for event in ("cycle_starts", "opened")]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["hold", "acme"], 2),
        (["hold", "acme", "--reason", " "], 3),
        (["hold", "nobody", "--reason", "x"], 4),
        (["release", "acme", "--reason", "x"], 3),
        (["quarantine", "retry", "acme", "--reason", "x"], 3),
        (["quarantine", "show", "nobody"], 4),
        (["explain", "nobody"], 4),
        (["explain", "acme", "dances"], 4),
        (["explain", "acme", "cancel", "tomorrow"], 2),
        (["explain", "acme", "cancel", "at=tomorrow"], 3),
    ],
)
def test_what_can_not_be_done_says_so(words: list[str], code: int) -> None:
    """By its exit code, and changes nothing."""
    assert lifecycle(*words).code == code
    assert len(lifecycle("log", "--json").json) == 19


def test_what_is_kept_aside_is_listed_and_shown(alarm: str) -> None:
    """A host's own machine, by its id: with the error, what is due, and what can be done."""
    listed = lifecycle("quarantine", "list").lines
    assert listed[0].split() == ["id", "account", "state", "event", "due", "attempts", "error"]
    assert listed[2].split()[:4] == [alarm, "–", "ticking", "rings"]
    assert listed[2].endswith("5         RuntimeError: the spring is broken")
    shown = [line.strip("│ ") for line in lifecycle("quarantine", "show", alarm).lines]
    assert "error        RuntimeError: the spring is broken" in shown
    assert "due          rings since 2020-01-31 10:00 UTC (1 min late)" in shown
    assert sorted(lifecycle("quarantine", "show", alarm, "--json").json["can"]) == ["fire", "hold", "retry"]


def test_what_was_mended_is_retried(alarm: str, empty: Path) -> None:
    """Fired too early it fails, and nothing has changed; mended and retried it rings."""
    failed = lifecycle("fire", alarm, *WHY)
    assert failed.code == 1
    assert failed.err == "failed (transition_failed): rings failed: RuntimeError: the spring is broken\n"
    engine = create_engine(f"sqlite:///{empty}/lifecycle.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE lifecycle_instances SET facts = replace(facts, 'true', 'false')"))
    engine.dispose()
    retried = lifecycle("quarantine", "retry", alarm, *WHY, "--json").json
    assert (retried["status"], retried["attempts"], retried["error"]) == ("live", 0, None)
    assert lifecycle("fire", alarm, *WHY, "--json").json["state"] == "silent"
    assert lifecycle("quarantine", "list", "--json").json == []


def test_a_machine_that_skips_nothing_says_so(alarm: str) -> None:
    """Alarms do not tell how they are passed over."""
    assert lifecycle("quarantine", "skip", alarm, *WHY).err.startswith("refused (not_skippable)")


@pytest.mark.usefixtures("history")
def test_explain_tells_each_event() -> None:
    """Initech is to end: what refuses, what depends, what is allowed, and what comes by itself."""
    ended = lifecycle("explain", "initech")
    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in ended.lines[9:]}
    assert ended.code == 0
    assert lines["add_seats"] == (
        "refused cancellation_pending The subscription is to end; nothing else can change until then. "
        "Withdraw the cancellation first."
    )
    assert lines["cancel"] == (
        "depends on what is asked for date_ahead, else date_in_past; end_moves, else no_change; "
        "cancel_allowed, else when_not_allowed"
    )
    assert lines["withdraw_cancellation"] == "allowed it leads to active"
    assert lines["end_date_arrives"] == "by itself 2020-06-15 00:00 EDT (in 87 d 4 h), to ended"
    assert lines["trial_ends"] == "does nothing"


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        (["change_now", "plan=flexible", "seats=1"], ["allowed", None, None]),
        (["change-now", "plan=team", "seats=3"], ["refused", "when_not_allowed", "allowed_then"]),
        (["change_now", "plan=gold"], ["refused", "plan_unknown", "plan_known"]),
        (["cancel", "at=2020-03-20"], ["refused", "date_in_past", "date_ahead"]),
        (["cancel", "at=2020-03-21"], ["allowed", None, None]),
        (["activate"], ["refused", "already_active", None]),
    ],
)
def test_explain_judges_one_event_as_it_is_asked(words: list[str], verdict: list[str | None]) -> None:
    """A date is local to the account: in Paris 20 March has begun, and 21 March has not."""
    [event] = lifecycle("explain", "acme", *words, "--json").json["events"]
    assert [event["verdict"], event["code"], event["guard"]] == verdict


@pytest.mark.usefixtures("history")
def test_explain_says_what_is_late_and_what_is_held() -> None:
    """The state after what is due; and that a hold refuses all."""
    with standing_at(LATE):
        late = lifecycle("explain", "acme").out
        lifecycle("hold", "acme", *WHY)
        held = lifecycle("explain", "acme").out
    assert "pending_change, after what is due: active" in late
    assert "cycle_starts since 2020-03-31 10:00 CEST (1 d 16 h late); it fires before any command is judged" in late
    assert "refuses all commands (held): An operator has put this on hold." in held


def test_explain_tells_of_an_error(alarm: str) -> None:
    """That of a quarantine, with how often it was tried."""
    told = lifecycle("explain", alarm).out
    assert "refuses all commands (quarantined)" in told
    assert "failed 5×: RuntimeError: the spring is broken" in told


@pytest.mark.usefixtures("history")
def test_damaged_facts_keep_no_operator_away(history: Path) -> None:
    """Acme's facts can't be read any more: the log, what is overdue, what is asked and done by its id all can."""
    acme = lifecycle("show", "acme", "--json").json["id"]
    engine = create_engine(f"sqlite:///{history}/lifecycle.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE lifecycle_instances SET facts = '{}' WHERE id = :id"), {"id": acme})
    engine.dispose()
    with standing_at(LATE):
        for words in (["log", acme], ["due", "--overdue"], ["explain", acme], ["timeline", acme], ["hold", acme, *WHY]):
            ended = lifecycle(*words)
            assert (ended.code, ended.err) == (0, "")
            assert "acme" in ended.out or acme in ended.out
        assert lifecycle("fire", acme, *WHY).err.startswith("failed (transition_failed): cycle_starts failed: KeyError")


def test_what_belongs_to_something_of_a_hosts_own_is_told_by_its_id(alarm: str, empty: Path) -> None:
    """An owner that is no account of ours."""
    engine = create_engine(f"sqlite:///{empty}/lifecycle.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE lifecycle_instances SET owner_id = 'room_7'"))
    engine.dispose()
    assert lifecycle("quarantine", "list", "--json").json[0]["account"] == "room_7"
    assert lifecycle("log", alarm, "--json").json[0]["account"] == "room_7"
