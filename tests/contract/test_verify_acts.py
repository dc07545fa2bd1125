"""`verify` judges what operators did by hand: what was due by its instant, and what may change nothing (X40)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from lifecycle.engine.acts import Acts
from lifecycle.store import schema
from lifecycle.verify import verify
from tests.contract.verify_vandal import Vandal
from tests.contract.verify_world import World
from tests.unit.machine_world import at, utc

pytestmark = pytest.mark.sampled

SECOND = timedelta(seconds=1)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """It is 31 January 2026."""
    world = World(database_url)
    yield world
    world.database.dispose()


@pytest.fixture
def acted(world: World) -> dict[str, str]:
    """What operators have done by 10 May 2026, and to which subscription.

    `held` missed the cycles of February and March and caught up; of `by_hand` those were fired by an operator; of
    `skipped` February was skipped, with a change to `pro` that came in March instead; `dropped` had a change on
    5 February, which was skipped.
    """
    named = {name: world.subscribe(f"acct_{name}", "team") for name in ("held", "by_hand", "skipped", "dropped")}
    lease = named["lease"] = world.lease("2026-04-01")
    world.do(named["skipped"], "schedule_change", plan="pro", at="next_cycle")
    world.do(named["dropped"], "schedule_change", plan="pro", at=at("2026-02-05"))
    for instance in named.values():
        world.act(instance, Acts.hold)
    world.down_until("2026-04-02")
    for name, act in (("by_hand", Acts.fire), ("skipped", Acts.skip), ("dropped", Acts.skip), ("lease", Acts.fire)):
        world.act(named[name], act)
    world.act(named["by_hand"], Acts.fire)
    for instance in named.values():
        if instance != lease:
            world.act(instance, Acts.release)
    world.on("2026-05-10")
    return named


@pytest.fixture
def vandal(database_url: str, acted: dict[str, str]) -> Iterator[Vandal]:
    """Somebody who changes it past the engine."""
    vandal = Vandal(database_url, acted)
    yield vandal
    vandal.leave()


def test_what_operators_do_is_in_order(world: World, acted: dict[str, str]) -> None:
    """Holds, catching up, firing by hand, a skipped cycle and a skipped change: nothing is found."""
    assert verify(world.database, now=utc("2026-05-10")).findings == ()
    with world.database.reading() as connection:
        query = select(schema.log.c.event).where(schema.log.c.cause == "operator")
        done = Counter(connection.scalars(query))
    assert len(acted) == 5
    assert done == {"held": 5, "released": 4, "cycle_starts": 2, "skipped": 2, "lapses": 1}


def skip_on_another_day(vandal: Vandal) -> str:
    """A cycle was skipped that was not to start on that day."""
    vandal.log("skipped", 4, due_at=utc("2026-02-27"))
    return "skipped"


def skip_early(vandal: Vandal) -> str:
    """It was skipped before it was due."""
    vandal.log("skipped", 4, fired_at=utc("2026-02-28 10:00") - SECOND)
    return "skipped"


def skip_something_else(vandal: Vandal) -> str:
    """A trial's end was skipped that nobody waited for."""
    vandal.log("dropped", 4, arguments={"event": "trial_ends"})
    return "dropped"


def skip_with_an_invoice(vandal: Vandal) -> str:
    """The skipped cycle is to be paid for."""
    vandal.log("skipped", 4, effects=[{"effect": "bill"}])
    return "skipped"


def skip_and_give(vandal: Vandal) -> str:
    """Ten seats came with the skipped cycle, and left with the next."""
    row = next(row for row in vandal.rows("skipped") if row["seq"] == 4)
    vandal.log("skipped", 4, changes={**row["changes"], "seats": 13})
    return "skipped"


def skip_for_longer(vandal: Vandal) -> str:
    """The change is to wait for a day on which no cycle starts."""
    row = next(row for row in vandal.rows("skipped") if row["seq"] == 4)
    pending = {**row["changes"]["pending"], "due_at": at("2026-03-30")}
    vandal.log("skipped", 4, changes={**row["changes"], "pending": pending})
    return "skipped"


def skip_two(vandal: Vandal) -> str:
    """The cycle that was skipped has the number after the next."""
    row = next(row for row in vandal.rows("skipped") if row["seq"] == 4)
    vandal.log("skipped", 4, changes={**row["changes"], "cycle": 3})
    return "skipped"


def skip_a_day(vandal: Vandal) -> str:
    """The skipped cycle starts a day late."""
    row = next(row for row in vandal.rows("skipped") if row["seq"] == 4)
    vandal.log("skipped", 4, changes={**row["changes"], "period_start": at("2026-03-01")})
    return "skipped"


def keep_what_was_dropped(vandal: Vandal) -> str:
    """The change that was skipped on 5 February took effect."""
    row = next(row for row in vandal.rows("dropped") if row["seq"] == 4)
    vandal.log("dropped", 4, changes={**row["changes"], "plan": "pro"})
    vandal.facts("dropped", plan="pro")
    return "dropped"


def fire_unasked(vandal: Vandal) -> str:
    """By hand, at an instant that nobody had foreseen."""
    vandal.log("by_hand", 3, due_at=utc("2026-02-27"))
    return "by_hand"


def fire_early(vandal: Vandal) -> str:
    """By hand, a second too soon."""
    vandal.log("by_hand", 3, fired_at=utc("2026-02-28 10:00") - SECOND)
    return "by_hand"


def fire_in_disorder(vandal: Vandal) -> str:
    """By hand, after something that was due later: the first cycle of three after the second."""
    vandal.log("lease", 1, cause="deferral", due_at=utc("2026-04-02"), fired_at=utc("2026-04-02"))
    return "lease"


def release_and_change(vandal: Vandal) -> str:
    """With the release came ten seats."""
    vandal.logged_changes("dropped", 5, seats=13)
    return "dropped"


def hold_and_end(vandal: Vandal) -> str:
    """A hold that lapses the lease."""
    vandal.log("lease", 2, target="lapsed")
    vandal.log("lease", 3, source="lapsed")
    return "lease"


DAMAGE: dict[Callable[[Vandal], str], set[str]] = {
    skip_on_another_day: {"not_deferred"},
    skip_early: {"fired_early"},
    skip_something_else: {"not_deferred", "act_changed", "cycle_number", "cycle_start"},
    skip_with_an_invoice: {"act_changed"},
    skip_and_give: {"act_changed"},
    skip_for_longer: {"act_changed"},
    skip_two: {"cycle_number"},
    skip_a_day: {"cycle_start"},
    keep_what_was_dropped: {"act_changed"},
    fire_unasked: {"not_deferred", "posting_content"},
    fire_early: {"fired_early"},
    fire_in_disorder: {"due_order", "recorded_early"},
    release_and_change: {"act_changed"},
    hold_and_end: {"act_changed"},
}


@pytest.mark.parametrize(("damage", "codes"), DAMAGE.items(), ids=[damage.__name__ for damage in DAMAGE])
def test_what_an_operator_could_not_do_is_found(
    world: World, vandal: Vandal, damage: Callable[[Vandal], str], codes: set[str]
) -> None:
    """Each kind has its code, and nothing but the damaged root is accused."""
    victim = vandal.id(damage(vandal))
    findings = verify(world.database, now=utc("2026-05-10")).findings
    assert {finding.code for finding in findings} == codes, findings
    assert {finding.root_id for finding in findings} == {victim}
