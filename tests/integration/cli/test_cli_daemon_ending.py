"""`lifecycle run` under load, and how it ends: what a supervisor sees of a process with thousands of alarms to ring."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from lifecycle import Lifecycle
from lifecycle.store import daemons
from lifecycle.store.daemons import Daemon
from lifecycle.store.migrate import upgrade
from lifecycle.verify import verify
from tests.integration.alarms import database_of, logged, wind
from tests.integration.cli.world import environment, in_a_process
from tests.integration.live import HOUR, alarms, wait_until
from tests.integration.world import PROJECT, travelling

pytestmark = pytest.mark.sampled

PATIENCE = 60.0
BATCH = 50
MACHINES = "[tests.integration.alarms:Alarm]"


@contextmanager
def daemon(folder: Path, url: str, *words: str, first: str = "", **environ: str) -> Iterator[subprocess.Popen[str]]:
    """A daemon that rings alarms on a database, with small batches."""
    settings = {
        "LIFECYCLE_DATABASE__URL": url,
        "LIFECYCLE_MACHINES": MACHINES,
        "LIFECYCLE_SCHEDULER__BATCH": str(BATCH),
        "PYTHONPATH": os.pathsep.join((environment()["PYTHONPATH"], str(PROJECT))),
        **environ,
    }
    with in_a_process("run", "--json", *words, cwd=folder, first=first, **settings) as process:
        deadline = threading.Timer(PATIENCE, process.kill)
        deadline.start()
        try:
            yield process
        finally:
            deadline.cancel()
            process.kill()


def lines(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """What it logs."""
    assert process.stderr is not None
    return map(json.loads, process.stderr)


def until(event: str, said: Iterator[dict[str, Any]]) -> None:
    """Read its log up to a line."""
    assert any(line["event"] == event for line in said)


def hanging(folder: Path) -> str:
    """A database with an alarm that is due, and hangs when it is to ring."""
    url = f"sqlite:///{folder / 'hanging.db'}"
    with alarms(url) as engine:
        upgrade(database_of(engine))
        wind(engine, engine.clock.now() - HOUR, broken="hangs")
    return url


def locked(folder: Path) -> Callable[[], bool]:
    """Whether somebody writes to that database."""

    def look() -> bool:
        with closing(sqlite3.connect(folder / "hanging.db", timeout=0, isolation_level=None)) as other:
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            other.execute("ROLLBACK")
            return False

    return look


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_a_batch_in_the_middle_of_a_backlog(
    empty: Path, database_url: str, number: signal.Signals
) -> None:
    """3,000 alarms are due. Told to end after the first, it rings what it has in hand, which is whole, and exits 0."""
    with alarms(database_url) as engine:
        upgrade(database_of(engine))
        with capture_logs():
            wind(engine, engine.clock.now() - HOUR, alarms=3_000)
        with daemon(empty, database_url) as process:
            said = lines(process)
            until("transition", said)
            process.send_signal(number)
            rest = [line["event"] for line in said]
            assert process.wait() == 0
        after = rest[rest.index("stopping") :]
        assert after[-1] == "stopped"
        assert after.count("transition") <= 2 * BATCH  # what was in hand, and what was claimed as the signal came
        told = 1 + rest.count("transition")
        assert Counter(logged(engine, "event")) == {("wound",): 3_000, ("rings",): told}
        assert told < 3_000
        assert not verify(database_of(engine), now=engine.clock.now()).errors


def test_a_second_signal_of_the_other_kind_ends_it_although_a_step_hangs(empty: Path) -> None:
    """SIGTERM, and then Ctrl-C: it is gone, and what it had in hand is rolled back."""
    url = hanging(empty)
    with daemon(empty, url) as process:
        said = lines(process)
        until("started", said)
        wait_until(locked(empty))
        process.send_signal(signal.SIGTERM)
        until("stopping", said)
        process.send_signal(signal.SIGINT)
        assert process.wait() == -signal.SIGINT
    assert not locked(empty)()


def test_it_exits_although_a_step_hangs_for_ever(empty: Path) -> None:
    """After three heartbeats of a second it says so; it waits for 5 s more, and exits with 1 all the same."""
    url = hanging(empty)
    with daemon(empty, url, LIFECYCLE_SCHEDULER__HEARTBEAT="1s") as process:
        said = list(lines(process))
        assert process.wait() == 1
    assert [line["event"] for line in said] == ["started", "scheduler_dead", "left_behind", "stopped"]
    assert (said[2]["batch"], said[2]["jobs"]) == (True, [])


def test_systemd_hears_of_its_whole_life(empty: Path) -> None:
    """A look or more before it is ready or after, READY, then STOPPING and nothing more."""
    url = f"sqlite:///{empty / 'lifecycle.db'}"
    with alarms(url) as engine:
        upgrade(database_of(engine))
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(str(empty / "notify"))
        manager.settimeout(PATIENCE)
        heard: list[str] = []
        with daemon(empty, url, NOTIFY_SOCKET=str(empty / "notify"), WATCHDOG_USEC="900000") as process:
            while heard.count("WATCHDOG=1") < 4 or "READY=1" not in heard:  # within 300 ms each, for nothing is due
                heard += manager.recv(4096).decode().splitlines()
            process.send_signal(signal.SIGTERM)
            assert process.wait() == 0
        manager.setblocking(False)
        while "STOPPING=1" not in heard:
            heard += manager.recv(4096).decode().splitlines()
    assert heard.count("READY=1") == 1
    assert "STATUS=Nothing is deferred." in heard


# Presence


def rows(lifecycle: Lifecycle) -> list[Daemon]:
    """The daemons that the database knows of."""
    with lifecycle.database.reading() as connection:
        return list(daemons.daemons(connection))


def test_a_scheduler_has_a_row_while_it_runs(database_url: str) -> None:
    """With this host and process, at the clock's instant; it goes when it is stopped."""
    with travelling(database_url, "2026-03-01T09:00+00:00") as (lifecycle, clock):
        with lifecycle.start():
            wait_until(lambda: len(rows(lifecycle)) == 1)
            [row] = rows(lifecycle)
            assert (row.host, row.pid) == (socket.gethostname(), os.getpid())
            assert row.id.startswith("daemon_")
            assert row.started_at == row.ticked_at == clock.now()
        assert rows(lifecycle) == []


