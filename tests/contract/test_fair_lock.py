"""The fair lock: handed on in the order in which it was asked for, and never to somebody who has gone."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import pytest

from lifecycle.store.fair import FairLock
from tests.contract.threads import wait_until


class Interrupted(Exception):
    """What the signal's handler raises."""


def test_it_is_handed_on_in_order() -> None:
    """Five threads ask one after the other while it is held; they get it one after the other."""
    lock, served = FairLock(), list[int]()

    def ask(number: int) -> None:
        with lock:
            served.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(5)]
    with lock:
        for number, thread in enumerate(threads, start=1):
            thread.start()
            wait_until(lambda: lock.waiting == number)  # noqa: B023  # asked before the next round
        assert served == []
    for thread in threads:
        thread.join()
    assert served == [0, 1, 2, 3, 4]


def test_whoever_comes_back_at_once_waits_behind_the_others() -> None:
    """A thread that lets go and asks again while another waits is served after it."""
    lock, served = FairLock(), list[str]()

    def ask() -> None:
        with lock:
            served.append("the other")

    other = threading.Thread(target=ask)
    with lock:
        other.start()
        wait_until(lambda: lock.waiting == 1)
    with lock:
        served.append("again")
    other.join()
    assert served == ["the other", "again"]


def test_an_error_inside_lets_go() -> None:
    """The block raises; the next gets the lock."""
    lock = FairLock()
    with pytest.raises(ValueError, match="inside"), lock:
        raise ValueError("inside")
    with lock:
        assert lock.waiting == 0


def test_a_thread_that_holds_it_is_told_so() -> None:
    """Asking twice would wait for oneself for ever: it raises instead, and the lock is still held once."""
    lock = FairLock()
    with lock:
        with pytest.raises(RuntimeError, match="holds the lock already"), lock:
            pass
        assert lock.waiting == 0
    with lock:
        pass


def test_whoever_is_interrupted_while_waiting_leaves_the_queue() -> None:
    """A signal's handler raises in the thread that waits: the lock goes on to the next, and is free in the end."""
    lock, held, go = FairLock(), threading.Event(), threading.Event()
    before = signal.signal(signal.SIGUSR1, _interrupt)

    def hold() -> None:
        with lock:
            held.set()
            wait_until(lambda: lock.waiting == 1)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
            go.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with pytest.raises(Interrupted), lock:
        pass
    signal.signal(signal.SIGUSR1, before)
    go.set()
    holder.join()
    assert lock.waiting == 0
    taken = threading.Thread(target=lock.__enter__, daemon=True)
    taken.start()
    wait_until(lambda: not taken.is_alive())


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise Interrupted
