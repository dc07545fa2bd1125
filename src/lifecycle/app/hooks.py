"""In-process hooks: a host's functions that hear of transitions, once they are committed.

A hook hears what its own process has committed. It runs on a thread of the scheduler, or where none was started on the
thread that committed (for a host's own transaction: on one that has seen it committed). Hooks are called one at a time,
in the order of the commits; what two threads commit at the same moment may come either way round, and `seq` tells. What
a hook raises is logged, and undoes nothing. A process that dies between the commit and the hook never calls it: what
must not be lost goes into the outbox.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import structlog

from lifecycle.engine.committed import Committed
from lifecycle.engine.journal import traced
from lifecycle.engine.records import LogRecord
from lifecycle.engine.registry import Registry
from lifecycle.engine.telling import names_of
from lifecycle.errors import LifecycleError
from lifecycle.store.queries import Step, step_of

BY_HAND = ("held", "released", "retried", "skipped", "outbox_retried", "outbox_dropped", "migrated")
"""Events that no machine defines: operators' acts, and the step to a newer version."""

Hook = Callable[[Step], object]
"""What it returns is dropped."""

log = structlog.get_logger("lifecycle")


class Hooks:
    """The hooks by what they hear, and the transitions that are still to be told."""

    def __init__(self) -> None:
        self.soon: Callable[[], bool] | None = None
        """Has `run` called on a thread of the scheduler, if there still is one; whether there is."""
        self._hooks: list[tuple[str, Hook]] = []
        self._waiting: deque[tuple[LogRecord, str | None]] = deque()
        self._turn = threading.Lock()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._hooks)

    def add(self, name: str, hook: Hook) -> None:
        """Have `hook` hear of `kind.event`, `kind.state` (entered), or `kind.*`."""
        self._hooks.append((name, hook))

    def hear(self, committed: Committed) -> None:
        """Keep what has been committed until the hooks have heard of it."""
        if self._hooks and committed.transitions:
            self._waiting.extend((row, committed.clock) for row in committed.transitions)
            if not (self.soon and self.soon()):
                self.run()

    def run(self) -> None:
        """Tell the hooks; one thread does so at a time, and what comes meanwhile it tells too."""
        while self._waiting and self._turn.acquire(blocking=False):
            try:
                while self._waiting:
                    self._tell(*self._waiting.popleft())
            finally:
                self._turn.release()

    def after_fork(self) -> None:
        """In a child process: the parent tells what was committed there."""
        self.soon = None
        self._waiting.clear()
        self._turn = threading.Lock()

    def _tell(self, row: LogRecord, clock: str | None) -> None:
        names = names_of(row)
        for name, hook in self._hooks:
            if name in names:
                _call(name, hook, step_of(row, clock))


def check_name(name: str, registry: Registry) -> None:
    """Raise LifecycleError (`hook_unknown`) unless something is called so."""
    kind, _, what = name.partition(".")
    known = {"*"}
    for matrix in registry.matrices(kind):
        known |= {*matrix.states, *matrix.creations, *matrix.commands, *matrix.deferred, *BY_HAND}
    if kind not in registry.kinds or what not in known:
        raise LifecycleError(
            f"Nothing is called {name!r}. A hook hears of machine.event or machine.state, such as "
            "subscription.cycle_starts or subscription.ended, or of machine.*, which is all of them.",
            code="hook_unknown",
        )


def _call(name: str, hook: Hook, step: Step) -> None:
    try:
        hook(step)
    except Exception as error:  # noqa: BLE001  # a hook's trouble is its own
        log.error("hook_failed", hook=name, root=step.root_id, seq=step.seq, error=str(error), **traced(error))
