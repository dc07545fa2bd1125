"""A process that is killed in the middle of a batch leaves nothing half-done."""

from __future__ import annotations

from tests.contract.dying import kill_at_each_statement
from tests.contract.world import World, counted_again


def test_a_batch_that_is_killed_leaves_nothing_or_everything(world: World, url: str) -> None:
    """Three beacons are due three times, one of them for the last time and one with a fault. The process is killed
    before each statement of the batch in turn, the commit included: nothing has changed. Then it is let live."""
    beacons = [world.light(), world.light(until=3), world.light(fault="raise", at=3)]
    before = world.dump()
    killed = 0
    for killed in kill_at_each_statement(world.database, "fire", url):
        assert world.dump() == before, f"half-done before statement {killed}"
    assert killed >= 8  # it reads three tables, writes to roots, instances, deferrals and the log, and commits
    assert [len(world.log(beacon)) for beacon in beacons] == [4, 4, 3]
    assert [world.stored(beacon)["state"] for beacon in beacons] == ["lit", "out", "lit"]
    assert [world.root(beacon)["attempts"] for beacon in beacons] == [0, 0, 1]
    for beacon in beacons:
        assert [row["hash"] for row in world.log(beacon)] == counted_again(world.log(beacon))
