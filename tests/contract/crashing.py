"""A process to be killed: works on a database, and dies by SIGKILL at a given point.

Run as `python -m tests.contract.crashing WORK URL [FILE]`, where the work is to `fire` one batch, whose points are
those of the writer, or to `prune` into a file, whose points are all its statements and commits. Each line of its input
is a number: a child of its own does the work and kills itself at the point of that number, once it has said its name.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import NoReturn

import structlog
from sqlalchemy import event

from lifecycle.app.retention import prune
from lifecycle.store.database import Database
from tests.contract.world import BEACON, World
from tests.forking import say, serve
from tests.points import die, watch
from tests.unit.machine_world import utc


def fire(last: int, url: str) -> None:
    """Fire one batch at three in the morning."""
    world = World(url, machines=[BEACON])
    watch(world.database.engine, dying_at(last))
    world.clock.move_to(utc("2026-01-01 03:00"))
    world.engine.fire_batch()


def prune_all(last: int, url: str, file: str) -> None:
    """Move everything out that there is."""
    database, now, passing = Database(url), utc("2027-01-01"), dying_at(last)
    event.listen(database.engine, "before_cursor_execute", lambda *_: passing("statement"))
    event.listen(database.engine, "commit", lambda _: passing("commit: before"))
    prune(database, now, Path(file), now=now)


def dying_at(last: int) -> Callable[[str], None]:
    """What is to be called with the name of each point; at point `last` it is the end."""
    numbers = count(1)

    def passing(name: str) -> None:
        if next(numbers) == last:
            say(name)
            die()

    return passing


def silence(*_: object) -> NoReturn:
    """The log would be taken for an answer."""
    raise structlog.DropEvent


WORK: dict[str, Callable[..., None]] = {"fire": fire, "prune": prune_all}


def work(line: str) -> None:
    """What a child does."""
    WORK[sys.argv[1]](int(line), *sys.argv[2:])
    say("the end")


if __name__ == "__main__":
    structlog.configure(processors=[silence])
    serve(work)
