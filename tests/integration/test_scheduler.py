"""A live daemon: real threads, a real clock, a real database. What is waited for is a line of the log."""

from __future__ import annotations

import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue

import pytest
import structlog
from sqlalchemy import event, select

from lifecycle.config.model import JobSpec
from lifecycle.domain.calendar import Duration
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.commands import Command, Creation
from lifecycle.engine.engine import Engine
from lifecycle.engine.records import InstanceRecord
from lifecycle.engine.registry import Registry
from lifecycle.errors import LifecycleError
from lifecycle.store import database as database_module
from lifecycle.store import schema
from lifecycle.store.transaction import SqlTransaction
from lifecycle_machines.subscription import SubscriptionMachine
from tests.integration.alarms import AlarmEngine, database_of, logged, move, wind
from tests.integration.live import (
    HOUR,
    PATIENCE,
    SOON,
    Deadly,
    Gate,
    Lines,
    alarms,
    cut_all_others_off,
    daemon,
    heard,
    looking_ahead,
    process,
    tell,
    wait_until,
)
from tests.unit.machine_world import ACCOUNT, SURROUNDINGS, utc

pytestmark = pytest.mark.sampled


@pytest.fixture(autouse=True)
def lines() -> Iterator[Lines]:
    """What structlog is told; a test that does not ask for it is spared the rendering."""
    lines = Lines()
    structlog.configure(processors=[lines])
    yield lines
    structlog.reset_defaults()


@pytest.fixture
def sqlite(sqlite_template: Path, tmp_path: Path) -> str:
    """A database on SQLite, for what is the same on both."""
    return f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'lifecycle.db')}"


@pytest.fixture
def postgresql(postgres_copy: str) -> str:
    """A database on PostgreSQL, for what several daemons share."""
    return postgres_copy


# Arming


def test_what_is_due_already_fires_at_the_start(database_url: str, lines: Lines) -> None:
    """A daemon that comes up looks at once."""
    with alarms(database_url) as engine:
        wind(engine, engine.clock.now() - HOUR)
        with daemon(engine):
            lines.next("transition", transition="rings", target="silent")


def test_what_comes_due_fires_without_waiting_for_the_heartbeat(database_url: str, lines: Lines) -> None:
    """An alarm for 300 ms from now rings in a daemon whose heartbeat is an hour, and not before its instant."""
    with alarms(database_url) as engine, daemon(engine) as dispatcher:
        assert dispatcher.idle(PATIENCE)
        due_at = engine.clock.now() + SOON
        wind(engine, due_at)
        line = lines.next("transition", transition="rings")
        assert line["due_at"] == due_at.isoformat()
        assert datetime.fromisoformat(str(line["fired_at"])) >= due_at


def test_a_subscription_ends_on_its_date_in_a_live_daemon(database_url: str, lines: Lines) -> None:
    """Cancelled for 300 ms from now, it has ended by itself, with nobody asking."""
    bought = {"plan": "team", "interval": "month"}
    with alarms(database_url) as on_the_database:
        engine = Engine(
            on_the_database.store,
            Registry([SubscriptionMachine]),
            on_the_database.clock,
            on_the_database.ids,
            surround={"subscription": lambda _, instances: {each.id: SURROUNDINGS for each in instances}},
        )
        with daemon(engine):
            creation = Creation("subscription", "subscribed", "ann", "sub", SURROUNDINGS, ACCOUNT.id, bought)
            subscription = engine.attempt(lambda work: work.create(creation)).id
            date = (engine.clock.now() + SOON).isoformat()
            engine.command(Command(subscription, "cancel", "ann", {"at": date}))
            line = lines.next("transition", transition="end_date_arrives")
            assert (line["due_at"], line["target"]) == (date, "ended")


def test_a_daemon_without_deferrals_is_armed_for_nothing(database_url: str) -> None:
    """It waits for a commit, or for the heartbeat."""
    with alarms(database_url) as engine, daemon(engine) as dispatcher:
        assert dispatcher.idle(PATIENCE)
        assert dispatcher.armed_at is None


