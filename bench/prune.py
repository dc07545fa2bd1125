"""`python -m bench.prune`: moves a long log out of PostgreSQL beside a daemon at work, and prints JSON.

The rows are made by SQL, whole chains of hashes and all. The daemon, a process of its own, fires batches with rows as
old as those, so that it is in the way as much as anybody can be; it measures each batch, before and meanwhile.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from time import perf_counter, sleep

from rich.console import Console
from rich.progress import Progress, TaskID, track
from sqlalchemy import text

from bench.world import databases, quiet
from lifecycle import VirtualClock
from lifecycle.app.retention import prune
from lifecycle.store.database import Database
from lifecycle.store.migrate import upgrade
from tests.integration.alarms import alarm_engine, wind

OLD = datetime(2020, 1, 1, tzinfo=UTC)
BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PER_ROOT = 50
ALARMS = 100
BESIDE = 10.0
"""Seconds that the daemon is measured alone."""

_ROOTS = """
INSERT INTO lifecycle_roots (id, kind, created_at, seq, head, status, attempts)
SELECT 'sub_' || lpad(n::text, 12, '0'), 'subscription', :at, 0, '', 'live', 0 FROM generate_series(1, :roots) n
"""
_ROWS = """
WITH told AS (
  SELECT id, head, '{"cycle":' || :seq || ',"period_end":"' || :iso || '","period_start":"' || :iso
    || '","plan":"team","seats":"5"}' AS changes FROM lifecycle_roots
), made AS (
  SELECT id, changes, sha256(head || convert_to('["' || id || '",' || :seq || ',"' || id
    || '","subscription",1,"cycle_starts","active","active","deferral","scheduler",null,"' || :iso || '","' || :iso
    || '","' || :iso || '",{},' || changes || ',[]]', 'UTF8')) AS hash FROM told
), logged AS (
  INSERT INTO lifecycle_log (root_id, seq, instance_id, machine, version, event, source, target, cause, actor, due_at,
    fired_at, recorded_at, arguments, changes, effects, hash)
  SELECT id, :seq, id, 'subscription', 1, 'cycle_starts', 'active', 'active', 'deferral', 'scheduler', :at, :at, :at,
    '{}', changes::json, '[]', hash FROM made
)
UPDATE lifecycle_roots root SET seq = :seq, head = made.hash FROM made WHERE made.id = root.id
"""

_WHOLE = """
SELECT count(*) FROM lifecycle_roots root JOIN lifecycle_checkpoints made ON made.root_id = root.id
WHERE made.seq = root.seq AND made.hash = root.head
"""


def main() -> None:
    """Make the rows, measure, and tell."""
    options = argparse.ArgumentParser(prog="python -m bench.prune")
    options.add_argument("--rows", type=int, default=1_000_000, help=f"rows of the log, {PER_ROOT} a root")
    options.add_argument("--fire", metavar="URL", help=argparse.SUPPRESS)  # be the daemon beside
    given = options.parse_args()
    quiet()
    if given.fire:
        _fire(given.fire)
    else:
        with databases() as fresh, fresh.fresh("postgresql") as url:
            print(json.dumps(measure(url, given.rows), indent=2))


def measure(url: str, rows: int) -> dict[str, object]:
    """Make so many rows, and move them out."""
    console, database = Console(stderr=True), Database(url)
    upgrade(database)
    began = perf_counter()
    _fill(database, max(1, rows // PER_ROOT), console)
    filled = perf_counter() - began
    with tempfile.TemporaryDirectory(prefix="lifecycle-bench-") as folder, Progress(console=console) as progress:
        task, file = progress.add_task("moving out", total=None), Path(folder) / "moved.jsonl"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        with _daemon(url) as batches:
            sleep(BESIDE)
            began = perf_counter()
            pruned = prune(database, BEFORE, file, now=NOW, progress=partial(_show, progress, task))
            seconds = perf_counter() - began
        size = file.stat().st_size
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    with database.reading() as connection:
        whole = connection.scalar(text(_WHOLE))
    database.dispose()
    return {
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "rows": pruned.rows,
        "roots": pruned.roots,
        "making them, s": round(filled, 1),
        "seconds": round(seconds, 1),
        "rows per second": round(pruned.rows / seconds),
        "file, MB": size >> 20,
        "peak memory before, MB": before,
        "peak memory, MB": memory,
        "daemon's batches": _told(batches, began, seconds),
        "roots whose checkpoint is their head": whole,
    }


def _show(progress: Progress, task: TaskID, done: int, total: int) -> None:
    progress.update(task, completed=done, total=total)


def _fill(database: Database, roots: int, console: Console) -> None:
    with database.writing() as connection:
        connection.execute(text(_ROOTS), {"at": OLD, "roots": roots})
    for seq in track(range(1, PER_ROOT + 1), "making rows", console=console):
        with database.writing() as connection:
            at = OLD + timedelta(days=seq)
            connection.execute(text(_ROWS.replace(":seq", str(seq))), {"at": at, "iso": at.isoformat()})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


# The daemon beside


def _fire(url: str) -> None:
    """Fire batch after batch, and say when each began and how long it took, until the input ends."""
    clock = VirtualClock(OLD)
    engine = alarm_engine(url, clock=clock, batch=ALARMS)
    wind(engine, OLD, alarms=ALARMS, times=1_000_000, seconds=1)
    while True:
        clock.move_to(clock.now() + timedelta(seconds=1))
        began = perf_counter()
        fired = engine.fire_batch().claimed
        print(json.dumps([began, perf_counter() - began, fired]), flush=True)
        sleep(0.02)


@contextmanager
def _daemon(url: str) -> Iterator[list[tuple[float, float, int]]]:
    """It fires meanwhile; what it has measured is there afterwards."""
    batches: list[tuple[float, float, int]] = []
    command = [sys.executable, "-m", "bench.prune", "--fire", url]
    with tempfile.TemporaryFile("w+") as said, subprocess.Popen(command, stdout=said) as process:  # noqa: S603  # ourselves
        try:
            yield batches
        finally:
            process.kill()
            process.wait()
            said.seek(0)
            batches += [tuple(json.loads(line)) for line in said if line.endswith("]\n")]


def _told(batches: list[tuple[float, float, int]], began: float, seconds: float) -> dict[str, object]:
    """Alone and beside: milliseconds a batch, and how many of its alarms a batch could claim."""
    told: dict[str, object] = {}
    for name, chosen in (
        ("alone", [batch for batch in batches if batch[0] < began]),
        ("beside", [batch for batch in batches if began <= batch[0] < began + seconds]),
    ):
        took = sorted(1000 * batch[1] for batch in chosen)
        told[name] = {
            "batches": len(chosen),
            "claimed": round(sum(batch[2] for batch in chosen) / max(1, len(chosen)), 1),
            **{f"p{share}, ms": round(took[len(took) * share // 100], 1) for share in (50, 99) if took},
            "longest, ms": round(took[-1], 1) if took else None,
        }
    return told


if __name__ == "__main__":
    main()
