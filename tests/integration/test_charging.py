"""Which charges there are and which come first, through the API; the stories of money are in tests/money."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from lifecycle import Lifecycle, Refused, VirtualClock
from lifecycle.verify import verify
from tests.integration.world import travelling

pytestmark = pytest.mark.sampled

ANN = "ann@acme.test"
START = "2026-06-01T23:50+00:00"
World = tuple[Lifecycle, VirtualClock]


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Ten minutes before midnight on 1 June 2026, with one account that can pay."""
    with travelling(database_url, START) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)
        yield lifecycle, clock


def events(lifecycle: Lifecycle, machine: str) -> list[str]:
    """What is logged of a kind of machine."""
    return [step.event for step in lifecycle.log() if step.machine == machine]


def test_what_a_person_buys_is_charged_first_and_what_comes_by_itself_afterwards(world: World) -> None:
    """The purchase's invoice is a draft until the money is there; that of the renewal is open before (A6, A7, X65)."""
    lifecycle, _ = world
    lifecycle.subscriptions.create("acme", plan="team", by=ANN)
    assert events(lifecycle, "order") == ["confirmed", "completed"]
    assert events(lifecycle, "invoice") == ["drafted", "opened", "charged"]
    lifecycle.advance_to(datetime(2026, 7, 2, tzinfo=UTC))
    assert events(lifecycle, "order") == ["confirmed", "completed"]
    assert events(lifecycle, "invoice")[3:] == ["opened", "charged"]


def test_without_their_machines_nothing_is_invoiced_or_charged(database_url: str) -> None:
    """What would be invoiced is decided and logged all the same (X60)."""
    alone = {"LIFECYCLE_MACHINES": "[lifecycle_machines.subscription:SubscriptionMachine]"}
    with travelling(database_url, START, **alone) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)
        bought = lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN)
        lifecycle.advance_to(datetime(2026, 8, 2, tzinfo=UTC))
        steps = lifecycle.subscriptions.history(bought.id)
        assert [step.effects[0]["effect"] for step in steps] == ["bill", "bill", "bill"]
        assert [step.effects[0]["total"] for step in steps] == [5000, 5000, 5000]
        assert {step.machine for step in lifecycle.log()} == {"subscription"}
        assert lifecycle.invoices.list(drafts=True) == []
        assert verify(lifecycle.database, now=clock.now()).findings == ()


def test_a_quote_of_yesterday_costs_what_it_said_and_starts_today(world: World) -> None:
    """Quoted at 23:50 and confirmed at 00:10: the day counts as the first, and the period begins at ten past (X61)."""
    lifecycle, clock = world
    bought = lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN)
    quote = lifecycle.quotes.change(bought.id, plan="team", when="now", by=ANN)
    assert (quote.unused, quote.due_now) == (4833, 5167)  # 50.00 × 29/30
    clock.move_to(datetime(2026, 6, 2, 0, 10, tzinfo=UTC))
    assert lifecycle.quotes.change(bought.id, plan="team", when="now", by=ANN).unused == 4667  # 50.00 × 28/30
    changed = lifecycle.quotes.confirm(quote.id, by=ANN)
    assert changed.period_start == datetime(2026, 6, 2, 0, 10, tzinfo=UTC)
    assert [invoice.total for invoice in lifecycle.invoices.list()] == [5000, 5167]


def test_a_quote_whose_price_has_changed_is_stale(world: World) -> None:
    """The catalogue was edited, and the daemon started anew, before it was confirmed; nothing is charged (X61)."""
    lifecycle, clock = world
    bought = lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN)
    quote = lifecycle.quotes.change(bought.id, plan="team", when="now", by=ANN)
    url = lifecycle.database.url.render_as_string(hide_password=False)
    dearer = {"LIFECYCLE_CATALOG__PLANS__TEAM__PRICES__MONTH": "120.00"}
    with travelling(url, clock.now().isoformat(), **dearer) as (later, _), pytest.raises(Refused) as refused:
        later.quotes.confirm(quote.id, by=ANN)
    assert refused.value.code == "quote_stale"
    assert lifecycle.subscriptions.get(bought.id).plan == "basic"
    assert [invoice.total for invoice in lifecycle.invoices.list()] == [5000]