def test_what_is_deferred_earlier_rearms_it(database_url: str, lines: Lines) -> None:
    """Armed for an alarm in two hours, it is armed anew for one in one, and for that one moved to 300 ms from now."""
    with alarms(database_url) as engine, daemon(engine) as dispatcher:
        assert dispatcher.idle(PATIENCE)
        now = engine.clock.now()
        wind(engine, now + 2 * HOUR)
        assert dispatcher.armed_at == now + 2 * HOUR
        (alarm,) = wind(engine, now + HOUR)
        assert dispatcher.armed_at == now + HOUR
        wind(engine, now + 3 * HOUR)
        assert dispatcher.armed_at == now + HOUR
        move(engine, alarm, engine.clock.now() + SOON)
        lines.next("transition", transition="rings", instance=alarm)
        assert dispatcher.idle(PATIENCE)
        assert dispatcher.armed_at == now + 2 * HOUR


def test_each_ring_of_a_chain_is_armed_for_after_the_one_before(database_url: str, lines: Lines) -> None:
    """An alarm that rings five times, 0.1 s apart, rings at each of its instants."""
    with alarms(database_url) as engine, daemon(engine):
        first = engine.clock.now() + SOON
        wind(engine, first, times=5, seconds=0.1)
        due = [lines.next("transition", transition="rings")["due_at"] for _ in range(5)]
        assert due == [(first + n * timedelta(milliseconds=100)).isoformat() for n in range(5)]


def test_the_heartbeat_finds_what_another_process_has_deferred(database_url: str, lines: Lines) -> None:
    """Nobody tells this daemon of another engine's commit: it looks by itself."""
    with alarms(database_url) as engine, alarms(database_url) as other, daemon(engine, heartbeat=SOON) as dispatcher:
        assert dispatcher.idle(PATIENCE)
        wind(other, other.clock.now())
        lines.next("transition", transition="rings")


def test_a_virtual_clock_is_looked_at_when_it_has_been_moved(database_url: str) -> None:
    """On 1 March nothing is due; moved to 2 March, 00:00:30 and woken up, the daemon has rung at midnight."""
    clock = VirtualClock(utc("2026-03-01"))
    with alarms(database_url, clock=clock) as engine, daemon(engine) as dispatcher:
        wind(engine, utc("2026-03-02"))
        assert dispatcher.idle(PATIENCE)
        assert (dispatcher.armed_at, logged(engine, "event")) == (None, [("wound",)])
        clock.move_to(utc("2026-03-02T00:00:30"))
        dispatcher.wakeup()
        assert dispatcher.idle(PATIENCE)
        ring = ("rings", utc("2026-03-02"), utc("2026-03-02T00:00:30"))
        assert logged(engine, "event", "due_at", "fired_at")[1:] == [ring]


def test_it_leaves_the_database_alone_between_two_batches(sqlite: str, lines: Lines) -> None:
    """With a pause of an hour, one of fifty alarms rings; meanwhile others can write, and it can be stopped."""
    with alarms(sqlite, batch=1) as engine, alarms(sqlite) as other:
        wind(other, other.clock.now() - HOUR, alarms=50)
        with daemon(engine, pause=HOUR) as dispatcher:
            lines.next("transition", transition="rings")
            wind(other, other.clock.now() + HOUR)
            assert dispatcher.alive
        assert Counter(logged(other, "event")) == {("wound",): 51, ("rings",): 1}


# Several daemons


def test_two_daemons_on_one_postgresql_share_the_work(postgresql: str) -> None:
    """Each holds ten alarms while the other does; in the end all forty have rung three times, each time once."""
    together = threading.Barrier(2)

    def meeting() -> Callable[[SqlTransaction, Sequence[InstanceRecord]], Mapping[str, object]]:
        met: list[int] = []

        def surround(_transaction: SqlTransaction, alarms: Sequence[InstanceRecord]) -> Mapping[str, object]:
            if alarms and not met:
                met.append(together.wait(PATIENCE))
            return {}

        return surround

    with (
        alarms(postgresql, batch=10, surround=meeting()) as one,
        alarms(postgresql, batch=10, surround=meeting()) as other,
    ):
        wound = wind(one, one.clock.now() - HOUR, alarms=40, times=3, seconds=60)
        with daemon(one) as first, daemon(other) as second:
            assert first.idle(PATIENCE)
            assert second.idle(PATIENCE)
        assert_each_rang_three_times(one, wound)


def test_two_processes_on_one_postgresql_share_the_work(postgresql: str) -> None:
    """Two daemons that are processes: both ring, and together they ring each of the forty three times, once each."""
    with alarms(postgresql) as engine:
        wound = wind(engine, engine.clock.now() - HOUR, alarms=40, times=3, seconds=60)
        with process(postgresql) as one, process(postgresql) as other:
            assert [heard(one), heard(other)] == ["claimed", "claimed"]
            tell(one, "go")
            tell(other, "go")
            rung = [int(heard(one)), int(heard(other))]
        assert (sum(rung), min(rung) > 0) == (120, True)
        assert_each_rang_three_times(engine, wound)


