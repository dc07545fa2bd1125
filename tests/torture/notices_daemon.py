"""The daemon of a shop that tells everybody everything; each line of its input is a life, which lasts until it is
killed. Run as `python -m tests.torture.notices_daemon WHERE`."""

from __future__ import annotations

import os
import signal
import sys
import threading

import structlog

from tests.forking import say, serve
from tests.torture.notices_shop import Where, lifecycle_on


def live(where: Where) -> None:
    """Fire and deliver until death."""
    signal.alarm(0)
    with lifecycle_on(where) as lifecycle, lifecycle.start():
        say(f"started {os.getpid()}")
        threading.Event().wait()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    here = Where.of(sys.argv[1])
    serve(lambda _: live(here))
