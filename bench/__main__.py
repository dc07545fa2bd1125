"""`make bench`: measures side by side on this machine, prints medians and spreads, and stores them.

They go to bench/results.json, from which docs/benchmarks.md and its picture are made.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack

from rich.console import Console
from rich.progress import track

from bench import live
from bench.commands import commands
from bench.firing import Beside, Charging, Firing, Growth
from bench.results import Results, printed
from bench.world import KINDS, Databases, Figures, databases, quiet

Measure = tuple[str, Callable[[], Figures], int]
"""What it is called, how it is measured, and how often."""


def main() -> None:
    """Measure everything, several times, and tell medians."""
    options = argparse.ArgumentParser(prog="make bench", description=__doc__)
    options.add_argument("--only", default="", help="sections, with commas: " + ", ".join(SECTIONS))
    options.add_argument("--runs", type=int, default=3, help="how often each measure is taken")
    options.add_argument("--renewals", type=int, default=10_000, help="renewals due at once")
    options.add_argument("--peers", type=int, default=2_000, help="things due at once for each peer")
    options.add_argument("--totals", default="10000,100000,1000000", help="subscriptions in the tables, with commas")
    options.add_argument("--clicks", type=int, default=200, help="commands of each sort")
    options.add_argument("--travellers", type=int, default=10_000, help="subscriptions that live through a year")
    options.add_argument("--ends", type=int, default=100, help="transitions whose punctuality is measured")
    given = options.parse_args()
    quiet()
    console, results = Console(stderr=True), Results.stored()
    with databases() as made, ExitStack() as stack:
        for name in given.only.split(",") if given.only else SECTIONS:
            results.forget(name)
            for what, measure, runs in SECTIONS[name](made, given, stack):
                told = track(range(runs), f"{name}: {what}", console=console)
                results.add(name, what, [measure() for _ in told])
                results.store()
    Console().print(printed(results))


def _firing(made: Databases, given: argparse.Namespace, stack: ExitStack) -> Iterator[Measure]:
    for kind in KINDS:
        yield kind, Firing(made, stack.enter_context(made.fresh(kind)), given.renewals).measure, given.runs


def _charging(made: Databases, given: argparse.Namespace, stack: ExitStack) -> Iterator[Measure]:
    for kind in KINDS:
        number = min(given.renewals, 500)
        yield kind, Charging(made, stack.enter_context(made.fresh(kind)), number).measure, given.runs


def _peers(made: Databases, given: argparse.Namespace, stack: ExitStack) -> Iterator[Measure]:
    urls = [stack.enter_context(made.fresh("postgresql")) for _ in range(2)]
    beside = Beside(made, urls[0], urls[1], (given.renewals, given.peers))
    yield "postgresql", beside.measure, given.runs
    for peer, reason in beside.missing.items():
        Console(stderr=True).print(f"not measured: {peer}: {reason}")


def _growth(made: Databases, given: argparse.Namespace, stack: ExitStack) -> Iterator[Measure]:
    del stack
    for kind in reversed(KINDS):
        for total in map(int, given.totals.split(",")):
            with made.fresh(kind) as url:
                renewals = min(given.renewals, total)
                yield f"{kind}, {total:,}", Growth(made, url, renewals, total).measure, given.runs


def _commands(made: Databases, given: argparse.Namespace, stack: ExitStack) -> Iterator[Measure]:
    del stack
    for kind in KINDS:
        yield kind, lambda kind=kind: commands(made, kind, given.clicks, given.renewals), given.runs  # type: ignore[misc]  # it is called at once


def _punctuality(made: Databases, given: argparse.Namespace, stack: ExitStack) -> Iterator[Measure]:
    del stack
    for kind in KINDS:
        yield kind, lambda kind=kind: live.punctuality(made, kind, given.ends), given.runs  # type: ignore[misc]  # likewise


def _travel(made: Databases, given: argparse.Namespace, stack: ExitStack) -> Iterator[Measure]:
    del made, stack
    yield "one", lambda: live.travel(0), given.runs
    yield f"{given.travellers:,}", lambda: live.travel(given.travellers), 1


def _start(made: Databases, given: argparse.Namespace, stack: ExitStack) -> Iterator[Measure]:
    del made, stack
    yield "processes", live.start, 3 * given.runs


SECTIONS: dict[str, Callable[[Databases, argparse.Namespace, ExitStack], Iterator[Measure]]] = {
    "start": _start,
    "punctuality": _punctuality,
    "commands": _commands,
    "firing": _firing,
    "charging": _charging,
    "peers": _peers,
    "growth": _growth,
    "travel": _travel,
}

if __name__ == "__main__":
    main()
