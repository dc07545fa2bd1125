"""What was done inside a host's transaction, until the tables show that it was committed.

A host's commit is told before the database has done it, and what was done may have been rolled back to a savepoint. So
it is hearsay: it is believed, and told to the listeners, once its rows are there, and forgotten if they do not come.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from lifecycle.app.context import Context
from lifecycle.engine.clock import stopwatch
from lifecycle.engine.committed import Committed
from lifecycle.engine.records import LogRecord
from lifecycle.store import queries

PATIENCE = 5.0
"""Seconds after which a commit that was told of and is not to be seen is taken to have failed."""
PAUSE = 0.05
MOST = 10_000
"""How much is remembered where no scheduler looks; what is older is forgotten, in the log it stands anyway."""


class Hearsay:
    """Is told of commits that may not have happened, and tells the listeners of those that have."""

    def __init__(self, context: Context) -> None:
        self.soon: Callable[[float], None] | None = None
        """How `settle` is called on a thread of the scheduler, in so many seconds, while there is one."""
        self._context = context
        self._heard: deque[tuple[Committed, float]] = deque(maxlen=MOST)
        self._turn = threading.Lock()

    def hear(self, committed: Committed) -> None:
        """A host is about to commit this."""
        self._heard.append((committed, stopwatch() + PATIENCE))
        if self.soon:
            self.soon(0.0)

    def settle(self) -> None:
        """Look what has become of it."""
        with self._turn:
            open_ = [self._heard.popleft() for _ in range(len(self._heard))]
            for committed, deadline in open_:
                if self._is_there(committed.transitions):
                    for listener in tuple(self._context.engine.listeners):
                        listener(committed)
                elif stopwatch() < deadline:
                    self._heard.append((committed, deadline))
        if self._heard and self.soon:
            self.soon(PAUSE)

    def after_fork(self) -> None:
        """In a child process: the parent settles what it has heard."""
        self.soon = None
        self._heard.clear()
        self._turn = threading.Lock()

    def _is_there(self, rows: Sequence[LogRecord]) -> bool:
        """Whether the last of these rows stands in the log as it was written."""
        if not rows:
            return True
        with self._context.database.reading() as connection:
            return queries.hash_at(connection, rows[-1].root_id, rows[-1].seq) == rows[-1].hash
