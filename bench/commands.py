"""Commands: what a customer's click takes, alone, among others, and while a storm is fired; beside plain SQL.

A command that is one transaction is set beside a transaction that reads and writes the same rows; a quote that is
confirmed is several, with a charge at the sandbox between them, and stands by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter

from bench.firing import fire
from bench.people import shop
from bench.raw import commands_again, timed, written
from bench.seed import seed
from bench.world import Databases
from lifecycle import Lifecycle, SystemClock, VirtualClock

AGO = timedelta(days=32)
CLIENTS = 8
Command = Callable[[Lifecycle, str], object]
COMMANDS: dict[str, Command] = {
    "schedule a change": lambda lifecycle, one: lifecycle.subscriptions.change(one, plan="basic", by="system"),
    "undo it": lambda lifecycle, one: lifecycle.subscriptions.withdraw_change(one, by="system"),
    "cancel": lambda lifecycle, one: lifecycle.subscriptions.cancel(one, by="system"),
    "undo that": lambda lifecycle, one: lifecycle.subscriptions.withdraw_cancellation(one, by="system"),
}
Figures = dict[str, float]


def confirm(lifecycle: Lifecycle, one: str) -> object:
    """Quote two more seats, and buy them."""
    quote = lifecycle.quotes.add_seats(one, 2, by="system")
    return lifecycle.quotes.confirm(quote.id, by="system")


def commands(databases: Databases, kind: str, number: int, storm: int) -> Figures:
    """Milliseconds and rates. `storm` renewals are due; so many subscriptions, as many as `number`, are not."""
    figures: Figures = {}
    with databases.fresh(kind) as before:
        with shop(before, clock=VirtualClock(datetime.now(UTC) - AGO)) as lifecycle:
            seed(lifecycle, storm, number)
        with databases.copy(before) as url, shop(url, clock=SystemClock()) as lifecycle:
            ones = _calm(lifecycle)
            for name, command in COMMANDS.items():
                with databases.copy_of_running(url) as earlier:
                    took = _each(lifecycle, command, ones)
                    figures |= _spread(name, took)
                    with databases.copy_of_running(url) as later:
                        there = written(earlier, later)
                    plain = commands_again(earlier, there, ones)
                figures[f"{name}, times plain SQL"] = median(took) / median(plain)
            figures |= _spread("quote and confirm", _each(lifecycle, confirm, ones))
            figures["a second, one client"] = _rate(lifecycle, ones, 1)
            figures[f"a second, {CLIENTS} clients"] = _rate(lifecycle, ones, CLIENTS)
            figures |= _in_a_storm(lifecycle, url, ones, storm)
    return figures


def _calm(lifecycle: Lifecycle) -> Sequence[str]:
    return [one.id for one in lifecycle.subscriptions.list() if str(one.interval) == "year"]


def _each(lifecycle: Lifecycle, command: Command, ones: Sequence[str]) -> list[float]:
    return [timed(lambda one=one: command(lifecycle, one)) for one in ones]  # type: ignore[misc]  # it is called at once


def _spread(name: str, took: Sequence[float]) -> Figures:
    ordered = sorted(took)
    return {f"{name}, p50 ms": 1000 * median(ordered), f"{name}, p99 ms": 1000 * ordered[int(len(ordered) * 0.99)]}


def _rate(lifecycle: Lifecycle, ones: Sequence[str], clients: int) -> float:
    """Commands a second: each subscription is cancelled, and that is undone."""
    began = perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(lambda one: [COMMANDS[name](lifecycle, one) for name in ("cancel", "undo that")], ones))
    return 2 * len(ones) / (perf_counter() - began)


def _in_a_storm(lifecycle: Lifecycle, url: str, ones: Sequence[str], storm: int) -> Figures:
    """The same while a daemon beside fires all that is due."""
    took: list[float] = []
    with ThreadPoolExecutor(1) as threads:
        fired = threads.submit(fire, url, storm)
        while not fired.done():
            for name in ("cancel", "undo that"):
                one = ones[len(took) // 2 % len(ones)]
                took.append(timed(lambda name=name, one=one: COMMANDS[name](lifecycle, one)))  # type: ignore[misc]  # likewise
        fired.result()
    return _spread("cancel in a storm", took)
