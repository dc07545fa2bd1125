"""What the report of a failed test shows, so that nobody needs a debugger (G4, X74)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.integration.plugin.project import project

EXPECTED = """\
    time                  of            event                from → to                actor          reason
 1  2026-01-01 00:00 CET  subscription  subscribed           trial                    ann@acme.test
 2  2026-01-01 00:00 CET  subscription  schedule_change      trial → pending_change   ann@acme.test  More room.
 3  2026-01-15 00:00 CET  subscription  trial_ends           pending_change           scheduler
    2026-01-15 00:00 CET  invoice       opened               open                     scheduler
    2026-01-15 00:00 CET  invoice       charged              open → paid              system
 4  2026-01-20 00:00 CET  subscription  change_takes_effect  pending_change → active  scheduler
    2026-01-20 00:00 CET  invoice       opened               open                     scheduler
    2026-01-20 00:00 CET  invoice       charged              open → paid              system
 ╋  2026-02-20 00:00 CET  subscription  cycle_starts         active                   scheduler
    2026-02-20 00:00 CET  invoice       opened               open                     scheduler
    2026-02-20 00:00 CET  invoice       charged              open → paid              system

    next                  of            event
 5  2026-03-20 00:00 CET  subscription  cycle_starts

▼  The clock stands at 2026-02-25 00:00 CET."""


@pytest.fixture
def reports(tmp_path: Path) -> dict[str, str]:
    """What pytest reports of each test that fails, run in another process by xdist."""
    host = project(tmp_path)
    host.take("failing")
    run = host.pytest("-p", "xdist", "-n", "1", "-q")
    assert run.counted == {"failed": 5, "error": 1}, run.said
    parts = re.split(r"^_+ (?:ERROR at setup of )?test_(\w+) _+$", run.said, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_a_failure_is_reported_with_what_has_happened(reports: dict[str, str]) -> None:
    """From a failed expectation, a fixture, a test whose hook fails, with many customers, with none, and where nothing
    can be shown; an expected failure is none."""
    acme = "lifecycle: acme: sub_01KDVA7EC00000000000000004"
    assert f"- {acme}, active -" in reports["expectation"]
    assert f"\n{dedented(EXPECTED)}" in dedented(reports["expectation"])
    assert "┣ trial" not in reports["expectation"]
    assert re.search(r"^ {24}\+ +3 +4 .*▼ .*5$", reports["expectation"], re.M)
    assert re.search(r"^2026-01-01 00:00 CET +┣━.*╌+╋?$", reports["expectation"], re.M)

    assert "RuntimeError: No room for" in reports["setup"]
    assert f"- {acme}, pending_change -" in reports["setup"]

    assert "hook_failed" in reports["hook"]
    assert "no line to sub_" in reports["hook"]
    assert "2026-01-15 00:00 CET  subscription  trial_ends" in reports["hook"]

    assert len(re.findall("- lifecycle: customer-", reports["many"])) == 3
    assert "2 more are not shown. The clock stands at 2026-01-01 00:00 CET." in reports["many"]

    assert "Nothing has happened. The clock stands at 2026-03-01 00:00 CET." in reports["nothing"]

    assert "Failed: the test's own failure" in reports["undrawable"]
    assert "What happened can't be shown: " in reports["undrawable"]


def dedented(text: str) -> str:
    """Without what a line begins with."""
    return "\n".join(line.lstrip() for line in text.splitlines())
