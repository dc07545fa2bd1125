"""Several at once: none loses what another wrote, none waits for what it does not need."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from lifecycle.engine.commands import Command
from tests.contract.threads import at_once, wait_until
from tests.contract.world import World
from tests.unit.machine_world import utc


def test_no_increment_is_lost(world: World) -> None:
    """Eight threads add a seat to one subscription 25 times each: 201 seats, and 201 log rows without a gap."""
    bought = world.subscribe(seats=1)

    def add() -> None:
        for _ in range(25):
            world.send(bought, "add_seats", seats=1)

    at_once(8, add)
    assert world.stored(bought)["facts"]["seats"] == 201
    assert [row["seq"] for row in world.log(bought)] == list(range(1, 202))


def test_of_two_commands_on_one_version_one_wins(world: World) -> None:
    """Both have read version 1: one changes it, the other is refused."""
    bought = world.subscribe()
    answers = at_once(2, lambda: world.refused(bought, "add_seats", version=1, seats=1))
    assert sorted(answers) == ["done", "version_conflict"]
    assert world.root(bought)["seq"] == 2


def test_batches_and_commands_share_the_work(world: World) -> None:
    """Four threads fire and command at once on twelve beacons that are due three times: each beat once."""
    beacons = [world.light(every=1200, until=3) for _ in range(12)]
    world.clock.move_to(utc("2026-01-01 01:00"))

    def work() -> None:
        for beacon in beacons:
            world.refused(beacon, "adjust", colour="red")
        while world.engine.fire_batch().claimed:
            pass

    at_once(4, work)
    for beacon in beacons:
        assert [row["event"] for row in world.log(beacon)].count("beats") == 3
        assert world.stored(beacon)["state"] == "out"


def test_a_locked_root_is_passed_over(server: World) -> None:
    """While one transaction holds a root that is due, a batch elsewhere takes the others, and does not wait."""
    first, second = server.light(), server.light()
    server.clock.move_to(utc("2026-01-01 01:00"))
    with server.engine.work() as work:
        assert [hand.root.id for hand in work.claim(server.clock.now(), 1)] == [first.id]
        assert [row.instance_id for row in server.engine.fire_batch().transitions] == [second.id]
    assert [row.instance_id for row in server.engine.fire_batch().transitions] == [first.id]


def test_a_command_waits_for_a_locked_root_and_sees_what_was_done(server: World) -> None:
    """A second command comes while the first is at work on the same subscription: it waits, and adds to its seats."""
    bought = server.subscribe(seats=1)
    add = Command(bought.id, "add_seats", "usr_1", {"seats": 1})
    with ThreadPoolExecutor(1) as threads:
        with server.engine.work() as work:
            work.command(add)
            second = threads.submit(server.engine.command, add)
            wait_until(lambda: _somebody_waits(server))
            assert not second.done()
        assert second.result().facts["seats"] == 3


def _somebody_waits(server: World) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with server.database.reading() as connection:
        return bool(connection.scalar(text(query)))
