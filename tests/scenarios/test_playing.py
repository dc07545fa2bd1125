"""What became of a story: what held, what did not and where, and what can't be played at all (rule G4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, cast

import pytest
from structlog.testing import capture_logs

from lifecycle.domain.refusals import refused
from lifecycle.errors import LifecycleError
from lifecycle.testing.scenarios import commands
from lifecycle.testing.scenarios.model import Step
from lifecycle.testing.scenarios.playing import Outcome, play
from lifecycle.testing.scenarios.reading import read_scenario
from lifecycle.testing.scenarios.stage import Stage
from lifecycle.testing.scenarios.telling import tale
from tests.scenarios.library import CONFIG

HEAD = """
scenario: A story
start: 2026-06-01
config:
  catalog:
    plans: {basic: {rank: 10, prices: {month: "50.00"}}, pro: {rank: 20, prices: {month: "100.00"}}}
steps:
"""


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Log lines are kept from the report."""
    with capture_logs():
        yield


def played(folder: Path, *steps: str, url: str = "sqlite://") -> Outcome:
    """What became of these steps; the first is in line 8."""
    file = folder / "a.scenario.yaml"
    file.write_text(HEAD + "".join(f"  - {step}\n" for step in steps), encoding="utf-8")
    return play(read_scenario(file, CONFIG), url=url)


def wrong(outcome: Outcome) -> list[tuple[int, str, str, str]]:
    """What was not as expected: line, what, expected, actual."""
    return [(step.line, one.what, one.expected, one.actual) for step in outcome.steps for one in step.wrong]


def test_everything_that_is_not_as_expected_is_told(tmp_path: Path) -> None:
    """Amounts, instants, lists that are too short and what is not there, as the file would write them."""
    outcome = played(
        tmp_path,
        "subscribe: {account: acme, plan: basic}",
        'expect: {state: trial, balance: "1.00", pending: {plan: pro}, next: {due: 2026-07-02}, log: []}',
        "expect: {access: false}",
        'expect: {invoices: [{total: "50"}, {total: "5"}], invoice: {lines: [{kind: seats}]}, ends: 2026-06-09}',
        "expect: {notices: [renewed], refusals: {cancel: ended, withdraw_change: no_pending_change}}",
        "expect: {charges: {failed: 1}}",
    )
    assert not outcome.held
    assert wrong(outcome) == [
        (9, "state", "trial", "active"),
        (9, "pending", "{plan: pro}", "none"),
        (9, "next.due", "2026-07-02", "2026-07-01T00:00"),
        (9, "log", "[]", "[subscribed]"),
        (9, "balance", "1.00", '"0.00"'),
        (10, "access", "false", "true"),
        (11, "ends", "2026-06-09", "none"),
        (11, "invoices", "[{total: 50}, {total: 5}]", '[{total: "50.00"}]'),
        (11, "invoice.lines[0].kind", "seats", "plan"),
        (12, "notices", "[renewed]", "[subscribed]"),
        (12, "refusals.cancel", "ended", "none"),
        (13, "charges.failed", "1", "0"),
    ]


def test_a_refusal_that_was_not_expected_ends_the_story(tmp_path: Path) -> None:
    """What comes after it would only be noise."""
    outcome = played(tmp_path, "subscribe: {account: acme, plan: basic}", "withdraw_change", "travel: next")
    assert len(outcome.steps) == 2
    [(line, what, _, actual)] = wrong(outcome)
    assert (line, what, actual.split(":")[0]) == (9, "this step", "no_pending_change")


def test_a_refusal_that_does_not_come_or_is_another_is_told(tmp_path: Path) -> None:
    """And the story goes on."""
    outcome = played(
        tmp_path,
        "subscribe: {account: acme, plan: basic}",
        "{cancel: {}, refused: ended}",
        "{change: {plan: pro}, refused: no_change}",
        "expect: {state: pending_cancellation}",
    )
    assert [(line, expected, actual.split(":")[0]) for line, _, expected, actual in wrong(outcome)] == [
        (9, "ended", "not refused"),
        (10, "no_change", "cancellation_pending"),
    ]


def test_a_declined_payment_may_leave_its_order_and_nothing_else(tmp_path: Path) -> None:
    """Another refusal leaves nothing (B2)."""
    outcome = played(
        tmp_path,
        "account: acme",
        "card: declines",
        "{subscribe: {plan: basic}, refused: payment_declined}",
        "expect: {order: declined, state: new, invoices: [], charges: {succeeded: 0, failed: 1}}",
    )
    assert wrong(outcome) == []


