"""Why not, asked of the engine: what is due fires first, but only in memory; nothing is written or locked (X42)."""

from __future__ import annotations

import pytest

from lifecycle.domain.explaining import Prospect
from lifecycle.engine.acts import Acts
from lifecycle.engine.commands import Answer
from lifecycle.engine.questions import Explanation, explain
from lifecycle.errors import NotFound
from tests.contract.world import World
from tests.unit.machine_world import at, utc

pytestmark = pytest.mark.sampled


def asked(world: World, instance: Answer, event: str | None = None, **arguments: object) -> Explanation:
    """The explanation; that asking has changed nothing is part of it."""
    before = world.dump()
    with world.engine.look() as work:
        found = explain(work, instance.id, event, arguments)
    assert world.dump() == before
    return found


def meets(found: Explanation, event: str) -> Prospect:
    """What this event meets."""
    [prospect] = [one for one in found.events if one.event == event]
    return prospect


def test_every_event_is_told(world: World) -> None:
    """Commands first, then what is deferred, with its instant."""
    bought = world.subscribe()
    found = asked(world, bought)
    assert (found.state, found.version, found.status, found.obstacle, found.due) == ("active", 1, "live", None, ())
    assert len(found.events) == 19
    assert meets(found, "withdraw_change").code == "no_pending_change"
    assert meets(found, "change_now").verdict == "depends"
    cycle = meets(found, "cycle_starts")
    assert (cycle.verdict, cycle.due_at, cycle.target) == ("deferred", utc("2026-02-01"), "active")
    assert (meets(found, "end_date_arrives").verdict, meets(found, "payment_exhausted").verdict) == (
        "does_nothing",
        "not_deferred",
    )


def test_one_event_is_judged_with_its_arguments(world: World) -> None:
    """As the command would be."""
    bought = world.subscribe(plan="team")
    [to_team] = asked(world, bought, "change_now", plan="team").events
    [to_pro] = asked(world, bought, "change_now", plan="pro").events
    assert (to_team.code, to_team.guard) == (world.refused(bought, "change_now", plan="team"), "differs")
    assert (to_pro.verdict, to_pro.target) == ("allowed", "active")


def test_what_is_due_fires_first_in_memory(world: World) -> None:
    """On 2 February the cycle with its change is late: the answer is about the subscription after it, on `pro`."""
    bought = world.subscribe(plan="team")
    world.send(bought, "schedule_change", plan="pro", at="next_cycle")
    world.clock.move_to(utc("2026-02-02"))
    found = asked(world, bought, "withdraw_change")
    assert (found.stored_state, found.state) == ("pending_change", "active")
    assert [(one.event, one.due_at, one.would_fire, one.skippable) for one in found.due] == [
        ("cycle_starts", utc("2026-02-01"), True, True)
    ]
    assert found.events[0].code == world.refused(bought, "withdraw_change") == "no_pending_change"


def test_a_hold_refuses_all_and_nothing_fires(world: World) -> None:
    """Held over a trial's end: it is told as due, would not fire, and can't be skipped."""
    bought = world.subscribe(plan="basic")
    world.act(bought, Acts.hold)
    world.clock.move_to(utc("2026-01-16"))
    found = asked(world, bought)
    assert found.obstacle is not None
    assert (found.obstacle.code, found.obstacle.instead) == (
        "held",
        "Ask the operator, or try again after the release.",
    )
    assert [(one.event, one.would_fire, one.skippable) for one in found.due] == [("trial_ends", False, False)]
    assert (found.state, meets(found, "cancel_now").verdict) == ("trial", "allowed")


def test_only_what_comes_first_can_be_skipped(world: World) -> None:
    """A change of 20 January and the cycle of 1 February are both late: order holds for operators too."""
    bought = world.subscribe(plan="team")
    world.send(bought, "schedule_change", plan="pro", at=at("2026-01-20"))
    world.act(bought, Acts.hold)
    world.clock.move_to(utc("2026-02-25"))
    assert [(one.event, one.skippable) for one in asked(world, bought).due] == [
        ("change_takes_effect", True),
        ("cycle_starts", False),
    ]


def test_what_fails_refuses_all_as_it_will(world: World) -> None:
    """Due and broken, though nobody has noticed yet: asking tells the error; a command is refused in the same way."""
    beacon = world.light(fault="raise", at=1)
    world.clock.move_to(utc("2026-01-01 01:30"))
    found = asked(world, beacon)
    assert found.obstacle is not None
    assert (found.obstacle.code, found.error, found.attempts) == ("quarantined", "Broken: no light", 0)
    assert world.refused(beacon, "adjust") == "quarantined"


def test_a_back_off_is_told_with_its_next_attempt(world: World) -> None:
    """Failed twice, it is looked at again at 01:00:03."""
    beacon = world.light(fault="raise", at=1)
    world.wake("2026-01-01 01:00:00")
    world.wake("2026-01-01 01:00:01")
    found = asked(world, beacon)
    assert (found.status, found.attempts, found.wake_at) == ("live", 2, utc("2026-01-01 01:00:03"))


def test_facts_that_can_not_be_read_are_told(world: World) -> None:
    """Quarantined for that: every event says so, and none raises."""
    beacon = world.light(fault="load", at=0)
    for second in (0, 1, 3, 7, 15):
        world.wake(f"2026-01-01 01:00:{second:02}")
    found = asked(world, beacon)
    assert found.status == "quarantined"
    assert {(one.verdict, one.message) for one in found.events} == {("fails", "Broken: unreadable")}
    assert [one.skippable for one in found.due] == [False]


def test_what_is_not_there_is_not_found(world: World) -> None:
    """An instance, and an event."""
    with pytest.raises(NotFound), world.engine.look() as work:
        explain(work, "sub_nobody")
    with pytest.raises(NotFound, match=r"There is no event 'dances'\."), world.engine.look() as work:
        explain(work, world.subscribe().id, "dances")


def test_a_question_waits_for_nobody(server: World) -> None:
    """While another transaction holds the root, the question is answered from what is committed."""
    bought = server.subscribe()
    with server.engine.work() as work:
        work.lock([bought.id])
        assert asked_of(server, bought) == "active"


def asked_of(world: World, instance: Answer) -> str:
    """The state of which it is told."""
    with world.engine.look() as work:
        return explain(work, instance.id).state


def test_dates_in_arguments_are_instants_by_then(world: World) -> None:
    """The engine takes what is logged: a date in the past is refused."""
    [told] = asked(world, world.subscribe(), "cancel", at=at("2025-12-31")).events
    assert (told.code, told.guard) == ("date_in_past", "date_ahead")
