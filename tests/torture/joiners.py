"""Processes that all want the last seats of a subscription, or the last tokens of an account, at the same moment.

Run as `python -m tests.torture.joiners URL`. Each line of its input is `ways / subscription / how many processes`; each
process asks in its turn of the ways, and says what it was answered: the code of a refusal, or `done`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

import structlog

from lifecycle import Lifecycle
from lifecycle.errors import LifecycleError
from tests.forking import say, serve
from tests.torture.shop import lifecycle_on

CODE = "SPRING-2026"


def ways(lifecycle: Lifecycle, subscription: str, name: str) -> dict[str, Callable[[], object]]:
    """How a seat is got: by the code, by a file, by hand; and a token used."""
    email, account = f"{name}@shop.test", lifecycle.subscriptions.get(subscription).account_id

    def by_file() -> object:
        with NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(f"email,first_name\n{email},{name}\n")
            file.flush()
            return lifecycle.members.add_all(account, Path(file.name), subscription=subscription, by="operator")

    return {
        "code": lambda: lifecycle.invitations.join(CODE, email),
        "file": by_file,
        "hand": lambda: lifecycle.members.add(account, email, subscription=subscription, by="operator"),
        "token": lambda: lifecycle.tokens.use(account, 1, by="operator"),
    }


def ask_at_once(url: str, line: str) -> None:
    """Fork the processes, let them go once all are there, and wait for them."""
    wanted, subscription, processes = line.split(" / ")
    ready, there = os.pipe()
    waiting, begin = os.pipe()
    children = []
    for number in range(int(processes)):
        if not (child := os.fork()):
            os.close(begin)
            turns = wanted.split()
            _ask(url, turns[number % len(turns)], subscription, f"client-{number}", (there, waiting))
            os._exit(0)
        children.append(child)
    seen = b""
    while len(seen) < int(processes):
        seen += os.read(ready, int(processes))
    os.close(begin)  # which all of them hear
    for child in children:
        _, status = os.waitpid(child, 0)
        assert status == 0


def _ask(url: str, way: str, subscription: str, name: str, pipes: tuple[int, int]) -> None:
    """Be one process: say that it is there, wait, and ask."""
    there, waiting = pipes
    with lifecycle_on(url) as lifecycle:
        ask = ways(lifecycle, subscription, name)[way]
        os.write(there, b".")
        os.read(waiting, 1)
        try:
            ask()
        except LifecycleError as error:
            say(f"{way} {error.code}")
        else:
            say(f"{way} done")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    serve(lambda line: ask_at_once(sys.argv[1], line))
