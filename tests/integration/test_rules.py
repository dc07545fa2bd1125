"""Rules that are about the whole and not about one machine's step or one part, shown through the API."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from lifecycle import Lifecycle, Refused
from lifecycle.app.lifecycle import located
from lifecycle.domain.matrix import matrix_of
from lifecycle.engine.commands import Command
from lifecycle.store import schema
from lifecycle_machines.subscription import SubscriptionMachine
from tests.integration.world import travelling

pytestmark = pytest.mark.sampled

ADMIN = "ann@acme.test"
START = "2026-01-31T09:00+00:00"


def utc(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def lifecycle(database_url: str) -> Iterator[Lifecycle]:
    """31 January 2026, 09:00 UTC, with one account in UTC that can pay."""
    with travelling(database_url, START) as (lifecycle, _clock):
        lifecycle.accounts.create("acme", email=ADMIN, payment_method=True)
        yield lifecycle


def bought(lifecycle: Lifecycle, plan: str = "team") -> str:
    """The id of a monthly subscription of acme, bought now."""
    return lifecycle.subscriptions.create("acme", plan=plan, interval="month", trial=False, by=ADMIN).id


def log_rows(lifecycle: Lifecycle) -> list[tuple[object, ...]]:
    """Every row of the log, hashes included, root by root."""
    query = select(schema.log).order_by(schema.log.c.root_id, schema.log.c.seq)
    with lifecycle.database.reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


# The log and the deferrals


def test_no_row_of_the_log_is_changed(lifecycle: Lifecycle) -> None:
    """After a year and an end, the rows of the first day are what they were (A11)."""
    acme = bought(lifecycle)
    lifecycle.subscriptions.change(acme, plan="basic", seats=1, by=ADMIN, reason="too large")
    first_day = log_rows(lifecycle)
    lifecycle.advance_to(utc("2027-01-31T09:00"))
    lifecycle.subscriptions.cancel(acme, when="now", by=ADMIN)

    assert len(first_day) == 7  # the order, its invoice, what they came to, and the change
    assert log_rows(lifecycle)[:7] == first_day


def test_what_stays_in_its_state_is_a_row_and_counts(lifecycle: Lifecycle) -> None:
    """A renewal and more seats leave the subscription active; each is a row, and the version its number (I27)."""
    acme = bought(lifecycle)
    lifecycle.advance_to(utc("2026-02-28T09:00"))
    grown = lifecycle.subscriptions.add_seats(acme, 2, by=ADMIN)

    steps = [(step.seq, step.event, step.source, step.target) for step in lifecycle.subscriptions.history(acme)]
    assert steps == [
        (4, "subscribed", None, "active"),  # after its order and the order's invoice, before the invoice is paid
        (8, "cycle_starts", "active", "active"),  # after its reminder
        (14, "add_seats", "active", "active"),
    ]
    assert grown.version == 16


def test_a_deferral_has_no_arguments() -> None:
    """Whose, which event, and when; there is no place for more (X8)."""
    assert schema.deferrals.c.keys() == ["instance_id", "event", "root_id", "due_at"]


def test_two_runs_are_the_same_to_the_last_byte() -> None:
    """On a virtual clock with counted ids, the same story gives the same rows and hashes (G4)."""

    def story() -> list[tuple[object, ...]]:
        with travelling("sqlite://", START) as (lifecycle, clock):
            lifecycle.accounts.create("acme", email=ADMIN, zone="Europe/Paris", payment_method=True)
            acme = bought(lifecycle, "basic")
            lifecycle.subscriptions.change(acme, plan="team", when="2026-04-05", by=ADMIN, reason="more of us")
            clock.move_to(utc("2026-03-20T00:00"))
            lifecycle.advance_to(utc("2027-01-01T00:00"))
            return log_rows(lifecycle)

    assert len(story()) == 51
    assert story() == story()


# Commands


def test_two_who_subscribe_at_once_get_one_subscription(lifecycle: Lifecycle) -> None:
    """Of two plans of one family, taken in the same moment, the second is refused: `already_subscribed` (A5), or
    `order_in_progress` while the first is being charged (B9)."""
    ends: list[str] = []
    together = threading.Barrier(2)

    def subscribe(plan: str) -> None:
        together.wait()
        try:
            ends.append(lifecycle.subscriptions.create("acme", plan=plan, trial=False, by=ADMIN).state)
        except Refused as refused:
            ends.append(refused.code)

    threads = [threading.Thread(target=subscribe, args=[plan]) for plan in ("basic", "team")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(ends)[0] == "active"
    assert sorted(ends)[1] in ("already_subscribed", "order_in_progress")


def test_what_cannot_be_meant_is_refused_before_all_else(lifecycle: Lifecycle) -> None:
    """No seats, of a subscription that is not there: `invalid`; a date needs its zone, so `not_found` (I14, X5)."""
    with pytest.raises(Refused) as no_seats:
        lifecycle.subscriptions.change("sub_none", seats=0, by=ADMIN)
    with pytest.raises(Refused) as no_date:
        lifecycle.subscriptions.change("sub_none", plan="team", when="soon", by=ADMIN)
    assert (no_seats.value.code, no_date.value.code) == ("invalid", "not_found")


@pytest.mark.parametrize("event", ["cycle_starts", "end_date_arrives"])
def test_a_deferred_event_cannot_be_commanded(lifecycle: Lifecycle, event: str) -> None:
    """A cycle can't be started before it is due, nor an end brought about that nobody asked for (C7, X5)."""
    acme = bought(lifecycle)
    with pytest.raises(Refused) as refused:
        lifecycle.engine.command(Command(acme, event, "operator"))
    assert refused.value.code == "not_allowed"
    assert len(lifecycle.subscriptions.history(acme)) == 1