def test_who_starts_removes_those_not_heard_for_a_day(database_url: str) -> None:
    """Of one killed 25 hours ago and one heard 23 hours ago, the second stays."""
    with travelling(database_url, "2026-03-01T09:00+00:00") as (lifecycle, clock):
        with lifecycle.database.writing() as connection:
            for hours in (25, 23):
                at = clock.now() - timedelta(hours=hours)
                daemons.tick(connection, Daemon(f"daemon_{hours}", "there", 1, "0.1.0", at, at))
        with lifecycle.start() as dispatcher:
            wait_until(lambda: len(rows(lifecycle)) == 2 and dispatcher.idle(0))
        assert [row.id for row in rows(lifecycle)] == ["daemon_23"]


def test_a_tick_moves_nothing_but_its_instant(database_url: str) -> None:
    """The row is written once, and its `ticked_at` again and again."""
    with travelling(database_url, "2026-03-01T09:00+00:00") as (lifecycle, clock):
        start = clock.now()
        with lifecycle.database.writing() as connection:
            for seconds in (0, 30):
                at = start + timedelta(seconds=seconds)
                daemons.tick(connection, Daemon("daemon_1", "here", seconds, "0.1.0", at, at))
        assert rows(lifecycle) == [Daemon("daemon_1", "here", 0, "0.1.0", start, start + timedelta(seconds=30))]


def test_a_row_that_can_not_be_written_stops_nothing(tmp_path: Path) -> None:
    """Without its table, an alarm rings all the same."""
    url = f"sqlite:///{tmp_path / 'lifecycle.db'}"
    with travelling(url, "2026-03-01T09:00+00:00", LIFECYCLE_MACHINES=MACHINES) as (lifecycle, clock):
        with lifecycle.database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE lifecycle_daemons")
        with lifecycle.start() as dispatcher:
            wind(lifecycle.engine, clock.now())
            wait_until(lambda: dispatcher.idle(0) and len(lifecycle.log()) == 2)
            assert not dispatcher.failing
