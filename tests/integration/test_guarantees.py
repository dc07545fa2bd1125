"""The promises of docs/guarantees.md: the tests that they name are there, and what no other shows is shown here."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from lifecycle.store.migrate import upgrade
from lifecycle.verify import verify
from tests.integration.alarms import alarm_engine, database_of, logged, wind

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_what_a_killed_process_had_in_hand_is_undone_and_done_once(database_url: str) -> None:
    """Forty alarms are to ring three times; the process dies in its third batch of ten. The next one does the rest."""
    engine = alarm_engine(database_url)
    database = database_of(engine)
    try:
        upgrade(database)
        alarms = wind(engine, engine.clock.now() - timedelta(hours=1), alarms=40, times=3, seconds=60)

        command = [sys.executable, "-m", "tests.integration.dying", database_url]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL

        assert len(logged(engine, "seq")) == 40 + 2 * 10
        while engine.fire_batch().claimed:
            pass
        story = [(1, "wound"), (2, "rings"), (3, "rings"), (4, "rings")]
        assert logged(engine, "root_id", "seq", "event") == [(alarm, *row) for alarm in sorted(alarms) for row in story]
        assert verify(database).errors == ()
    finally:
        database.dispose()


def test_the_tests_that_the_page_names_are_there() -> None:
    """Each promise is shown by tests that can be read and run."""
    named = NAMED.findall((ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8"))
    missing = [f"{file}::{name}" for file, name in named if f"\ndef {name}(" not in text_of(ROOT / file)]
    assert len(named) > 20
    assert missing == []


def text_of(file: Path) -> str:
    """A file's text; none where there is no such file."""
    return file.read_text(encoding="utf-8") if file.is_file() else ""
