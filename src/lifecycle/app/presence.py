"""The row in which a running scheduler says that it is there. It is for those who look; nothing depends on it."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

import structlog
from sqlalchemy.exc import SQLAlchemyError

from lifecycle.engine.clock import Clock, stopwatch
from lifecycle.errors import LifecycleError
from lifecycle.store import daemons
from lifecycle.store.daemons import Daemon
from lifecycle.store.database import Database

EVERY = timedelta(seconds=5)
"""The row is written at every look, but not more often than this."""
FORGOTTEN_AFTER = timedelta(days=1)

log = structlog.get_logger("lifecycle")


def release() -> str:
    """The release of this package that is installed."""
    try:
        return version("lifecycle-engine")
    except PackageNotFoundError:
        return "a checkout"


class Presence:
    """Keeps the row of one daemon, from the first time that it is `seen` until it takes its `leave`.

    A row that can't be written is told in the log (`presence_failed`), and hurts nobody.
    """

    def __init__(self, database: Database, clock: Clock, identifier: str) -> None:
        self._database = database
        self._clock = clock
        now = clock.now()
        self._daemon = Daemon(identifier, socket.gethostname(), os.getpid(), release(), now, now)
        self._tried: float | None = None
        self._is_failing = False

    def seen(self, _next_wake_at: datetime | None) -> None:
        """Its loop has turned; the first time, those are removed that have not been heard for a day."""
        is_first = self._tried is None
        if self._tried is not None and stopwatch() - self._tried < EVERY.total_seconds():
            return
        self._tried = stopwatch()
        now = self._clock.now()
        try:
            with self._database.writing() as connection:
                if is_first:
                    daemons.forget(connection, now - FORGOTTEN_AFTER)
                daemons.tick(connection, replace(self._daemon, ticked_at=now))
            self._is_failing = False
        except (LifecycleError, SQLAlchemyError) as error:
            self._tried = None  # it is written as soon as the database is back
            if not self._is_failing:
                self._is_failing = True
                log.warning("presence_failed", error=str(error))

    def leave(self) -> None:
        """It has ended."""
        try:
            with self._database.writing() as connection:
                daemons.leave(connection, self._daemon.id)
        except (LifecycleError, SQLAlchemyError) as error:
            log.warning("presence_failed", error=str(error))
