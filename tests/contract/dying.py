"""Lets a process of `crashing` die before one statement after the other."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import text

from lifecycle.store.database import Database
from tests.contract import crashing
from tests.contract.threads import wait_until


def kill_at_each_statement(database: Database, *words: str) -> Iterator[int]:
    """Yield the number of the statement before which a process has just died, 1, 2, …; then let one live to the end."""
    with subprocess.Popen(
        [sys.executable, "-m", crashing.__name__, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        number = 1
        while True:
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
            if (answer := process.stdout.readline()) != "killed\n":
                break
            wait_until(lambda: database.is_sqlite or not _still_open(database))
            yield number
            number += 1
        process.stdin.close()
    assert answer == "done\n"


def _still_open(database: Database) -> bool:
    """Whether PostgreSQL has not yet noticed that the process is dead."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
    with database.reading() as connection:
        return bool(connection.scalar(text(query)) != 1)
