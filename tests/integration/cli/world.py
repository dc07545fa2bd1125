"""The command line as a person or a program calls it, and a database with a history to call it on.

The history, with the clock of each account: acme (Paris) buys team with 5 seats on 31 January 2020 and wants 3 from the
next cycle on; globex (Tokyo) tries basic on 1 February and never pays; initech (New York) buys a year of basic on
11 March and cancels it for 15 June. Everything has fired that was due by 20 March, 00:00 UTC. Acme and initech pay with
the sandbox's good card.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from structlog.testing import capture_logs

from lifecycle import Lifecycle, VirtualClock
from lifecycle.cli import main
from tests.integration.world import NOT_REMINDED, PROJECT, travelling
from tests.schema import give_schema

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what looks the same on either database."""

NOW = "2020-03-20T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it said to a program: one JSON value and nothing else."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        """What it said to people, without the blanks at the ends of the lines."""
        return [line.rstrip() for line in self.out.splitlines()]


def lifecycle(*words: str) -> Ended:
    """Carry out one command line in this process, with neither stream a terminal."""
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
        code = main(words)
    return Ended(code, out.getvalue(), err.getvalue())


def environment() -> dict[str, str]:
    """What a process of ours is started with."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("LIFECYCLE_")}
    return environ | {"PYTHONPATH": os.pathsep.join(str(PROJECT / root) for root in ("src", "machines", "jobs"))}


def in_a_process(*words: str, cwd: Path, first: str = "", **environ: str) -> subprocess.Popen[str]:
    """Start one command line in a process of its own, as a shell would: able to hear Ctrl-C, even if we are not.

    `first` is Python that it runs before.
    """
    hearing = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = "import sys; from lifecycle.cli import main; sys.exit(main())"
    return subprocess.Popen(
        [sys.executable, "-c", "; ".join(filter(None, (hearing, first, program))), *words],
        cwd=cwd,
        env=environment() | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def standing_at(now: str) -> Iterator[None]:
    """The machine's clock stands at an instant."""
    with time_machine.travel(datetime.fromisoformat(now), tick=False):
        yield


def live_through_history(database_url: str) -> None:
    """Write the history above."""
    with travelling(database_url, "2020-01-31T09:00+00:00", **NOT_REMINDED) as (engine, clock):
        _acme_and_globex_arrive(engine, clock)
        engine.advance_to(utc("2020-03-10T12:00"))
        engine.subscriptions.change(_only(engine, "acme"), seats=3, by="ann@acme.test")
        engine.advance_to(utc("2020-03-11T12:00"))
        _initech_comes_and_goes(engine)
        engine.advance_to(utc("2020-03-20T00:00"))


def _acme_and_globex_arrive(engine: Lifecycle, clock: VirtualClock) -> None:
    engine.accounts.create("acme", email="ann@acme.test", name="Acme GmbH", zone="Europe/Paris", payment_method=True)
    engine.subscriptions.create("acme", plan="team", interval="month", seats=5, by="ann@acme.test")
    clock.move_to(utc("2020-02-01T00:00"))
    engine.accounts.create("globex", email="hank@globex.test", zone="Asia/Tokyo")
    engine.subscriptions.create("globex", plan="basic", by="hank@globex.test", reason="to try it")


def _initech_comes_and_goes(engine: Lifecycle) -> None:
    bill = "bill@initech.test"
    engine.accounts.create("initech", email=bill, zone="America/New_York", payment_method=True)
    bought = engine.subscriptions.create("initech", plan="basic", interval="year", trial=False, by=bill)
    engine.subscriptions.cancel(bought.id, when="2020-06-15", by=bill, reason="too dear")


def copy_history(written: Path, folder: Path) -> None:
    """The database with the history as `lifecycle.db` in `folder`, and what the sandbox gateway knows beside it."""
    for suffix in ("", ".sandbox"):
        shutil.copyfile(f"{written}{suffix}", folder / f"lifecycle.db{suffix}")


def _only(engine: Lifecycle, account: str) -> str:
    [held] = engine.subscriptions.list(account=account)
    return held.id


def with_schema() -> None:
    """What `lifecycle db upgrade` does, in less time, with the configuration in the working directory."""
    engine = Lifecycle.from_config("config.yaml")
    give_schema(engine.database)
    engine.close()


def a_daemon_works(now: str) -> None:
    """What a daemon would have done by this instant, charges too, with the configuration in the working directory."""
    with standing_at(now):
        engine = Lifecycle.from_config("config.yaml")
        with capture_logs():
            while engine.fire_due() or engine.relay_outbox().delivered:
                pass
        engine.close()


def utc(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shop(folder: Path, text: str = "") -> Path:
    """A configuration file in `folder` with another text, or the project's own, without reminders."""
    file = folder / "config.yaml"
    own = (PROJECT / "config.yaml").read_text(encoding="utf-8")
    quiet = own.replace("reminder: 3d", "reminder: 0d").replace("renewal: 7d", "renewal: 0d")
    file.write_text(text or quiet, encoding="utf-8")
    return file


@cache
def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """The level and the keys of each event in the table of docs/logging.md, with those that every line has."""
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([^|]*)\|", (PROJECT / "docs/logging.md").read_text("utf-8"), re.M)
    always = {"timestamp", "level", "event"}
    return {event: (level, frozenset(re.findall(r"`(\w+)`", keys)) | always) for event, level, keys in rows}


def shape(line: Mapping[str, object]) -> tuple[object, frozenset[str]]:
    """The same of a line that was logged."""
    return line["level"], frozenset(line)
