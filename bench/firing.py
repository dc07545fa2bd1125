"""Firing: what is due, fired by daemons in processes of their own, beside the same rows in plain SQL.

Each renewal is a full one: a step of the subscription's machine and one of its invoice's, two rows of the log with
their hashes, the deferrals of the next cycle and of its reminder, the invoice with its line and its number, four
entries of the ledger, and a message to the gateway. Daemons and plain SQL have copies of one database, one right after
the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from bench.machines import set_reminders
from bench.peers import PEERS, NotMeasured, measure
from bench.people import shop
from bench.raw import firing_again, written
from bench.seed import seed
from bench.world import Databases, Figures, server_cpu
from lifecycle import VirtualClock

BATCH = 500
AGO = timedelta(days=32)
"""When they were bought: one cycle has started since, and no second one."""
REMINDERS = {"LIFECYCLE_MACHINES": "[bench.machines:Reminder]"}


@dataclass(frozen=True)
class Fired:
    """What some daemons took for all of it. `cpu` is theirs, `server` PostgreSQL's; `memory` is that of the largest in
    megabytes, `start` how many seconds one took until it could begin."""

    number: int
    seconds: float
    cpu: float
    server: float
    memory: float
    start: float

    @property
    def rate(self) -> float:
        """Things fired a second."""
        return self.number / self.seconds


def fire(url: str, number: int, daemons: int = 1, more: Sequence[str] = ()) -> Fired:
    """Have so many daemons fire what is due. Raises RuntimeError unless that is as many as it should be."""
    command = [sys.executable, "-m", "bench.worker", url, *more]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    root = Path(__file__).parents[1]
    with ExitStack() as stack:
        began = perf_counter()
        workers = [
            stack.enter_context(subprocess.Popen(command, text=True, cwd=root, **pipes))  # type: ignore[call-overload]  # noqa: S603  # ourselves
            for _ in range(daemons)
        ]
        for worker in workers:
            _line(worker)
        start, before = perf_counter() - began, server_cpu()
        for worker in workers:
            worker.stdin.write("go\n")
            worker.stdin.flush()
        told = [json.loads(_line(worker)) for worker in workers]
        server = server_cpu() - before
    if (fired := sum(one["fired"] for one in told)) != number:
        raise RuntimeError(f"{fired} of {number} were fired")
    most = {name: max(one[name] for one in told) for name in ("seconds", "memory")}
    return Fired(number, cpu=sum(one["cpu"] for one in told), server=server, start=start, **most)


def _line(worker: subprocess.Popen[str]) -> str:
    line = worker.stdout.readline() if worker.stdout else ""
    if not line:
        raise RuntimeError(f"a daemon has ended with {worker.wait()}")
    return line


def seeded(url: str, monthly: int, yearly: int = 0) -> None:
    """So many renewals due now, among so many subscriptions that are not."""
    with shop(url, clock=VirtualClock(datetime.now(UTC) - AGO)) as lifecycle:
        seed(lifecycle, monthly, yearly)


class Firing:
    """So many renewals are due on a database of a kind; measured again and again on copies of it."""

    def __init__(self, databases: Databases, url: str, number: int) -> None:
        self._databases = databases
        self._url = url
        self._number = number
        seeded(url, number)

    def measure(self) -> Figures:
        """One daemon, plain SQL, python-statemachine's own steps, and, where several can write, two daemons."""
        with self._databases.copy(self._url) as url:
            one = fire(url, self._number)
            there = written(self._url, url)
        with self._databases.copy(self._url) as url:
            plain = firing_again(url, there, BATCH)
        with self._databases.copy(self._url) as url:
            interpreted = fire(url, self._number, more=["--steps", "interpreted"])
        figures = {
            "renewals a second": one.rate,
            "the same in plain SQL": self._number / plain,
            "share of plain SQL": plain / one.seconds,
            "daemon's µs a renewal": 1e6 * one.cpu / self._number,
            "server's µs a renewal": 1e6 * one.server / self._number,
            "daemon's memory, MB": one.memory,
            "stepped by python-statemachine": interpreted.rate / one.rate,
        }
        if not self._url.startswith("sqlite"):
            with self._databases.copy(self._url) as url:
                two = fire(url, self._number, 2)
            figures |= {
                "two daemons, times one": two.rate / one.rate,
                "two daemons' µs a renewal": 1e6 * two.cpu / self._number,
            }
        return figures


class Charging:
    """So many renewals are due, and are charged too, by one daemon and the sandbox."""

    def __init__(self, databases: Databases, url: str, number: int) -> None:
        self._databases, self._url, self._number = databases, url, number
        seeded(url, number)

    def measure(self) -> Figures:
        """Until all are paid."""
        with self._databases.copy(self._url) as url:
            return {"renewed and charged, a second": fire(url, self._number, more=["--charging"]).rate}


class Beside:
    """Our daemon and its peers on PostgreSQL: the peers do one small write for each of so many things that are due."""

    def __init__(self, databases: Databases, renewals: str, small: str, numbers: tuple[int, int]) -> None:
        self._databases = databases
        self._renewals, self._small = renewals, small
        self._number, self._peers = numbers
        seeded(renewals, self._number)
        with shop(small, REMINDERS, clock=VirtualClock(datetime.now(UTC) - AGO)) as lifecycle:
            set_reminders(lifecycle, self._number)
        self.missing: dict[str, str] = {}

    def measure(self) -> Figures:
        """Each in turn; `missing` says why one could not be measured."""
        with self._databases.copy(self._renewals) as url:
            full = fire(url, self._number).rate
        with self._databases.copy(self._small) as url:
            small = fire(url, self._number, more=["--small"]).rate
        figures = {"renewals a second": full, "smallest transitions a second": small}
        for peer in PEERS:
            with self._databases.fresh("postgresql") as url:
                try:
                    rate = measure(peer, url, self._peers).rate
                except NotMeasured as reason:
                    self.missing[peer.name] = str(reason)
                    continue
            figures |= {
                f"{peer.name} {peer.version}, writes a second": rate,
                f"renewals, times {peer.name}": full / rate,
                f"smallest transitions, times {peer.name}": small / rate,
            }
        return figures


class Growth:
    """So many renewals are due, among so many subscriptions in all."""

    def __init__(self, databases: Databases, url: str, number: int, total: int) -> None:
        self._databases, self._url, self._number = databases, url, number
        seeded(url, number, total - number)

    def measure(self) -> Figures:
        """One daemon, from its start on."""
        with self._databases.copy(self._url) as url:
            one = fire(url, self._number)
        return {
            "renewals a second": one.rate,
            "daemon's memory, MB": one.memory,
            "daemon ready after, s": one.start,
            "server's µs a renewal": 1e6 * one.server / self._number,
        }
