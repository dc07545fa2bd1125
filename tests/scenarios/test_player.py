"""What the player makes of a step beside the command itself."""

from __future__ import annotations

from pathlib import Path

from lifecycle.testing.scenarios.playing import Outcome, play
from lifecycle.testing.scenarios.reading import SUFFIX, read_scenario
from tests.scenarios.library import CONFIG


def played(folder: Path, *steps: str) -> Outcome:
    """A story of these steps, after the purchase of Basic on 1 June."""
    file = folder / f"story{SUFFIX}"
    bought = "  - subscribe: {account: acme, plan: basic, trial: false}"
    lines = ("scenario: A story", "start: 2026-06-01", "steps:", bought, *steps)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return play(read_scenario(file, CONFIG))


def test_what_fires_before_a_late_confirmation_is_no_trace_of_its_refusal(tmp_path: Path) -> None:
    """The quote expires on the way, which is a row of the log (rules B2, I24)."""
    outcome = played(
        tmp_path,
        "  - quote: {change: {plan: team, when: now}}",
        "  - confirm: {after: 2h}",
        "    refused: quote_expired",
    )
    assert outcome.held
    assert [one.event for one in outcome.steps[-1].fired] == ["expired"]


def test_why_not_a_cancellation_is_asked_for_the_end_of_the_period(tmp_path: Path) -> None:
    """As the command is meant that says no date (rule X9)."""
    assert played(tmp_path, "  - expect: {refusals: {cancel: none}}").held
