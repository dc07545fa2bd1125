"""A log line's traceback, however a host has set up its logging."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import structlog

from lifecycle.engine import journal
from lifecycle.engine.committed import Committed
from lifecycle.engine.journal import log, traced
from lifecycle.engine.records import LogRecord

AT = datetime(2026, 6, 1, tzinfo=UTC)
ROW = LogRecord(
    root_id="acct_1",
    seq=1,
    instance_id="mem_1",
    machine="member",
    version=1,
    event="invited",
    source=None,
    target="invited",
    cause="command",
    actor="operator",
    reason_id=None,
    due_at=AT,
    fired_at=AT,
    arguments={},
    changes={},
    effects=[{"effect": "notice", "kind": "member_invited"}],
)


def failed() -> ValueError:
    """An error with a secret among its frame's local variables."""
    password = "hunter" + "2"
    try:
        raise ValueError(f"{len(password)} letters")
    except ValueError as error:
        return error


def test_local_variables_are_not_shown_where_nobody_has_set_logging_up(capsys: pytest.CaptureFixture[str]) -> None:
    """structlog's own default prints them, where rich is installed."""
    structlog.reset_defaults()
    log.error("root_failed", **traced(failed()))
    told = capsys.readouterr().out
    assert "ValueError: 7 letters" in told
    assert "test_journal.py" in told
    assert "hunter2" not in told


def test_who_has_set_logging_up_gets_the_error_itself() -> None:
    """And has it formatted as they like."""
    error = failed()
    with structlog.testing.capture_logs() as lines:
        log.error("root_failed", **traced(error))
    assert lines == [{"event": "root_failed", "exc_info": error, "log_level": "error"}]


@pytest.mark.parametrize(("level", "told"), [("info", 1), ("warning", 0)])
def test_lines_that_nobody_keeps_are_not_written(
    level: str, told: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a commit with thousands of transitions each line costs: where the level leaves them out, none is made."""
    made: list[LogRecord] = []
    line_of = journal._line

    def counted(row: LogRecord) -> dict[str, object]:
        made.append(row)
        return line_of(row)

    monkeypatch.setattr(journal, "_line", counted)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    journal.tell(Committed([ROW]))
    structlog.reset_defaults()
    assert len(made) == told
    assert capsys.readouterr().out.count("member_invited") == told
