"""Machine versions: old instances go on as they began, until they are migrated by a logged transition."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lifecycle.engine.commands import Answer
from lifecycle.engine.registry import load_machines
from lifecycle.errors import DefinitionError, NotFound, Refused
from tests.contract.world import BEACON, CONTRACT, CONTRACT_2, CONTRACT_3, World
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled


@pytest.fixture
def released(url: str) -> Iterator[World]:
    """An engine that knows two releases of the contract, over a database with a contract of the first."""
    before = World(url, machines=[CONTRACT])
    before.sign("org_old")
    before.close()
    world = World(url, machines=[CONTRACT, CONTRACT_2], ids=before.ids)
    yield world
    world.close()


@pytest.fixture
def old(released: World) -> Answer:
    """The contract of the first release."""
    [row] = released.rows("instances")
    return Answer(row["id"], row["state"], row["facts"], 1)


def migrate(world: World, instance: Answer) -> Answer:
    """Bring it to the newest version."""
    return world.engine.attempt(lambda work: work.migrate(instance.id, "operator"))


def test_old_instances_go_on_with_the_old_version(released: World, old: Answer) -> None:
    """The first release's contract is renewed by the first release, a new one by the second."""
    new = released.sign("org_new")
    released.travel("2026-02-01")
    assert [(row["version"], row["target"]) for row in released.log(old)] == [(1, "running")] * 3
    assert [(row["version"], row["target"]) for row in released.log(new)] == [(2, "in_force")] * 3
    assert "renewals" not in released.stored(old)["facts"]
    assert released.stored(new)["facts"]["renewals"] == 1


def test_a_migration_is_a_logged_transition(released: World, old: Answer) -> None:
    """After one renewal the contract moves to the second release: `running` is now `in_force`, with one renewal."""
    released.travel("2026-02-01")
    moved = migrate(released, old)
    assert (moved.state, moved.version) == ("in_force", 4)
    row = released.log(old)[-1]
    assert (row["event"], row["source"], row["target"], row["version"]) == ("migrated", "running", "in_force", 2)
    assert (row["cause"], row["actor"], row["arguments"]) == ("operator", "operator", {"from": 1, "to": 2})
    assert (row["changes"], row["effects"]) == ({"renewals": 1}, [])
    stored = released.stored(old)
    assert (stored["version"], stored["state"], stored["live_key"]) == (2, "in_force", "org_old")
    assert [row.target for row in released.travel("2026-03-02")] == ["in_force", "in_force"]


def test_what_is_due_fires_before_a_migration(released: World, old: Answer) -> None:
    """Down until 1 February: the reminder and the renewal of January are the first release's."""
    released.clock.move_to(utc("2026-02-01"))
    migrate(released, old)
    assert [(row["event"], row["version"]) for row in released.log(old)] == [
        ("signed", 1),
        ("reminder_falls_due", 1),
        ("term_ends", 1),
        ("migrated", 2),
    ]


def test_a_migrated_instance_is_not_migrated_again(released: World, old: Answer) -> None:
    """Nothing would change, and nothing is logged."""
    migrate(released, old)
    before = released.dump()
    with pytest.raises(Refused) as refusal:
        migrate(released, old)
    assert refusal.value.code == "no_change"
    with pytest.raises(NotFound):
        migrate(released, Answer("con_gone", "", {}, 0))
    assert released.dump() == before


def test_a_migration_into_a_state_that_is_not_there_is_refused(released: World, old: Answer, url: str) -> None:
    """A third release that forgot a state can't have the instance, which stays as it is."""
    migrate(released, old)
    before = released.dump()
    world = World(url, machines=[CONTRACT, CONTRACT_2, CONTRACT_3])
    with pytest.raises(DefinitionError, match="has no state 'forgotten', to which 'in_force' of version 2"):
        migrate(world, old)
    world.close()
    assert released.dump() == before


def test_stored_states_without_a_definition_are_all_named(released: World, old: Answer) -> None:
    """A release that knows neither the first contract nor the beacons can say what it lacks."""
    migrate(released, old)
    released.sign("org_new")
    stored = {(row["machine"], row["version"], row["state"]) for row in released.rows("instances")}
    load_machines([CONTRACT, CONTRACT_2]).check_stored(stored)
    with pytest.raises(DefinitionError) as error:
        load_machines([BEACON, CONTRACT_2]).check_stored(
            [*stored, ("contract", 1, "running"), ("beacon", 1, "broken"), ("beacon", 1, "lit"), ("lease", 1, "new")]
        )
    assert (
        "instances without a definition: beacon version 1 in state 'broken', contract version 1 in state 'running', "
        "lease version 1 in state 'new'."
    ) in str(error.value)


def test_an_instance_without_a_definition_is_its_roots_trouble(released: World, old: Answer, url: str) -> None:
    """Another daemon's newer release has stored something: this one leaves it aside and goes on with the rest."""
    newer = released.sign("org_new")
    world = World(url, machines=[CONTRACT])
    fired = world.wake("2026-01-21")
    world.close()
    assert [row.instance_id for row in fired] == [old.id]
    assert released.root(newer)["error"] == "DefinitionError: No machine 'contract', version 2, is configured."
