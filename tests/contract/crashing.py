"""A process to be killed: fires one batch on a database, and dies by SIGKILL at a given statement of the writer.

Run as `python -m tests.contract.crashing URL`. Each line of its input is a number: a child of its own fires a batch and
kills itself right before the statement of that number is executed; the commit counts as one. Each line of its output
is what became of the child: `killed`, or `done` where there are fewer statements.
"""

from __future__ import annotations

import os
import signal
import sys

from sqlalchemy import event

from tests.contract.world import BEACON, World
from tests.unit.machine_world import utc


def fire_and_die(url: str, last: int) -> None:
    """Fire one batch at three in the morning; die before statement `last`."""
    world = World(url, machines=[BEACON])
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(world.database.engine, "before_cursor_execute", count)
    event.listen(world.database.engine, "commit", count)
    world.clock.move_to(utc("2026-01-01 03:00"))
    world.engine.fire_batch()


def main() -> None:
    """Answer each number."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            fire_and_die(sys.argv[1], int(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        outcome = "killed" if os.WIFSIGNALED(status) else f"failed {status}" if status else "done"
        sys.stdout.write(f"{outcome}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