def assert_each_rang_three_times(engine: AlarmEngine, wound: Sequence[str]) -> None:
    """And the log has no gap."""
    story = [(1, "wound"), (2, "rings"), (3, "rings"), (4, "rings")]
    assert logged(engine, "root_id", "seq", "event") == [(alarm, *row) for alarm in sorted(wound) for row in story]


def test_what_others_hold_is_tried_again(postgresql: str, lines: Lines) -> None:
    """An alarm whose root another transaction has locked rings when that ends, long before the heartbeat."""
    looked = threading.Event()
    with alarms(postgresql) as engine, alarms(postgresql) as other, daemon(engine) as dispatcher:
        assert dispatcher.idle(PATIENCE)
        (alarm,) = wind(other, other.clock.now() - HOUR)
        event.listen(database_of(engine).engine, "before_cursor_execute", looking_ahead(looked))
        with other.work() as work:
            work.lock([alarm])
            dispatcher.wakeup()
            assert looked.wait(PATIENCE)
        lines.next("transition", transition="rings")


# Trouble


def test_a_root_that_fails_stops_no_other_and_is_quarantined(database_url: str) -> None:
    """At 10:00 one of three is broken: two ring, it is tried again at :01, :03, :07, :15, and then kept aside (X11)."""
    clock = VirtualClock(utc("2026-03-01T09:00"))
    with alarms(database_url, clock=clock) as engine, daemon(engine) as dispatcher:
        wind(engine, utc("2026-03-01T10:00"), alarms=2)
        (broken,) = wind(engine, utc("2026-03-01T10:00"), broken=True)
        attempts = []
        for second in range(20):
            clock.move_to(utc(f"2026-03-01T10:00:{second:02}"))
            dispatcher.wakeup()
            assert dispatcher.idle(PATIENCE)
            attempts.append(root_of(engine, broken)[0])
        assert attempts == [1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5]
        assert root_of(engine, broken) == (5, "quarantined", "RuntimeError: the spring is broken")
        assert Counter(logged(engine, "event")) == {("wound",): 3, ("rings",): 2}


def root_of(engine: AlarmEngine, alarm: str) -> tuple[object, ...]:
    """Its attempts, its status, and what went wrong."""
    roots = schema.roots.c
    query = select(roots.attempts, roots.status, roots.error).where(roots.id == alarm)
    with database_of(engine).reading() as connection:
        return tuple(connection.execute(query).one())


def test_a_postgresql_that_drops_its_connections_is_survived(postgresql: str, lines: Lines) -> None:
    """A batch whose connection is cut is told in the log, and done again on a new one."""
    gate = Gate()
    with alarms(postgresql, surround=gate) as engine, alarms(postgresql) as other, daemon(engine) as dispatcher:
        wind(other, other.clock.now() - HOUR)
        dispatcher.wakeup()
        assert gate.reached.wait(PATIENCE)
        cut_all_others_off(other)
        gate.opened.set()
        lines.next("dispatcher_failed")
        lines.next("transition", transition="rings")
        assert logged(other, "event") == [("wound",), ("rings",)]


