"""Batches: one and five hundred write the same history, in due order over all roots."""

from __future__ import annotations

import pytest

from lifecycle.engine import engine
from lifecycle.engine.clock import SystemClock
from tests.contract.conftest import empty
from tests.contract.world import Row, World
from tests.unit.machine_world import at, utc

pytestmark = pytest.mark.sampled


@pytest.mark.parametrize("size", [1, 2, 3])
def test_batches_of_any_size_write_the_same_history(url: str, size: int) -> None:
    """Two years of subscriptions with changes and ends, a contract and a beacon: the same but for the writing."""
    assert _history(url, size) == _history(url, 500)


def test_transitions_come_in_due_order_over_all_roots(url: str) -> None:
    """Seven beacons that beat every 7 to 13 hours, three at a time: not one beat comes before an earlier one."""
    world = World(url, batch=3)
    for hours in (13, 7, 11, 8, 12, 9, 10):
        world.light(every=hours * 3600)
    told = [(row.due_at, row.instance_id) for row in world.travel("2026-01-04")]
    world.close()
    assert len(told) == 10 + 9 + 8 + 7 + 6 + 6 + 5  # in 72 hours
    assert told == sorted(told)


def test_a_traveller_fires_each_at_its_own_instant(world: World) -> None:
    """On a virtual clock a transition is fired when it is due, and the clock stands at the end of the way."""
    world.subscribe()
    assert [row.fired_at for row in world.travel("2026-03-15")] == [utc("2026-02-01"), utc("2026-03-01")]
    assert world.clock.now() == utc("2026-03-15")


def test_a_traveller_writes_now_and_then(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A way with more transitions than are kept in memory is written in several commits, and is the same way."""
    monkeypatch.setattr(engine, "MOST_AT_ONCE", 10)
    first, second = world.light(every=3600), world.light(every=5400)
    commits: list[int] = []
    world.engine.listeners.append(lambda committed: commits.append(len(committed.transitions)))
    told = [(row.due_at, row.instance_id) for row in world.travel("2026-01-02")]
    assert told == sorted(told)
    assert [len(world.log(beacon)) for beacon in (first, second)] == [25, 17]
    assert commits == [10, 10, 10, 10, 0]  # 40 beats by tens
    assert all(row["recorded_at"] == row["fired_at"] for row in world.rows("log"))


def test_on_a_real_clock_a_batch_writes_when_its_time_is_up(world: World) -> None:
    """With no time at all each batch fires one transition, writes it, and leaves the others to the next."""
    world.engine.pace.seconds = -1
    beacons = [world.light(until=2) for _ in range(2)]
    world.engine.clock = SystemClock()
    assert [len(world.engine.fire_batch().transitions) for _ in range(5)] == [1, 1, 1, 1, 0]
    assert [world.stored(beacon)["state"] for beacon in beacons] == ["out", "out"]


def test_a_batch_takes_no_more_roots_than_it_may(url: str) -> None:
    """Five beacons are due, two fit into a batch: three batches, then nothing."""
    world = World(url, batch=2)
    for _ in range(5):
        world.light(until=1)
    world.clock.move_to(utc("2026-01-02"))
    assert [world.engine.fire_batch().claimed for _ in range(4)] == [2, 2, 1, 0]
    world.close()


def test_the_earliest_roots_are_taken_first(url: str) -> None:
    """Two of three fit: those that have waited longest."""
    world = World(url, batch=2)
    late, early, middle = (world.light(every=hours * 3600) for hours in (3, 1, 2))
    world.clock.move_to(utc("2026-01-01 03:00"))
    assert {row.instance_id for row in world.engine.fire_batch().transitions} == {early.id, middle.id}
    assert len(world.log(late)) == 1
    world.close()


def test_a_storm_starves_nobody(url: str) -> None:
    """Thirty have been due since one o'clock, and ten fit into a batch: nine of them, and the one that is due since
    two; then all others, each once (X306)."""
    world = World(url, batch=10)
    storm = [world.light(until=1) for _ in range(30)]
    latest = world.light(every=7200, until=1)
    world.engine.clock = SystemClock()
    first = [row.instance_id for row in world.engine.fire_batch().transitions]
    assert len(first) == 10
    assert latest.id in first
    assert [world.engine.fire_batch().claimed for _ in range(4)] == [10, 10, 1, 0]
    assert {world.stored(beacon)["state"] for beacon in (*storm, latest)} == {"out"}
    assert [len(world.log(beacon)) for beacon in (*storm, latest)] == [2] * 31
    world.close()


def _history(url: str, batch: int) -> dict[str, object]:
    empty(url)
    world = World(url, batch=batch)
    trial = world.subscribe("acct_1", plan="basic")
    leaving = world.subscribe("acct_2")
    world.subscribe("acct_3", plan="pro", interval="7 days")
    contract = world.sign("org_7", days=30)
    beacon = world.light(every=5 * 86400, until=40, name=None)
    world.send(trial, "schedule_change", plan="team", at="next_cycle")
    world.send(leaving, "schedule_change", plan="pro", at=at("2026-03-10"))
    world.send(leaving, "cancel", at=at("2026-05-20"))
    told = world.travel("2026-04-09")
    world.send(contract, "give_notice")
    world.send(beacon, "adjust", every=86400)
    told += world.travel("2027-12-31")
    written = {name: world.rows(name) for name in ("roots", "instances", "deferrals", "log")}
    world.close()
    assert [row.due_at for row in told] == sorted(row.due_at for row in told)
    assert len(told) > 150
    return {name: [_but_for_the_writing(row) for row in rows] for name, rows in written.items()}


def _but_for_the_writing(row: Row) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in {"recorded_at", "hash", "head"}}
