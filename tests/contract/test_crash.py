"""A process that is killed in the middle of a batch leaves nothing half-done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from tests.contract import crashing
from tests.contract.threads import wait_until
from tests.contract.world import World, counted_again


def test_a_batch_that_is_killed_leaves_nothing_or_everything(world: World, url: str) -> None:
    """Three beacons are due three times, one of them for the last time and one with a fault. The process is killed
    before each statement of the batch in turn, the commit included: nothing has changed. Then it is let live."""
    beacons = [world.light(), world.light(until=3), world.light(fault="raise", at=3)]
    before = world.dump()
    with subprocess.Popen(
        [sys.executable, "-m", crashing.__name__, url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        killed = 0
        while True:
            process.stdin.write(f"{killed + 1}\n")
            process.stdin.flush()
            if (answer := process.stdout.readline()) != "killed\n":
                break
            killed += 1
            wait_until(lambda: world.database.is_sqlite or not _still_open(world))
            assert world.dump() == before, f"half-done before statement {killed}"
        process.stdin.close()
    assert answer == "done\n"
    assert killed >= 8  # it reads three tables, writes to roots, instances, deferrals and the log, and commits
    assert [len(world.log(beacon)) for beacon in beacons] == [4, 4, 3]
    assert [world.stored(beacon)["state"] for beacon in beacons] == ["lit", "out", "lit"]
    assert [world.root(beacon)["attempts"] for beacon in beacons] == [0, 0, 1]
    for beacon in beacons:
        assert [row["hash"] for row in world.log(beacon)] == counted_again(world.log(beacon))


def _still_open(world: World) -> bool:
    """Whether PostgreSQL has not yet noticed that the process is dead."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
    with world.database.reading() as connection:
        return bool(connection.scalar(text(query)) != 1)