def test_changes_and_cancellations_wait_unless_they_say_when(lifecycle: Lifecycle) -> None:
    """A change waits for the next cycle, a cancellation for the period's end (X9)."""
    acme = bought(lifecycle)
    changed = lifecycle.subscriptions.change(acme, plan="basic", by=ADMIN)
    assert changed.pending is not None
    assert changed.pending.due_at == utc("2026-02-28T09:00")
    assert lifecycle.subscriptions.cancel(acme, by=ADMIN).ends_at == utc("2026-02-28T09:00")


def test_a_change_rule_may_have_a_code_of_the_hosts_own(database_url: str) -> None:
    """`ask_sales` is in no table of ours, and is what the caller gets (D3, X6)."""
    rules = '[{from: team, refuse: ask_sales, message: "Call us on 555-0100."}]'
    with travelling(database_url, START, LIFECYCLE_POLICIES__CHANGE=rules) as (lifecycle, _clock):
        lifecycle.accounts.create("acme", email=ADMIN, payment_method=True)
        with pytest.raises(Refused, match=r"Call us on 555-0100\.") as refused:
            lifecycle.subscriptions.change(bought(lifecycle), plan="basic", by=ADMIN)
        assert refused.value.code == "ask_sales"


# Names and places


def test_the_events_of_the_log_have_published_names() -> None:
    """Programs rely on them (H1)."""
    matrix = matrix_of(SubscriptionMachine)
    assert {*matrix.creations, *matrix.commands, *matrix.deferred} == {
        "subscribed",
        "activate",
        "change_now",
        "schedule_change",
        "withdraw_change",
        "add_seats",
        "cancel",
        "cancel_now",
        "withdraw_cancellation",
        "trial_ends",
        "cycle_starts",
        "reminded",
        "change_takes_effect",
        "end_date_arrives",
        "payment_exhausted",
        "use_credits",
        "buy_tokens",
        "seats_assigned",
        "seats_unassigned",
        "card_changed",
    }


def test_a_subscription_keeps_the_zone_of_its_purchase(lifecycle: Lifecycle) -> None:
    """Bought in UTC; the account moves to Paris, and the cycle of 30 April still starts at 09:00 UTC (X10)."""
    acme = bought(lifecycle)
    with lifecycle.database.writing() as connection:
        connection.execute(update(schema.accounts).values(zone="Europe/Paris"))

    fired = lifecycle.advance_to(utc("2026-04-30T09:00"))

    assert [step.at for step in fired if step.event == "cycle_starts"][-1] == utc("2026-04-30T09:00")
    assert lifecycle.subscriptions.get(acme).zone == "UTC"


@pytest.mark.parametrize(
    ("url", "meant"),
    [
        ("sqlite:///lifecycle.db", "sqlite:////srv/shop/lifecycle.db"),
        ("sqlite:////var/lifecycle.db", "sqlite:////var/lifecycle.db"),
        ("sqlite://", "sqlite://"),
        ("postgresql+psycopg://host/name", "postgresql+psycopg://host/name"),
    ],
)
def test_a_relative_sqlite_file_is_beside_the_configuration(url: str, meant: str) -> None:
    """Wherever the process was started (X4)."""
    assert located(url, Path("/srv/shop")) == meant
