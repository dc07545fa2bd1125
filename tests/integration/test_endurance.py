"""A live daemon that goes on: without its database, under a clock that is set, beside jobs and batches that hang."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue

import pytest
import structlog
import time_machine

from lifecycle.config.model import JobSpec
from lifecycle.domain.calendar import Duration
from lifecycle.engine.clock import stopwatch
from lifecycle.scheduler import dispatcher as dispatcher_module
from lifecycle.store import database as database_module
from lifecycle.store.migrate import upgrade
from tests.integration.alarms import database_of, wind
from tests.integration.live import HOUR, PATIENCE, SOON, Gate, Lines, alarms, daemon, wait_until

EVERY_SECOND = JobSpec("reporting", "tests.integration.alarms:report", every=Duration(0, 1))
HANGING = JobSpec("hanging", "tests.integration.alarms:hang", every=Duration(0, 1))
MOMENT = timedelta(milliseconds=50)


@pytest.fixture(autouse=True)
def lines() -> Iterator[Lines]:
    """What structlog is told."""
    lines = Lines()
    structlog.configure(processors=[lines])
    yield lines
    structlog.reset_defaults()


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """A database with the schema, for what is the same on both."""
    url = f"sqlite:///{tmp_path / 'lifecycle.db'}"
    with alarms(url) as engine:
        upgrade(database_of(engine))
    return url


# The database


def test_a_database_that_goes_away_is_told_once_at_length(
    sqlite: str, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three looks fail: the first with a traceback, the others in a line each; then it says that it is back."""
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.01)
    with alarms(sqlite) as engine, alarms(sqlite) as other, daemon(engine) as dispatcher:
        assert dispatcher.idle(PATIENCE)
        wind(other, other.clock.now() - HOUR)
        with database_of(other).writing():
            dispatcher.wakeup()
            failures = [lines.next("dispatcher_failed") for _ in range(3)]
            failing = [dispatcher.failing]
        recovered = lines.next("dispatcher_recovered")
        failing.append(dispatcher.failing)
    assert failing == [True, False]
    assert [failure.get("exc_info") is not None for failure in failures] == [True, False, False]
    assert [failure.get("exception", "") for failure in failures] == ["", None, None]
    assert isinstance(recovered["failures"], int)
    assert recovered["failures"] >= 3
    assert isinstance(recovered["seconds"], float)
    assert recovered["seconds"] > 0.075 + 0.15  # between the first failure and the third


def test_a_long_outage_is_tried_every_five_seconds(sqlite: str) -> None:
    """After 20 failures in a row, and after 2,000, the next try is 3.75 to 5 s from now."""
    with alarms(sqlite) as engine:
        dispatcher = dispatcher_module.Dispatcher(engine)
        for misses in (20, 2_000):
            dispatcher._misses = misses
            delay = dispatcher._retry(dispatcher_module.LONGEST_RETRY_AFTER_ERROR) - engine.clock.now()
            assert timedelta(seconds=3.7) < delay <= timedelta(seconds=5)


# The clock


def test_the_heartbeat_survives_a_clock_that_is_set_back(sqlite: str, lines: Lines) -> None:
    """Set back by an hour, the daemon still finds what another process defers, within its heartbeat of 300 ms."""
    with alarms(sqlite) as engine, alarms(sqlite) as other, daemon(engine, heartbeat=SOON) as dispatcher:
        assert dispatcher.idle(PATIENCE)
        with time_machine.travel(datetime.now(UTC) - HOUR):
            wind(other, other.clock.now())
            lines.next("transition", transition="rings")
            wind(other, other.clock.now())
            lines.next("transition", transition="rings")


def test_jobs_with_an_interval_survive_a_clock_that_is_set_back(sqlite: str) -> None:
    """What runs every second goes on when the clock is set back by an hour, within a heartbeat."""
    reports: SimpleQueue[str] = SimpleQueue()
    with alarms(sqlite) as engine, daemon(engine, heartbeat=SOON, jobs=[EVERY_SECOND], lifecycle=reports):
        reports.get(timeout=PATIENCE)
        with time_machine.travel(datetime.now(UTC) - HOUR):
            for _ in range(2):
                reports.get(timeout=PATIENCE)


