"""A daemon that was down writes the history of one that never was (rule C4), and each transition is nominal (C3)."""

from __future__ import annotations

from tests.timetravel.shop import open_shop
from tests.unit.machine_world import at, utc

NOMINAL = (
    *("seq", "machine", "version", "event", "source", "target", "cause", "actor", "due_at"),
    *("arguments", "changes", "effects"),
)
"""All of a row but its ids, its hash, and when it was fired and recorded."""


def test_a_week_of_downtime(database_url: str) -> None:
    """Down from 10 to 17 February, a trial that ended on the 15th became a month that is counted from the 15th."""
    with open_shop(utc("2026-02-01"), database_url) as shop:
        shop.subscribe("ann", "basic")
        shop.clock.move_to(utc("2026-02-17T09:00"))
        assert [row.event for row in shop.catch_up()] == ["trial_ends"]
        (_, row) = shop.logged("event", "due_at", "fired_at", "changes")
        event, due_at, fired_at, changes = row
        assert (event, due_at, fired_at) == ("trial_ends", utc("2026-02-15"), utc("2026-02-17T09:00"))
        assert isinstance(changes, dict)
        assert (changes["anchor"], changes["period_end"]) == (at("2026-02-15"), at("2026-03-15"))
        assert shop.engine.store.next_wake_at() == utc("2026-03-15")


def test_three_months_of_downtime(database_url: str) -> None:
    """Down from 1 February to 1 May: all that was missed fires in nominal order, each for its own instant."""
    with open_shop(utc("2026-01-31"), database_url) as shop:
        shop.subscribe("ann", "team")
        shop.subscribe("bob", "basic")
        shop.subscribe("eve", "team")
        shop.command("bob", "schedule_change", plan="pro", at="next_cycle")
        shop.command("eve", "schedule_change", plan="pro", at=at("2026-03-10"))
        shop.command("eve", "cancel", at=at("2026-04-15T12:00"))
        shop.clock.move_to(utc("2026-05-01T09:00"))
        happened = shop.catch_up()
        names = {subscription: name for name, subscription in shop.ids.items()}
        assert [(names[row.instance_id], row.event, f"{row.due_at:%m-%d %H:%M}", row.target) for row in happened] == [
            ("bob", "trial_ends", "02-14 00:00", "active"),
            ("ann", "cycle_starts", "02-28 00:00", "active"),
            ("eve", "cycle_starts", "02-28 00:00", "pending_cancellation"),
            ("eve", "change_takes_effect", "03-10 00:00", "pending_cancellation"),
            ("bob", "cycle_starts", "03-14 00:00", "active"),
            ("ann", "cycle_starts", "03-31 00:00", "active"),
            ("eve", "cycle_starts", "04-10 00:00", "pending_cancellation"),
            ("bob", "cycle_starts", "04-14 00:00", "active"),
            ("eve", "end_date_arrives", "04-15 12:00", "ended"),
            ("ann", "cycle_starts", "04-30 00:00", "active"),
        ]
        assert {row.fired_at for row in happened} == {utc("2026-05-01T09:00")}
        assert shop.engine.store.next_wake_at() == utc("2026-05-14")
