"""`lifecycle run --workers N`: one process that forks N daemons, forks again what dies, and passes on how it is to end.

It has no database and no threads, so that it can be forked at any time and has little to die of. Workers never outlive
it: see `worker`. One that dies is there again at once; one that dies right at its start, after a pause that doubles;
and after the fifth time in a row all are ended, for it will not mend by itself.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NoReturn

import structlog

from lifecycle.cli.failures import FAILED, USAGE, WorkersFailing
from lifecycle.cli.systemd import Systemd
from lifecycle.cli.worker import LOOKED, READY, Worker
from lifecycle.engine.clock import stopwatch

STEADY = 10.0
"""Seconds after which a worker that was ready has not died right at its start."""
FIRST_PAUSE = 0.5
TRIES = 5
LOOK = 1.0
"""Seconds between two looks at the workers, whatever is heard of them."""
ENDS = (signal.SIGINT, signal.SIGTERM)

log = structlog.get_logger("lifecycle")


def pause_after(deaths: int) -> float | None:
    """Seconds until a worker is started again that has died so often in a row right at its start; None: never."""
    if deaths >= TRIES:
        return None
    return FIRST_PAUSE * (1 << (deaths - 1)) if deaths else 0.0


@dataclass(slots=True)
class _Place:
    """Where one worker after another works: who it is, if one is there, and how it has fared."""

    number: int
    pid: int = 0
    line: socket.socket | None = None
    start_at: float = 0.0
    started: float = 0.0
    is_ready: bool = False
    is_heard: bool = False
    deaths: int = 0
    """So many in a row right at the start."""

    def hear(self) -> bytes:
        """What the worker has told; nothing where its line has ended."""
        with suppress(ConnectionError):
            return b"" if self.line is None else self.line.recv(4096)
        return b""

    def died(self) -> None:
        """Count it."""
        is_early = not self.is_ready or stopwatch() - self.started < STEADY
        self.deaths = self.deaths + 1 if is_early else 0
        self.pid, self.is_ready, self.is_heard = 0, False, False


class Supervisor:
    """Has `work` done by so many workers, each a process that ends with the code which it returns.

    `systemd` hears that all are ready, once all are, and of a sign of life once all that live have given one.
    """

    def __init__(self, workers: int, work: Callable[[Worker], int], systemd: Systemd) -> None:
        self._places = [_Place(number) for number in range(1, workers + 1)]
        self._work = work
        self._systemd = systemd
        self._selector = selectors.DefaultSelector()
        self._wakers = socket.socketpair()
        self._told: int | None = None
        self._ending: int | None = None
        self._code = 0
        self._failing: WorkersFailing | None = None

    def run(self) -> int:
        """Until a signal arrives and all have ended; the exit code. Raises WorkersFailing."""
        log.info("supervisor_started", workers=len(self._places))
        with self._hearing_signals():
            while self._ending is None or any(place.pid for place in self._places):
                if self._ending is None:
                    self._start_who_is_to()
                self._listen()
                for place in self._places:
                    self._look_after(place)
                if self._told is not None and self._ending is None:
                    self._end(self._told)
        log.info("supervisor_stopped")
        if self._failing is not None:
            raise self._failing
        return self._code

    # Starting

    def _start_who_is_to(self) -> None:
        for place in self._places:
            if not place.pid and place.start_at <= stopwatch():
                self._start(place)

    def _start(self, place: _Place) -> None:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDS)  # the child would take one that came now for its parent
        try:
            place.pid = os.fork()
            if not place.pid:
                ours.close()
                self._become(Worker(place.number, theirs, self._systemd.watchdog))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        ours.setblocking(False)
        place.line, place.started = ours, stopwatch()
        self._selector.register(ours, selectors.EVENT_READ, place)
        log.info("worker_started", worker=place.number, pid=place.pid)

    def _become(self, worker: Worker) -> NoReturn:
        """In the child: nothing of the supervisor's is left but what it has imported."""
        code = FAILED
        try:
            signal.set_wakeup_fd(-1)
            for number in (*ENDS, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            self._selector.close()
            for line in (*self._wakers, *(place.line for place in self._places if place.line is not None)):
                line.close()  # or the others' lines would not end with the supervisor
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)
            code = self._work(worker)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    # Hearing

    @contextmanager
    def _hearing_signals(self) -> Iterator[None]:
        """Each signal makes itself heard on a socket, so that whoever waits for the workers wakes."""
        for end in self._wakers:
            end.setblocking(False)
        self._selector.register(self._wakers[0], selectors.EVENT_READ)
        signal.set_wakeup_fd(self._wakers[1].fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in ENDS:
            signal.signal(number, self._hear_signal)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            self._selector.close()
            for line in (*self._wakers, *(place.line for place in self._places if place.line is not None)):
                line.close()

    def _hear_signal(self, number: int, _frame: object) -> None:
        """The first is passed on. A second one ends this process at once, and with it the workers."""
        for end in ENDS:
            signal.signal(end, signal.SIG_DFL)
        self._told = number

    def _listen(self) -> None:
        now = stopwatch()
        pauses = [place.start_at - now for place in self._places if not place.pid and self._ending is None]
        for key, _ in self._selector.select(max(0.0, min([LOOK, *pauses]))):
            place: _Place | None = key.data
            if place is None:
                self._wakers[0].recv(4096)
            else:
                self._hear(place)

    def _hear(self, place: _Place) -> None:
        said = place.hear()
        if not said:
            self._forget_line(place)
        if READY in said:
            place.is_ready = True
            if all(other.is_ready for other in self._places):
                self._systemd.ready()
        place.is_heard = place.is_heard or LOOKED in said
        alive = [other for other in self._places if other.pid]
        if all(other.is_heard for other in alive):
            self._systemd.alive(f"{len(alive)} of {len(self._places)} workers are at work.")
            for other in alive:
                other.is_heard = False

    def _forget_line(self, place: _Place) -> None:
        if place.line is not None:
            self._selector.unregister(place.line)
            place.line.close()
            place.line = None

    # Ending

    def _look_after(self, place: _Place) -> None:
        """Have it followed by another if it has died."""
        pid, status = os.waitpid(place.pid, os.WNOHANG) if place.pid else (0, 0)
        if not pid:
            return
        code, pause = os.waitstatus_to_exitcode(status), None
        self._forget_line(place)
        place.died()
        if self._ending is None:
            pause = None if code == USAGE else pause_after(place.deaths)
            if pause is None:
                self._give_up(place, code)
            else:
                place.start_at = stopwatch() + pause
            log.warning("worker_ended", worker=place.number, pid=pid, code=code, again_in=pause)
        elif code not in (0, -self._ending):
            self._code = FAILED
            log.warning("worker_ended", worker=place.number, pid=pid, code=code, again_in=None)

    def _give_up(self, place: _Place, code: int) -> None:
        often = "" if code == USAGE else f" {place.deaths} times in a row"
        how = f"with exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"
        self._failing = WorkersFailing(
            f"Worker {place.number} has ended right at its start{often}, {how}. Its own lines in the log tell why.",
            USAGE if code == USAGE else FAILED,
        )
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        """Have all workers finish what is in hand."""
        self._ending = number
        log.info("supervisor_stopping", signal=signal.Signals(number).name)
        self._systemd.stopping()
        for place in self._places:
            if place.line is not None:
                with suppress(OSError):  # it has died, which is seen in its turn
                    place.line.send(bytes([number]))
