"""`make travel`: lives so many subscriptions through a year in one call, charges included, and prints the rate."""

from __future__ import annotations

import argparse
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter

from rich.console import Console
from rich.progress import Progress, track
from rich.table import Table

from bench.people import FEBRUARY, settle_in, shop
from bench.world import quiet
from lifecycle import Lifecycle
from lifecycle.engine.committed import Committed
from lifecycle.verify import ledger_of, verify
from lifecycle_machines.subscription import SubscriptionMachine

DEFERRED = frozenset({*SubscriptionMachine.deferred, "retry_due"})
"""What fires by itself; what it brings about, such as an invoice and its payment, is counted apart."""
A_YEAR_LATER = datetime(2027, 2, 1, tzinfo=UTC)


def main() -> None:
    """Settle them in, travel, verify, and tell."""
    options = argparse.ArgumentParser(prog="make travel")
    options.add_argument("--subscriptions", type=int, default=10_000, help="how many, each on an account of its own")
    options.add_argument("--url", default="sqlite://", help="an empty database; without one it is in memory")
    given = options.parse_args()
    console = Console(stderr=True)
    quiet()
    with shop(given.url) as lifecycle:
        began = perf_counter()
        settle_in(lifecycle, given.subscriptions, lambda numbers: track(numbers, "settling in", console=console))
        settled = perf_counter() - began
        with _shown(lifecycle, console):
            began = perf_counter()
            steps = lifecycle.advance_to(A_YEAR_LATER)
            seconds = perf_counter() - began
        fired = sum(step.cause == "deferral" and step.event in DEFERRED for step in steps)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        report = verify(lifecycle.database, now=lifecycle.clock.now(), charges=ledger_of(lifecycle.gateway))
    table = Table("measure", "figure", title=f"{given.subscriptions:,} subscriptions, one year, one call")
    table.add_row("settled in, s", f"{settled:,.1f}")
    table.add_row("deferred transitions fired", f"{fired:,}")
    table.add_row("transitions in all", f"{len(steps):,}")
    table.add_row("seconds", f"{seconds:,.1f}")
    table.add_row("fired per second", f"{fired / seconds:,.0f}")
    table.add_row("transitions per second", f"{len(steps) / seconds:,.0f}")
    table.add_row("peak memory, MB", f"{memory:,}")
    table.add_row("verify", f"{len(report.findings)} findings in {report.rows:,} rows of {report.roots:,} roots")
    Console().print(table)
    if report.findings:
        raise SystemExit("\n".join(str(finding) for finding in report.findings[:20]))


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
