"""Clients in eight processes that all join by one code at the same moment.

Run as `python -m tests.torture.joiners URL`. Each line of its input is `code / how many in each process`; each client
says what it was answered: the code of a refusal, or `joined`.
"""

from __future__ import annotations

import os
import sys
from itertools import count

import structlog

from lifecycle import Lifecycle
from lifecycle.errors import LifecycleError
from tests.contract.threads import at_once
from tests.forking import say, serve
from tests.torture.shop import lifecycle_on

PROCESSES = 8


def join_at_once(url: str, line: str) -> None:
    """Fork the processes, let them go once all are there, and wait for them."""
    code, threads = line.split(" / ")
    ready, there = os.pipe()
    waiting, begin = os.pipe()
    children = []
    for number in range(PROCESSES):
        if not (child := os.fork()):
            os.close(begin)
            _ask(url, code, int(threads), f"client-{number}", (there, waiting))
            os._exit(0)
        children.append(child)
    seen = b""
    while len(seen) < PROCESSES:
        seen += os.read(ready, PROCESSES)
    os.close(begin)  # which all of them hear
    for child in children:
        _, status = os.waitpid(child, 0)
        assert status == 0


def _ask(url: str, code: str, threads: int, name: str, pipes: tuple[int, int]) -> None:
    """Be one process: say that it is there, wait, and have its clients join at once."""
    there, waiting = pipes
    names = count()
    with lifecycle_on(url) as lifecycle:
        lifecycle.invitations.get(code)
        os.write(there, b".")
        os.read(waiting, 1)
        at_once(threads, lambda: say(_join(lifecycle, code, f"{name}-{next(names)}@shop.test")))


def _join(lifecycle: Lifecycle, code: str, email: str) -> str:
    """What a client is answered."""
    try:
        lifecycle.invitations.join(code, email)
    except LifecycleError as error:
        return error.code
    return "joined"


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    serve(lambda line: join_at_once(sys.argv[1], line))
