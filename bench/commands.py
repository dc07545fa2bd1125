"""Commands: what a customer's click takes, alone, among others, and while a storm is fired; beside plain SQL.

A command that is one transaction is set beside a transaction that reads and writes the same rows; a quote that is
confirmed is several, with a charge at the sandbox between them, and stands by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from statistics import median
from time import perf_counter

from bench.firing import AGO, fire
from bench.people import shop
from bench.raw import commands_again, timed, written
from bench.seed import seed
from bench.world import Databases, Figures
from lifecycle import Lifecycle, SystemClock, VirtualClock

CLIENTS = 8
Command = Callable[[Lifecycle, str], object]
COMMANDS: dict[str, Command] = {
    "schedule a change": lambda lifecycle, one: lifecycle.subscriptions.change(one, plan="basic", by="system"),
    "undo the change": lambda lifecycle, one: lifecycle.subscriptions.withdraw_change(one, by="system"),
    "cancel": lambda lifecycle, one: lifecycle.subscriptions.cancel(one, by="system"),
    "undo the cancellation": lambda lifecycle, one: lifecycle.subscriptions.withdraw_cancellation(one, by="system"),
}
BACK_AND_FORTH = ("cancel", "undo the cancellation")


def confirm(lifecycle: Lifecycle, one: str) -> object:
    """Quote two more seats, and buy them."""
    quote = lifecycle.quotes.add_seats(one, 2, by="system")
    return lifecycle.quotes.confirm(quote.id, by="system")


def commands(databases: Databases, kind: str, number: int, storm: int) -> Figures:
    """Milliseconds and rates. `storm` renewals are due; `number` other subscriptions, which people use, are not."""
    figures: Figures = {}
    with databases.fresh(kind) as url:
        with shop(url, clock=VirtualClock(datetime.now(UTC) - AGO)) as before:
            seed(before, storm, number)
        with shop(url, clock=SystemClock()) as lifecycle:
            ones = [one.id for one in lifecycle.subscriptions.list() if str(one.interval) == "year"]
            for name, command in COMMANDS.items():
                lifecycle.database.dispose()
                with databases.copy(url) as earlier:
                    took = [timed(partial(command, lifecycle, one)) for one in ones]
                    lifecycle.database.dispose()
                    plain = commands_again(earlier, written(earlier, url), ones)
                figures |= _spread(name, took) | {f"{name}, times plain SQL": median(took) / median(plain)}
            figures |= _spread("quote and confirm", [timed(partial(confirm, lifecycle, one)) for one in ones])
            figures |= {f"a second, {n} client{'s'[: n - 1]}": _rate(lifecycle, ones, n) for n in (1, CLIENTS)}
            figures |= _spread("cancel, or undo it, in a storm", _in_a_storm(lifecycle, url, ones, storm))
    return figures


def _spread(name: str, took: Sequence[float]) -> Figures:
    ordered = sorted(took)
    return {f"{name}, p50 ms": 1000 * median(ordered), f"{name}, p99 ms": 1000 * ordered[len(ordered) * 99 // 100]}


def _rate(lifecycle: Lifecycle, ones: Sequence[str], clients: int) -> float:
    """Commands a second: each subscription is cancelled, and that is undone."""
    began = perf_counter()
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(lambda one: [COMMANDS[name](lifecycle, one) for name in BACK_AND_FORTH], ones))
    return 2 * len(ones) / (perf_counter() - began)


def _in_a_storm(lifecycle: Lifecycle, url: str, ones: Sequence[str], storm: int) -> list[float]:
    """The same while a daemon beside fires all that is due."""
    took: list[float] = []
    with ThreadPoolExecutor(1) as threads:
        fired = threads.submit(fire, url, storm)
        while not fired.done():
            one = ones[len(took) // 2 % len(ones)]
            took += [timed(partial(COMMANDS[name], lifecycle, one)) for name in BACK_AND_FORTH]
        fired.result()
    return took
