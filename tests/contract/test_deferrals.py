"""Deferrals: the rows that say what comes next, derived from the facts and written with them (rule A10)."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from lifecycle.engine.commands import Answer
from tests.contract.world import START, World
from tests.unit.machine_world import at, utc

pytestmark = pytest.mark.sampled


def test_a_deferral_is_written_with_the_change_that_asks_for_it(world: World) -> None:
    """A change on 10 January: its own deferral beside the next cycle's."""
    bought = world.subscribe()
    world.send(bought, "schedule_change", plan="pro", at=at("2026-01-10"))
    assert world.deferrals(bought) == {"change_takes_effect": utc("2026-01-10"), "cycle_starts": utc("2026-02-01")}
    assert world.root(bought)["wake_at"] == utc("2026-01-10")


def test_a_deferral_moves(world: World) -> None:
    """The end date is moved from 10 to 20 January: one deferral for the end, at the new date."""
    bought = world.subscribe()
    world.send(bought, "cancel", at=at("2026-01-10"))
    world.send(bought, "cancel", at=at("2026-01-20"))
    assert world.deferrals(bought) == {"end_date_arrives": utc("2026-01-20")}
    assert world.root(bought)["wake_at"] == utc("2026-01-20")


def test_a_deferral_is_withdrawn_and_never_fires(world: World) -> None:
    """A change for 10 January is withdrawn on the 1st: on the 10th nothing happens."""
    bought = world.subscribe()
    world.send(bought, "schedule_change", plan="pro", at=at("2026-01-10"))
    world.send(bought, "withdraw_change")
    assert world.deferrals(bought) == {"cycle_starts": utc("2026-02-01")}
    assert world.travel("2026-01-31") == []


def test_a_final_state_has_no_deferrals(world: World) -> None:
    """Ended in the middle of a cycle with a change to come: nothing is to come any more."""
    bought = world.subscribe()
    world.send(bought, "schedule_change", plan="pro", at=at("2026-01-10"))
    world.send(bought, "cancel_now")
    assert (world.deferrals(bought), world.root(bought)["wake_at"]) == ({}, None)
    assert world.travel("2027-01-01") == []


def test_nothing_fires_early(world: World) -> None:
    """A microsecond before the cycle starts nothing fires; at its instant it does."""
    bought = world.subscribe()
    assert world.wake("2026-01-31 23:59:59.999999") == []
    assert [row.event for row in world.wake("2026-02-01")] == ["cycle_starts"]
    assert world.deferrals(bought) == {"cycle_starts": utc("2026-03-01")}


def test_what_is_late_fires_at_its_own_instants_in_order(world: World) -> None:
    """Down from January to 15 May: four cycles fire, each seeing its own date as now."""
    bought = world.subscribe()
    fired = world.wake("2026-05-15")
    assert [row.due_at for row in fired] == [utc(f"2026-0{month}-01") for month in (2, 3, 4, 5)]
    assert world.stored(bought)["facts"]["period_start"] == "2026-05-01T00:00:00+00:00"


def test_at_one_instant_the_machines_order_decides_then_the_id(world: World) -> None:
    """At midnight of 1 February: the end date of one subscription before the cycles of two, those by id, then a beacon,
    whose machine is configured last."""
    beacon = world.light(every=31 * 86400)
    subscriptions = [world.subscribe(f"acct_{number}") for number in (1, 2, 3)]
    world.send(subscriptions[2], "cancel", at=at("2026-02-01"))
    assert [(row.event, row.instance_id) for row in world.travel("2026-02-01")] == [
        ("end_date_arrives", subscriptions[2].id),
        ("cycle_starts", subscriptions[0].id),
        ("cycle_starts", subscriptions[1].id),
        ("beats", beacon.id),
    ]


def test_a_deferral_that_the_facts_no_longer_demand_is_let_go(world: World) -> None:
    """A stray row, such as an older release may have left, does nothing, says so on a line, and is gone (rule B3)."""
    bought = world.subscribe()
    _stray(world, bought, "trial_ends")
    with capture_logs() as lines:
        assert world.wake("2026-01-10") == []
    assert [(line["event"], line["transition"], line["instance"]) for line in lines] == [
        ("did_nothing", "trial_ends", bought.id)
    ]
    assert world.deferrals(bought) == {"cycle_starts": utc("2026-02-01")}
    assert world.root(bought)["wake_at"] == utc("2026-02-01")
    assert [row["event"] for row in world.log(bought)] == ["subscribed"]


def test_a_stray_deferral_of_an_ended_instance_is_let_go(world: World) -> None:
    """In a final state every deferred event does nothing (rule B1)."""
    bought = world.subscribe()
    world.send(bought, "cancel_now")
    _stray(world, bought, "cycle_starts")
    assert world.wake("2026-01-10") == []
    assert (world.deferrals(bought), world.root(bought)["wake_at"]) == ({}, None)
    assert world.root(bought)["error"] is None


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("deferrals", "instance_id, event, root_id, due_at"),
        (
            "log",
            "root_id, seq, instance_id, machine, version, event, target, cause, actor, due_at, fired_at, recorded_at, "
            "arguments, changes, effects, hash",
        ),
        ("answers", "scope, key, fingerprint, answer, created_at"),
        ("roots", "id, kind, created_at, seq, head, status, attempts"),
        ("instances", "id, root_id, machine, version, state, facts, created_at"),
    ],
)
def test_the_database_itself_refuses_a_second_one(world: World, table: str, columns: str) -> None:
    """One live deferral per instance and event, one log row per number, one answer per key: by constraints."""
    world.send(world.subscribe(), "add_seats", key="k1")
    with pytest.raises(IntegrityError):
        world.alter(f"INSERT INTO lifecycle_{table} ({columns}) SELECT {columns} FROM lifecycle_{table}")  # noqa: S608


def test_the_database_itself_refuses_a_second_live_name(world: World) -> None:
    """One live subscription per account and plan family, by a constraint."""
    first, second = world.subscribe("acct_1"), world.subscribe("acct_2")
    with pytest.raises(IntegrityError):
        world.alter("UPDATE lifecycle_instances SET live_key = 'acct_1/main' WHERE id = :id", id=second.id)
    assert world.stored(first)["live_key"] == "acct_1/main"


def test_the_database_itself_refuses_rows_without_a_root(world: World) -> None:
    """Foreign keys are on, on SQLite too."""
    with pytest.raises(IntegrityError):
        world.alter("INSERT INTO lifecycle_reasons (id, root_id, text) VALUES ('why_1', 'nowhere', 'because')")


def _stray(world: World, instance: Answer, event: str) -> None:
    world.alter(
        "INSERT INTO lifecycle_deferrals SELECT :instance, :event, :instance, created_at FROM lifecycle_roots",
        instance=instance.id,
        event=event,
    )
    world.alter("UPDATE lifecycle_roots SET wake_at = created_at")
    assert world.deferrals(instance)[event] == START