def test_an_sqlite_file_that_somebody_keeps_locked_is_survived(
    sqlite: str, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locked beyond the busy timeout, it is tried after twice as long each time, until it can be written again."""
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.01)
    with alarms(sqlite) as engine, alarms(sqlite) as other, daemon(engine) as dispatcher:
        assert dispatcher.idle(PATIENCE)
        wind(other, other.clock.now() - HOUR)
        with database_of(other).writing():
            dispatcher.wakeup()
            failures = [lines.next("dispatcher_failed") for _ in range(4)]
        lines.next("transition", transition="rings")
        assert dispatcher.idle(PATIENCE)
        assert dispatcher.alive
    retries = [datetime.fromisoformat(str(failure["retry_at"])) for failure in failures]
    first, second, third = (later - earlier for earlier, later in pairwise(retries))
    assert (first > ms(75), second > ms(150), third > ms(300)) == (True, True, True)  # 100, 200, 400, or a quarter less


def ms(number: int) -> timedelta:
    """So many milliseconds."""
    return timedelta(milliseconds=number)


# Life and death


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it dies as threads die
def test_a_dead_scheduler_thread_is_noticed(sqlite: str) -> None:
    """A daemon whose scheduler's thread has died does not say that it is alive; it can still be stopped."""
    with alarms(sqlite) as engine, daemon(engine) as dispatcher:
        assert dispatcher.alive
        (thread,) = (thread for thread in threading.enumerate() if thread.name == "APScheduler")
        dispatcher.scheduler.add_job(int, Deadly())
        thread.join(PATIENCE)
        assert not dispatcher.alive


def test_a_daemon_that_is_stuck_is_noticed(sqlite: str) -> None:
    """With heartbeats of 50 ms and a batch that does not end, it is dead after the third, and comes round."""
    gate = Gate()
    with alarms(sqlite, surround=gate) as engine:
        wind(engine, engine.clock.now() - HOUR)
        with daemon(engine, heartbeat=timedelta(milliseconds=50)) as dispatcher:
            assert gate.reached.wait(PATIENCE)
            assert dispatcher.alive
            wait_until(lambda: not dispatcher.alive)
            gate.opened.set()
            wait_until(lambda: dispatcher.alive)


def test_stopping_waits_for_the_batch_and_claims_no_more(database_url: str) -> None:
    """Of two alarms that are due, the one whose batch is running when the daemon is stopped rings, the other not."""
    gate = Gate()
    with alarms(database_url, batch=1, surround=gate) as engine:
        wind(engine, engine.clock.now() - HOUR, alarms=2)
        with daemon(engine) as dispatcher:
            assert gate.reached.wait(PATIENCE)
            stopping = threading.Thread(target=dispatcher.stop)
            stopping.start()
            assert dispatcher.idle(PATIENCE)  # as soon as it is being stopped
            assert stopping.is_alive()
            gate.opened.set()
            stopping.join(PATIENCE)
            assert not stopping.is_alive()
            assert Counter(logged(engine, "event")) == {("wound",): 2, ("rings",): 1}
            assert not dispatcher.alive


def test_commits_after_the_stop_are_harmless(sqlite: str) -> None:
    """An engine whose daemon has been stopped goes on taking commands; nothing rings by itself."""
    with alarms(sqlite) as engine:
        with daemon(engine) as dispatcher:
            pass
        wind(engine, engine.clock.now() - HOUR)
        assert (dispatcher.armed_at, logged(engine, "event")) == (None, [("wound",)])


def test_a_dispatcher_is_started_once(sqlite: str) -> None:
    """Whoever wants to start again makes a new one."""
    with alarms(sqlite) as engine:
        with daemon(engine) as dispatcher, pytest.raises(LifecycleError, match="started once") as refused:
            dispatcher.start()
        assert refused.value.code == "dispatcher_started"
        with pytest.raises(LifecycleError, match="started once"):
            dispatcher.start()


# Calendar jobs


def test_calendar_jobs_run_and_one_that_raises_disturbs_nobody(sqlite: str, lines: Lines) -> None:
    """Every second one reports and one fails, which is told in the log; an alarm still rings."""
    every_second = Duration(0, 1)
    jobs = [
        JobSpec("failing", "tests.integration.alarms:fail", every=every_second),
        JobSpec("reporting", "tests.integration.alarms:report", every=every_second),
    ]
    reports: SimpleQueue[str] = SimpleQueue()
    with alarms(sqlite) as engine, daemon(engine, jobs=jobs, lifecycle=reports) as dispatcher:
        failed = lines.next("job_failed")
        assert (failed["job"], failed["error"]) == ("failing", "no bell in SimpleQueue")
        assert reports.get(timeout=PATIENCE) == "report"
        wind(engine, engine.clock.now())
        lines.next("transition", transition="rings")
        assert dispatcher.alive


def test_calendar_jobs_that_hang_do_not_keep_the_dispatcher_waiting(sqlite: str, lines: Lines) -> None:
    """Twenty jobs hang, more than the scheduler has threads for jobs; an alarm still rings."""
    hanging, released = threading.Semaphore(0), threading.Event()

    def hang() -> None:
        hanging.release()
        released.wait(PATIENCE)

    with alarms(sqlite) as engine, daemon(engine) as dispatcher:
        for _ in range(20):
            dispatcher.scheduler.add_job(hang)
        for _ in range(10):
            assert hanging.acquire(timeout=PATIENCE)
        wind(engine, engine.clock.now())
        lines.next("transition", transition="rings")
        released.set()
