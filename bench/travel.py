"""`make travel`: lives so many subscriptions through a year in one call, charges included, and prints the rate.

`--compare` lives as many through the same year instant by instant too, and prints the ratio.
"""

from __future__ import annotations

import argparse
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter, process_time

from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table

from bench.people import FEBRUARY, settle_in, shop
from bench.world import quiet
from lifecycle import Lifecycle
from lifecycle.engine.committed import Committed
from lifecycle.verify import Report, ledger_of, verify
from lifecycle_machines.subscription import SubscriptionMachine

DEFERRED = frozenset({*SubscriptionMachine.deferred, "retry_due"})
"""What fires by itself; what it brings about, such as an invoice and its payment, is counted apart."""
A_YEAR_LATER = datetime(2027, 2, 1, tzinfo=UTC)
STRIDE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Travelled:
    """What a journey came to."""

    settled: float
    seconds: float
    cpu: float
    """Seconds of this process's own, whoever else is busy on the machine."""
    fired: int
    transitions: int
    report: Report

    @property
    def rate(self) -> float:
        """Transitions a second."""
        return self.transitions / self.seconds


def main() -> None:
    """Settle them in, travel, verify, and tell."""
    options = argparse.ArgumentParser(prog="make travel")
    options.add_argument("--subscriptions", type=int, default=10_000, help="how many, each on an account of its own")
    options.add_argument("--url", default="sqlite://", help="an empty database; without one it is in memory")
    options.add_argument("--compare", action="store_true", help="travel without a stride too, in memory")
    given = options.parse_args()
    console = Console(stderr=True)
    quiet()
    done = live(given.url, given.subscriptions, STRIDE, console)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    table = Table("measure", "figure", title=f"{given.subscriptions:,} subscriptions, one year, one call")
    table.add_row("settled in, s", f"{done.settled:,.1f}")
    table.add_row("deferred transitions fired", f"{done.fired:,}")
    table.add_row("transitions in all", f"{done.transitions:,}")
    table.add_row("seconds", f"{done.seconds:,.1f}")
    table.add_row("fired per second", f"{done.fired / done.seconds:,.0f}")
    table.add_row("transitions per second", f"{done.rate:,.0f}")
    table.add_row("peak memory, MB", f"{memory:,}")
    report = done.report
    table.add_row("verify", f"{len(report.findings)} findings in {report.rows:,} rows of {report.roots:,} roots")
    if given.compare:
        slow = live("sqlite://", given.subscriptions, None, console)
        table.add_row("without a stride, seconds", f"{slow.seconds:,.1f}")
        table.add_row("without a stride, transitions per second", f"{slow.rate:,.0f}")
        table.add_row("ratio, by the clock on the wall", f"{done.rate / slow.rate:.1f}")
        table.add_row("ratio, by processor time", f"{slow.cpu / done.cpu:.1f}")
    Console().print(table)
    if report.findings:
        raise SystemExit("\n".join(str(finding) for finding in report.findings[:20]))


def live(url: str, number: int, stride: timedelta | None, console: Console) -> Travelled:
    """So many come, and live through a year."""
    with shop(url) as lifecycle:
        began = perf_counter()
        settle_in(lifecycle, number, lambda numbers: track(numbers, "settling in", console=console))
        settled = perf_counter() - began
        with _shown(lifecycle, console):
            began, worked = perf_counter(), process_time()
            steps = lifecycle.advance_to(A_YEAR_LATER, stride)
            seconds, cpu = perf_counter() - began, process_time() - worked
        fired = sum(step.cause == "deferral" and step.event in DEFERRED for step in steps)
        report = verify(lifecycle.database, now=lifecycle.clock.now(), charges=ledger_of(lifecycle.gateway))
        return Travelled(settled, seconds, cpu, fired, len(steps), report)


@contextmanager
def _shown(lifecycle: Lifecycle, console: Console) -> Iterator[None]:
    """Show how far the clock has come, by the days of what is committed."""
    with Progress(console=console) as progress:
        task = progress.add_task("travelling", total=(A_YEAR_LATER - FEBRUARY).days)

        def hear(committed: Committed) -> None:
            if committed.transitions:
                progress.update(task, completed=(committed.transitions[-1].fired_at - FEBRUARY).days)

        lifecycle.engine.listeners.append(hear)
        yield
        lifecycle.engine.listeners.remove(hear)
        progress.update(task, completed=(A_YEAR_LATER - FEBRUARY).days)


if __name__ == "__main__":
    main()
