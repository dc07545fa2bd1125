"""A log line's traceback, however a host has set up its logging."""

from __future__ import annotations

import pytest
import structlog

from lifecycle.engine.journal import log, traced


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