# Those who listen


def test_who_listens_hears_what_comes_next_after_each_batch_and_each_look(sqlite: str) -> None:
    """Two alarms of yesterday in batches of one, then one for tomorrow: yesterday, tomorrow, and tomorrow again."""
    heard: SimpleQueue[datetime | None] = SimpleQueue()
    with alarms(sqlite, batch=1) as engine:
        now = engine.clock.now()
        yesterday, tomorrow = now - timedelta(days=1), now + timedelta(days=1)
        wind(engine, yesterday, alarms=2)
        wind(engine, tomorrow)
        with daemon(engine, on_look=[heard.put]) as dispatcher:
            assert dispatcher.idle(PATIENCE)
        assert [heard.get_nowait() for _ in range(3)] == [yesterday, tomorrow, tomorrow]


def test_who_listens_hears_of_looks_that_fail(lines: Lines) -> None:
    """The loop goes on, which is all that a watchdog wants to know."""
    heard: SimpleQueue[datetime | None] = SimpleQueue()
    with alarms("sqlite:////nowhere/at/all.db") as engine, daemon(engine, on_look=[heard.put]):
        assert [heard.get(timeout=PATIENCE) for _ in range(3)] == [None, None, None]
        lines.next("dispatcher_failed")


def test_who_raises_while_listening_stops_nothing(sqlite: str, lines: Lines) -> None:
    """It is told in the log, and an alarm rings."""

    def fall(_next: datetime | None) -> None:
        raise RuntimeError("fell off the chair")

    with alarms(sqlite) as engine, daemon(engine, on_look=[fall]) as dispatcher:
        assert lines.next("on_look_failed")["error"] == "fell off the chair"
        wind(engine, engine.clock.now())
        lines.next("transition", transition="rings")
        assert dispatcher.idle(PATIENCE)
        assert not dispatcher.failing


# The end


def test_a_job_that_hangs_does_not_hold_up_the_end(sqlite: str, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its grace, here 50 ms; then it is named, and left."""
    monkeypatch.setattr(dispatcher_module, "GRACE", MOMENT)
    hanging = Gate()
    with alarms(sqlite) as engine:
        with daemon(engine, jobs=[HANGING], lifecycle=hanging) as dispatcher:
            assert hanging.reached.wait(PATIENCE)
        line = lines.next("left_behind")
        assert (line["batch"], line["jobs"]) == (False, ["hanging"])
        assert not dispatcher.ended
        hanging.opened.set()
        wait_until(lambda: not dispatcher.jobs_at_work)


def test_a_job_that_ends_in_time_is_waited_for(sqlite: str) -> None:
    """Nothing is left behind."""
    working = Gate()
    with alarms(sqlite) as engine:
        with daemon(engine, jobs=[HANGING], lifecycle=working) as dispatcher:
            assert working.reached.wait(PATIENCE)
            threading.Timer(0.1, working.opened.set).start()
        assert working.opened.is_set()
        assert (dispatcher.ended, dispatcher.jobs_at_work) == (True, [])


def test_a_batch_that_hangs_does_not_hold_up_the_end(
    sqlite: str, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent for three heartbeats, together 600 ms, it is taken to hang, and is left; not sooner."""
    monkeypatch.setattr(dispatcher_module, "GRACE", MOMENT)
    gate = Gate()
    with alarms(sqlite, surround=gate) as engine:
        wind(engine, engine.clock.now() - HOUR)
        began = stopwatch()
        with daemon(engine, heartbeat=timedelta(milliseconds=200)) as dispatcher:
            assert gate.reached.wait(PATIENCE)
        assert stopwatch() - began > 0.6
        line = lines.next("left_behind")
        assert (line["batch"], line["jobs"]) == (True, [])
        assert not dispatcher.ended
        gate.opened.set()
        assert dispatcher.idle(PATIENCE)
