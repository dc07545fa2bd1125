"""Commands: what one leaves behind, what a refusal leaves alone, and which of several refusals is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from lifecycle.engine.commands import Answer, Command, Creation
from lifecycle.engine.work import Work
from lifecycle.errors import DefinitionError, NotFound, Refused
from lifecycle.store.transaction import SqlTransaction
from tests.contract.threads import at_once
from tests.contract.world import START, World
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled

GONE = Answer("sub_gone", "active", {}, 1)


def test_a_creation_writes_everything_at_once(world: World) -> None:
    """Root, instance, deferral and the first log row stand after a purchase on 1 January."""
    bought = world.subscribe("acct_1")
    assert (bought.state, bought.version, bought.status) == ("active", 1, "live")
    stored = world.stored(bought)
    assert (stored["root_id"], stored["machine"], stored["version"]) == (bought.id, "subscription", 1)
    assert (stored["state"], stored["owner_id"], stored["live_key"]) == ("active", "acct_1", "acct_1/main")
    assert (stored["facts"], stored["created_at"]) == (bought.facts, START)
    assert world.deferrals(bought) == {"cycle_starts": utc("2026-02-01")}
    root = world.root(bought)
    assert (root["seq"], root["status"], root["wake_at"], root["attempts"]) == (1, "live", utc("2026-02-01"), 0)
    assert [row["event"] for row in world.log(bought)] == ["subscribed"]


def test_a_command_changes_the_instance_and_moves_the_version_on(world: World) -> None:
    """Two seats more: the facts say so, and the version counts the log rows."""
    bought = world.subscribe(seats=1)
    answer = world.send(bought, "add_seats", seats=2)
    assert (answer.id, answer.state, answer.version) == (bought.id, "active", 2)
    assert (answer.facts["seats"], world.stored(bought)["facts"]["seats"]) == (3, 3)


def test_a_refusal_changes_nothing(world: World) -> None:
    """A refused command and a refused creation leave every row of every table as it was."""
    bought = world.subscribe("acct_1")
    before = world.dump()
    assert world.refused(bought, "withdraw_change") == "no_pending_change"
    with pytest.raises(Refused) as refusal:
        world.subscribe("acct_2", plan="nothing")
    assert refusal.value.code == "plan_unknown"
    assert world.dump() == before


def test_an_error_in_a_command_changes_nothing(world: World) -> None:
    """What a machine makes of a command is wrong: the caller hears it, and even what was due has not fired."""
    beacon = world.light()
    world.clock.move_to(utc("2026-01-01 01:30"))
    before = world.dump()
    with pytest.raises(DefinitionError, match="no aware instant"):
        world.send(beacon, "adjust", reason="a try", fault="naive", at=0)
    assert world.dump() == before


def test_an_unknown_instance_is_not_found(world: World) -> None:
    """The answer names it, and nothing is written."""
    before = world.dump()
    with pytest.raises(NotFound, match="sub_gone"):
        world.send(GONE, "cancel_now")
    assert world.dump() == before


def test_what_is_due_fires_before_a_command_is_judged(world: World) -> None:
    """A cancellation on 15 March finds the cycle that began on 1 March, and ends it with that (rule B4)."""
    bought = world.subscribe()
    world.clock.move_to(utc("2026-03-15"))
    answer = world.send(bought, "cancel", at="period_end")
    assert answer.facts["ends_at"] == "2026-04-01T00:00:00+00:00"
    assert [(row["event"], row["cause"], row["due_at"]) for row in world.log(bought)] == [
        ("subscribed", "command", START),
        ("cycle_starts", "deferral", utc("2026-02-01")),
        ("cycle_starts", "deferral", utc("2026-03-01")),
        ("cancel", "command", utc("2026-03-15")),
    ]
    assert {row["fired_at"] for row in world.log(bought)[1:]} == {utc("2026-03-15")}


def test_what_fired_stays_when_the_command_is_refused(world: World) -> None:
    """On 15 February a command is refused; the cycle of 1 February that fired before it has begun all the same."""
    bought = world.subscribe()
    world.clock.move_to(utc("2026-02-15"))
    assert world.refused(bought, "withdraw_change") == "no_pending_change"
    assert [row["event"] for row in world.log(bought)] == ["subscribed", "cycle_starts"]
    assert world.deferrals(bought) == {"cycle_starts": utc("2026-03-01")}


def test_a_deferral_at_the_commands_own_instant_fires_first(world: World) -> None:
    """A cancellation in the very second of a renewal comes after it: the new cycle is the one that is ended."""
    bought = world.subscribe()
    world.clock.move_to(utc("2026-02-01"))
    assert world.send(bought, "cancel", at="period_end").facts["ends_at"] == "2026-03-01T00:00:00+00:00"


def test_what_fires_by_itself_cannot_be_commanded(world: World) -> None:
    """A cycle starts when it is due, not when somebody says so; and nothing changes."""
    bought = world.subscribe()
    before = world.dump()
    assert world.refused(bought, "cycle_starts") == "not_allowed"
    assert world.dump() == before


def test_an_answer_names_what_comes_next(world: World) -> None:
    """Of a beat and an echo at one instant the machine puts the beat first; after the end nothing comes."""
    beacon = world.light()
    assert (beacon.next_event, beacon.next_due_at) == ("beats", "2026-01-01T01:00:00+00:00")
    both = world.send(beacon, "adjust", fault="both", at=0)
    assert (both.next_event, both.next_due_at) == ("beats", "2026-01-01T01:00:00+00:00")
    ended = world.send(beacon, "put_out")
    assert (ended.next_event, ended.next_due_at) == (None, None)


def test_a_refusal_after_another_command_takes_that_back(world: World) -> None:
    """Of two commands in one transaction the second is refused: the first has not happened either."""
    bought = world.subscribe()
    before = world.dump()

    def both(work: Work[SqlTransaction]) -> None:
        work.command(Command(bought.id, "add_seats", "usr_1", {"seats": 1}))
        work.command(Command(bought.id, "withdraw_change", "usr_1"))

    with pytest.raises(Refused):
        world.engine.attempt(both)
    assert world.dump() == before


def test_a_command_with_an_old_version_is_refused(world: World) -> None:
    """Who read version 1 may act on it once; then it is version 2."""
    bought = world.subscribe()
    assert world.refused(bought, "add_seats", version=1) == "done"
    assert world.refused(bought, "add_seats", version=1) == "version_conflict"
    assert world.refused(bought, "add_seats", version=2) == "done"


def test_an_expected_version_counts_what_fires_before_the_command(world: World) -> None:
    """Read before a renewal, acted upon after it: that is another version."""
    bought = world.subscribe()
    world.clock.move_to(utc("2026-02-02"))
    assert world.refused(bought, "add_seats", version=1) == "version_conflict"


def _unknown(world: World) -> str:
    world.send(world.subscribe(), "add_seats", key="k1", seats=1)
    return world.refused(GONE, "add_seats", key="k1", seats=2, version=9)


def _key_used_otherwise(world: World) -> str:
    bought = world.subscribe()
    world.send(bought, "add_seats", key="k1", seats=1)
    return world.refused(bought, "add_seats", key="k1", seats=2, version=9)


def _quarantined_and_read_before(world: World) -> str:
    beacon = _with_status(world, "quarantined")
    return world.refused(beacon, "adjust", version=9)


def _held_and_read_before(world: World) -> str:
    beacon = _with_status(world, "held")
    return world.refused(beacon, "adjust", version=9)


def _quarantined_and_impossible(world: World) -> str:
    return world.refused(_with_status(world, "quarantined"), "lights")


def _held_and_impossible(world: World) -> str:
    return world.refused(_with_status(world, "held"), "lights")


def _ended_and_read_before(world: World) -> str:
    bought = world.subscribe()
    world.send(bought, "cancel_now")
    return world.refused(bought, "add_seats", version=1)


def _to_end_and_no_such_plan(world: World) -> str:
    bought = world.subscribe()
    world.send(bought, "cancel", at="period_end")
    return world.refused(bought, "change_now", plan="nothing")


def _with_status(world: World, status: str) -> Answer:
    beacon = world.light()
    world.alter("UPDATE lifecycle_roots SET status = :status, wake_at = NULL", status=status)
    return beacon


@pytest.mark.parametrize(
    ("situation", "code"),
    [
        (_unknown, "not_found"),
        (_key_used_otherwise, "idempotency_conflict"),
        (_quarantined_and_read_before, "version_conflict"),
        (_held_and_read_before, "version_conflict"),
        (_ended_and_read_before, "version_conflict"),
        (_quarantined_and_impossible, "quarantined"),
        (_held_and_impossible, "held"),
        (_to_end_and_no_such_plan, "cancellation_pending"),
    ],
)
def test_of_two_refusals_the_first_in_the_published_order_is_given(
    world: World, situation: Callable[[World], str], code: str
) -> None:
    """Not found, then key, version, quarantine, hold, state, arguments (rule I14)."""
    assert situation(world) == code


def test_nothing_fires_on_a_held_root(world: World) -> None:
    """A held beacon that is due neither fires for the scheduler nor for a command."""
    beacon = _with_status(world, "held")
    assert world.wake("2026-01-02") == []
    assert world.refused(beacon, "adjust") == "held"
    assert [row["event"] for row in world.log(beacon)] == ["lights"]


def test_a_name_is_held_by_one_live_instance(world: World) -> None:
    """The second contract of a party is refused while the first runs, and leaves nothing behind."""
    world.sign("org_7")
    before = world.dump()
    with pytest.raises(Refused) as refusal:
        world.sign("org_7")
    assert refusal.value.code == "live_key_taken"
    assert world.dump() == before
    assert world.sign("org_8").state == "running"


def test_of_eight_who_want_a_name_at_the_same_moment_one_has_it(world: World) -> None:
    """The others are told one code, on both databases."""

    def sign() -> str:
        try:
            return world.sign("org_7").state
        except Refused as refusal:
            return refusal.code

    assert Counter(at_once(8, sign)) == {"running": 1, "live_key_taken": 7}


def test_an_end_frees_the_name_for_a_creation_in_the_same_transaction(world: World) -> None:
    """One beacon is put out and another of its name is lit, in one commit."""
    old = world.light(name="tower")

    def swap(work: Work[SqlTransaction]) -> Answer:
        work.command(Command(old.id, "put_out", "usr_1"))
        return work.create(Creation("beacon", "lights", "usr_1", "bea", None, None, {"name": "tower"}))

    new = world.engine.attempt(swap)
    assert (world.stored(old)["state"], world.stored(old)["live_key"]) == ("out", None)
    assert (world.stored(new)["state"], world.stored(new)["live_key"]) == ("lit", "tower")
