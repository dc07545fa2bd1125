"""`make bench`: prints what was measured, and stores it in bench/results.json."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench.daemon import punctuality
from bench.firing import firing
from bench.world import KINDS, Databases, databases, lifecycle_on, subscribe

RESULTS = Path(__file__).parent / "results.json"
YEAR_LATER = datetime(2027, 1, 1, tzinfo=UTC)
Measured = dict[str, float]


def main() -> None:
    """Measure everything, several times, and tell medians."""
    options = argparse.ArgumentParser(prog="make bench")
    options.add_argument("--renewals", type=int, default=2000, help="renewals due at once")
    options.add_argument("--travellers", type=int, default=1000, help="subscriptions that travel a year")
    options.add_argument("--runs", type=int, default=3, help="how often each measure is taken")
    given = options.parse_args()
    console, measured = Console(), dict[str, Measured]()
    with databases() as fresh:
        measures = (
            ("firing", partial(_firing, fresh, given.renewals)),
            ("travel", partial(_travel, fresh, given.travellers)),
            ("punctuality", partial(_punctuality, fresh)),
        )
        for (name, measure), kind in product(measures, KINDS):
            runs = [measure(kind) for _ in track(range(given.runs), f"{name} on {kind}", console=console)]
            measured[f"{name} on {kind}"] = _medians(runs)
    measured["start"] = _medians([_start() for _ in range(given.runs)])
    machine = f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}"
    RESULTS.write_text(json.dumps({"machine": machine, "measured": measured}, indent=2) + "\n")
    _print(console, machine, measured)


def _firing(fresh: Databases, number: int, kind: str) -> Measured:
    ours, raw = firing(fresh, kind, number)
    return {"renewals per second": number / ours, "raw SQL per second": number / raw, "share of raw SQL": raw / ours}


def _travel(fresh: Databases, number: int, kind: str) -> Measured:
    with fresh.fresh(kind) as url, lifecycle_on(url) as lifecycle:
        subscribe(lifecycle, number)
        began = perf_counter()
        fired = len(lifecycle.advance_to(YEAR_LATER))
        seconds = perf_counter() - began
    return {"transitions": fired, "seconds": seconds, "transitions per second": fired / seconds}


def _punctuality(fresh: Databases, kind: str) -> Measured:
    late = punctuality(fresh, kind, 100)
    return {"p50 ms": late[49], "p99 ms": late[98]}


def _start() -> Measured:
    return {
        "import lifecycle, s": _seconds("-c", "from lifecycle import Lifecycle"),
        "lifecycle --help, s": _seconds(
            "-c", "import sys; sys.argv = ['lifecycle', '--help']; from lifecycle.cli import main; main()"
        ),
    }


def _seconds(*arguments: str) -> float:
    began = perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)  # noqa: S603  # ourselves
    return perf_counter() - began


def _medians(runs: list[Measured]) -> Measured:
    return {name: median(run[name] for run in runs) for name in runs[0]}


def _print(console: Console, machine: str, measured: dict[str, Measured]) -> None:
    table = Table("measure", "figure", "median", title=machine)
    for name, figures in measured.items():
        for figure, value in figures.items():
            table.add_row(name, figure, f"{value:,.2f}")
    console.print(table)


if __name__ == "__main__":
    main()
