"""A forecast tells what then happens, and costs, story by story; everything is bought on 1 June 2026 (G3, X90)."""

from __future__ import annotations

from contextlib import closing

import pytest

from lifecycle.app.rehearsing import DESTINATIONS, Rehearsal
from lifecycle.store import copying
from tests.money.foretelling import brief, comes_true
from tests.money.shop import Shop
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled


def test_renewals_and_what_they_cost(shop: Shop) -> None:
    """Two seats beyond the three of team, 100 + 2 × 20, in July and August."""
    ann = shop.lifecycle.subscriptions
    shop.account("ann")
    sub = ann.create("ann", plan="team", seats=5, trial=False, by="ann").id
    forecast = comes_true(shop, "2026-08-15", sub=sub)
    assert brief(forecast) == [
        "07-01 cycle_starts",
        "07-01 opened 140.00",
        "07-01 charged 140.00",
        "08-01 cycle_starts",
        "08-01 opened 140.00",
        "08-01 charged 140.00",
    ]
    [sums] = forecast.totals
    assert (sums.currency, sums.total, sums.credit, sums.paid, sums.owed, sums.credited) == (
        "USD",
        28000,
        0,
        28000,
        0,
        0,
    )
    assert [(one.number, one.status, one.due) for one in forecast.invoices] == [(None, "paid", 14000)] * 2


def test_a_pending_change_at_the_next_cycle_and_another_on_a_date(shop: Shop) -> None:
    """Basic becomes pro in July; team becomes pro on 15 July, when 16 of 31 days of 100.00 are unused, or 51.61."""
    first, second = shop.bought("ann", "basic"), shop.bought("bob", "team")
    shop.lifecycle.subscriptions.change(first, plan="pro", by="ann")
    shop.lifecycle.subscriptions.change(second, plan="pro", when="2026-07-15T09:00Z", by="bob")
    forecast = comes_true(shop, "2026-09-01")
    assert [one.total for one in forecast.invoices] == [20000, 10000, 20000 - 5161, 20000, 20000]


def test_fewer_seats_to_come(shop: Shop) -> None:
    """Five until July, then three, which team includes."""
    shop.account("ann")
    sub = shop.lifecycle.subscriptions.create("ann", plan="team", seats=5, trial=False, by="ann").id
    shop.lifecycle.subscriptions.change(sub, seats=3, by="ann")
    assert [one.total for one in comes_true(shop, "2026-08-02", sub=sub).invoices] == [10000, 10000]


def test_a_cancellation_and_one_that_gives_money_back(shop: Shop) -> None:
    """At the period's end; and on the 16th, the last day used: 14/30 of 80.00 are 37.33, to the balance or the card."""
    for name, plan, when in (
        ("ann", "basic", "period_end"),
        ("bob", "saved", "2026-06-16"),
        ("eve", "back", "2026-06-16"),
    ):
        shop.lifecycle.subscriptions.cancel(shop.bought(name, plan), when=when, by=name)
    forecast = comes_true(shop, "2026-08-01")
    assert brief(forecast) == [
        "06-16 end_date_arrives",
        "06-16 issued -37.33",
        "06-16 end_date_arrives",
        "06-16 issued -37.33",
        "06-16 asked",
        "06-16 refunded -37.33",
        "07-01 end_date_arrives",
    ]
    assert [sums.credited for sums in forecast.totals] == [2 * 3733]


def test_a_trial_with_a_card_and_one_without(shop: Shop) -> None:
    """On 15 June, at one instant, the one becomes a month of 60.00, and the other ends; then the one is charged."""
    shop.account("ann")
    shop.account("bob", None)
    for name in ("ann", "bob"):
        shop.lifecycle.subscriptions.create(name, plan="tried", by=name)
    forecast = comes_true(shop, "2026-06-20")
    assert brief(forecast) == ["06-15 trial_ends", "06-15 opened 60.00", "06-15 trial_ends", "06-15 charged 60.00"]
    assert [one.target for one in forecast.steps if one.machine == "subscription"] == ["active", "ended"]


def test_a_balance_is_used_up(shop: Shop) -> None:
    """70.00 pay for July, and for 20.00 of August, of which 30.00 are charged; July's needs no charge."""
    sub = shop.bought("ann", "basic")
    shop.lifecycle.balances.credit("ann", 7000, reason="a present")
    forecast = comes_true(shop, "2026-08-02", sub=sub)
    assert brief(forecast)[1:] == [
        "07-01 opened 50.00",
        "08-01 cycle_starts",
        "08-01 opened 50.00",
        "08-01 charged 30.00",
    ]
    assert [(one.credit, one.due) for one in forecast.invoices] == [(5000, 0), (2000, 3000)]
    [sums] = forecast.totals
    assert (sums.total, sums.credit, sums.paid) == (10000, 7000, 3000)


def test_two_subscriptions_that_share_a_balance(shop: Shop) -> None:
    """Asked of the later one, it knows that the earlier one has used 50.00 of the 60.00 before it (X90)."""
    shop.bought("ann", "basic")
    shop.on("2026-06-02 09:00")
    later = shop.buy("ann", "saved").id
    shop.lifecycle.balances.credit("ann", 6000, reason="a present")
    forecast = comes_true(shop, "2026-07-03", sub=later)
    assert [(one.total, one.credit, one.due) for one in forecast.invoices] == [(8000, 1000, 7000)]


