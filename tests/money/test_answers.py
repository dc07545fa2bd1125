"""Answers of the gateway that are lost, or come late, or never: what waits for them, and what becomes of the money.

As in the other stories everything is bought on 1 June 2026, at nine in the morning.
"""

from __future__ import annotations

import pytest

from tests.money.shop import Shop, code

pytestmark = [pytest.mark.sampled, pytest.mark.usefixtures("whole")]


def test_a_purchase_without_an_answer_is_unknown_after_two_minutes(shop: Shop) -> None:
    """It answers `confirmed`, and ends `unknown` by itself (B9, I1); then it can be bought again."""
    shop.account("ann", "times_out")
    bought = shop.buy("ann", "basic")
    assert bought.order is not None
    assert (bought.state, bought.order.state, bought.order.due) == ("new", "confirmed", 5000)
    shop.wait(seconds=119)
    assert shop.states("ann", "order") == ["confirmed"]
    shop.wait(seconds=1)
    assert (shop.states("ann", "order"), shop.states("ann", "invoice")) == (["unknown"], ["void"])
    assert code(shop.get, bought.id) == "not_found"
    shop.card("ann", "ok")
    assert shop.buy("ann", "basic").state == "active"
    shop.on("2026-06-20 09:00")
    assert shop.charged("ann") == ["06-01 50.00"]


def test_downtime_does_not_count_towards_unknown(shop: Shop) -> None:
    """A month passes without a relay: that is one try that waited its five seconds, not two minutes (B9)."""
    ann = shop.bought("ann", "basic")
    shop.card("ann", "times_out")
    assert shop.change(ann, "team").order is not None
    shop.down_until("2026-06-28 09:00")
    shop.catch_up()
    assert shop.states("ann", "order")[-1] == "confirmed"
    shop.wait(seconds=114)
    assert shop.states("ann", "order")[-1] == "confirmed"
    shop.wait(seconds=1)
    assert (shop.states("ann", "order")[-1], shop.get(ann).plan) == ("unknown", "basic")


def test_while_an_order_is_being_charged_all_else_waits(shop: Shop) -> None:
    """An upgrade half a minute before the renewal has no answer: commands are refused, the cycle starts late but at its
    own instant, once the order is unknown (B9)."""
    ann = shop.bought("ann", "basic")
    shop.on("2026-07-01 08:59")
    shop.card("ann", "times_out")
    upgraded = shop.change(ann, "team")
    assert (upgraded.plan, upgraded.order is not None) == ("basic", True)
    shop.wait(seconds=90)
    assert code(shop.lifecycle.subscriptions.cancel, ann, by="ann") == "order_in_progress"
    assert shop.get(ann).cycle == 1
    shop.wait(seconds=60)
    [started] = [step for step in shop.lifecycle.subscriptions.history(ann) if step.event == "cycle_starts"]
    assert (f"{started.at:%H:%M}", f"{started.fired_at:%H:%M}") == ("09:00", "09:01")
    assert shop.get(ann).plan == "basic"


def test_a_reply_that_is_lost_is_found_by_a_look_up(shop: Shop) -> None:
    """The money was taken once, and the purchase completes in the call (I1)."""
    ann = shop.bought("ann", "basic", "reply_lost")
    assert shop.get(ann).state == "active"
    shop.on("2026-07-02 09:00")
    assert shop.charged("ann") == ["06-01 50.00", "07-01 50.00"]


