"""A process that is killed in the middle of a batch leaves nothing half-done."""

from __future__ import annotations

import pytest

from tests.contract.dying import kill_at_each_point
from tests.contract.world import World, counted_again

pytestmark = pytest.mark.sampled

POINTS = [
    "select lifecycle_roots",
    "select lifecycle_instances",
    "select lifecycle_deferrals",
    "select lifecycle_subscribers",
    "update lifecycle_roots",
    "update lifecycle_instances",
    "delete lifecycle_deferrals",
    "update lifecycle_deferrals",
    "insert lifecycle_log",
    "commit: before",
]


def test_a_batch_that_is_killed_leaves_nothing_or_everything(world: World, url: str) -> None:
    """Three beacons are due three times, one of them for the last time and one with a fault. The process is killed
    before each statement of the batch in turn, and before its commit: nothing has changed. Right after the commit:
    everything has."""
    beacons = [world.light(), world.light(until=3), world.light(fault="raise", at=3)]
    before = world.dump()
    passed: list[str] = []
    for point in kill_at_each_point(world.database, "fire", url):
        passed.append(point)
        if world.dump() != before:
            break
    assert passed == [*POINTS, "commit: after"]
    assert [len(world.log(beacon)) for beacon in beacons] == [4, 4, 3]
    assert [world.stored(beacon)["state"] for beacon in beacons] == ["lit", "out", "lit"]
    assert [world.root(beacon)["attempts"] for beacon in beacons] == [0, 0, 1]
    for beacon in beacons:
        assert [row["hash"] for row in world.log(beacon)] == counted_again(world.log(beacon))
