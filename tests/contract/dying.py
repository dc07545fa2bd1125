"""Lets a process of `crashing` die at one point after the other."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import text

from lifecycle.store.database import Database
from tests.contract import crashing
from tests.contract.threads import wait_until
from tests.forking import forker


def kill_at_each_point(database: Database, *words: str) -> Iterator[str]:
    """Yield the name of the point at which a process has just died, in order; then let one live to the end."""
    with forker(crashing.__name__, *words) as crash:
        number = 1
        while True:
            crash.tell(str(number))
            said = crash.hear(), crash.hear()
            if said[1] != "killed":
                break
            wait_until(lambda: database.is_sqlite or not _still_open(database))
            yield said[0]
            number += 1
    assert said == ("the end", "done")


def _still_open(database: Database) -> bool:
    """Whether PostgreSQL has not yet noticed that the process is dead."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
    with database.reading() as connection:
        return bool(connection.scalar(text(query)) != 1)
