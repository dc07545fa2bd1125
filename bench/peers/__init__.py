"""Peers: other engines, each of which does one small transactional write for each of many things that are due.

Each has a script in this folder, and an environment of its own under `.bench/`, made at first use, with the versions
that stand here. A peer that can't be had or measured says why, as `NotMeasured`; the others go on.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".bench"
INSTALLING = 600.0
"""Seconds that an installation may take."""
RUNNING = 600.0
"""Seconds that a run may take, its set-up included."""

_INSTALL = ("install", "--quiet", "--disable-pip-version-check")
_SQLALCHEMY = "SQLAlchemy==2.1.9"
_PSYCOPG = ("psycopg[binary]==3.3.9", "psycopg-pool==3.3.3")


class NotMeasured(Exception):
    """A peer could not be installed, failed, or did not do all that it should; the message says what happened."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An engine to measure, and the packages of which it and its script are made."""

    name: str
    version: str
    script: str
    more: tuple[str, ...] = ()

    @property
    def requirements(self) -> tuple[str, ...]:
        """What is installed for it, as pip is told."""
        return (f"{self.name}=={self.version}", *self.more)


PEERS: Sequence[Peer] = (
    Peer("apscheduler", "3.11.3", "apscheduler_store.py", (_SQLALCHEMY, *_PSYCOPG)),
    Peer("dbos", "3.4.0", "dbos_queue.py", (_SQLALCHEMY, *_PSYCOPG)),
    Peer("procrastinate", "3.10.0", "procrastinate_worker.py", _PSYCOPG),
    Peer("harel", "0.9.0", "harel_timers.py", _PSYCOPG),
)


@dataclass(frozen=True, slots=True)
class Timed:
    """What a peer took, from when all were due and stored until all were done and committed."""

    peer: str
    version: str
    number: int
    seconds: float
    cpu_seconds: float
    """Of the peer's own process; the database's are not among them."""

    @property
    def rate(self) -> float:
        """Things done a second."""
        return self.number / self.seconds


def measure(peer: Peer, url: str, number: int) -> Timed:
    """Run it in an environment of its own, on an empty PostgreSQL database that it may fill.

    `url` is SQLAlchemy's, with psycopg as the driver. Raises NotMeasured.
    """
    said = _output(f"{peer.name} {peer.version}", RUNNING, _environment(peer), "-I", HERE / peer.script, url, number)
    try:
        return Timed(**json.loads(said.splitlines()[-1]))
    except (IndexError, TypeError, ValueError) as reason:
        raise NotMeasured(f"{peer.name} {peer.version} said no figures: {_end(said)}") from reason


def _environment(peer: Peer) -> Path:
    """The Python of the peer's environment; it is made anew unless all of what is asked for now was installed in it."""
    folder = CACHE / f"{peer.name}-{peer.version}"
    python, note = folder / "bin" / "python", folder / "installed.txt"
    wanted = "\n".join((f"Python {sys.version}", *peer.requirements))
    if not (note.exists() and note.read_text(encoding="utf-8") == wanted):
        shutil.rmtree(folder, ignore_errors=True)
        told = f"the environment of {peer.name} {peer.version}"
        _output(told, INSTALLING, Path(sys.executable), "-m", "venv", folder)
        _output(told, INSTALLING, python, "-I", "-m", "pip", *_INSTALL, *peer.requirements)
        note.write_text(wanted, encoding="utf-8")
    return python


def _output(what: str, limit: float, program: Path, *arguments: object) -> str:
    """What a program prints. Raises NotMeasured with what it complained of, or if it takes longer than it may."""
    command = [str(program), *map(str, arguments)]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)  # noqa: S603  # named above
    except subprocess.TimeoutExpired as reason:
        raise NotMeasured(f"{what} was not done after {limit:,.0f} s") from reason
    except OSError as reason:
        raise NotMeasured(f"{what} could not be run: {reason}") from reason
    if ran.returncode:
        raise NotMeasured(f"{what} failed: {_end(ran.stderr or ran.stdout)}")
    return ran.stdout


def _end(said: str) -> str:
    """The last line of what was said, which in Python is the one that tells; SQLAlchemy adds where to read about it."""
    lines = [line for line in said.strip().splitlines() if not line.startswith("(Background on this error")]
    return lines[-1].strip() if lines else "it said nothing"
