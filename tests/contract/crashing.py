"""A process to be killed: works on a database, and dies by SIGKILL at a given statement.

Run as `python -m tests.contract.crashing WORK URL [FILE]`, where the work is to `fire` one batch, or to `prune` into a
file. Each line of its input is a number: a child of its own does the work and kills itself right before the statement
of that number is executed; the commit counts as one. Each line of its output is what became of the child: `killed`, or
`done` where there are fewer statements.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import event

from lifecycle.app.retention import prune
from lifecycle.store.database import Database
from tests.contract.world import BEACON, World
from tests.unit.machine_world import utc


def fire(url: str, last: int) -> None:
    """Fire one batch at three in the morning; die before statement `last`."""
    world = World(url, machines=[BEACON])
    die_before(world.database, last)
    world.clock.move_to(utc("2026-01-01 03:00"))
    world.engine.fire_batch()


def prune_all(url: str, last: int, file: str) -> None:
    """Move everything out that there is; die before statement `last`."""
    database, now = Database(url), utc("2027-01-01")
    die_before(database, last)
    prune(database, now, Path(file), now=now)


def die_before(database: Database, last: int) -> None:
    """Count the statements of this process from now on."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(database.engine, "before_cursor_execute", count)
    event.listen(database.engine, "commit", count)


WORK: dict[str, Callable[..., None]] = {"fire": fire, "prune": prune_all}


def main() -> None:
    """Answer each number."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            WORK[sys.argv[1]](sys.argv[2], int(line), *sys.argv[3:])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        outcome = "killed" if os.WIFSIGNALED(status) else f"failed {status}" if status else "done"
        sys.stdout.write(f"{outcome}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
