"""Idempotency keys: the same command again gets the first answer again, for thirty days (rule B10)."""

from __future__ import annotations

import pytest

from lifecycle.engine.commands import Answer, Creation
from lifecycle.engine.work import Work
from lifecycle.errors import Refused
from lifecycle.store.transaction import SqlTransaction
from tests.contract.threads import at_once
from tests.contract.world import World
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled


def test_the_same_command_again_gets_the_same_answer_again(world: World) -> None:
    """Nothing happens the second time, and the answer is the first one, even after the subscription has moved on."""
    bought = world.subscribe()
    first = world.send(bought, "add_seats", key="k1", seats=2)
    world.send(bought, "add_seats", seats=5)
    before = world.dump()
    assert world.send(bought, "add_seats", key="k1", seats=2) == first
    assert world.send(bought, "add_seats", key="k1", seats=2, version=1) == first
    assert world.dump() == before


def test_another_command_with_the_key_is_refused(world: World) -> None:
    """Other arguments, another event or another subscription of the account: a conflict, and nothing changes."""
    bought, other = world.subscribe(), world.light()
    world.send(bought, "add_seats", key="k1", seats=2)
    before = world.dump()
    assert world.refused(bought, "add_seats", key="k1", seats=3) == "idempotency_conflict"
    assert world.refused(bought, "cancel_now", key="k1") == "idempotency_conflict"
    assert world.refused(other, "add_seats", key="k1", seats=2) == "idempotency_conflict"
    assert world.dump() == before


def test_a_refusal_is_not_remembered(world: World) -> None:
    """Refused with a key, the command can come again with that key, and succeed."""
    bought = world.subscribe()
    assert world.refused(bought, "withdraw_change", key="k1") == "no_pending_change"
    world.send(bought, "schedule_change", plan="pro", at="next_cycle")
    assert world.send(bought, "withdraw_change", key="k1").state == "active"
    assert "pending" not in world.stored(bought)["facts"]


def test_a_key_is_remembered_for_thirty_days(world: World) -> None:
    """Used on 1 January, it still answers at the last microsecond of the 30 days, and is forgotten after them."""
    bought = world.subscribe()
    first = world.send(bought, "add_seats", key="k1", seats=1)
    world.clock.move_to(utc("2026-01-31"))
    assert world.send(bought, "add_seats", key="k1", seats=1) == first
    world.clock.move_to(utc("2026-01-31 00:00:00.000001"))
    assert world.send(bought, "add_seats", key="k1", seats=1).version == 3
    [answer] = world.rows("answers")
    assert (answer["key"], answer["created_at"]) == ("k1", utc("2026-01-31 00:00:00.000001"))


def test_a_key_belongs_to_its_account(world: World) -> None:
    """Two accounts may use the same key for different purchases."""
    first, second = world.subscribe("acct_1", key="k1"), world.subscribe("acct_2", key="k1", seats=3)
    assert first.id != second.id
    assert world.subscribe("acct_1", key="k1") == first


def test_a_creation_with_a_key_happens_once(world: World) -> None:
    """The same purchase again gets the first subscription; another one with the key is a conflict."""
    first = world.subscribe("acct_1", key="k1")
    assert world.subscribe("acct_1", key="k1") == first
    with pytest.raises(Refused) as refusal:
        world.subscribe("acct_1", key="k1", seats=9)
    assert refusal.value.code == "idempotency_conflict"
    assert len(world.rows("instances")) == 1


def test_threads_with_one_key_have_one_effect(world: World) -> None:
    """Eight threads send the same command at once, then the same purchase: one log row each, one answer for all."""
    bought = world.subscribe()
    for act in (
        lambda: world.send(bought, "add_seats", key="k1", seats=1),
        lambda: world.subscribe("acct_2", key="k2"),
    ):
        first, *others = at_once(8, act)
        assert others == [first] * 7
    assert [row["event"] for row in world.rows("log")] == ["subscribed", "add_seats", "subscribed"]


def test_a_key_used_between_looking_and_writing_is_seen(server: World) -> None:
    """Somebody else's purchase with the same key is committed after ours has looked for it: theirs is the answer."""
    purchase = Creation("beacon", "lights", "usr_1", "bea", None, "acct_1", {"every": 60}, key="k1")
    theirs: list[Answer] = []

    def buy(work: Work[SqlTransaction]) -> Answer:
        answer = work.create(purchase)
        if not theirs:
            theirs.append(server.create(purchase))
        return answer

    assert server.engine.attempt(buy) == theirs[0]
    assert [row["id"] for row in server.rows("instances")] == [theirs[0].id]
