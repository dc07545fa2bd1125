"""Travelling: everything due fires by itself, in order, each at its own instant, and nothing early (C3, C6, C7)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest
from statemachine import State

from lifecycle.domain.machine import Json, Machine
from lifecycle.engine.clock import Clock, SystemClock, VirtualClock
from lifecycle.engine.commands import Creation
from lifecycle.engine.engine import Engine
from lifecycle.engine.ids import Ids, counting
from lifecycle.engine.records import LogRecord
from lifecycle.engine.registry import Registry
from lifecycle.errors import LifecycleError
from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.store.transaction import SqlStore, SqlTransaction
from tests.integration.world import travelling
from tests.timetravel.shop import IN_MEMORY, open_shop
from tests.unit.machine_world import at, utc

MICROSECOND = timedelta(microseconds=1)


class Household(Machine[Json, None]):
    """Each morning the cock crows, and then, at the same instant, the dog barks and somebody rises; a month long."""

    kind = "household"
    deferred = ("rise", "crow", "bark")

    new = State(initial=True)
    lively = State()
    gone = State(final=True)

    founded = new.to(lively, on="begin")
    crow = lively.to(lively, on="hear")
    bark = lively.to(lively, on="hear")
    rise = lively.to(lively, on="hear")
    leave = lively.to(gone)

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """All three at the instants that the facts hold."""
        del state
        return {event: datetime.fromisoformat(instant) for event, instant in facts.items()}

    def begin(self) -> None:
        """The first morning."""
        self.become(dict.fromkeys(("bark", "crow", "rise"), self.arguments["at"]))

    def hear(self) -> None:
        """The same on the next morning."""
        event = self.model.stimulus.event
        self.become(self.facts | {event: (self.now + timedelta(days=1)).isoformat()})


def households(clock: Clock) -> Engine[SqlTransaction]:
    """An engine that runs households, on a database of its own."""
    database = Database(IN_MEMORY)
    with database.writing() as connection:
        schema.metadata.create_all(connection)
    return Engine(SqlStore(database), Registry([Household]), clock, Ids(clock, counting()))


def found(engine: Engine[SqlTransaction], first_morning: datetime) -> str:
    """A new household's id."""
    creation = Creation("household", "founded", "ann", "home", arguments={"at": first_morning.isoformat()})
    return engine.attempt(lambda work: work.create(creation)).id


def told(transitions: list[LogRecord], names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Who, what and when, in the order in which it happened."""
    return [(names[row.instance_id], row.event, f"{row.due_at:%Y-%m-%d %H:%M}") for row in transitions]


def test_all_subscriptions_move_together_in_the_order_of_their_instants(database_url: str) -> None:
    """From 31 January to 31 March: monthly since then, a trial since 1 February, and an end on 15 March at noon."""
    with open_shop(utc("2026-01-31"), database_url) as shop:
        shop.subscribe("ann", "team")
        shop.engine.advance_to(utc("2026-02-01"))
        shop.subscribe("bob", "basic")
        shop.subscribe("eve", "pro")
        shop.command("eve", "cancel", at=at("2026-03-15T12:00"))
        happened = shop.engine.advance_to(utc("2026-03-31"))
        assert told(happened, {subscription: name for name, subscription in shop.ids.items()}) == [
            ("bob", "trial_ends", "2026-02-15 00:00"),
            ("ann", "cycle_starts", "2026-02-28 00:00"),
            ("eve", "cycle_starts", "2026-03-01 00:00"),
            ("bob", "cycle_starts", "2026-03-15 00:00"),
            ("eve", "end_date_arrives", "2026-03-15 12:00"),
            ("ann", "cycle_starts", "2026-03-31 00:00"),
        ]
        assert [row.fired_at for row in happened] == [row.due_at for row in happened]
        assert shop.clock.now() == utc("2026-03-31")


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_batches_that_do_not_hold_all_keep_the_order(batch: int) -> None:
    """Five that renew on days of their own, for three months, in batches of fewer than five."""
    with open_shop(utc("2026-01-01"), batch=batch) as shop:
        for day, name in enumerate(("ann", "bob", "eve", "joe", "kim"), 1):
            shop.engine.advance_to(utc(f"2026-01-{day:02}"))
            shop.subscribe(name, "team")
        happened = shop.engine.advance_to(utc("2026-04-30"))
        assert [f"{row.due_at:%m-%d}" for row in happened] == [
            f"{month:02}-{day:02}" for month in (2, 3, 4) for day in (1, 2, 3, 4, 5)
        ]


def test_nothing_fires_early() -> None:
    """A microsecond before the cycle's start nothing happens; at its start it happens."""
    with open_shop(utc("2026-01-31")) as shop:
        shop.subscribe("ann", "team")
        assert shop.engine.advance_to(utc("2026-02-28") - MICROSECOND) == []
        assert [row.event for row in shop.engine.advance_to(utc("2026-02-28"))] == ["cycle_starts"]


def test_travelling_back_is_standing_still() -> None:
    """Nobody can undo what has happened; the clock stays where it is."""
    with open_shop(utc("2026-01-31")) as shop:
        shop.subscribe("ann", "team")
        shop.engine.advance_to(utc("2026-03-01"))
        assert shop.engine.advance_to(utc("2026-02-01")) == []
        assert shop.clock.now() == utc("2026-03-01")


def test_at_one_instant_the_machine_says_the_order_and_then_the_id() -> None:
    """For two mornings two households rise, then crow, then bark, as the machine lists them; the older one first."""
    clock = VirtualClock(utc("2026-03-01"))
    engine = households(clock)
    first, second = (found(engine, utc("2026-03-02T06:00")) for _ in range(2))
    happened = engine.advance_to(utc("2026-03-03T06:00"))
    assert told(happened, {first: "first", second: "second"}) == [
        (household, event, f"2026-03-{day} 06:00")
        for day in ("02", "03")
        for event in ("rise", "crow", "bark")
        for household in ("first", "second")
    ]


def test_a_real_clock_is_not_moved() -> None:
    """It has a code of its own, and nothing fires."""
    engine = households(SystemClock())
    found(engine, utc("2026-03-02"))
    with pytest.raises(LifecycleError, match="Only a virtual clock can be moved") as refused:
        engine.advance_to(utc("2030-01-01"))
    assert refused.value.code == "clock_is_real"
    assert engine.store.next_wake_at() == utc("2026-03-02")


def test_a_scheduler_takes_no_number_from_those_of_the_history(database_url: str) -> None:
    """Who travels by it gets the same identifiers as who does not (rule G4)."""
    with travelling(database_url, "2026-03-01T00:00+00:00") as (lifecycle, clock):
        with lifecycle.start():
            pass
        account = lifecycle.accounts.create("acme", email="acme@example.com")
        assert account.id == Ids(clock, counting()).new("acct")