def test_a_success_that_is_found_after_unknown_is_refunded_and_never_applied(shop: Shop) -> None:
    """The gateway took the money of two purchases, and said so a quarter of an hour later (B9, X66)."""
    shop.account("ann")
    bob = shop.bought("bob", "basic")
    shop.line.is_late = True
    shop.buy("ann", "basic")
    shop.change(bob, "team")
    shop.wait(minutes=10)
    assert (shop.states("ann", "order"), shop.states("bob", "order")[-1]) == (["unknown"], "unknown")
    assert (shop.kept("ann"), shop.kept("bob")) == (5000, 5000 + 5167)
    shop.line.is_late = False
    shop.wait(minutes=20)
    assert (shop.states("ann", "order"), shop.states("bob", "order")[-1]) == (["returned"], "returned")
    assert (shop.kept("ann"), shop.kept("bob"), shop.get(bob).plan) == (0, 5000, "basic")
    assert shop.lifecycle.subscriptions.list(account="ann") == []
    assert shop.buy("ann", "basic").state == "active"


def test_a_quote_of_a_purchase_that_became_unknown_still_answers(shop: Shop) -> None:
    """Whoever confirms it again hears how it stands (I24)."""
    shop.account("ann", "times_out")
    quote = shop.lifecycle.quotes.create("ann", plan="basic", by="ann")
    assert shop.lifecycle.quotes.confirm(quote.id, by="ann").state == "new"
    shop.wait(minutes=3)
    again = shop.lifecycle.quotes.confirm(quote.id, by="ann")
    assert again.order is not None
    assert (again.id, again.state, again.order.state) == (quote.subscription, "new", "unknown")


def test_a_renewal_without_an_answer_is_unknown_and_a_new_card_pays_it(shop: Shop) -> None:
    """Standing stays good. The new card is charged after one more look-up of what the old one was asked for (I18)."""
    ann = shop.bought("ann", "basic")
    shop.card("ann", "times_out")
    shop.on("2026-07-01 09:01")
    assert shop.last("ann").charge == "asked"
    shop.on("2026-07-01 09:03")
    assert (shop.last("ann").charge, shop.standing(ann)) == ("unknown", "good")
    shop.line.found.clear()
    shop.card("ann", "ok")
    invoice = shop.last("ann")
    assert (invoice.status, shop.line.found[0]) == ("paid", f"{invoice.id}:1")
    shop.on("2026-07-31 09:00")
    assert shop.charged("ann") == ["06-01 50.00", "07-01 50.00"]


def test_a_renewal_that_was_paid_unheard_is_not_paid_again_by_a_new_card(shop: Shop) -> None:
    """The look-up before the new card is charged finds the money that the old one gave (I18, E3). The same for an
    operator who has it tried again."""
    for name in ("ann", "bob"):
        shop.bought(name, "basic")
    shop.on("2026-06-30 09:00")
    shop.line.is_late = True
    shop.on("2026-07-01 09:03")
    assert [shop.last(name).charge for name in ("ann", "bob")] == ["unknown", "unknown"]
    shop.line.is_late = False
    shop.card("ann", "ok")
    shop.lifecycle.invoices.pay(shop.last("bob").id, by="operator")
    assert [shop.last(name).status for name in ("ann", "bob")] == ["paid", "paid"]
    shop.on("2026-07-20 09:00")
    for name in ("ann", "bob"):
        assert shop.charged(name) == ["06-01 50.00", "07-01 50.00"]
        assert shop.kept(name) == 10000


def test_a_new_card_waits_while_nobody_can_say_what_became_of_the_old_one(shop: Shop) -> None:
    """The line is down when the new card comes: nothing is charged before the look-up has an answer (I18)."""
    shop.bought("ann", "basic")
    shop.on("2026-06-30 09:00")
    shop.line.is_late = True
    shop.on("2026-07-01 09:03")
    shop.line.is_late, shop.line.is_down = False, True
    shop.card_past_the_line("ann", "ok")
    assert shop.last("ann").charge == "asked"
    shop.line.is_down = False
    shop.wait(minutes=1)
    assert (shop.last("ann").status, shop.charged("ann")) == ("paid", ["06-01 50.00", "07-01 50.00"])


