"""Processes that fork after they have used a `Lifecycle`, each a scenario that says on stdout what it has seen."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from lifecycle import Lifecycle, VirtualClock
from lifecycle.config import load_config
from lifecycle.engine.clock import SystemClock
from tests.contract.threads import wait_until
from tests.integration.alarms import wind
from tests.integration.host import ALARMS, ANN
from tests.integration.world import PROJECT
from tests.mails import AWAY
from tests.schema import give_schema


def say(word: object) -> None:
    """Tell the test."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def lifecycle_on(url: str) -> Lifecycle:
    """With alarms, and a heartbeat that comes too late to help."""
    changed = {"LIFECYCLE_DATABASE__URL": url, "LIFECYCLE_SCHEDULER__HEARTBEAT": "30s", "LIFECYCLE_MACHINES": ALARMS}
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", environ=AWAY | changed)
    give_schema(lifecycle.database)
    return lifecycle


def forked(child: Callable[[], object]) -> int:
    """Run this in a child, which ends with 0 unless it raises."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child()
            code = 0
        finally:
            os._exit(code)
    return pid


def end_of(pid: int) -> int:
    """The exit code of a child that has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def ring(lifecycle: Lifecycle) -> None:
    """An alarm, and that it has rung."""
    [alarm] = wind(lifecycle.engine, SystemClock().now() + timedelta(seconds=0.2))
    wait_until(lambda: [each.instance_id for each in lifecycle.log()].count(alarm) == 2)


def busy(url: str) -> None:
    """Fork with everything in use: scheduler, pools, and a transaction that another thread has open at that moment."""
    lifecycle = lifecycle_on(url)
    lifecycle.accounts.create("acme", email=ANN, payment_method=True)
    sub = lifecycle.subscriptions.create("acme", plan="team", by=ANN).id
    engine = create_engine(url)
    lifecycle.prepare(engine)
    inside = threading.Event()

    def hold() -> None:
        with lifecycle.database.writing():
            inside.set()
            threading.Event().wait(0.3)

    def using() -> None:
        with Session(engine) as session, session.begin():
            lifecycle.using(session).subscriptions.add_seats(sub, 1, by=ANN)

    closed, used = os.pipe(), os.pipe()

    def child() -> None:
        engine.dispose(close=False)  # as SQLAlchemy asks of hosts
        say(f"child reads {lifecycle.subscriptions.get(sub).seats}")
        using()
        with lifecycle.start():
            ring(lifecycle)
        os.write(used[1], b"x")
        os.read(closed[0], 1)  # the parent has closed the database meanwhile, and what was its last connection to it
        lifecycle.subscriptions.add_seats(sub, 1, by=ANN)
        using()

    with lifecycle.start() as scheduler:
        using()
        holder = threading.Thread(target=hold)
        holder.start()
        inside.wait()
        pid = forked(child)
        ring(lifecycle)
        os.read(used[0], 1)
        ring(lifecycle)
        say(f"parent {scheduler.alive}")
    holder.join()
    lifecycle.close()
    engine.dispose()
    os.write(closed[1], b"x")
    say(f"child {end_of(pid)}")
    say(f"seats {lifecycle.subscriptions.get(sub).seats}")  # 3, then 1 before the fork and 3 in the child


def pre_fork(url: str) -> None:
    """Four workers of a server that has loaded the host and looked at the database before it forked them."""
    lifecycle = lifecycle_on(url)
    lifecycle.accounts.list()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_serve, args=(lifecycle, worker)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    say(f"workers {[worker.exitcode for worker in workers]}")
    say(f"subscriptions {len({sub.id for sub in lifecycle.subscriptions.list()})}")
    say(f"accounts {len({account.id for account in lifecycle.accounts.list()})}")


def _serve(lifecycle: Lifecycle, worker: int) -> None:
    with lifecycle.start():
        for number in range(10):
            account = lifecycle.accounts.create(f"{worker}-{number}", email=ANN, payment_method=True)
            sub = lifecycle.subscriptions.create(account.id, plan="team", by=ANN)
            lifecycle.subscriptions.cancel(sub.id, by=ANN)


def unwinding(url: str) -> None:
    """A child that leaves the block of its parent's scheduler, and ends as any program does."""
    lifecycle = lifecycle_on(url)
    with lifecycle.start() as scheduler:
        ring(lifecycle)
        pid = os.fork()
        if pid:
            say(f"child {end_of(pid)}")
            ring(lifecycle)
            say(f"parent {scheduler.alive}")
    if not pid:
        ring_in = len(lifecycle.log())
        with lifecycle.start():
            ring(lifecycle)
        say(f"{ring_in} then {len(lifecycle.log())}")
        sys.exit()
    lifecycle.close()


def ids(url: str) -> None:
    """Identifiers of one millisecond, in a parent and in its child."""
    del url
    config = load_config(PROJECT / "config.yaml", {})
    lifecycle = Lifecycle(config, clock=VirtualClock(SystemClock().now()))
    say(lifecycle.accounts.prepared("acme", email=ANN)[0].id)
    end_of(forked(lambda: say(lifecycle.accounts.prepared("acme", email=ANN)[0].id)))
    say(lifecycle.accounts.prepared("acme", email=ANN)[0].id)


def _drop(_logger: object, _level: str, _line: object) -> str:
    raise structlog.DropEvent


if __name__ == "__main__":
    structlog.configure(processors=[_drop])
    {"busy": busy, "pre_fork": pre_fork, "unwinding": unwinding, "ids": ids}[sys.argv[1]](sys.argv[2])
