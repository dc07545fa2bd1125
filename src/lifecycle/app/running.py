"""A started scheduler: the dispatcher, calendar jobs, the daemon's row, and what is done right after commits."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Protocol

from lifecycle.app.hooks import Hooks
from lifecycle.app.presence import Presence
from lifecycle.config import Config
from lifecycle.engine.clock import Clock
from lifecycle.engine.committed import Committed
from lifecycle.engine.engine import Engine
from lifecycle.scheduler.dispatcher import LANES, SQLITE_PAUSE, Dispatcher, OnLook
from lifecycle.scheduler.jobs import Prompt, declare_jobs
from lifecycle.store.database import Database
from lifecycle.store.transaction import SqlTransaction

RELAY = "relay_outbox"
"""The calendar job of this name runs right after a commit that sends something, too."""


class Runs(Protocol):
    """What a scheduler needs of a `Lifecycle`, which its calendar jobs are given."""

    config: Config
    clock: Clock
    database: Database

    @property
    def engine(self) -> Engine[SqlTransaction]:
        """What is to be fired."""
        ...


@contextmanager
def running(
    lifecycle: Runs, hooks: Hooks, daemon_id: str, *, heartbeat: timedelta | None, on_look: Sequence[OnLook]
) -> Iterator[Dispatcher]:
    """Run it meanwhile; at the end it finishes what it has in hand. Raises as `Lifecycle.start` does."""
    process = os.getpid()
    lifecycle.database.truncate_wal()  # what somebody has erased who died right after
    presence = Presence(lifecycle.database, lifecycle.clock, daemon_id)
    dispatcher = _dispatcher(lifecycle, heartbeat, [presence.seen, *on_look])
    hooks.soon = partial(dispatcher.soon, hooks.run)
    try:
        with _prompting(lifecycle, dispatcher):
            dispatcher.start()
            yield dispatcher
    finally:
        if os.getpid() == process:  # a forked child that leaves the block has no scheduler to stop
            dispatcher.stop()
            if dispatcher.ended and not dispatcher.failing:
                presence.leave()
            hooks.soon = None


def _dispatcher(lifecycle: Runs, heartbeat: timedelta | None, on_look: Sequence[OnLook]) -> Dispatcher:
    """The dispatcher with the calendar jobs, not yet started."""
    config, is_sqlite = lifecycle.config, lifecycle.database.is_sqlite
    dispatcher = Dispatcher(
        lifecycle.engine,
        heartbeat=heartbeat or config.heartbeat.timedelta,
        pause=SQLITE_PAUSE if is_sqlite else timedelta(0),
        lanes=1 if is_sqlite else LANES,
        on_look=on_look,
    )
    at_work = dispatcher.jobs_at_work
    declare_jobs(dispatcher.scheduler, config.jobs, zone=config.zone, lifecycle=lifecycle, at_work=at_work)
    return dispatcher


@contextmanager
def _prompting(lifecycle: Runs, dispatcher: Dispatcher) -> Iterator[None]:
    """Have the job that relays the outbox, if there is one, run right after each commit that sends something."""
    relaying = [job for job in lifecycle.config.jobs if job.name == RELAY]
    prompts = [Prompt(dispatcher.soon, job, lifecycle=lifecycle, at_work=dispatcher.jobs_at_work) for job in relaying]

    def hear(committed: Committed) -> None:
        if committed.clock is None and committed.sends:
            for prompt in prompts:
                prompt.ask()

    listeners = lifecycle.engine.listeners  # a forked child has an engine of its own
    listeners.append(hear)
    try:
        yield
    finally:
        listeners.remove(hear)
