"""The transition log: whole, in order, sealed, and without a word about persons."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs

from lifecycle.engine.commands import Creation
from tests.contract.world import START, World, counted_again
from tests.unit.machine_world import ACCOUNT, utc

pytestmark = pytest.mark.sampled


def test_each_roots_rows_are_numbered_without_a_gap(world: World) -> None:
    """Two subscriptions and a beacon, fired together, each count their own rows from one (rules A12, X7)."""
    first, second, beacon = world.subscribe("acct_1"), world.subscribe("acct_2"), world.light(every=86400)
    world.travel("2026-03-15")
    world.send(first, "add_seats")
    assert [row["seq"] for row in world.log(first)] == [1, 2, 3, 4]
    assert [row["seq"] for row in world.log(second)] == [1, 2, 3]
    assert [row["seq"] for row in world.log(beacon)] == list(range(1, 75))  # lit, and the 73 days to 15 March
    assert [world.root(root)["seq"] for root in (first, second, beacon)] == [4, 3, 74]


def test_each_row_is_sealed_with_the_one_before(world: World) -> None:
    """The hashes are those that hashlib and json give for the rows as they are stored; the last is the root's head."""
    bought = world.subscribe()
    world.travel("2026-03-15")
    world.send(bought, "cancel", reason="too dear", at="period_end")
    world.travel("2026-05-01")
    rows = world.log(bought)
    assert [row["event"] for row in rows][-2:] == ["cancel", "end_date_arrives"]
    assert [row["hash"] for row in rows] == counted_again(rows)
    assert world.root(bought)["head"] == rows[-1]["hash"]


@pytest.mark.parametrize("number", [1e16, -0.0, 0.1, 2**70, "\N{SNOWMAN}", "\u2028"])
def test_what_facts_hold_is_sealed_as_it_is_read_back(world: World, number: object) -> None:
    """Numbers and letters that a database could store as others leave the chain whole."""
    rows = world.log(world.light(power=number))
    assert rows[0]["changes"]["power"] == number
    assert [row["hash"] for row in rows] == counted_again(rows)


def test_a_row_tells_who_and_when(world: World) -> None:
    """A cycle of 1 February that fires on the 3rd, after a downtime, and a command on the same day."""
    bought = world.subscribe()
    world.wake("2026-02-03 12:30")
    world.send(bought, "add_seats", seats=1)
    _, cycle, seats = world.log(bought)
    assert (cycle["cause"], cycle["actor"], cycle["due_at"]) == ("deferral", "scheduler", utc("2026-02-01"))
    assert (cycle["fired_at"], cycle["recorded_at"]) == (utc("2026-02-03 12:30"), utc("2026-02-03 12:30"))
    assert (seats["cause"], seats["actor"], seats["due_at"]) == ("command", "usr_1", utc("2026-02-03 12:30"))
    assert (seats["source"], seats["target"], seats["arguments"]) == ("active", "active", {"seats": 1})


def test_the_changes_of_all_rows_together_are_the_facts(world: World) -> None:
    """Folding the log, with null for what went, gives the facts: a change is withdrawn, another one takes place."""
    bought = world.subscribe()
    world.send(bought, "schedule_change", plan="pro", at="next_cycle")
    world.send(bought, "withdraw_change")
    world.send(bought, "schedule_change", plan="basic", at="next_cycle")
    world.travel("2026-02-10")
    folded: dict[str, object] = {}
    for row in world.log(bought):
        folded |= row["changes"]
    assert {key: value for key, value in folded.items() if value is not None} == world.stored(bought)["facts"]
    assert [row["changes"].get("pending", "untouched") for row in world.log(bought)][2:4:2] == [None]


def test_reasons_stand_apart_from_the_log(world: World) -> None:
    """The log names a reason by its id, so that it can be erased without breaking a seal."""
    bought = world.subscribe()
    world.send(bought, "add_seats", reason="Ann Example asked for it by phone")
    [reason] = world.rows("reasons")
    assert (reason["root_id"], reason["text"]) == (bought.id, "Ann Example asked for it by phone")
    assert [row["reason_id"] for row in world.log(bought)] == [None, reason["id"]]
    world.alter("DELETE FROM lifecycle_reasons")
    assert [row["hash"] for row in world.log(bought)] == counted_again(world.log(bought))


def test_neither_log_nor_log_lines_hold_a_name_or_an_address(world: World) -> None:
    """Nothing of what the account says about a person, and no reason, is in a log row or on a line."""
    with capture_logs() as lines:
        bought = world.subscribe()
        world.send(bought, "cancel", reason="Ann is leaving", at="period_end")
        world.travel("2026-02-01")
    told = f"{world.dump()['lifecycle_log']} {lines}"
    assert len(lines) == len(world.log(bought)) == 3
    assert [word for word in (ACCOUNT.name, ACCOUNT.email, "Ann") if word in told] == []


def test_a_commit_tells_when_to_look_again(world: World) -> None:
    """The scheduler hears the earliest instant of what was written, and only once it is committed."""
    heard: list[datetime | None] = []
    world.engine.listeners.append(lambda committed: heard.append(committed.wake_at))
    bought = world.subscribe()
    world.send(bought, "schedule_change", plan="pro", at=(START + timedelta(days=9)).isoformat())
    world.refused(bought, "add_seats", version=1)
    world.send(bought, "cancel_now")
    assert heard == [utc("2026-02-01"), utc("2026-01-10"), utc("2026-01-10"), None]
    assert world.engine.store.next_wake_at() is None


def test_a_commit_of_several_roots_tells_the_earliest(world: World) -> None:
    """Beacons of three, one and two hours are lit together: the scheduler is to look in one hour."""
    heard: list[datetime | None] = []
    world.engine.listeners.append(lambda committed: heard.append(committed.wake_at))
    with world.engine.work() as work:
        for hours in (3, 1, 2):
            work.create(Creation("beacon", "lights", "usr_1", "bea", None, None, {"every": hours * 3600}))
    assert heard == [world.engine.store.next_wake_at()] == [utc("2026-01-01 01:00")]