def test_a_balance_that_comes_from_what_is_over(shop: Shop) -> None:
    """80.00 for June, ended on the 16th, the last day used: 14/30 of it are 37.33, and July of basic uses them."""
    saved, sub = shop.bought("ann", "saved"), shop.buy("ann", "basic").id
    shop.on("2026-06-16 09:00")
    shop.lifecycle.subscriptions.cancel(saved, when="now", by="ann")
    forecast = comes_true(shop, "2026-07-02", sub=sub)
    assert [(one.credit, one.due) for one in forecast.invoices] == [(3733, 1267)]


def test_every_charge_declined(shop: Shop) -> None:
    """Dunning on days 3, 8 and 15, and then the end: what is owed stays owed (E5)."""
    sub = shop.bought("ann", "basic", "declines_after:1")
    forecast = comes_true(shop, "2026-08-01", sub=sub, declines=True)
    assert brief(forecast) == [
        "07-01 cycle_starts",
        "07-01 opened 50.00",
        "07-01 declined 50.00",
        *("07-04 retry_due", "07-04 declined 50.00", "07-09 retry_due", "07-09 declined 50.00"),
        *("07-16 retry_due", "07-16 declined 50.00", "07-16 exhausted", "07-16 payment_exhausted"),
    ]
    assert [(one.status, one.failures) for one in forecast.invoices] == [("uncollectible", 4)]
    assert [(sums.paid, sums.owed) for sums in forecast.totals] == [(0, 5000)]
    assert "Every charge is declined." in forecast.assumptions


def test_in_the_middle_of_dunning(shop: Shop) -> None:
    """Declined on 1 and 4 July, it would be paid on the 9th: the invoice is there already, and has its number."""
    sub = shop.bought("ann", "basic", "declines_after:1")
    shop.on("2026-07-05 09:00")
    forecast = shop.lifecycle.forecast(sub, until="2026-07-10")
    assert brief(forecast) == ["07-09 retry_due", "07-09 charged 50.00"]
    assert [(one.number, one.status) for one in forecast.invoices] == [("INV-000002", "paid")]
    assert comes_true(shop, "2026-08-01", declines=True).totals[0].owed == 5000


def test_a_quote_that_nobody_confirms(shop: Shop) -> None:
    """It expires after an hour."""
    sub = shop.bought("ann", "basic")
    shop.lifecycle.quotes.change(sub, plan="pro", when="now", by="ann")
    assert [(one.machine, one.event) for one in comes_true(shop, "2026-06-02").steps] == [("order", "expired")]


def test_what_is_late_comes_first(shop: Shop) -> None:
    """No daemon since 1 June, and it is 10 August: July and August start late, each at its own instant (C3)."""
    sub = shop.bought("ann", "basic")
    shop.down_until("2026-08-10 09:00")
    forecast = comes_true(shop, "2026-09-02", sub=sub)
    assert [f"{one.at:%m-%d}" for one in forecast.steps if one.event == "cycle_starts"] == ["07-01", "08-01", "09-01"]


def test_an_order_that_is_being_charged(shop: Shop) -> None:
    """The line was down as pro was bought, and is mended: the charge goes out again, and the change takes effect."""
    sub = shop.bought("ann", "basic")
    shop.line.is_down = True
    assert shop.change(sub, "pro").order is not None
    shop.line.is_down = False
    assert "completed" in [one.event for one in comes_true(shop, "2026-07-02").steps]


def test_who_has_left_still_owes(shop: Shop) -> None:
    """Declined on 1 July, cancelled on the 2nd: it is tried on the 4th, 9th and 16th, to no further effect (B8)."""
    sub = shop.bought("ann", "basic", "declines_after:1")
    shop.on("2026-07-02 09:00")
    shop.lifecycle.subscriptions.cancel(sub, when="now", by="ann")
    forecast = comes_true(shop, "2026-08-01", sub=sub, declines=True)
    assert [f"{one.at:%m-%d}" for one in forecast.steps if one.event == "declined"] == ["07-04", "07-09", "07-16"]


def test_what_is_looked_up_for_days(shop: Shop) -> None:
    """A purchase whose charge was never answered was given up; the look-ups find nothing in a rehearsal either, and are
    no dead letters there (X66)."""
    ann = shop.bought("ann", "basic")
    shop.card("ann", "times_out")
    shop.change(ann, "pro")
    shop.wait(minutes=5)
    assert shop.states("ann", "order")[-1] == "unknown"
    context = shop.lifecycle._context
    with closing(Rehearsal(context, shop.clock.now())) as rehearsal:
        with shop.lifecycle.database.reading() as connection:
            rehearsal.take_in(connection, copying.everything(connection, DESTINATIONS))
        assert [one.kind for one in rehearsal.outbox.list(status="waiting")] == ["look_up"]
        rehearsal.advance_to(utc("2026-06-08"))
        assert [one.status for one in rehearsal.outbox.list()] == ["delivered"]
