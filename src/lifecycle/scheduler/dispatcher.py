"""The daemon's heart: one APScheduler job, armed for the earliest due instant, that fires what is due.

What is due stands in the database, and APScheduler only says when to look: nothing is lost with this process. The job
is a fresh one-shot for the store's earliest wake-up, armed anew after every look, and after every commit of this engine
that defers something earlier. A heartbeat looks anyway: it finds what other processes have deferred, and what came due
while the machine was suspended or its clock was set.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.job import Job
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from lifecycle.engine.clock import SystemClock, VirtualClock, stopwatch
from lifecycle.engine.committed import Committed
from lifecycle.engine.engine import Engine
from lifecycle.engine.ports import Transaction
from lifecycle.errors import LifecycleError

HEARTBEAT = timedelta(seconds=30)
FIRST_RETRY = timedelta(milliseconds=50)
LONGEST_RETRY = timedelta(seconds=1)
"""The longest between two looks at what is due and held by others; after an error it is the heartbeat."""
SQLITE_PAUSE = timedelta(milliseconds=30)
"""How long a daemon should leave an SQLite file alone between two batches.

SQLite keeps no queue: who waits looks again after 1, 2, 5, 10, 15, 20 and thrice 25 ms, then every 50 and 100 ms. So a
pause of more than 25 ms can't be missed in the first 128 ms. Measured with a backlog and a busy machine, a command of
another process waited 5 to 10 s without a pause, 1.6 s (p90) with 10 ms, 0.4 s with 20 ms, and 0.14 s with 30 ms.
"""

_EXECUTOR = "dispatcher"
_MISSED_HEARTBEATS = 3
_wall = SystemClock()
log = structlog.get_logger("lifecycle")


class Dispatcher:
    """Fires what is due on an engine, on threads of its own, from `start` to `stop`; each is called once.

    `heartbeat` is the longest between two looks. `pause` is how long it leaves the database alone between two batches,
    for the writers of other processes. Start it after a fork. It touches neither signals nor logging.

    No thread can wait for a `VirtualClock`: there nothing is armed for later. Move the clock, then call `wakeup`.
    """

    def __init__(
        self,
        engine: Engine[Transaction],
        *,
        heartbeat: timedelta = HEARTBEAT,
        pause: timedelta = timedelta(0),
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
        self._state = threading.Condition()
        self._started = self._running = self._busy = False
        self._armed_at: datetime | None = None
        self._job: Job | None = None
        self._misses = 0
        self._ticked = stopwatch()

    @property
    def armed_at(self) -> datetime | None:
        """When it looks next, heartbeats apart; None while it is looking, and where nothing is deferred."""
        return self._armed_at

    @property
    def alive(self) -> bool:
        """Whether it can be relied on: its thread lives, and it has looked, or tried to, in the last 3 heartbeats."""
        thread: threading.Thread | None = self.scheduler._thread  # its `running` stays true when the thread dies
        silence = stopwatch() - self._ticked
        in_time = silence < _MISSED_HEARTBEATS * self._heartbeat.total_seconds()
        return self._running and thread is not None and thread.is_alive() and in_time

    def start(self) -> None:
        """Begin, with a look at what is due already. Raises LifecycleError (`dispatcher_started`) the second time."""
        if self._started:
            raise LifecycleError("A dispatcher is started once; make a new one.", code="dispatcher_started")
        self._started = True
        seconds = self._heartbeat.total_seconds()
        self.scheduler.add_job(
            self._look,
            "interval",
            seconds=0.9 * seconds,
            jitter=0.1 * seconds,  # APScheduler adds up to this: together at most one heartbeat
            executor=_EXECUTOR,
        )
        self.scheduler.start()
        self._ticked = stopwatch()
        self._running = True
        self._engine.listeners.append(self._hear)
        self.wakeup()

    def stop(self) -> None:
        """Claim nothing more, wait for the batch and the calendar jobs that are running, and end."""
        with self._state:
            was_running, self._running = self._running, False
            self._state.notify_all()
            self._state.wait_for(lambda: not self._busy)
            self._armed_at = None
        if was_running:
            self._engine.listeners.remove(self._hear)
            self.scheduler.pause()
            self.scheduler.get_jobs()  # waits for a round that is in hand: APScheduler stumbles if it is stopped in one
            self.scheduler.shutdown()

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
        if committed.wake_at is not None:
            self.nudge(committed.wake_at)

    def wakeup(self) -> None:
        """Look now."""
        self.nudge(self._engine.clock.now())

    def soon(self, job: Callable[[], object], delay: float = 0.0) -> None:
        """Run `job` in so many seconds, if it has not stopped by then, on a thread of those for calendar jobs."""
        with self._state:  # a scheduler that is shutting down holds its locks until its jobs are done
            if self._running:
                at = _wall.now() + timedelta(seconds=delay)
                self.scheduler.add_job(job, "date", run_date=at)

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
        except Exception as error:  # whatever happened, the daemon goes on and tries again
            again = self._retry(self._heartbeat)
            log.error("dispatcher_failed", error=str(error), retry_at=again.isoformat(), exc_info=error)
        finally:
            with self._state:
                self._busy = False
                self._armed_at = min((at for at in (self._armed_at, again) if at), default=None)
                self._arm()
                self._state.notify_all()

    def _fire_due(self) -> datetime | None:
        """Fire batch after batch, until nothing is claimed; when to look again."""
        now = self._tick()
        while self._running and self._engine.fire_batch(now).claimed:
            self._misses = 0
            now = self._tick()
            if self._pause and (self._engine.store.next_wake_at() or now) < now:
                with self._state:
                    self._state.wait_for(lambda: not self._running, self._pause.total_seconds())
                now = self._tick()
        with self._state:
            self._armed_at = None  # what was committed up to here is seen below; what is from here on nudges again
        wake_at = self._engine.store.next_wake_at()
        if wake_at is not None and wake_at <= now:
            return self._retry(LONGEST_RETRY)  # others hold it
        self._misses = 0
        return None if wake_at is None else self._moment(wake_at)

    def _tick(self) -> datetime:
        self._ticked = stopwatch()
        return self._engine.clock.now()

    def _retry(self, longest: timedelta) -> datetime:
        """When to try again: after 50 ms, then twice as long each time."""
        delay = min(FIRST_RETRY * (1 << min(self._misses, 20)), longest)
        self._misses += 1
        return _wall.now() + delay

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
