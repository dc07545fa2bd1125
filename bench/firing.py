"""Firing: renewals that are all due, by daemons in processes of their own, beside the same rows in plain SQL.

Each renewal is a full one: a step of the subscription's machine and one of its invoice's, two rows of the log with
their hashes, the next deferral, the invoice with its line and its number, four entries of the ledger, and a message to
the gateway. Both take place on copies of one database, one right after the other.
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

from bench.people import shop
from bench.raw import firing_again, written
from bench.seed import seed
from bench.world import Databases, server_cpu
from lifecycle import VirtualClock

BATCH = 500
AGO = timedelta(days=32)
"""When they were bought: one cycle has started since, and no second one."""


@dataclass(frozen=True)
class Fired:
    """What some daemons took for all of it; `server` is PostgreSQL's processor time, `memory` the largest daemon's, in
    megabytes."""

    number: int
    seconds: float
    cpu: float
    server: float
    memory: float

    @property
    def rate(self) -> float:
        """Renewals a second."""
        return self.number / self.seconds


def seeded(url: str, monthly: int, yearly: int = 0) -> None:
    """So many renewals due now, among so many subscriptions that are not."""
    with shop(url, clock=VirtualClock(datetime.now(UTC) - AGO)) as lifecycle:
        seed(lifecycle, monthly, yearly)


def fire(url: str, number: int, daemons: int = 1, more: Sequence[str] = ()) -> Fired:
    """Have so many daemons fire what is due. Raises RuntimeError unless that is as many as it should be."""
    command = [sys.executable, "-m", "bench.worker", url, *more]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                subprocess.Popen(  # noqa: S603  # ourselves
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
                )
            )
            for _ in range(daemons)
        ]
        for worker in workers:
            _line(worker)
        before = server_cpu()
        for worker in workers:
            assert worker.stdin is not None  # noqa: S101  # it is a pipe
            worker.stdin.write("go\n")
            worker.stdin.flush()
        told = [json.loads(_line(worker)) for worker in workers]
        server = server_cpu() - before
    if (fired := sum(one["fired"] for one in told)) != number:
        raise RuntimeError(f"{fired} of {number} renewals fired")
    seconds, memory = max(one["seconds"] for one in told), max(one["memory"] for one in told)
    return Fired(number, seconds, sum(one["cpu"] for one in told), server, memory)


def _line(worker: subprocess.Popen[str]) -> str:
    assert worker.stdout is not None  # noqa: S101  # it is a pipe
    line = worker.stdout.readline()
    if not line:
        raise RuntimeError(f"a daemon has ended with {worker.wait()}")
    return line


def limit(databases: Databases, before: str, after: str) -> float:
    """Seconds that plain SQL takes for what was written, on a fresh copy of what was there before."""
    there = written(before, after)
    with databases.copy(before) as url:
        return firing_again(url, there, BATCH)
