"""Operators' acts: hold, release, retry, fire and skip, on both databases (rules B4, G3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from sqlalchemy import update

from lifecycle.engine.acts import Acts
from lifecycle.engine.commands import Answer
from lifecycle.engine.records import InstanceRecord
from lifecycle.errors import LifecycleError, Refused
from lifecycle.store import schema
from lifecycle.store.transaction import SqlTransaction
from tests.contract.threads import at_once
from tests.contract.world import Perform, World
from tests.unit.machine_world import at, utc

pytestmark = pytest.mark.sampled

ALL = [Acts.hold, Acts.release, Acts.retry, Acts.fire, Acts.skip]


def names(acts: Sequence[Perform]) -> list[str]:
    """What the acts are called."""
    return [act.__name__ for act in acts]


def told(world: World, instance: Answer) -> list[tuple[str, str]]:
    """The log of its root: each event, and by whom."""
    return [(row["event"], row["actor"]) for row in world.log(instance)]


def quarantined(world: World, *, at_beat: int = 1) -> Answer:
    """A beacon that has been quarantined at its first beat, at 01:00:15."""
    beacon = world.light(fault="raise", at=at_beat)
    for second in (0, 1, 3, 7, 15):
        world.wake(f"2026-01-01 0{at_beat}:00:{second:02}")
    assert world.root(beacon)["status"] == "quarantined"
    return beacon


def repair(world: World, beacon: Answer) -> None:
    """Take the fault out of the stored facts, past the engine."""
    facts = {key: value for key, value in world.stored(beacon)["facts"].items() if key != "fault"}
    with world.database.writing() as connection:
        connection.execute(update(schema.instances).where(schema.instances.c.id == beacon.id).values(facts=facts))


# Hold and release


def test_what_is_held_stands_still_and_others_go_on(world: World) -> None:
    """Held at midnight, one beacon misses its beats and refuses commands; the other beats twice by 02:30."""
    held, free = world.light(), world.light()
    answer = world.act(held, Acts.hold)
    fired = world.wake("2026-01-01 02:30")
    assert (answer.status, answer.version) == ("held", 2)
    assert [row.instance_id for row in fired] == [free.id, free.id]
    assert world.refused(held, "adjust", colour="red") == "held"
    assert world.refused(free, "adjust", colour="red") == "done"
    assert told(world, held) == [("lights", "usr_1"), ("held", "opr_1")]
    assert world.root(held)["wake_at"] is None


def test_what_is_released_catches_up_in_order_at_its_nominal_times(world: World) -> None:
    """Held over two beats and released at 02:30, it beats for 01:00 and 02:00, and then again by itself at 03:00."""
    beacon = world.light()
    world.act(beacon, Acts.hold)
    world.clock.move_to(utc("2026-01-01 02:30"))
    assert world.act(beacon, Acts.release).status == "live"
    assert told(world, beacon)[-1] == ("released", "opr_1")  # the act itself fires nothing
    world.engine.fire_batch()
    world.travel("2026-01-01 03:00")
    rows = world.log(beacon)[3:]
    assert [(row["event"], row["actor"]) for row in rows] == [("beats", "scheduler")] * 3
    assert [row["due_at"].hour for row in rows] == [1, 2, 3]
    assert [row["fired_at"] for row in rows[:2]] == [utc("2026-01-01 02:30")] * 2


def test_to_hold_and_to_release_twice_changes_nothing(world: World) -> None:
    """It is on hold already, or is not on hold: `no_change`."""
    beacon = world.light()
    assert world.act_refused(beacon, Acts.release) == "no_change"
    world.act(beacon, Acts.hold)
    before = world.dump()
    assert world.act_refused(beacon, Acts.hold) == "no_change"
    assert world.dump() == before


def test_a_hold_outlasts_a_quarantine_and_hides_none(world: World) -> None:
    """What was quarantined when it was held is quarantined again on its release, with its error (X40)."""
    beacon = quarantined(world)
    assert world.act(beacon, Acts.hold).status == "held"
    answer = world.act(beacon, Acts.release)
    assert (answer.status, answer.error) == ("quarantined", "Broken: no light")


def test_a_hold_ends_a_back_off_and_its_release_tries_at_once(world: World) -> None:
    """After two failures it is held and released: tried at once, the third failure counts as the third."""
    beacon = world.light(fault="raise", at=1)
    world.wake("2026-01-01 01:00:00")
    world.wake("2026-01-01 01:00:01")
    world.act(beacon, Acts.hold)
    world.act(beacon, Acts.release)
    assert world.root(beacon)["wake_at"] == utc("2026-01-01 01:00")
    world.engine.fire_batch()
    assert (world.root(beacon)["attempts"], world.root(beacon)["status"]) == (3, "live")


# Retry


def test_retry_lets_what_was_quarantined_go_on(world: World) -> None:
    """Quarantined at its fifth failure (X11), mended and retried at 03:30, it beats for 01:00, 02:00 and 03:00; all its
    attempts were given back."""
    beacon = quarantined(world)
    repair(world, beacon)
    world.clock.move_to(utc("2026-01-01 03:30"))
    answer = world.act(beacon, Acts.retry)
    assert (answer.status, answer.error, world.root(beacon)["attempts"]) == ("live", None, 0)
    assert [row.due_at.hour for row in world.engine.fire_batch().transitions] == [1, 2, 3]
    assert told(world, beacon)[1] == ("retried", "opr_1")


def test_retry_shortens_a_back_off(world: World) -> None:
    """Failed at 01:00:00 and :01, it is to be tried at :03; after a retry it is tried now, and counts from one."""
    beacon = world.light(fault="raise", at=1)
    world.wake("2026-01-01 01:00:00")
    world.wake("2026-01-01 01:00:01")
    assert world.engine.fire_batch().claimed == 0
    world.act(beacon, Acts.retry)
    assert world.engine.fire_batch().claimed == 1
    assert (world.root(beacon)["attempts"], world.root(beacon)["wake_at"]) == (1, utc("2026-01-01 01:00:02"))


def test_retry_of_what_is_held_leaves_it_held(world: World) -> None:
    """Quarantined, then held, it is retried: nothing fires before its release, which is to a life without errors."""
    beacon = quarantined(world)
    world.act(beacon, Acts.hold)
    assert world.act(beacon, Acts.retry).status == "held"
    assert world.act(beacon, Acts.release).status == "live"


# Fire


def test_fire_fires_what_is_due_first_as_the_operator(world: World) -> None:
    """No daemon runs; of two beats that are due the operator fires one, at its nominal time, and nothing else."""
    beacon = world.light()
    world.clock.move_to(utc("2026-01-01 02:30"))
    answer = world.act(beacon, Acts.fire, reason="The daemon is down.")
    row = world.log(beacon)[-1]
    assert (row["event"], row["cause"], row["actor"]) == ("beats", "operator", "opr_1")
    assert (row["due_at"], row["fired_at"]) == (utc("2026-01-01 01:00"), utc("2026-01-01 02:30"))
    assert (answer.version, answer.next_due_at) == (2, "2026-01-01T02:00:00+00:00")


def test_fire_on_what_is_held_leaves_it_held(world: World) -> None:
    """One beat by hand, and no more: the second is due and stays."""
    beacon = world.light()
    world.act(beacon, Acts.hold)
    world.clock.move_to(utc("2026-01-01 02:30"))
    assert world.act(beacon, Acts.fire).status == "held"
    assert world.engine.fire_batch().claimed == 0
    assert [event for event, _ in told(world, beacon)] == ["lights", "held", "beats"]


def test_fire_that_goes_well_ends_a_quarantine(world: World) -> None:
    """What was mended fires by hand, is live again, and goes on by itself."""
    beacon = quarantined(world)
    repair(world, beacon)
    assert world.act(beacon, Acts.fire).status == "live"
    assert world.root(beacon)["error"] is None
    assert [row.due_at.hour for row in world.wake("2026-01-01 02:00")] == [2]


@pytest.mark.parametrize("fault", ["raise", "effect", "load", "naive", "again"])
def test_fire_of_what_raises_fails_and_changes_nothing(world: World, fault: str) -> None:
    """`transition_failed` with the error, as often as it is tried: not even an attempt is counted."""
    beacon = world.light(fault=fault, at=1 if fault != "load" else 0)
    world.clock.move_to(utc("2026-01-01 01:30"))
    before = world.dump()
    codes = [world.act_refused(beacon, Acts.fire) for _ in range(6)]
    assert set(codes) == {"transition_failed"}
    assert world.dump() == before


def test_fire_tells_what_raised(world: World) -> None:
    """The event, the kind of error and what it said."""
    beacon = quarantined(world)
    with pytest.raises(LifecycleError, match=r"^beats failed: Broken: no light$"):
        world.act(beacon, Acts.fire)
    assert world.root(beacon)["status"] == "quarantined"


def test_fire_of_what_has_no_effect_drops_it(world: World) -> None:
    """As when a daemon fires it: no row, and it is not there any more (B3)."""
    beacon = world.light()
    stray = {"instance_id": beacon.id, "event": "echoes", "root_id": beacon.id, "due_at": utc("2026-01-01 00:30")}
    with world.database.writing() as connection:
        connection.execute(schema.deferrals.insert().values(stray))
    world.clock.move_to(utc("2026-01-01 01:00"))
    world.act(beacon, Acts.fire)
    assert world.deferrals(beacon) == {"beats": utc("2026-01-01 01:00")}
    assert len(world.log(beacon)) == 1


# What can be fired and skipped


@pytest.mark.parametrize("act", [Acts.fire, Acts.skip], ids=names([Acts.fire, Acts.skip]))
def test_only_what_is_due_is_fired_or_skipped(world: World, act: Perform) -> None:
    """A second before its instant it is `not_due` (C7), held or not; at its instant it is due."""
    beacon = world.light()
    world.act(beacon, Acts.hold)
    world.clock.move_to(utc("2026-01-01 00:59:59"))
    before = world.dump()
    assert world.act_refused(beacon, act) == "not_due"
    assert world.dump() == before
    world.clock.move_to(utc("2026-01-01 01:00"))
    assert world.act_refused(beacon, act) == "done"


def test_retry_of_what_is_in_no_trouble_is_not_due(world: World) -> None:
    """A beat is due, but has never failed (I25)."""
    beacon = world.light()
    world.clock.move_to(utc("2026-01-01 01:00"))
    assert world.act_refused(beacon, Acts.retry) == "not_due"


def test_what_is_fired_or_skipped_is_what_comes_first(world: World) -> None:
    """Of a change on a date and a later cycle, both due, the change comes first; then the cycle is skipped (C6)."""
    bought = world.subscribe(plan="team")
    world.send(bought, "schedule_change", plan="pro", at=at("2026-01-20"))
    world.act(bought, Acts.hold)
    world.clock.move_to(utc("2026-02-25"))
    world.act(bought, Acts.fire)
    world.act(bought, Acts.skip)
    assert [(row["event"], row["due_at"]) for row in world.log(bought)[3:]] == [
        ("change_takes_effect", utc("2026-01-20")),
        ("skipped", utc("2026-02-20")),
    ]


# Whatever the act


def test_skip_passes_over_what_raises(world: World) -> None:
    """Quarantined at its first beat, which is skipped: it is live, and the second is the first that is counted."""
    beacon = quarantined(world)
    repair_later = world.act(beacon, Acts.skip)
    assert (repair_later.status, repair_later.error) == ("live", None)
    assert world.deferrals(beacon) == {"beats": utc("2026-01-01 02:00")}
    assert world.stored(beacon)["facts"]["beat"] == 0


@pytest.mark.parametrize("act", ALL, ids=names(ALL))
@pytest.mark.parametrize("status", ["held", "quarantined"])
def test_no_act_is_refused_for_what_it_is_to_end(world: World, act: Perform, status: str) -> None:
    """On what is held, or quarantined, acts are never refused `held` or `quarantined` (B4)."""
    beacon = quarantined(world)
    repair(world, beacon)
    if status == "held":
        world.act(beacon, Acts.hold)
    expected = "no_change" if act is (Acts.hold if status == "held" else Acts.release) else "done"
    assert world.act_refused(beacon, act) == expected


@pytest.mark.parametrize("act", ALL, ids=names(ALL))
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_an_act_without_a_reason_is_invalid(world: World, act: Perform, reason: str) -> None:
    """Before all else, and nothing has changed."""
    beacon = quarantined(world)
    before = world.dump()
    with pytest.raises(Refused) as refusal:
        world.act(beacon, act, reason)
    assert refusal.value.code == "invalid"
    assert world.dump() == before


def test_an_act_is_a_row_with_its_reason_apart(world: World) -> None:
    """Who and when are in the log, why is named there by id; facts and state are as before (X40)."""
    beacon = world.light()
    world.act(beacon, Acts.hold, reason="Ann called: wait.")
    row = world.log(beacon)[-1]
    assert (row["event"], row["cause"], row["actor"]) == ("held", "operator", "opr_1")
    assert (row["source"], row["target"], row["changes"], row["effects"]) == ("lit", "lit", {}, [])
    assert world.rows("reasons") == [{"id": row["reason_id"], "root_id": beacon.id, "text": "Ann called: wait."}]


@pytest.mark.parametrize("act", ALL, ids=names(ALL))
def test_an_act_fires_nothing_else(world: World, act: Perform) -> None:
    """Two beats are due of each of two beacons; whatever is done to one, no more than one of its beats is gone (B4)."""
    beacon, other = quarantined(world), world.light()
    repair(world, beacon)
    if act is Acts.release:
        world.act(beacon, Acts.hold)
    world.clock.move_to(utc("2026-01-01 03:30"))
    before = len(world.log(beacon))
    world.act(beacon, act)
    assert len(world.log(beacon)) == before + 1
    assert len(world.log(other)) == 1


def test_a_refused_act_does_not_shorten_a_back_off(world: World) -> None:
    """To be tried at 01:00:03; what is refused, and what is only noted, leaves that alone."""
    beacon = world.light(fault="raise", at=1)
    world.wake("2026-01-01 01:00:00")
    world.wake("2026-01-01 01:00:01")
    assert world.act_refused(beacon, Acts.release) == "no_change"
    world.act(beacon, lambda acts, act: acts.note(act, "looked_at"))
    assert (world.root(beacon)["wake_at"], world.root(beacon)["attempts"]) == (utc("2026-01-01 01:00:03"), 2)


def test_surroundings_that_raise_keep_no_operator_away(world: World) -> None:
    """What its machine may know can't be had: it can be held, skipped and released all the same, but not fired; and
    what is held or quarantined is not counted on, whoever asks."""

    def dark(_transaction: SqlTransaction, _instances: Sequence[InstanceRecord]) -> Mapping[str, Any]:
        raise RuntimeError("no catalogue")

    bought = world.subscribe()
    world.engine._surround = {"subscription": dark}
    world.clock.move_to(utc("2026-02-02"))
    assert world.act_refused(bought, Acts.fire) == "transition_failed"
    assert world.root(bought)["attempts"] == 0
    world.act(bought, Acts.hold)
    assert [world.refused(bought, "cancel_now") for _ in range(6)] == ["held"] * 6
    root = world.root(bought)
    assert (root["status"], root["attempts"], root["wake_at"]) == ("held", 0, None)
    world.act(bought, Acts.skip)
    assert world.act(bought, Acts.release).status == "live"
    root = world.root(bought)
    assert (root["attempts"], root["error"], root["wake_at"]) == (0, None, utc("2026-03-01"))
    assert world.deferrals(bought) == {"cycle_starts": utc("2026-03-01")}


def test_acts_and_batches_share_the_work(world: World) -> None:
    """Two operators hold, fire and release beacons while two daemons fire: each beat of each fires once, in order."""
    beacons = [world.light(every=1200, until=3) for _ in range(6)]
    world.clock.move_to(utc("2026-01-01 01:00"))

    def work() -> None:
        for beacon in beacons:
            for act in (Acts.hold, Acts.fire, Acts.release):
                world.act_refused(beacon, act)
            world.engine.fire_batch()

    at_once(4, work)
    for beacon in beacons:
        world.act_refused(beacon, Acts.release)
    while world.engine.fire_batch().claimed:
        pass
    for beacon in beacons:
        beats = [row["due_at"].minute for row in world.log(beacon) if row["event"] == "beats"]
        assert beats == [20, 40, 0]
        assert world.stored(beacon)["state"] == "out"
