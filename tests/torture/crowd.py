"""64 clients in four processes, all of which want something of one subscription at the same moment.

Run as `python -m tests.torture.crowd URL`. Each line of its input is `wish / subscription`; each client says, as JSON,
the code of its answer (`done` for the winner), the sentence that came with it, and how many seconds it waited.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import count

import structlog

from lifecycle import Lifecycle
from lifecycle.engine.clock import stopwatch
from lifecycle.errors import LifecycleError
from tests.contract.threads import at_once
from tests.forking import say, serve
from tests.torture.shop import lifecycle_on

PROCESSES, THREADS = 4, 16
BY = "operator"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a client was answered, and after how many seconds."""

    code: str
    sentence: str
    seconds: float


def wishes(lifecycle: Lifecycle, wish: str, subscription: str) -> list[Callable[[], object]]:
    """What the clients ask for, in turns. `anything`: all have seen version 1, and want different things."""
    of = lifecycle.subscriptions
    match wish:
        case "anything":
            return [
                lambda: of.change(subscription, plan="team", when="now", by=BY, version=1),
                lambda: of.cancel(subscription, by=BY, version=1),
                lambda: of.change(subscription, interval="year", by=BY, version=1),
                lambda: of.cancel(subscription, when="now", by=BY, version=1),
            ]
        case "change":
            return [lambda: of.change(subscription, plan="team", when="now", by=BY)]
    return [lambda: of.cancel(subscription, when="now", by=BY)]


def crowd(url: str, line: str) -> None:
    """Fork the processes, and wait until all their clients have been answered."""
    wish, subscription = line.split(" / ")
    children = []
    for number in range(PROCESSES):
        if not (child := os.fork()):
            ask(url, number, wish, subscription)
            os._exit(0)
        children.append(child)
    for child in children:
        _, status = os.waitpid(child, 0)
        assert status == 0


def ask(url: str, first: int, wish: str, subscription: str) -> None:
    """Be one process: its threads ask at once."""
    numbers = count(first)
    with lifecycle_on(url) as lifecycle:
        lifecycle.subscriptions.get(subscription)
        wanted = wishes(lifecycle, wish, subscription)

        def client() -> None:
            code, sentence, began = "done", "", stopwatch()
            try:
                wanted[next(numbers) % len(wanted)]()
            except LifecycleError as error:
                code, sentence = error.code, str(error)
            say(json.dumps(asdict(Answered(code, sentence, stopwatch() - began))))

        at_once(THREADS, client)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    serve(lambda line: crowd(sys.argv[1], line))
