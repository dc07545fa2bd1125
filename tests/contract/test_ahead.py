"""A journey that writes together what comes before something is sent tells what one instant by instant does."""

from __future__ import annotations

from datetime import datetime

from lifecycle.app.travelling import Fire, travel, unwatched
from lifecycle.engine.committed import Committed
from lifecycle.engine.relay import Relayed
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
