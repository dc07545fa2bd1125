"""The engine runs a machine of a host's own, from a file outside the package, and knows nothing of subscriptions."""

from __future__ import annotations

import pytest

from lifecycle.engine.commands import Answer
from lifecycle.errors import Refused
from tests.contract.world import CONTRACT, CONTRACT_2, World, counted_again
from tests.unit.machine_world import utc


def test_the_whole_life_of_a_contract(url: str) -> None:
    """A contract is signed, reminded, renewed twice, refuses and takes a notice, moves to a new release, and lapses."""
    world = World(url, machines=[CONTRACT])
    # signed on 1 January for terms of 30 days: they end on 31 January, 2 March and 1 April
    contract = world.sign("org_7", days=30)
    assert (contract.state, contract.version) == ("running", 1)
    assert world.deferrals(contract) == {"term_ends": utc("2026-01-31"), "reminder_falls_due": utc("2026-01-21")}

    assert [(str(row.due_at.date()), row.event) for row in world.travel("2026-03-10")] == [
        ("2026-01-21", "reminder_falls_due"),
        ("2026-01-31", "term_ends"),
        ("2026-02-20", "reminder_falls_due"),
        ("2026-03-02", "term_ends"),
    ]
    assert world.stored(contract)["facts"] == {
        "party": "org_7",
        "days": 30,
        "term": 3,
        "ends_at": "2026-04-01T00:00:00+00:00",
        "reminder_at": "2026-03-22T00:00:00+00:00",
    }

    with pytest.raises(Refused, match="No notice was given") as refusal:
        world.send(contract, "take_back")
    assert refusal.value.code == "no_notice"

    world = _released(world, url)
    moved = world.engine.attempt(lambda work: work.migrate(contract.id, "operator"))
    assert (moved.state, moved.facts["renewals"], moved.version) == ("in_force", 2, 6)

    # the reminder of 22 March goes out, then it is too late for a notice in this term: it ends on 1 April
    world.travel("2026-03-25")
    assert world.refused(contract, "give_notice") == "notice_too_late"
    world.travel("2026-04-02")
    assert world.send(contract, "give_notice").state == "in_notice"
    assert world.deferrals(contract) == {"term_ends": utc("2026-05-01")}  # the reminder is withdrawn
    world.travel("2026-12-31")

    log = world.log(contract)
    assert [(row["seq"], row["event"], row["source"], row["target"], row["version"]) for row in log] == [
        (1, "signed", None, "running", 1),
        (2, "reminder_falls_due", "running", "running", 1),
        (3, "term_ends", "running", "running", 1),
        (4, "reminder_falls_due", "running", "running", 1),
        (5, "term_ends", "running", "running", 1),
        (6, "migrated", "running", "in_force", 2),
        (7, "reminder_falls_due", "in_force", "in_force", 2),
        (8, "term_ends", "in_force", "in_force", 2),
        (9, "give_notice", "in_force", "in_notice", 2),
        (10, "term_ends", "in_notice", "lapsed", 2),
    ]
    assert log[-1]["effects"] == [{"effect": "letter", "kind": "lapsed"}]
    assert counted_again(log) == [row["hash"] for row in log]
    assert world.stored(contract)["state"] == "lapsed"
    assert world.deferrals(contract) == {}
    assert world.engine.store.next_wake_at() is None
    # the party is free for another contract
    assert _signed_again(world).state == "in_force"
    world.close()


def _released(world: World, url: str) -> World:
    """The world on the day of the second release."""
    world.close()
    later = World(url, machines=[CONTRACT, CONTRACT_2])
    later.clock.move_to(world.clock.now())
    return later


def _signed_again(world: World) -> Answer:
    return world.sign("org_7")
