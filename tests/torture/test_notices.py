"""Everybody is told everything while those who are told are killed, hang and answer anything, and the daemon is killed.

Nothing is lost, repeats come under the same id and say the same, and no transition and no charge waits.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from threading import Event

import pytest

from lifecycle import Lifecycle, SystemClock
from lifecycle.engine.clock import stopwatch
from lifecycle.store import schema
from lifecycle.verify import verify
from tests.forking import Forker, forker
from tests.torture import notices_daemon, receivers
from tests.torture.conftest import Tell
from tests.torture.notices_shop import SEEN, Where, lifecycle_on, live_through, open_shop
from tests.torture.receivers import read
from tests.torture.size import SIZE

pytestmark = pytest.mark.sampled

LIVES = 40 if SIZE.is_long else 3
PATIENCE = 120.0 if not SIZE.is_long else 900.0
MOODS = {
    "smtp": "ok,451,late,421,ok,hang,554,454,ok",
    "http": "500,ok,429,late,404,ok,hang,503,ok,302",
}

CALMER = ",".join(["ok"] * 30 + ["450", "hang", "late"])
"""With as much trouble as above, thousands of messages take hours: who has failed is left alone for a while."""


class Server:
    """One of the receivers, which can be killed and comes back."""

    def __init__(self, which: str, port: int, book: Path) -> None:
        self._which, self._port, self.book = which, port, book
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, moods: str) -> None:
        """Serve with these moods, and be there."""
        words = [sys.executable, "-m", receivers.__name__, self._which, str(self._port), str(self.book), moods]
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        self._process = subprocess.Popen(words, cwd=Path(__file__).parents[2], env=environ)
        deadline = stopwatch() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            except OSError:
                assert stopwatch() < deadline, f"{self._which} does not come"
                Event().wait(0.05)

    def kill(self) -> None:
        """No more."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@contextmanager
def trouble(url: str, folder: Path) -> Iterator[tuple[Where, Mapping[str, Server], Forker]]:
    """A shop that opens, its receivers, and lives of its daemon."""
    where = Where(url, _port(), _port(), folder)
    servers = {name: Server(name, port, folder / name) for name, port in (("smtp", where.smtp), ("http", where.http))}
    try:
        open_shop(where, 6)
        for name, server in servers.items():
            server.start(MOODS[name])
        with forker(notices_daemon.__name__, where.as_line()) as lives:
            yield where, servers, lives
    finally:
        for server in servers.values():
            server.kill()


