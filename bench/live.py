"""What somebody waits for: a transition that falls due, a journey in time, a program that starts."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from time import perf_counter, sleep

from rich.console import Console

from bench.people import shop
from bench.seed import seed
from bench.travel import STRIDE, live
from bench.world import START, Databases, Figures, lifecycle_on
from lifecycle import SystemClock, VirtualClock

APART = timedelta(milliseconds=50)
HEAD_START = timedelta(seconds=2)
TEN_YEARS_LATER = START.replace(year=START.year + 10)


def punctuality(databases: Databases, kind: str, number: int) -> Figures:
    """From due to recorded: the ends of so many subscriptions, 50 ms apart, in a live daemon with little to do."""
    clock = SystemClock()
    with databases.fresh(kind) as url:
        with shop(url, clock=VirtualClock(clock.now() - timedelta(days=1))) as before:
            seed(before, number)
        with shop(url, clock=clock) as lifecycle:
            begin = clock.now() + HEAD_START + number * timedelta(milliseconds=20)
            for position, subscription in enumerate(lifecycle.subscriptions.list()):
                lifecycle.subscriptions.cancel(subscription.id, when=begin + position * APART, by="system")
            with lifecycle.start():
                sleep((begin + number * APART + timedelta(seconds=1) - clock.now()).total_seconds())
            ends = [step for step in lifecycle.log() if step.event == "end_date_arrives"]
    if len(ends) != number:
        raise RuntimeError(f"{len(ends)} of {number} subscriptions have ended")
    late = sorted((step.recorded_at - step.at) / timedelta(milliseconds=1) for step in ends)
    return {"p50 ms": late[number // 2], "p99 ms": late[number * 99 // 100]}


def travel(number: int) -> Figures:
    """A year of many, and ten years of one by the month: once with nothing to charge, once with its 120 charges."""
    figures: Figures = {}
    if number:
        done = live("sqlite://", number, STRIDE, Console(stderr=True, quiet=True))
        if done.report.findings:
            raise RuntimeError(str(done.report.findings[0]))
        figures["a year of many: transitions a second"] = done.rate
    for name, world in (("nothing to charge", lifecycle_on), ("charged", shop)):
        with world("sqlite://") as lifecycle:
            lifecycle.accounts.create("one", email="one@bench.test", payment_method=True)
            lifecycle.subscriptions.create("one", plan="team", interval="month", by="system")
            began = perf_counter()
            lifecycle.advance_to(TEN_YEARS_LATER)
            figures[f"ten years of one, {name}, ms"] = 1000 * (perf_counter() - began)
    return figures


def start() -> Figures:
    """Python's own start is in all of them."""
    help_of = "import sys; sys.argv = ['lifecycle', '--help']; from lifecycle.cli import main; main()"
    return {
        "python -c pass, s": _seconds("pass"),
        "import lifecycle, s": _seconds("import lifecycle"),
        "from lifecycle import Lifecycle, s": _seconds("from lifecycle import Lifecycle"),
        "lifecycle --help, s": _seconds(help_of),
    }


def _seconds(program: str) -> float:
    began = perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # ourselves
    return perf_counter() - began
