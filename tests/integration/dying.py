"""A process that fires what is due, batch after batch, and is killed in its third: all written, nothing committed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from lifecycle.engine.clock import SystemClock
from lifecycle.engine.engine import Engine
from lifecycle.engine.ids import Ids
from lifecycle.engine.registry import Registry
from lifecycle.store.database import Database
from lifecycle.store.transaction import SqlStore, SqlTransaction
from tests.integration.alarms import Alarm

LAST = 3


class DyingStore(SqlStore):
    """As the real one, up to the end of its last transaction."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._numbers = count(1)

    @contextmanager
    def begin(self) -> Iterator[SqlTransaction]:
        """A transaction; the last is never committed."""
        number = next(self._numbers)
        with super().begin() as transaction:
            yield transaction
            if number == LAST:
                os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    clock = SystemClock()
    engine = Engine(DyingStore(Database(sys.argv[1])), Registry([Alarm]), clock, Ids(clock), batch=10)
    while engine.fire_batch().claimed:
        pass
