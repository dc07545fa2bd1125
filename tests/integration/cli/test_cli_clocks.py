"""`lifecycle clock …`: a tester's day at the command line, and the marks that tests bear wherever they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.world import lifecycle, with_schema

REFUSED, NOT_FOUND = 3, 4


@pytest.fixture(autouse=True)
def _allowed(empty: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation where clocks are allowed, with the schema and the clock `qa` at 31 January 2026, nine."""
    del empty
    monkeypatch.setenv("LIFECYCLE_CLOCKS__ALLOWED", "true")
    with_schema()
    lifecycle("clock", "create", "qa", "--at", "2026-01-31 09:00")


def bought(name: str, *more: str) -> str:
    """A new account takes basic; the subscription's id."""
    lifecycle("account", "add", name, "--email", f"{name}@acme.test", "--payment-method", *more)
    made = lifecycle("subscribe", name, "--plan", "basic", "--no-trial", "--json").json
    return str(made["id"])


def test_a_clock_is_made_advanced_and_deleted() -> None:
    """X82, X86, X88: each answers with what there is, for people and for programs."""
    bought("test", "--clock", "qa")

    would_be = lifecycle("clock", "advance", "qa", "+1 month", "--dry-run", "--json").json
    assert (would_be["now"], would_be["dry_run"]) == ("2026-01-31T09:00:00Z", True)
    happened = lifecycle("clock", "advance", "qa", "+1 month", "--json").json
    assert (happened["now"], happened["dry_run"]) == ("2026-02-28T09:00:00Z", False)
    for told in (would_be, happened):
        events = [(one["account"], one["machine"], one["event"]) for one in told["transitions"]]
        assert events == [
            ("test", "subscription", "cycle_starts"),
            ("test", "invoice", "opened"),
            ("test", "invoice", "charged"),
        ]
    shown = lifecycle("clock", "advance", "qa", "next")
    assert "qa" in shown.out
    assert shown.err == "qa stands at 2026-03-31 09:00 UTC.\n"

    [clock] = lifecycle("clock", "list", "--json").json
    assert (clock["name"], clock["accounts"], clock["next_at"]) == ("qa", 1, "2026-04-30T09:00:00Z")
    assert "2026-03-31 09:00 UTC" in lifecycle("clock", "list").out
    assert lifecycle("clock", "delete", "qa").err == "qa is gone, and so is what was on it: accounts: 1.\n"
    assert lifecycle("account", "list", "--json").json == []


def test_tests_are_marked_wherever_they_are_shown(tmp_path: Path) -> None:
    """X89: with the clock's name, and a printed invoice with TEST; others bear no mark."""
    test, real = bought("test", "--clock", "qa"), bought("real")

    for command in (
        ("account", "show", "test"),
        ("show", "test"),
        ("explain", "test"),
        ("timeline", "test"),
        ("invoices", "show", "TEST-000001"),
        ("quote", "cancel", "test"),
    ):
        assert "TEST" in lifecycle(*command).out, command
        other = [{"test": "real", "TEST-000001": "INV-000001"}.get(word, word) for word in command]
        assert "TEST" not in lifecycle(*other).out, command
    for line in ("list", "log", "due", "invoices list", "account list"):
        head, *rows = lifecycle(*line.split()).out.splitlines()
        assert "clock" in head, line
        assert all(("qa" in row.split()) == ("test" in row.split()) for row in rows), line
        assert {one["clock"] for one in lifecycle(*line.split(), "--json").json} == {"qa", None}, line
    assert lifecycle("show", test, "--json").json["clock"] == "qa"
    assert lifecycle("show", real, "--json").json["clock"] is None
    for words in ("quote cancel", "explain"):
        marks = [lifecycle(*words.split(), account, "--json").json["clock"] for account in ("test", "real")]
        assert marks == ["qa", None], words
    lifecycle("invoices", "show", "TEST-000001", "--html", str(tmp_path / "test.html"))
    assert "TEST – Invoice" in (tmp_path / "test.html").read_text()


def test_late_is_what_is_late_by_its_own_clock() -> None:
    """X80, X89: months before the real time nothing on the clock is late, and none of it waits for a daemon."""
    bought("test", "--clock", "qa")

    assert lifecycle("due", "--overdue", "--json").json == []
    [due] = lifecycle("due", "--json").json
    assert (due["event"], due["late_seconds"], due["trouble"]) == ("cycle_starts", 0, None)


def test_what_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """X82, X87: backwards, unknown, and where no clocks are allowed; with the exit codes of everything else."""
    back = lifecycle("clock", "advance", "qa", "2026-01-01", "--json")
    assert (back.code, back.json["error"]["code"]) == (REFUSED, "clock_forward_only")
    lost = lifecycle("clock", "delete", "nobody_s", "--json")
    assert (lost.code, lost.json["error"]["code"]) == (NOT_FOUND, "not_found")
    monkeypatch.setenv("LIFECYCLE_CLOCKS__ALLOWED", "false")
    refused = lifecycle("clock", "list", "--json").json["error"]
    assert (refused["code"], "clocks.allowed: true" in refused["instead"]) == ("clocks_not_allowed", True)
    [clocks] = [one for one in lifecycle("doctor", "--json").json["findings"] if one["name"] == "named_clocks"]
    assert (clocks["status"], clocks["value"]) == ("warn", 1)
