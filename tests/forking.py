"""Processes that are to be killed, by the hundred: one process imports everything, and forks a child for each line.

`serve` is the process's side: each line of its input is a job for a child of its own, and when the child has ended it
writes `killed`, `done` or what else became of it. `forker` is the test's side. A child may `say` something before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 20
"""Seconds after which a child that does not end is ended, by a signal of its own."""


def serve(job: Callable[[str], None]) -> None:
    """Answer each line with what became of the child that does `job` with it."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.alarm(PATIENCE)
            job(line.strip())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        say("killed" if killed else f"failed {status}" if status else "done")


def say(word: str) -> None:
    """Tell the test a line, whole even if this process is killed right after."""
    os.write(1, f"{word}\n".encode())


class Forker:
    """A process that runs `serve`."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def tell(self, line: str) -> None:
        """Have a child begin with this line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """The next line that the child or the process says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def ask(self, line: str) -> str:
        """What becomes of a child that says nothing."""
        self.tell(line)
        return self.hear()


@contextmanager
def forker(module: str, *arguments: str) -> Iterator[Forker]:
    """Run `python -m module arguments` meanwhile."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        yield Forker(process)
        assert process.stdin is not None
        process.stdin.close()
