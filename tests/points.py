"""The points of a transaction that writes: before each of its statements, before its COMMIT, and right after it.

A name says what comes next: `select lifecycle_roots`, `insert lifecycle_log`, `commit: before`, `commit: after`.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, event

_WRITES = "lifecycle_writes"
_STATEMENT = re.compile(r"(SELECT|INSERT INTO|UPDATE|DELETE FROM)\s(?:.*?\sFROM\s+)?(lifecycle_\w+)", re.DOTALL)
_COMMITTED = "lifecycle_committed"


def watch(engine: Engine, passing: Callable[[str], None]) -> None:
    """Call `passing` with the name of each point, in the thread that comes by it."""

    def statement(connection: Connection, _cursor: object, sql: str, *_: object) -> None:
        found = _STATEMENT.match(sql)
        if found and _writes(connection):
            passing(f"{found[1].split()[0].lower()} {found[2]}")

    def committing(connection: Connection) -> None:
        if _writes(connection):
            connection.info[_COMMITTED] = True
            passing("commit: before")

    def given_back(_connection: object, record: Any) -> None:
        """The next thing that is done with a connection after its COMMIT."""
        if record.info.pop(_COMMITTED, False):
            passing("commit: after")

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", committing)
    event.listen(engine.pool, "checkin", given_back)


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get(_WRITES))


def die() -> None:
    """Leave at once, like a machine without power."""
    os.kill(os.getpid(), signal.SIGKILL)