def test_the_next_cycle_may_start_once_a_renewal_is_unknown(shop: Shop) -> None:
    """July is never answered. August is asked for on its day, and the new card of 2 August pays both (C5, I18)."""
    ann = shop.bought("ann", "basic")
    shop.card("ann", "times_out")
    shop.on("2026-08-01 09:10")
    assert [(one.start.month, one.charge) for one in shop.invoices("ann")[1:]] == [(7, "unknown"), (8, "unknown")]
    shop.on("2026-08-02 09:00")
    shop.card("ann", "ok")
    assert [one.status for one in shop.invoices("ann")] == ["paid", "paid", "paid"]
    assert shop.get(ann).cycle == 3
    assert shop.kept("ann") == 15000


def test_a_cycle_waits_for_the_answer_about_the_one_before_and_a_command_asks_for_it(shop: Shop) -> None:
    """Down until 5 August. July's charge is on its way, so August waits. A command has it answered first, and is then
    judged in August (C5, B4); where no answer comes it is refused, and so it is inside a host's transaction."""
    ann, bob = shop.bought("ann", "basic"), shop.bought("bob", "basic")
    shop.card("bob", "times_out")
    shop.down_until("2026-08-05 09:00")
    shop.lifecycle.fire_due()
    assert (shop.get(ann).cycle, shop.get(bob).cycle) == (2, 2)
    with shop.host() as engine, engine.begin() as connection:
        inside = shop.lifecycle.using(connection).subscriptions
        assert code(inside.cancel, ann, by="ann") == "order_in_progress"
    assert shop.lifecycle.subscriptions.cancel(ann, by="ann").cycle == 3
    assert code(shop.lifecycle.subscriptions.cancel, bob, by="bob") == "order_in_progress"
    assert shop.charged("ann") == ["06-01 50.00", "08-05 50.00"]
    shop.catch_up()
    assert shop.charged("ann") == ["06-01 50.00", "08-05 50.00", "08-05 50.00"]


def test_who_changes_while_the_daemon_is_late_is_credited_for_what_is_renewed_first(shop: Shop) -> None:
    """Down until 16 July, when Ann upgrades: July is renewed and charged first, and its unused 50.00 × 15/31 = 24.19
    come back. Where no answer comes the change is refused, and its quote is too; inside a host's transaction as well,
    until July is paid (B4, D7)."""
    ann, bob = shop.bought("ann", "basic"), shop.bought("bob", "basic")
    shop.card("bob", "times_out")
    shop.down_until("2026-07-16 09:00")
    with shop.host() as engine, engine.begin() as connection:
        inside = shop.lifecycle.using(connection).subscriptions
        assert code(inside.change, ann, plan="team", when="now", by="ann") == "order_in_progress"
    shop.change(ann, "team")
    assert code(shop.lifecycle.quotes.change, bob, plan="team", when="now", by="bob") == "order_in_progress"
    assert code(shop.change, bob, "team") == "order_in_progress"
    assert shop.charged("ann") == ["06-01 50.00", "07-16 50.00", "07-16 75.81"]
    assert shop.charged("bob") == ["06-01 50.00"]


class Died(BaseException):
    """The process is gone."""


def test_a_process_that_died_after_charging_comes_back_a_month_later(shop: Shop) -> None:
    """The gateway has forgotten the key by then, and is asked what became of it first: one success. The purchase takes
    effect as of the instant at which it was confirmed, and its first renewal is due (D2, E2)."""

    def dying(point: str) -> None:
        if point == "charge: taken":
            raise Died

    shop.account("ann")
    shop.till.hear(dying)
    with pytest.raises(Died):
        shop.buy("ann", "basic")
    shop.till.hear(lambda _point: None)
    shop.down_until("2026-07-02 09:00")
    shop.catch_up()
    assert shop.charged("ann") == ["06-01 50.00", "07-02 50.00"]
    [ann] = shop.lifecycle.subscriptions.list(account="ann")
    assert (f"{ann.anchor:%m-%d %H:%M}", ann.cycle) == ("06-01 09:00", 2)
