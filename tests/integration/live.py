"""Daemons that live for a test, and ways to wait for them, to hold them up and to cut them off."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from queue import SimpleQueue

import structlog
from apscheduler.triggers.date import DateTrigger
from sqlalchemy import text

from lifecycle.config.model import JobSpec
from lifecycle.engine.clock import stopwatch
from lifecycle.engine.engine import Engine
from lifecycle.engine.records import InstanceRecord
from lifecycle.scheduler.dispatcher import Dispatcher, OnLook
from lifecycle.scheduler.jobs import declare_jobs
from lifecycle.store.transaction import SqlTransaction
from tests.integration.alarms import AlarmEngine, alarm_engine, database_of

PATIENCE = 20.0
"""Seconds after which something that should have happened is taken not to."""

HOUR = timedelta(hours=1)
SOON = timedelta(milliseconds=300)
Line = Mapping[str, object]


class Lines:
    """The lines of the log as they are written, for a test to wait for."""

    def __init__(self) -> None:
        self._written: SimpleQueue[Line] = SimpleQueue()

    def __call__(self, _logger: object, _level: str, line: MutableMapping[str, object]) -> str:
        """Take a line, in the place of structlog's renderer."""
        self._written.put(line)
        raise structlog.DropEvent

    def next(self, name: str, **keys: object) -> Line:
        """The next line of this name with these keys; those before it are passed over."""
        deadline = stopwatch() + PATIENCE
        while True:
            line = self._written.get(timeout=max(0.0, deadline - stopwatch()))
            if line["event"] == name and keys.items() <= line.items():
                return line


@contextmanager
def alarms(url: str, **more: object) -> Iterator[AlarmEngine]:
    """An engine that runs alarms, whose connections are closed afterwards."""
    engine = alarm_engine(url, **more)  # type: ignore[arg-type]  # passed on as they are
    try:
        yield engine
    finally:
        database_of(engine).dispose()


@contextmanager
def daemon(
    engine: Engine[SqlTransaction],
    *,
    heartbeat: timedelta = HOUR,
    pause: timedelta = timedelta(0),
    jobs: Sequence[JobSpec] = (),
    lifecycle: object = None,
    on_look: Sequence[OnLook] = (),
) -> Iterator[Dispatcher]:
    """A dispatcher that runs meanwhile, with a heartbeat that does not help unless it is said to."""
    dispatcher = Dispatcher(engine, heartbeat=heartbeat, pause=pause, on_look=on_look)
    at_work = dispatcher.jobs_at_work
    declare_jobs(dispatcher.scheduler, jobs, zone="Europe/Paris", lifecycle=lifecycle, at_work=at_work)
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        dispatcher.stop()


class Gate:
    """The surroundings of alarms, which keep the first batch of an engine waiting in its transaction."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, _transaction: SqlTransaction, alarms: Sequence[InstanceRecord]) -> Mapping[str, object]:
        if alarms and not self.reached.is_set():
            self.reached.set()
            assert self.opened.wait(PATIENCE)
        return {}


def looking_ahead(looked: threading.Event) -> Callable[..., None]:
    """Hears the statements of an engine, and sets the event when it asks what comes next."""

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "min(" in statement:
            looked.set()

    return hear


def wait_until(holds: Callable[[], bool]) -> None:
    """Look again and again whether something holds; raises where it never does."""
    deadline = stopwatch() + PATIENCE
    pause = threading.Event()
    while not holds():
        assert stopwatch() < deadline
        pause.wait(0.02)


@contextmanager
def process(url: str) -> Iterator[subprocess.Popen[str]]:
    """A daemon as a process, which outlives neither the test nor its patience."""
    command = [sys.executable, "-m", "tests.integration.daemon", url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        patience = threading.Timer(PATIENCE, process.kill)
        patience.start()
        try:
            yield process
        finally:
            patience.cancel()
            process.kill()


def heard(process: subprocess.Popen[str]) -> str:
    """The next line that it says."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str], word: str) -> None:
    """Say a line to it."""
    assert process.stdin is not None
    process.stdin.write(f"{word}\n")
    process.stdin.flush()


def cut_all_others_off(engine: AlarmEngine) -> None:
    """End every other connection to the database; returns when they have gone."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with database_of(engine).engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
        while connection.scalar(text(f"SELECT count(*) {others}")):
            pass


class Deadly(DateTrigger):  # type: ignore[misc]  # APScheduler has no types
    """Ends the thread that asks it a second time when to fire."""

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Now; then never again."""
        if previous_fire_time is not None:
            raise RuntimeError("asked again")
        return now
