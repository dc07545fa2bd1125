"""Each destination is delivered to beside the others: one that hangs holds up nobody else, and no charge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Barrier, Event

import pytest
from structlog.testing import capture_logs

from lifecycle import Lifecycle, SystemClock, Transition
from lifecycle.app.lanes import FEW, Lanes
from lifecycle.engine.relay import Relay, Relayed
from lifecycle.gateways.protocol import Charge, Outcome
from lifecycle.store.database import Database
from lifecycle.store.outbox import SqlOutbox
from tests.contract.threads import wait_until
from tests.integration.test_rules import utc
from tests.integration.world import PROJECT, travelling
from tests.schema import give_schema
from tests.torture.cards import Cards

pytestmark = pytest.mark.sampled


@contextmanager
def shop(database_url: str) -> Iterator[Lifecycle]:
    """A shop by the real clock, with an account and no mail."""
    environ = {"LIFECYCLE_DATABASE__URL": database_url, "LIFECYCLE_MAIL__USE": "none"}
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", environ=environ)
    give_schema(lifecycle.database)
    lifecycle.accounts.create("acme", email="ann@acme.test")
    lifecycle.payment_methods.add("acme", "ok")
    try:
        yield lifecycle
    finally:
        lifecycle.close()


def statuses(lifecycle: Lifecycle) -> dict[str, str]:
    """Of the last message to each destination."""
    return {message.destination: message.status for message in lifecycle.outbox.list()}


def test_a_handler_that_hangs_holds_up_neither_another_nor_a_charge(database_url: str) -> None:
    """The subscription is bought and charged, and the other handler is told, while the first still hangs (X344)."""
    with shop(database_url) as lifecycle:
        begun, free, told = Event(), Event(), list[str]()

        @lifecycle.handler("subscription.subscribed", name="a_slow_one")
        def hang(_transition: object) -> None:
            begun.set()
            free.wait(20)

        lifecycle.handler("subscription.subscribed", "invoice.*", name="quick")(lambda one: told.append(one.event))
        lifecycle.subscriptions.create("acme", plan="basic", trial=False, by="ann@acme.test")
        lifecycle.relay_in_lanes()
        assert begun.wait(10)
        wait_until(lambda: told == ["drafted", "subscribed", "opened", "charged"])
        assert statuses(lifecycle)["handler:a_slow_one"] == "leased"
        free.set()
        wait_until(lambda: statuses(lifecycle)["handler:a_slow_one"] == "delivered")


class Together(Cards):
    """A gateway that answers once two charges are asked for at the same time."""

    meeting = Barrier(2)

    def charge(self, charge: Charge) -> Outcome:
        """Wait for another one."""
        self.meeting.wait(10)
        return Outcome("succeeded", charge.key, charge.amount, utc("2026-02-28"))


def test_charges_are_asked_for_at_once(database_url: str) -> None:
    """A gateway takes its time for each, so that a storm of renewals is not charged one after the other (X345)."""
    environ = {"LIFECYCLE_GATEWAY__USE": f"{__name__}:Together", "LIFECYCLE_GATEWAY__AT_ONCE": "2"}
    with travelling(database_url, "2026-01-31T09:00+00:00", **environ) as (lifecycle, clock):
        for name in map(str, range(2 * FEW)):  # for two who take so many at a time
            lifecycle.accounts.create(name, email=f"ann-{name}@acme.test", payment_method=True)
            lifecycle.subscriptions.create(name, plan="basic", by="system")
        clock.move_to(utc("2026-02-14 09:00"))
        lifecycle.fire_due()
        lifecycle.relay_in_lanes()
        wait_until(lambda: [one.status for one in lifecycle.invoices.list()] == ["paid"] * 2 * FEW)


def test_what_comes_while_a_lane_is_at_work_is_delivered_by_it(database_url: str) -> None:
    """Who asks meanwhile starts no second thread, and is not forgotten."""
    with shop(database_url) as lifecycle:
        begun, free, told = Event(), Event(), list[str]()

        @lifecycle.handler("account.edited", name="one")
        def note(transition: object) -> None:
            told.append(str(transition))
            begun.set()
            free.wait(20)

        lifecycle.accounts.edit("acme", name="Acme", by="operator")
        lifecycle.relay_in_lanes()
        assert begun.wait(10)
        lifecycle.accounts.edit("acme", name="Acme Ltd", by="operator")
        assert lifecycle.relay_in_lanes() == Relayed()
        free.set()
        wait_until(lambda: len(told) == 2)


def test_who_asks_as_a_lane_ends_has_it_look_once_more() -> None:
    """What was committed after its last look is not left to the next run of the job."""
    lanes, looks, free = Lanes(), list[str](), Event()

    def relay() -> Relay:
        looks.append("look")
        free.wait(20)
        return Relay(SqlOutbox(Database("sqlite://")), SystemClock(), {})

    lanes.start("handler:one", relay)
    lanes.start("handler:one", relay)
    free.set()
    wait_until(lambda: len(looks) == 2)
    lanes.stop()


def test_who_stops_waits_for_what_has_begun(database_url: str) -> None:
    """And begins nothing more."""
    with shop(database_url) as lifecycle:
        begun, free, told = Event(), Event(), list[Transition]()

        @lifecycle.handler("account.edited", name="one")
        def note(transition: Transition) -> None:
            begun.set()
            free.wait(20)
            told.append(transition)

        for name in ("Acme", "Acme Ltd"):
            lifecycle.accounts.edit("acme", name=name, by="operator")
        lifecycle.relay_in_lanes()
        assert begun.wait(10)
        free.set()
        lifecycle.close()
        assert [message.status for message in lifecycle.outbox.list()] == ["delivered"] * len(told) + ["waiting"] * (
            2 - len(told)
        )
        assert told


def test_a_lane_that_fails_says_so_and_begins_again() -> None:
    """When it is started once more; the trouble is its own."""
    lanes, asked = Lanes(), list[str]()

    def relay() -> Relay:
        asked.append("relay")
        raise OSError("the disk is full")

    with capture_logs() as lines:
        for _ in range(2):
            lanes.start("handler:one", relay)
            lanes.stop()
    assert [(line["event"], line["destination"], line["error"]) for line in lines] == [
        ("lane_failed", "handler:one", "the disk is full")
    ] * 2
    assert asked == ["relay", "relay"]
