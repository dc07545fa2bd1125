"""The daemon's heart: one APScheduler job, armed for the earliest due instant, that fires what is due.

What is due stands in the database, and APScheduler only says when to look: nothing is lost with this process. The job
is a fresh one-shot for the store's earliest wake-up, armed anew after every look, and after every commit of this engine
that defers something earlier. A heartbeat looks anyway: it finds what other processes have deferred, and what came due
while the machine was suspended or its clock was set. It counts by a clock that nobody sets: APScheduler waits by the
wall clock, an hour longer where that is set back by one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor as Threads
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from random import uniform

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.job import Job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from lifecycle.engine.clock import SystemClock, VirtualClock, stopwatch
from lifecycle.engine.committed import Committed
from lifecycle.engine.engine import Batch, Engine
from lifecycle.engine.journal import traced
from lifecycle.engine.ports import Transaction
from lifecycle.errors import LifecycleError
from lifecycle.scheduler.jobs import realign

HEARTBEAT = timedelta(seconds=30)
FIRST_RETRY = timedelta(milliseconds=50)
LONGEST_RETRY = timedelta(seconds=1)
"""The longest between two looks at what is due and held by others."""
LONGEST_RETRY_AFTER_ERROR = timedelta(seconds=5)
"""… and after an error: soon enough for a database that is back, seldom enough for one that is gone for a day."""
GRACE = timedelta(seconds=5)
"""How long calendar jobs that are running when it stops have to end. A batch may take until it is taken to hang."""
SQLITE_PAUSE = timedelta(milliseconds=30)
"""How long a daemon should leave an SQLite file alone between two batches.

