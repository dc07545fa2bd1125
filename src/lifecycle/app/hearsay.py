"""What was done inside a host's transaction, until the tables show that it was committed.

A host's commit is told before the database has done it, and what was done may have been rolled back to a savepoint. So
it is hearsay: it is believed, and told to the listeners, once its rows are there, and forgotten if they do not come.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from lifecycle.app.context import Context
from lifecycle.engine.clock import stopwatch
from lifecycle.engine.committed import Committed
from lifecycle.errors import LifecycleError
from lifecycle.store import queries

PATIENCE = 5.0
"""Seconds after which a commit that was told of and is not to be seen is taken to have failed."""
PAUSE = 0.02
"""Seconds between two looks."""


class Hearsay:
    """Is told of commits that may not have happened, and tells the listeners of those that have.

    It looks on a thread of its own, which lives only while there is something to look for.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.after_fork()

    def after_fork(self) -> None:
        """Know nothing. In a child process: the parent settles what it has heard."""
        self._heard: deque[tuple[Committed, float]] = deque()
        self._changed = threading.Condition()
        self._turn = threading.RLock()  # a listener may call something that settles
        self._looking = False

    def hear(self, committed: Committed) -> None:
        """A host is about to commit this. Never raises: the host's commit would fail of it."""
        with self._changed:
            self._heard.append((committed, stopwatch() + PATIENCE))
            if not self._looking:
                with suppress(RuntimeError):  # no more threads: whoever commits next looks for this too
                    threading.Thread(target=self._look, name="lifecycle-hearsay").start()
                    self._looking = True

    def settle(self) -> None:
        """Look what has become of it."""
        with self._turn:
            for committed in self._believed():
                for listener in tuple(self._context.engine.listeners):
                    listener(committed)

    def close(self) -> None:
        """Settle what can be, and forget the rest."""
        self.settle()
        with self._changed:
            self._heard.clear()
            self._changed.notify_all()

    def _look(self) -> None:
        while True:
            self.settle()
            with self._changed:
                if not self._heard:
                    self._looking = False
                    return
                self._changed.wait(PAUSE)

    def _believed(self) -> Sequence[Committed]:
        """What is there now; what is not, and may still come, is kept for the next look."""
        with self._changed:
            heard = tuple(self._heard)
            self._heard.clear()
        there: list[bool] = []
        with suppress(LifecycleError, SQLAlchemyError):  # the database can't be asked now
            if heard:
                self._context.ready()
                with self._context.database.reading() as connection:  # one moment, so that order holds
                    there = [_is_there(connection, committed) for committed, _ in heard]
        there = there or [False] * len(heard)
        now = stopwatch()
        rest = [one for one, seen in zip(heard, there, strict=True) if not seen and now < one[1]]
        with self._changed:
            self._heard.extendleft(reversed(rest))
        return [committed for (committed, _), seen in zip(heard, there, strict=True) if seen]


def _is_there(connection: Connection, committed: Committed) -> bool:
    """Whether it stands in the tables as it was written: its last log row, or what it left where it logged nothing."""
    if committed.transitions:
        row = committed.transitions[-1]
        return queries.hash_at(connection, row.root_id, row.seq) == row.hash
    roots = [failure.root for failure in committed.failures]
    return all(queries.trouble_of(connection, root.id) == (root.attempts, root.error) for root in roots) and not any(
        queries.is_deferred(connection, due.instance_id, due.event, due.due_at) for due in committed.idle
    )
