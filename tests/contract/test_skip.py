"""An operator passes over what is due: cycles and changes of a subscription, and what a host's machine allows (G3)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from lifecycle.engine.acts import Acts
from tests.contract.world import World
from tests.unit.machine_world import at, utc

pytestmark = pytest.mark.sampled


def test_a_skipped_cycle_is_not_invoiced_and_the_next_keeps_the_anchor(world: World) -> None:
    """Bought on 31 January, the cycle of 28 February is skipped: no effect, number 2, and 31 March is next."""
    world.clock.move_to(utc("2026-01-31 10:00"))
    bought = world.subscribe()
    world.clock.move_to(utc("2026-03-05"))
    answer = world.act(bought, Acts.skip, reason="A gift.")
    row = world.log(bought)[-1]
    assert (row["event"], row["arguments"], row["effects"]) == ("skipped", {"event": "cycle_starts"}, [])
    assert (row["due_at"], row["fired_at"]) == (utc("2026-02-28 10:00"), utc("2026-03-05"))
    assert (answer.facts["cycle"], answer.facts["period_start"]) == (2, "2026-02-28T10:00:00+00:00")
    assert (answer.next_event, answer.next_due_at) == ("cycle_starts", "2026-03-31T10:00:00+00:00")
    [renewal] = world.travel("2026-04-01")
    bill = {"effect": "bill", "reason": "renewal", "cycle": 3, "total": 10000}
    assert renewal.effects[0] == bill | {"start": "2026-03-31T10:00:00+00:00", "end": "2026-04-30T10:00:00+00:00"}


def test_a_change_that_was_to_come_with_a_skipped_cycle_waits_for_the_next(world: World) -> None:
    """On 1 February `pro` was to begin; that cycle is skipped as `team`, and `pro` begins on 1 March (X41)."""
    bought = world.subscribe(plan="team")
    world.send(bought, "schedule_change", plan="pro", at="next_cycle")
    world.clock.move_to(utc("2026-02-02"))
    answer = world.act(bought, Acts.skip)
    assert (answer.state, answer.facts["plan"], answer.facts["pending"]["due_at"]) == (
        "pending_change",
        "team",
        "2026-03-01T00:00:00+00:00",
    )
    assert world.deferrals(bought) == {"cycle_starts": utc("2026-03-01")}
    [renewal] = world.travel("2026-03-01")
    assert (renewal.target, renewal.changes["plan"]) == ("active", "pro")


def test_a_cycle_is_skipped_up_to_an_end(world: World) -> None:
    """To end on 10 February, the cycle of 1 February is skipped: its period ends on the 10th, and so does all."""
    bought = world.subscribe()
    world.send(bought, "cancel", at=at("2026-02-10"))
    world.clock.move_to(utc("2026-02-02"))
    answer = world.act(bought, Acts.skip)
    assert (answer.state, answer.facts["period_end"]) == ("pending_cancellation", "2026-02-10T00:00:00+00:00")
    assert world.deferrals(bought) == {"end_date_arrives": utc("2026-02-10")}


@pytest.mark.parametrize(
    ("plan", "cancelled", "state", "left"),
    [
        ("team", False, "active", {"cycle_starts": "2026-02-01"}),
        ("team", True, "pending_cancellation", {"cycle_starts": "2026-02-01", "end_date_arrives": "2026-02-20"}),
        ("basic", False, "trial", {"trial_ends": "2026-01-15"}),
    ],
)
def test_a_skipped_change_is_dropped(
    world: World, plan: str, cancelled: bool, state: str, left: Mapping[str, str]
) -> None:
    """A change of 10 January, paid, with an end to come, or in a trial: the plan stays, and no change is pending."""
    bought = world.subscribe(plan=plan)
    world.send(bought, "schedule_change", plan="pro", at=at("2026-01-10"))
    if cancelled:
        world.send(bought, "cancel", at=at("2026-02-20"))
    world.clock.move_to(utc("2026-01-11"))
    answer = world.act(bought, Acts.skip)
    assert (answer.state, answer.facts["plan"], "pending" in answer.facts) == (state, plan, False)
    assert world.deferrals(bought) == {event: utc(day) for event, day in left.items()}


def test_a_trials_end_and_an_end_date_are_not_skipped(world: World) -> None:
    """Nothing would be left to happen: `not_skippable`, and nothing has changed."""
    trial, ending = world.subscribe("acct_1", plan="basic"), world.subscribe("acct_2")
    world.send(ending, "cancel", at=at("2026-01-15"))
    world.clock.move_to(utc("2026-01-16"))
    before = world.dump()
    assert [world.act_refused(one, Acts.skip) for one in (trial, ending)] == ["not_skippable"] * 2
    assert world.dump() == before


def test_what_does_not_move_on_is_not_skipped(world: World) -> None:
    """A host's machine says how its beats are skipped; one that would be due again at once, or does not say, is not."""
    sound, stuck, contract = world.light(), world.light(fault="stuck", at=0), world.sign()
    world.clock.move_to(utc("2026-01-22"))
    assert [world.act_refused(one, Acts.skip) for one in (sound, stuck, contract)] == [
        "done",
        "not_skippable",
        "not_skippable",
    ]
    assert world.deferrals(sound) == {"beats": utc("2026-01-01 02:00")}
