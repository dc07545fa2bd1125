"""A journey that writes together what comes before something is sent tells what one instant by instant does."""

from __future__ import annotations

from datetime import datetime

import pytest

from lifecycle.app.travelling import Fire, travel, unwatched
from lifecycle.engine.committed import Committed
from lifecycle.engine.relay import Relayed
from lifecycle.errors import LifecycleError
from tests.contract.conftest import empty
from tests.contract.world import Row, World
from tests.unit.machine_world import utc

FAULTS = (None, "raise", "set", "nul")
SHORTLY_AFTER = "2026-01-01 00:10"


class Nobody:
    """Delivers nothing."""

    def relay(self) -> Relayed:
        """Nothing is due."""
        return Relayed()

    def next_wake_at(self) -> datetime | None:
        """Nothing waits."""
        return None


def lived(world: World, fire: Fire | None) -> tuple[list[int], list[tuple[object, ...]]]:
    """One beacon beats every two seconds, four every 20, 25, 30 and 35 as far as they can; how many transitions each
    commit wrote, and when which of them failed how often."""
    world.light(every=2, until=150)
    for place, fault in enumerate(FAULTS):
        world.light(every=20 + 5 * place, fault=fault, at=4)
    commits: list[int] = []
    failed: list[tuple[object, ...]] = []

    def hear(committed: Committed) -> None:
        commits.append(len(committed.transitions))
        failed.extend((world.clock.now(), one.root.id, one.root.attempts) for one in committed.failures)

    world.engine.listeners.append(hear)
    travel(world.engine, Nobody(), utc(SHORTLY_AFTER), fire=fire)
    return [number for number in commits if number], failed


def stored(world: World) -> list[list[Row]]:
    """All that there is of them."""
    return [world.rows(name) for name in ("roots", "instances", "deferrals", "log")]


def test_trouble_comes_at_the_same_instants(url: str) -> None:
    """One beacon raises at its fourth beat, and two can't be written (one of them nowhere, one not on PostgreSQL): each
    backs off from there, five times, until it is kept aside, while others go on. Row by row it is what comes of going
    instant by instant, in fewer commits."""
    ahead = World(url)
    (few, failed), told = lived(ahead, unwatched(ahead.engine)), stored(ahead)
    ahead.close()
    empty(url)
    by_instants = World(url)
    many, failed_by_instants = lived(by_instants, None)
    assert told == stored(by_instants)
    assert failed == failed_by_instants
    assert [row["status"] for row in told[0]].count("quarantined") == (2 if url.startswith("sqlite") else 3)
    assert len(few) < len(many)
    by_instants.close()


def test_a_full_disk_leaves_the_clock_before_what_is_not_written(sqlite_url: str) -> None:
    """An hour of beats finds no room: nothing of it is written, and the clock stands at the first. Once there is room,
    each fires at its own instant."""
    empty(sqlite_url)
    world = World(sqlite_url)
    beacon = world.light(every=1, until=5000)
    room(world, 2)
    with pytest.raises(LifecycleError, match="full"):
        travel(world.engine, Nobody(), utc("2026-01-01 01:00"), fire=unwatched(world.engine))
    assert world.clock.now() == utc("2026-01-01 00:00:01")
    assert len(world.log(beacon)) == 1
    room(world, 100_000)
    travel(world.engine, Nobody(), utc("2026-01-01 01:00"), fire=unwatched(world.engine))
    beats = world.log(beacon)[1:]
    assert len(beats) == 3600
    assert all(row["fired_at"] == row["due_at"] for row in beats)
    world.close()


def room(world: World, pages: int) -> None:
    """Let the file grow by so many pages."""
    with world.database.writing() as connection:
        there = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())
        connection.exec_driver_sql(f"PRAGMA max_page_count = {there + pages}")
