"""Processes that all join by one code at the same moment.

Run as `python -m tests.torture.joiners URL`. Each line of its input is `code / how many`; each process says what it was
answered: the code of a refusal, or `joined`.
"""

from __future__ import annotations

import os
import sys

import structlog

from lifecycle.errors import LifecycleError
from tests.forking import say, serve
from tests.torture.shop import lifecycle_on


def join_at_once(url: str, line: str) -> None:
    """Fork the processes, let them go once all are there, and wait for them."""
    code, number = line.split(" / ")
    ready, there = os.pipe()
    waiting, begin = os.pipe()
    children = []
    for client in range(int(number)):
        if not (child := os.fork()):
            os.close(begin)
            _join(url, code, f"client-{client}@shop.test", there, waiting)
            os._exit(0)
        children.append(child)
    seen = b""
    while len(seen) < int(number):
        seen += os.read(ready, int(number))
    os.close(begin)  # which all of them hear
    for child in children:
        _, status = os.waitpid(child, 0)
        assert status == 0


def _join(url: str, code: str, email: str, there: int, waiting: int) -> None:
    """Be one process."""
    with lifecycle_on(url) as lifecycle:
        lifecycle.invitations.get(code)
        os.write(there, b".")
        os.read(waiting, 1)
        answered = "joined"
        try:
            lifecycle.invitations.join(code, email)
        except LifecycleError as error:
            answered = error.code
    say(answered)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    serve(lambda line: join_at_once(sys.argv[1], line))
