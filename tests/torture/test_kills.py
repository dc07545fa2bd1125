"""`kill -9` of a live daemon that catches up with years of due cycles, while clients in its process and in another one
send commands: at random moments, and at every point between two statements of a transaction that writes."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from random import Random
from threading import Event

import pytest
from rich.progress import track

from lifecycle import Lifecycle
from tests.forking import Forker, forker
from tests.torture import daemon
from tests.torture.client import Client, at_work
from tests.torture.conftest import Tell
from tests.torture.diary import Diary
from tests.torture.judge import judge
from tests.torture.shop import CUSTOMERS, forget_keys, lifecycle_on, open_shop
from tests.torture.size import SIZE

pytestmark = pytest.mark.sampled

LONGEST_LIFE = 0.15
"""Seconds."""
WRITER = {
    "batch": """select lifecycle_roots, select lifecycle_instances, select lifecycle_deferrals, update lifecycle_roots,
        update lifecycle_instances, delete lifecycle_deferrals, update lifecycle_deferrals, insert lifecycle_deferrals,
        insert lifecycle_log, commit: before, commit: after""",
    "command": """select lifecycle_roots, select lifecycle_instances, select lifecycle_deferrals,
        insert lifecycle_actors, update lifecycle_roots, update lifecycle_instances, delete lifecycle_deferrals,
        update lifecycle_deferrals, insert lifecycle_deferrals, insert lifecycle_log, insert lifecycle_reasons,
        delete lifecycle_answers, insert lifecycle_answers, commit: before, commit: after""",
    "opening": """insert lifecycle_accounts, insert lifecycle_actors, insert lifecycle_roots,
        insert lifecycle_instances, insert lifecycle_deferrals, insert lifecycle_log, insert lifecycle_reasons,
        insert lifecycle_answers, commit: before, commit: after""",
}
KNOWN = {f"{who}: {' '.join(name.split())}" for who, names in WRITER.items() for name in names.split(",")}
"""The points that there are at least; a statement that is new is found by looking."""


def test_killed_at_random_moments(database_url: str, tmp_path: Path, tell: Tell) -> None:
    """Each life lasts up to 150 ms; cycles are still due after the last. Then all is whole, and nothing is lost."""
    moments, kills = Random(1), 0
    with tortured(database_url, tmp_path) as (lives, diary, _):
        for number in track(range(1, SIZE.kills + 1), "killed at random"):
            lives.tell(f"{number} / none / 0")
            pid = _started(lives)
            Event().wait(moments.uniform(0, LONGEST_LIFE))
            os.kill(pid, signal.SIGKILL)
            assert lives.hear() == "killed"
            kills += 1
    outcomes = judge(database_url, diary)
    assert outcomes["acknowledged"] > kills
    tell(f"{kills} kills", outcomes)


def test_killed_at_every_point(database_url: str, tmp_path: Path, tell: Tell) -> None:
    """The daemon dies as it comes by each point: for the first time in its life; in later rounds for the second or
    third, if it is a point of every transaction. Everyday's runs have every tenth point, on one of the databases."""
    kills = Counter[str]()
    with tortured(database_url, tmp_path) as (lives, diary, lifecycle):
        points = _points(lives)
        if not SIZE.is_long:
            points = points[lifecycle.database.is_sqlite :: 10]
        plan = [(point, turn % 3 + 1 if point in KNOWN else 1) for turn in range(SIZE.rounds) for point in points]
        for number, (point, turn) in enumerate(track(plan, "killed at points"), start=1):
            forget_keys(lifecycle)
            lives.tell(f"{number} / {point} / {turn}")
            _started(lives)
            assert lives.hear() == "killed", f"{point} was not come by"
            kills[point] += 1
    outcomes = judge(database_url, diary)
    assert set(kills.values()) == {SIZE.rounds}
    tell(f"{kills.total()} kills at {len(points)} points", kills | outcomes)


@contextmanager
def tortured(url: str, folder: Path) -> Iterator[tuple[Forker, Diary, Lifecycle]]:
    """A shop that opens, with much to do; lives for it; and a client in this process, which outlives them."""
    diary = Diary(folder / "diary")
    open_shop(url, SIZE.subscriptions)
    with forker(daemon.__name__, url, str(diary.path)) as lives, lifecycle_on(url) as lifecycle:
        customers = [subscription.id for subscription in lifecycle.subscriptions.list()[-CUSTOMERS:]]
        turns, client = cycle(customers), Client(lifecycle, diary, "outside")
        with at_work(lambda: client.command(next(turns))):
            yield lives, diary, lifecycle


def _started(lives: Forker) -> int:
    """The process id of a life that has begun."""
    word, pid = lives.hear().split()
    assert word == "started"
    return int(pid)


def _points(lives: Forker) -> list[str]:
    """Every point that a life comes by, those that are known at least."""
    seen = set[str]()
    lives.tell("0 / look / 0")
    pid = _started(lives)
    while not seen >= KNOWN:
        line = lives.hear()
        assert ": " in line, f"these were not come by: {KNOWN - seen}"
        seen.add(line)
    os.kill(pid, signal.SIGKILL)
    while (line := lives.hear()) != "killed":
        seen.add(line)
    return sorted(seen)