def test_everybody_is_told_everything_whatever_happens(database_url: str, tmp_path: Path, tell: Tell) -> None:
    """Rules G2, X344: each notice and each transition arrives, at least once, and each time as the same (X343)."""
    moments, names = Random(7), count(1)
    with trouble(database_url, tmp_path) as (where, servers, lives), lifecycle_on(where) as lifecycle:
        for life in range(LIVES):
            with a_life(lives):
                live_through(lifecycle, f"new-{next(names)}")
                Event().wait(moments.uniform(0.2, 1.5))
                if life % 2:
                    name = ("smtp", "http")[life // 2 % 2]
                    servers[name].kill()
                    Event().wait(0.3)
                    servers[name].start(MOODS[name])
        for server in servers.values():
            server.kill()
            server.start(CALMER)
        with a_life(lives):
            _recover(lifecycle)
            figures = _judge(lifecycle, where, servers)
    tell(f"{LIVES} lives", figures)


def test_nothing_waits_for_who_does_not_answer(database_url: str, tmp_path: Path, tell: Tell) -> None:
    """While both hang at every message, what is due fires, and what is bought is charged, at once (X344)."""
    with trouble(database_url, tmp_path) as (where, servers, lives), lifecycle_on(where) as lifecycle:
        for server in servers.values():
            server.kill()
            server.start("hang")
        with a_life(lives):
            subs = []
            for number in range(5):
                name = f"leaving-{number}"
                lifecycle.accounts.create(name, email=f"{name}@shop.test", payment_method=True)
                subs.append(lifecycle.subscriptions.create(name, plan="basic", trial=False, by="system").id)
                end = SystemClock().now() + timedelta(seconds=1 + number)
                lifecycle.subscriptions.cancel(subs[-1], when=end, by="system")
            _until(lambda: all(lifecycle.subscriptions.get(sub).state == "ended" for sub in subs))
            ends = [step for step in lifecycle.log() if step.event == "end_date_arrives"]
            late = [(step.fired_at - step.at).total_seconds() for step in ends]
            assert max(late) < 1.0, late
            assert [invoice.status for invoice in lifecycle.invoices.list(account="leaving-4")] == ["paid"]
            assert {name: len(read(server.book)) for name, server in servers.items()} == {"smtp": 0, "http": 0}
    tell("lateness in ms", {"longest": round(max(late) * 1000)})


@contextmanager
def a_life(lives: Forker) -> Iterator[None]:
    """The daemon lives meanwhile, and is killed."""
    lives.tell("live")
    word, pid = lives.hear().split()
    assert word == "started"
    try:
        yield
    finally:
        os.kill(int(pid), signal.SIGKILL)
        said = lives.hear()
    assert said == "killed"


def _recover(lifecycle: Lifecycle) -> None:
    """Whose card was declined gives another one."""
    _until(lambda: any(one.status == "open" and one.decline for one in lifecycle.invoices.list()))
    for number in (1, 4):
        lifecycle.payment_methods.add(f"old-{number}", "ok")


def _judge(lifecycle: Lifecycle, where: Where, servers: Mapping[str, Server]) -> Mapping[str, object]:
    """Wait until nothing waits, and have an operator retry what a server has refused for good. Then each notice and
    each transition is in the books, under its id and as the same."""
    _until(lambda: not _unfinished(lifecycle))
    for dead in lifecycle.outbox.list(status="dead"):
        lifecycle.outbox.retry(dead.id, reason="the server takes it now")
    _until(lambda: not _unfinished(lifecycle))
    assert verify(lifecycle.database).findings == ()
    messages = lifecycle.outbox.list()
    assert {one.status for one in messages} <= {"delivered", "merged"}
    mails, hooks, heard = read(servers["smtp"].book), read(servers["http"].book), read(where.heard)
    notices = {(one.root_id, one.seq, one.place): one for one in messages if one.destination == "mail"}
    wanted = {
        (step.root_id, step.seq, place): effect["kind"]
        for step in lifecycle.log(reminders=True)
        for place, effect in enumerate(step.effects)
        if effect["effect"] == "notice"
    }
    assert {key: one.kind for key, one in notices.items()} == wanted
    assert set(wanted.values()) >= SEEN
    merged = _merged(lifecycle)
    arrived = {merged.get(one.id, one.id): one.kind for one in notices.values()}
    assert mails.keys() == arrived.keys()
    differing = [arrived[id] for id, digests in mails.items() if len(set(digests)) > 1]
    assert set(differing) <= {"password_email"}  # each carries a token of its own
    for book, prefix in ((hooks, "webhook:"), (heard, "handler:")):
        told = {one.id: one.kind for one in messages if one.destination.startswith(prefix)}
        assert book.keys() == told.keys()
        assert [id for id, digests in book.items() if len(set(digests)) > 1] == []
    steps = Counter(one.destination.partition(":")[0] for one in messages)
    assert steps["handler"] == len(lifecycle.log(reminders=True))
    return {
        "notices": len(wanted),
        "merged into others": sum(one.status == "merged" for one in notices.values()),
        "mails, with repeats": sum(map(len, mails.values())),
        "transitions": len(lifecycle.log(reminders=True)),
        "webhooks, with repeats": sum(map(len, hooks.values())),
        "handled, with repeats": sum(map(len, heard.values())),
    }


def _unfinished(lifecycle: Lifecycle) -> list[str]:
    return [one.id for one in lifecycle.outbox.list() if one.status in ("waiting", "leased")]


def _merged(lifecycle: Lifecycle) -> Mapping[str, str]:
    """By which message each goes that was merged."""
    table = schema.outbox.c
    with lifecycle.database.reading() as connection:
        rows = connection.execute(schema.outbox.select().where(table.merged_into.is_not(None)))
        return {row.id: row.merged_into for row in rows}


def _until(holds: Callable[[], bool]) -> None:
    """Look again and again; raises where it never holds."""
    deadline = stopwatch() + PATIENCE
    while not holds():
        assert stopwatch() < deadline, "it never came to be"
        Event().wait(0.2)


def _port() -> int:
    """One that is free."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port
