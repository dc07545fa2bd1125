"""Named clocks below the API: what is on one is judged by it, and nobody else's claim sees it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, update

from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.commands import Command
from lifecycle.engine.engine import Engine
from lifecycle.errors import LifecycleError
from lifecycle.store import clocks, schema
from lifecycle.store.clocks import ClockRecord
from lifecycle.store.transaction import SqlStore, SqlTransaction
from tests.contract.world import START, World
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled

MARCH = utc("2026-03-10")


@pytest.fixture
def world(url: str) -> Iterator[World]:
    """A world on 1 January, with the clock `qa` on 10 March, and the account `acct_qa` on it."""
    world = World(url)
    root = {"kind": "account", "created_at": MARCH, "seq": 0, "head": b"", "status": "live", "attempts": 0}
    with world.database.writing() as connection:
        clocks.add(connection, ClockRecord("qa", MARCH, START))
        connection.execute(insert(schema.roots), [root | {"id": "acct_qa", "clock": "qa"}])
    yield world
    world.close()


def test_what_an_account_on_a_clock_begins_is_on_it(world: World) -> None:
    """A12, X80: a subscription that begins on 1 January, on a clock that says 10 March, begins on 10 March."""
    sub = world.subscribe("acct_qa")

    assert (sub.clock, sub.next_due_at) == ("qa", utc("2026-04-10").isoformat())
    [row] = world.log(sub)
    assert (row["due_at"], row["fired_at"], row["recorded_at"]) == (MARCH, MARCH, MARCH)


def test_no_claim_sees_another_clock(world: World) -> None:
    """X80: each store wakes for what is on its own clock, and claims nothing else."""
    real, test = world.subscribe("acct_1").id, world.subscribe("acct_qa").id
    always = utc("2030-01-01")

    for clock, wakes, claimed in ((None, "2026-02-01", real), ("qa", "2026-04-10", test)):
        store = SqlStore(world.database, clock)
        assert store.next_wake_at() == utc(wakes)
        with store.begin() as transaction:
            assert [root.id for root in transaction.claim(always, 10)] == [claimed]


def test_a_command_is_judged_where_the_clock_stands(world: World) -> None:
    """B4, X80: on 1 January the clock is moved past a cycle; a command fires that first, as of 10 April."""
    sub = world.subscribe("acct_qa")
    _stand(world, utc("2026-04-12"))

    world.engine.command(Command(sub.id, "cancel", "usr_1", {"at": "period_end"}))

    assert [(row["event"], row["due_at"], row["fired_at"]) for row in world.log(sub)[1:]] == [
        ("cycle_starts", utc("2026-04-10"), utc("2026-04-12")),
        ("cancel", utc("2026-04-12"), utc("2026-04-12")),
    ]


def test_an_engine_on_a_clock_fires_nothing_else(world: World) -> None:
    """X80: it travels to 10 May; what is on no clock stays where it was."""
    real, test = world.subscribe("acct_1"), world.subscribe("acct_qa")
    clock = VirtualClock(MARCH)
    on_qa: Engine[SqlTransaction] = Engine(
        SqlStore(world.database, "qa"), world.engine.registry, clock, world.ids, surround=world.engine._surround
    )

    for day in ("2026-04-10", "2026-05-10"):
        _stand(world, utc(day))
        on_qa.advance_to(utc(day))

    assert [row["event"] for row in world.log(test)] == ["subscribed", "cycle_starts", "cycle_starts"]
    assert [row["event"] for row in world.log(real)] == ["subscribed"]


def test_one_transaction_is_on_one_clock(world: World) -> None:
    """A12: two roots on different clocks are not taken in hand together."""
    both = [world.subscribe("acct_1").id, world.subscribe("acct_qa").id]

    with pytest.raises(LifecycleError) as error, world.engine.work() as work:
        work.lock(both)

    assert error.value.code == "clocks_mixed"


def test_a_lease_is_had_by_one_and_ends_by_itself(world: World) -> None:
    """X83: the second gets the clock when the first has let it go, or when its lease has run out."""
    minute = timedelta(minutes=1)
    with world.database.writing() as connection:

        def lease(who: str, wall: datetime) -> bool:
            return clocks.lease(connection, "qa", who, wall, wall + minute)

        assert [lease("one", START), lease("two", START), lease("two", START + minute)] == [True, False, True]
        assert not clocks.keep(connection, "qa", "one", START + 2 * minute)
        clocks.let_go(connection, "qa", "two")
        assert lease("one", START + minute)


def _stand(world: World, instant: datetime) -> None:
    with world.database.writing() as connection:
        connection.execute(update(schema.clocks).values(now=instant))
