"""A daemon that may write only so much: its files grow to the limit, and later it is lifted.

Run as `python -m tests.torture.full URL`. Each line of its input is the number of bytes that a file may have; a child
of its own fires what is due, says why it can't, and is allowed as much as it wants once it has said so three times. At
the end it says `idle`.
"""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from itertools import count
from resource import RLIM_INFINITY, RLIMIT_FSIZE, getrlimit, setrlimit
from typing import NoReturn

import structlog

from tests.forking import say, serve
from tests.torture.shop import lifecycle_on

PATIENCE = 15.0


def catch_up(url: str, limit: int) -> None:
    """Fire all that is due."""
    failures = count(1)

    def hear(_logger: object, _level: str, line: MutableMapping[str, object]) -> NoReturn:
        if line["event"] == "dispatcher_failed":
            say(str(line["error"]))
            if next(failures) == 3:
                setrlimit(RLIMIT_FSIZE, (RLIM_INFINITY, getrlimit(RLIMIT_FSIZE)[1]))
        raise structlog.DropEvent

    structlog.configure(processors=[hear])
    setrlimit(RLIMIT_FSIZE, (limit, getrlimit(RLIMIT_FSIZE)[1]))
    with lifecycle_on(url, batch=500) as lifecycle, lifecycle.start() as dispatcher:
        assert dispatcher.idle(PATIENCE)
    say("idle")


if __name__ == "__main__":
    serve(lambda line: catch_up(sys.argv[1], int(line)))