def test_a_refusal_that_changes_something_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row, a deferral and an invoice that it left behind (B2)."""

    def cancel_and_refuse(offers: commands.Offers, stage: Stage, step: Step, _: object) -> NoReturn:
        offers.cancel(stage.subscription_of(step), by="nobody")
        raise refused("no_pending_change")

    monkeypatch.setitem(cast("dict[str, object]", commands.QUOTABLE), "withdraw_change", cancel_and_refuse)
    outcome = played(
        tmp_path,
        "subscribe: {account: acme, plan: basic}",
        "{withdraw_change: {}, refused: no_pending_change}",
    )
    assert [what for _, what, *_ in wrong(outcome)] == ["deferrals after a refusal", "rows of the log after a refusal"]


def test_time_that_passes_before_a_refusal_is_not_its_doing(tmp_path: Path) -> None:
    """Two hours later the quote has expired, which is a row of the log (I24)."""
    outcome = played(
        tmp_path,
        "subscribe: {account: acme, plan: basic}",
        "quote: {change: {plan: pro, when: now}}",
        "{confirm: {after: 2h}, refused: quote_expired}",
    )
    assert wrong(outcome) == []
    assert [step.event for step in outcome.steps[-1].fired] == ["expired"]


def test_notices_are_those_since_they_were_last_expected(tmp_path: Path) -> None:
    """Of each subscription by itself."""
    outcome = played(
        tmp_path,
        "subscribe: {account: acme, plan: basic}",
        "expect: {notices: [subscribed]}",
        "cancel",
        "subscribe: {account: bob, plan: pro}",
        "expect: {notices: [subscribed]}",
        "expect: {notices: []}",
        "{sub: acme, expect: {notices: [cancellation_scheduled]}}",
    )
    assert wrong(outcome) == []


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ("cancel", "story_stuck: Nobody is there yet: begin with `account` or `subscribe`."),
        ("{account: acme, sub: bob}", ""),
        ("{card: ok, sub: bob}", "story_stuck: Nothing is called 'bob' yet."),
        ("confirm", "story_stuck: There is no quote to confirm: `quote` makes one."),
        ("travel: next", "nothing_due: Nothing is due any more."),
        ("expect: {state: active}", "story_stuck: Nobody is there yet: begin with `account` or `subscribe`."),
    ],
)
def test_a_step_that_cannot_be_played_says_why(tmp_path: Path, step: str, code: str) -> None:
    """It is the story's fault, and no error of Python's."""
    assert [actual for *_, actual in wrong(played(tmp_path, step))] == ([code] if code else [])


def test_of_an_account_without_a_subscription_only_what_it_has_can_be_expected(tmp_path: Path) -> None:
    """Its balance, and not what comes next."""
    outcome = played(tmp_path, "account: acme", 'expect: {balance: "0.00"}', "expect: {next: none}", "cancel")
    assert [actual for *_, actual in wrong(outcome)] == [
        "story_stuck: acme has no subscription yet, of which this could be expected."
    ]


def test_the_tale_shows_each_step_with_its_instant(tmp_path: Path) -> None:
    """And what fired on the way; in brief, only what is around a failure."""
    outcome = played(
        tmp_path,
        "subscribe: {account: acme, plan: basic}",
        *["travel: next"] * 4,
        'expect: {balance: "9.00"}',
        "travel: +1 year",
    )
    told = [" ".join(line.split()) for line in tale(outcome)]
    assert told[0].startswith("✗ A story (")
    assert told[1] == "8 2026-06-01 00:00 subscribe account=acme plan=basic active"
    fired = "cycle_starts on 2026-07-01, opened on 2026-07-01, charged on 2026-07-01"
    assert told[2] == f"9 2026-07-01 00:00 travel next {fired}"
    assert told[6:] == [
        "✗ 13 2026-10-01 00:00 expect",
        'balance: expected 9.00, actual "0.00"',
        "14 2027-10-01 00:00 travel +1 year 36 transitions, the last charged on 2027-10-01",
    ]
    brief = [" ".join(line.split()) for line in tale(outcome, brief=True)]
    assert brief == [told[0], *told[3:]]


def test_an_sqlite_file_stays_and_is_not_played_on_twice(tmp_path: Path) -> None:
    """Nothing of anybody's is overwritten."""
    url = f"sqlite:///{tmp_path / 'story.db'}"
    assert played(tmp_path, "subscribe: {account: acme, plan: basic}", url=url).held
    assert (tmp_path / "story.db").stat().st_size > 0
    with pytest.raises(LifecycleError) as not_empty:
        played(tmp_path, "subscribe: {account: acme, plan: basic}", url=url)
    assert not_empty.value.code == "database_not_empty"
