"""A live daemon to be killed, with clients in its own process.

Run as `python -m tests.torture.daemon URL DIARY`. Each line of its input is a life, `number / point / turn`: a child of
its own starts the daemon, says `started` and its process id, and lives until it is killed; it kills itself when it
comes by the named point for the `turn`-th time. With `look` for a point it says each new one that it comes by; with
`alone` it has no clients, and takes batches as large as the configuration's.

A point is named by who comes by it, the daemon's `batch`, a `command`, or the `opening` of a subscription.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import structlog

from lifecycle import Lifecycle
from tests.forking import say, serve
from tests.points import die, watch
from tests.schema import give_schema
from tests.torture.client import Client
from tests.torture.diary import Diary
from tests.torture.shop import CUSTOMERS, OLD_KEY, lifecycle_on

CLIENTS = ("command", "opening")


class Watcher:
    """Counts the points that are come by, and does what is to be done at one of them."""

    def __init__(self, point: str, turn: str) -> None:
        self._point, self._turn = point, turn
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()

    def __call__(self, name: str) -> None:
        """A thread comes by this point."""
        thread = threading.current_thread().name
        name = f"{thread if thread in CLIENTS else 'batch'}: {name}"
        with self._lock:
            self._seen[name] += 1
            if self._point == "look" and self._seen[name] == 1:
                say(name)
            elif name == self._point and self._seen[name] == int(self._turn):
                die()


def live(url: str, diary: Diary, everybody: Sequence[str], life: str) -> None:
    """Fire and command until death."""
    number, point, turn = life.split(" / ")
    if point == "alone":
        signal.alarm(0)
    with lifecycle_on(url, batch=500 if point == "alone" else 2) as lifecycle:
        watch(lifecycle.database.engine, Watcher(point, turn))
        with lifecycle.start():
            say(f"started {os.getpid()}")
            if point != "alone":
                opens = threading.Thread(target=opening, args=(lifecycle, diary, f"o{number}"), name="opening")
                opens.start()
                commands = (lifecycle, diary, f"c{number}", everybody)
                threading.Thread(target=command, args=commands, name="command").start()
            threading.Event().wait()


def command(lifecycle: Lifecycle, diary: Diary, name: str, everybody: Sequence[str]) -> None:
    """Send commands for ever: in every fifth life first for somebody whose cycles are long due, then for customers,
    with a key among theirs that was used so long ago that it is forgotten."""
    client, life = Client(lifecycle, diary, name), int(name[1:])
    if life % 5 == 0:
        client.send("add_seats", everybody[life % len(everybody)])
    for customer in cycle(everybody[-CUSTOMERS:]):
        client.command(customer, key=OLD_KEY)


def opening(lifecycle: Lifecycle, diary: Diary, name: str) -> None:
    """Open accounts and subscribe them for ever."""
    client = Client(lifecycle, diary, name)
    while True:
        client.open()


def warm_up() -> None:
    """Do everything once in this process, on a database in memory: what is imported and built here, no child has to."""
    with lifecycle_on("sqlite://") as lifecycle:
        give_schema(lifecycle.database)
        with lifecycle.start():
            account = lifecycle.accounts.create("nobody", email="nobody@shop.test", payment_method=True)
            bought = lifecycle.subscriptions.create(account.id, plan="team", by="nobody@shop.test")
            lifecycle.subscriptions.add_seats(bought.id, 1, by="nobody@shop.test")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    where, notes = sys.argv[1], Diary(Path(sys.argv[2]))
    with lifecycle_on(where) as shop:
        there = [subscription.id for subscription in shop.subscriptions.list()]
    warm_up()
    serve(lambda life: live(where, notes, there, life))
