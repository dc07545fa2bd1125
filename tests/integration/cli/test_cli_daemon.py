"""`lifecycle run`, as a supervisor runs it: a process that catches up, logs in JSON, and ends when it is told to."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from tests.integration.cli.world import documented, in_a_process, lifecycle, shape

pytestmark = pytest.mark.sampled

Line = dict[str, Any]
PATIENCE = 120.0
"""Seconds after which a daemon that does not end is ended."""
IMPATIENT = "import lifecycle.store.database as it; it.BUSY_SECONDS = 4"
"""It waits for a lock for four seconds, not ten: longer than three heartbeats of the shortest kind."""


@contextmanager
def daemon(folder: Path, *words: str, first: str = "") -> Iterator[subprocess.Popen[str]]:
    """A daemon on the history, which nobody has looked after since March 2020."""
    with in_a_process("run", *words, cwd=folder, first=first) as process:
        deadline = threading.Timer(PATIENCE, process.kill)
        deadline.start()
        try:
            yield process
        finally:
            deadline.cancel()
            process.kill()


def logged(stream: IO[str] | None) -> Iterator[Line]:
    """The lines of a log in JSON, each as the table in the documentation says."""
    assert stream is not None
    for text in stream:
        line = json.loads(text)
        assert shape(line) == documented()[line["event"]]
        yield line


def rewrite(folder: Path, old: str, new: str) -> None:
    """Change the configuration."""
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace(old, new))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_catches_up_and_ends_when_it_is_told_to(history: Path, number: signal.Signals) -> None:
    """It says what comes first, fires it at its own nominal time, finishes on a signal, and exits with 0."""
    with daemon(history) as process:
        lines = logged(process.stderr)
        started, first = next(lines), next(lines)
        assert (started["event"], started["next"]) == ("started", "cycle_starts")
        assert started["due_at"] == "2020-03-31T08:00:00+00:00"
        assert (first["event"], first["transition"]) == ("transition", "cycle_starts")
        assert first["due_at"] == "2020-03-31T08:00:00+00:00"
        assert any(line.get("transition") == "end_date_arrives" for line in lines)

        process.send_signal(number)

        *_, stopping, stopped = [line for line in lines if line["event"] not in ("transition", "delivered")]
        assert (stopping["event"], stopping["signal"]) == ("stopping", number.name)
        assert stopped["event"] == "stopped"
        assert process.wait() == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""
    shown = lifecycle("show", "initech", "--json").json
    assert (shown["state"], shown["ends_at"]) == ("ended", "2020-06-15T04:00:00Z")
    assert lifecycle("verify").code == 0


def test_it_ends_where_its_scheduler_does_no_work_any_more(history: Path) -> None:
    """Somebody holds the database's lock for three heartbeats and more: it says so, and exits with 1."""
    rewrite(history, "heartbeat: 30s", "heartbeat: 1s")
    other = sqlite3.connect(history / "lifecycle.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with daemon(history, first=IMPATIENT) as process:
        lines = logged(process.stderr)
        assert [next(lines)["event"], next(lines)["event"]] == ["started", "scheduler_dead"]
        other.execute("ROLLBACK")
        assert list(lines)[-1]["event"] == "stopped"
        assert process.wait() == 1
    other.close()


def test_a_second_signal_ends_it_at_once(history: Path) -> None:
    """For those who can't wait for what is in hand: here it waits for a lock that is not given back."""
    other = sqlite3.connect(history / "lifecycle.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with daemon(history, first=IMPATIENT) as process:
        lines = logged(process.stderr)
        assert next(lines)["event"] == "started"
        process.send_signal(signal.SIGTERM)
        assert next(lines)["event"] == "stopping"
        process.send_signal(signal.SIGTERM)
        assert process.wait() == -signal.SIGTERM
    other.close()


def test_the_log_can_be_made_json_by_an_option(history: Path) -> None:
    """Whatever the configuration says."""
    rewrite(history, "format: auto", "format: text")
    with daemon(history) as process:
        assert process.stderr is not None
        assert "[info     ] started" in next(process.stderr)
    with daemon(history, "--json") as process:
        assert next(logged(process.stderr))["event"] == "started"


def test_a_job_that_does_not_load_stops_it_before_it_starts(history: Path) -> None:
    """2, like everything that is wrong with a configuration."""
    rewrite(history, "lifecycle_jobs.verify:verify_history", "lifecycle_jobs.verify:gone")
    ended = lifecycle("run")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("failed (definition): The job 'verify_history' can't be loaded")