SQLite keeps no queue: who waits looks again after 1, 2, 5, 10, 15, 20 and thrice 25 ms, then every 50 and 100 ms. So a
pause of more than 25 ms can't be missed in the first 128 ms. Measured with a backlog and a busy machine, a command of
another process waited 5 to 10 s without a pause, 1.6 s (p90) with 10 ms, 0.4 s with 20 ms, and 0.14 s with 30 ms.
"""

LANES = 2
"""Where a batch locks its own roots alone. Measured on 2 cores with PostgreSQL beside it: a third fires no more."""

_EXECUTOR = "dispatcher"
_MISSED_HEARTBEATS = 3
_wall = SystemClock()
OnLook = Callable[[datetime | None], None]
"""Hears, after each batch and each look, when the earliest root is to be looked at next; None: nothing is deferred."""

log = structlog.get_logger("lifecycle")


class Dispatcher:
    """Fires what is due on an engine, on threads of its own, from `start` to `stop`; each is called once.

    `heartbeat` is the longest between two looks. `pause` is how long it leaves the database alone between two batches,
    for the writers of other processes. While much is due it fires on as many as `lanes` threads, so that one can work
    something out while the database writes for another. `on_look` are called on the thread that looks, and keep it:
    what hears nothing for several heartbeats may take the dispatcher to hang. After a look that failed they hear what
    the one before found. Start it after a fork. It touches neither signals nor logging.

    No thread can wait for a `VirtualClock`: there nothing is armed for later. Move the clock, then call `wakeup`.
    """

    def __init__(
        self,
        engine: Engine[Transaction],
        *,
        heartbeat: timedelta = HEARTBEAT,
        pause: timedelta = timedelta(0),
        lanes: int = 1,
        on_look: Sequence[OnLook] = (),
    ) -> None:
        self.scheduler = BackgroundScheduler(
            timezone=UTC,
            # threads of its own, so that no calendar job keeps it waiting: one is at work, the others look in
            executors={_EXECUTOR: ThreadPoolExecutor(3)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 3},
        )
        self._engine = engine
        self._heartbeat = heartbeat
        self._pause = pause
        self._lanes = lanes
        self._on_look = on_look
        self.jobs_at_work: list[str] = []
        """The calendar jobs that are running, by name."""
        self._state = threading.Condition()
        self._started = self._running = self._busy = self._ended = False
        self._heart = threading.Thread(target=self._beat, name="lifecycle-heartbeat", daemon=True)
        self._armed_at: datetime | None = None
        self._job: Job | None = None
        self._misses = self._failures = 0
        self._failing_since = 0.0
        self._next_wake_at: datetime | None = None
        self._ticked = stopwatch()

    @property
    def armed_at(self) -> datetime | None:
        """When it looks next, heartbeats apart; None while it is looking, and where nothing is deferred."""
        return self._armed_at

    @property
    def alive(self) -> bool:
        """Whether it can be relied on: its thread lives, and it has looked, or tried to, in the last 3 heartbeats."""
        thread: threading.Thread | None = self.scheduler._thread  # its `running` stays true when the thread dies
        return self._running and thread is not None and thread.is_alive() and self._seconds_to_live() > 0

    @property
    def failing(self) -> bool:
        """Whether the last look failed, as it does without a database."""
        return self._failures > 0

    @property
    def ended(self) -> bool:
        """Whether it was stopped and nothing of it is left; else something hangs in a thread of this process."""
        return self._ended

    def start(self) -> None:
        """Begin, with a look at what is due already. Raises LifecycleError (`dispatcher_started`) the second time."""
        if self._started:
            raise LifecycleError("A dispatcher is started once; make a new one.", code="dispatcher_started")
        self._started = True
        self.scheduler.start()
        self._ticked = stopwatch()
        self._running = True
        self._heart.start()
        self._engine.listeners.append(self._hear)
        self.wakeup()

    def stop(self) -> None:
        """Claim nothing more, wait for the batch and the calendar jobs that are running, and end.

        It waits for a batch until that is taken to hang, which is after 3 heartbeats without a sign of life, and then
        for `GRACE`, but no longer: what still runs then is named in the log, and left (`ended` is false).
        """
        with self._state:
            was_running, self._running = self._running, False
            self._state.notify_all()
            if was_running:
                self.scheduler.remove_all_jobs()
            self._state.wait_for(lambda: not self._busy, max(self._seconds_to_live(), GRACE.total_seconds()))
            self._armed_at = None
        if was_running:
            self._engine.listeners.remove(self._hear)
            self._heart.join()
            self._shut_down()

    def _shut_down(self) -> None:
        self.scheduler.pause()
        self.scheduler.get_jobs()  # waits for a round that is in hand: APScheduler stumbles if it is stopped in one
        ending = threading.Thread(target=self.scheduler.shutdown, name="lifecycle-shutdown", daemon=True)
        ending.start()
        ending.join(0 if self._busy else GRACE.total_seconds())  # while a batch hung, jobs have had their grace
        self._ended = not ending.is_alive()
        if not self._ended:
            log.error("left_behind", batch=self._busy, jobs=sorted(set(self.jobs_at_work)))

    def nudge(self, instant: datetime) -> None:
        """Something is to be looked at, at `instant`. Cheap, and harmless from any thread at any time."""
        moment = self._moment(instant)
        with self._state:
            sooner = moment is not None and (self._armed_at is None or moment < self._armed_at)
            if self._running and sooner:
                self._armed_at = moment
                if not self._busy:
                    self._arm()

    def _hear(self, committed: Committed) -> None:
        if committed.wake_at is not None and committed.clock is None:
            self.nudge(committed.wake_at)

    def wakeup(self) -> None:
        """Look now."""
        self.nudge(self._engine.clock.now())

    def soon(self, job: Callable[[], object]) -> bool:
        """Run `job` now, if it has not stopped by then, on a thread of those for calendar jobs; False if it has stopped
        already."""
        with self._state:  # a scheduler that is shutting down holds its locks until its jobs are done
            if self._running:
                self.scheduler.add_job(job, "date", run_date=_wall.now())
            return self._running

    def idle(self, timeout: float) -> bool:
        """Wait until all that is due has fired, for at most `timeout` seconds; whether it has."""
        with self._state:
            return self._state.wait_for(self._quiescent, timeout)

    # The look

    def _look(self) -> None:
        """Fire what is due, then be armed for what comes next. The one body of both jobs; one is at work at a time."""
        with self._state:
            if self._busy or not self._running:
                return
            self._busy, self._armed_at = True, None
        again: datetime | None = None
        try:
            again = self._fire_due()
        except Exception as error:  # noqa: BLE001  # whatever happened, the daemon goes on and tries again
            again = self._failed(error)
        finally:
            with self._state:
                self._busy = False
                if self._running:
                    self._armed_at = min((at for at in (self._armed_at, again) if at), default=None)
                    self._arm()
                self._state.notify_all()

    def _fire_due(self) -> datetime | None:
        """Fire batch after batch, until nothing is claimed; when to look again."""
        now = self._tick()
        with self._beside() as more:
            while self._running and (batch := self._fire_batch(now)).claimed:
                if batch.is_full:
                    more()
                now = self._tick()
                if self._looked() < now and self._pause:
                    with self._state:
                        self._state.wait_for(lambda: not self._running, self._pause.total_seconds())
                    now = self._tick()
        with self._state:
            self._armed_at = None  # what was committed up to here is seen below; what is from here on nudges again
        if self._looked() <= now:
            return self._retry(LONGEST_RETRY)  # others hold it
        self._misses = 0
        return None if self._next_wake_at is None else self._moment(self._next_wake_at)

    @contextmanager
    def _beside(self) -> Iterator[Callable[[], None]]:
        """Gives what begins to fire on the other lanes, unless they do so already; at the end they have ended. Raises
        what one of them has raised."""
        futures: list[Future[None]] = []
        with Threads(max_workers=max(self._lanes - 1, 1), thread_name_prefix="lifecycle-lane") as threads:

            def more() -> None:
                if not futures:
                    futures.extend(threads.submit(self._fire_beside) for _ in range(self._lanes - 1))

            yield more
        for future in futures:
            future.result()

    def _fire_beside(self) -> None:
        """Fire batch after batch, as long as there is enough for a whole one."""
        while self._running and self._engine.fire_batch(self._tick()).is_full:
            pass

    def _fire_batch(self, now: datetime) -> Batch:
        """If anything was claimed there may be more."""
        batch = self._engine.fire_batch(now)
        if self._failures:
            seconds = round(stopwatch() - self._failing_since, 3)
            log.info("dispatcher_recovered", failures=self._failures, seconds=seconds)
            self._failures = 0
        if batch.claimed:
            self._misses = 0
        return batch

    def _looked(self) -> datetime:
        """Find out what comes next, and tell; when that is, or the end of time."""
        self._next_wake_at = self._engine.store.next_wake_at()
        self._tell()
        return self._next_wake_at or datetime.max.replace(tzinfo=UTC)

    def _failed(self, error: Exception) -> datetime:
        """Say what went wrong, with a traceback the first time in a row; when to try again."""
        again = self._retry(LONGEST_RETRY_AFTER_ERROR)
        if not self._failures:
            self._failing_since = stopwatch()
        trace = {"exception": None} if self._failures else traced(error)
        self._failures += 1
        log.error("dispatcher_failed", error=str(error), retry_at=again.isoformat(), **trace)
        self._tell()
        return again

    def _tell(self) -> None:
        for hear in self._on_look:
            try:
                hear(self._next_wake_at)
            except Exception as error:  # noqa: BLE001  # who listens can't stop the firing
                log.error("on_look_failed", error=str(error), **traced(error))

    def _tick(self) -> datetime:
        self._ticked = stopwatch()
        return self._engine.clock.now()

    def _seconds_to_live(self) -> float:
        """How long from now on it may be silent before it is taken to hang."""
        return self._ticked + _MISSED_HEARTBEATS * self._heartbeat.total_seconds() - stopwatch()

    def _retry(self, longest: timedelta) -> datetime:
        """When to try again: after 50 ms, then twice as long each time; or up to a quarter sooner, so that those who
        failed together don't come back together."""
        delay = min(FIRST_RETRY * (1 << min(self._misses, 20)), longest)
        self._misses += 1
        return _wall.now() + delay * uniform(0.75, 1)  # noqa: S311  # nobody gains by guessing it

    # The heartbeat

    def _beat(self) -> None:
        """Look every so often, with calendar jobs that a clock set back would keep waiting, until it is stopped."""
        longest = self._heartbeat.total_seconds()
        while True:
            shown = _wall.now()
            with self._state:
                if self._state.wait_for(lambda: not self._running, longest * uniform(0.9, 1)):  # noqa: S311  # as above
                    return
            if _wall.now() < shown:
                realign(self.scheduler)
            self.wakeup()

    # The one-shot job

    def _moment(self, instant: datetime) -> datetime | None:
        """When, by the machine's clock, the engine's clock will say `instant`; None if nobody knows."""
        if not isinstance(self._engine.clock, VirtualClock):
            return instant
        return _wall.now() if instant <= self._engine.clock.now() else None

    def _arm(self) -> None:
        """Put a fresh one-shot in the place of the one before. The caller holds the state, so that `stop` waits for it:
        a scheduler that is shutting down takes no jobs."""
        if self._job is not None:
            with suppress(JobLookupError):  # it has run
                self._job.remove()
            self._job = None
        if self._armed_at is not None:
            self._job = self.scheduler.add_job(self._look, "date", run_date=self._armed_at, executor=_EXECUTOR)

    def _quiescent(self) -> bool:
        waiting = self._armed_at is not None and self._armed_at <= _wall.now()
        return not self._running or not (self._busy or waiting or self._misses)
