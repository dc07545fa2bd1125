"""Money from the purchase to the last retry, as stories in dates; each ends with the verifier and the gateway's ledger.

Everything is bought on 1 June 2026, a month of 30 days, at nine in the morning.
"""

from __future__ import annotations

import pytest

from tests.money.shop import YEAR, Shop, code

pytestmark = [pytest.mark.sampled, pytest.mark.usefixtures("whole")]


# What is bought and changed


def test_an_upgrade_in_mid_month_and_a_year_after_it(shop: Shop) -> None:
    """50 → 100 on the 15th: 75.00 then, 100.00 on each 15th, and nothing on any 1st (D5)."""
    ann = shop.bought("ann", "basic")
    shop.on("2026-06-15 09:00")
    shop.change(ann, "team")
    shop.on("2027-06-15 08:59")
    assert shop.charged("ann") == ["06-01 50.00", "06-15 75.00", *[f"{month}-15 100.00" for month in YEAR[:-1]]]


def test_a_downgrade_in_mid_month_and_a_year_after_it(shop: Shop) -> None:
    """200 → 50 on the 15th: a first invoice of 0.00, which is paid without a charge, and no refund; then 50.00 on each
    15th (D5)."""
    ann = shop.bought("ann", "pro")
    shop.on("2026-06-15 09:00")
    shop.change(ann, "basic")
    nil = shop.last("ann")
    assert (nil.total, nil.status, [(line.kind, line.amount) for line in nil.lines]) == (
        0,
        "paid",
        [("plan", 5000), ("unused", -10000), ("forfeited", 5000)],
    )
    shop.on("2027-06-15 08:59")
    assert shop.charged("ann") == ["06-01 200.00", *[f"{month}-15 50.00" for month in YEAR[:-1]]]
    assert shop.kept("ann") == 20000 + 11 * 5000


def test_a_first_purchase_that_is_declined_leaves_no_subscription_and_burns_no_number(shop: Shop) -> None:
    """It stays on record, and can be bought again with another card (D2, E4, I1)."""
    shop.account("ann", "declines")
    assert code(shop.buy, "ann", "basic") == "payment_declined"
    assert shop.lifecycle.subscriptions.list(account="ann") == []
    assert (shop.states("ann", "order"), shop.states("ann", "invoice")) == (["declined"], ["void"])
    assert shop.invoices("ann") == []
    shop.card("ann", "ok")
    assert shop.buy("ann", "basic").state == "active"
    assert [one.number for one in shop.invoices("ann")] == ["INV-000001"]


def test_who_buys_the_same_again_is_told_so(shop: Shop) -> None:
    """While the first is being charged, and after it (A5, B9); another family is another matter."""
    shop.line.is_down = True
    shop.account("ann")
    assert shop.buy("ann", "basic").state == "new"
    assert code(shop.buy, "ann", "team") == "order_in_progress"
    assert code(shop.lifecycle.quotes.create, "ann", plan="team", by="ann") == "order_in_progress"
    shop.line.is_down = False
    assert shop.buy("ann", "saved").state == "active"
    shop.wait(minutes=1)
    assert code(shop.buy, "ann", "team") == "already_subscribed"


def test_a_command_that_is_sent_again_with_its_key_gets_the_first_answer(shop: Shop) -> None:
    """While it is being charged, and once it has been; a decline is remembered, too, and only under its key (B10)."""
    shop.line.is_down = True
    shop.account("ann")
    first = shop.buy("ann", "basic", key="one")
    again = shop.buy("ann", "basic", key="one")
    assert (again.id, again.order) == (first.id, first.order)
    shop.line.is_down = False
    shop.wait(minutes=1)
    assert shop.buy("ann", "basic", key="one").state == "active"
    assert code(shop.buy, "ann", "pro", key="one") == "idempotency_conflict"
    shop.card("ann", "declines")
    assert code(shop.change, first.id, "team", key="two") == "payment_declined"
    shop.card("ann", "ok")
    assert code(shop.change, first.id, "team", key="two") == "payment_declined"
    assert shop.change(first.id, "team").plan == "team"


def test_a_payment_method_that_is_needed_stays(shop: Shop) -> None:
    """The only one can't be removed while something renews or is owed; one of two can."""
    ann = shop.bought("ann", "basic")
    [card] = shop.lifecycle.payment_methods.list("ann")
    assert code(shop.lifecycle.payment_methods.remove, "ann", card.id) == "payment_method_needed"
    shop.card("ann", "ok")
    shop.lifecycle.payment_methods.remove("ann", card.id)
    [other] = shop.lifecycle.payment_methods.list("ann")
    shop.on("2026-07-02 09:00")
    assert shop.kept("ann") == 10000
    shop.lifecycle.subscriptions.cancel(ann, by="ann")
    shop.lifecycle.payment_methods.remove("ann", other.id)
    assert shop.lifecycle.payment_methods.list("ann") == []


# Dunning


def test_a_renewal_that_is_declined_is_tried_on_days_3_8_and_15(shop: Shop) -> None:
    """What costs money is refused meanwhile, what does not is not; the last failure ends the subscription (E5, D7)."""
    ann = shop.bought("ann", "team", "declines_after:1")
    subscriptions = shop.lifecycle.subscriptions
    shop.on("2026-07-01 08:59")
    assert shop.standing(ann) == "good"
    for day in ("07-01 09:00", "07-04 09:00", "07-09 09:00", "07-16 08:59"):
        shop.on(f"2026-{day}")
        assert shop.standing(ann) == "past_due"
        assert code(shop.change, ann, "pro") == "past_due"
        assert code(subscriptions.add_seats, ann, 1, by="ann") == "past_due"
    assert subscriptions.change(ann, plan="basic", by="ann").state == "pending_change"
    assert subscriptions.standing(ann).access is False
    shop.on("2026-07-16 09:00")
    assert shop.get(ann).state == "ended"
    assert shop.charged("ann") == ["06-01 100.00", *[f"07-{day} card_declined" for day in ("01", "04", "09", "16")]]
    assert shop.last("ann").status == "uncollectible"
    shop.on("2026-12-01 09:00")
    assert len(shop.charged("ann")) == 5


def test_a_forgiving_plan_goes_on_after_the_last_failure(shop: Shop) -> None:
    """`exhausted: keep`: on 16 July its standing is good again, and August is tried as July was (E5)."""
    ann = shop.bought("ann", "forgiving", "declines_after:1")
    shop.on("2026-07-16 08:59")
    assert shop.standing(ann) == "past_due"
    shop.on("2026-07-16 09:00")
    assert (shop.get(ann).state, shop.standing(ann)) == ("active", "good")
    shop.on("2026-08-01 09:00")
    assert [one.status for one in shop.invoices("ann")] == ["paid", "uncollectible", "open"]


def test_a_new_card_pays_at_once_what_is_owed(shop: Shop) -> None:
    """On 5 July, between two retries, which then do not come; the next renewal is on 1 August as ever (E5). One that is
    declined leaves the planned retry as it is. What an ended subscription owes is tried, too (I28)."""
    ann = shop.bought("ann", "basic", "declines_after:1")
    bob = shop.bought("bob", "basic", "declines_after:1")
    shop.on("2026-07-05 12:00")
    shop.card("ann", "declines")
    assert (shop.last("ann").retry_at, shop.last("ann").failures) == (shop.last("bob").retry_at, 2)
    shop.card("ann", "ok")
    assert (shop.last("ann").status, shop.standing(ann)) == ("paid", "good")
    shop.on("2026-08-01 09:00")
    assert shop.charged("ann")[-4:] == ["07-04 card_declined", "07-05 card_declined", "07-05 50.00", "08-01 50.00"]
    assert shop.get(bob).state == "ended"
    shop.card("bob", "ok")
    assert (shop.last("bob").status, shop.kept("bob")) == ("paid", 10000)


def test_nobody_is_dunned_faster_because_we_were_down(shop: Shop) -> None:
    """Down from 20 June to 20 July: the renewal of the 1st is declined on the 20th, and the delays count from then: 23
    and 28 July, 4 August (C5)."""
    ann = shop.bought("ann", "basic", "declines_after:1")
    shop.on("2026-06-20 09:00")
    shop.down_until("2026-07-20 15:00")
    shop.catch_up()
    assert (shop.last("ann").start.day, f"{shop.last('ann').failed_at:%m-%d %H:%M}") == (1, "07-20 15:00")
    assert f"{shop.last('ann').retry_at:%m-%d %H:%M}" == "07-23 15:00"
    shop.on("2026-07-28 14:59")
    assert shop.charged("ann")[1:] == ["07-20 card_declined", "07-23 card_declined"]
    shop.down_until("2026-07-30 10:00")
    shop.catch_up()
    assert f"{shop.last('ann').retry_at:%m-%d %H:%M}" == "08-06 10:00"
    shop.on("2026-08-06 09:59")
    assert shop.get(ann).state == "active"
    shop.on("2026-08-06 10:00")
    assert shop.get(ann).state == "ended"


def test_two_months_that_are_owed_are_each_dunned(shop: Shop) -> None:
    """Down for two months: both renewals are declined on the day we come back, and each is tried again by itself."""
    ann = shop.bought("ann", "forgiving", "declines_after:1")
    shop.down_until("2026-08-20 09:00")
    shop.catch_up()
    assert shop.charged("ann")[1:] == ["08-20 card_declined", "08-20 card_declined"]
    shop.on("2026-08-31 09:00")
    assert shop.charged("ann")[3:] == [f"08-{day} card_declined" for day in ("23", "23", "28", "28")]
    shop.card("ann", "ok")
    assert shop.charged("ann")[7:] == ["08-31 50.00", "08-31 50.00"]
    assert shop.standing(ann) == "good"


# Quotes


def test_a_quote_is_good_for_an_hour(shop: Shop) -> None:
    """At ten it is expired, and nothing happened (D1, I24)."""
    ann, quotes = shop.bought("ann", "basic"), shop.lifecycle.quotes
    quote = quotes.change(ann, plan="team", when="now", by="ann")
    assert (quote.due_now, quote.unused) == (5167, 4833)
    shop.wait(minutes=60)
    assert code(quotes.confirm, quote.id, by="ann") == "quote_expired"
    assert (shop.get(ann).plan, shop.charged("ann")) == ("basic", ["06-01 50.00"])


def test_a_quote_is_stale_after_any_transition_but_not_after_quotes_and_uses_of_credits(shop: Shop) -> None:
    """And what its state forbids is told before that it is stale (I24)."""
    ann = shop.bought("ann", "team")
    quotes, subscriptions = shop.lifecycle.quotes, shop.lifecycle.subscriptions

    def quoted() -> str:
        return quotes.change(ann, plan="pro", when="now", by="ann").id

    first, second = quoted(), quoted()
    subscriptions.cancel(ann, by="ann")
    assert code(quotes.confirm, first, by="ann") == "cancellation_pending"
    subscriptions.withdraw_cancellation(ann, by="ann")
    assert code(quotes.confirm, first, by="ann") == "quote_stale"
    third = quoted()
    quotes.add_seats(ann, 2, by="ann")
    subscriptions.use_credits(ann, 40, by="ann")
    assert quotes.confirm(third, by="ann").plan == "pro"
    assert code(quotes.confirm, second, by="ann") == "no_change"
    fourth = quotes.change(ann, plan="basic", when="now", by="ann").id
    subscriptions.cancel(ann, when="now", by="ann")
    assert code(quotes.confirm, fourth, by="ann") == "ended"


def test_a_quote_that_is_confirmed_twice_charges_once(shop: Shop) -> None:
    """The second time gives the first answer, also where that was a decline, with a key or without (I24, B10)."""
    quotes = shop.lifecycle.quotes
    shop.account("ann")
    quote = quotes.create("ann", plan="basic", by="ann")
    first = quotes.confirm(quote.id, by="ann")
    assert (first.id, first.state) == (quote.subscription, "active")
    assert quotes.confirm(quote.id, by="ann") == first
    shop.account("bob", "declines")
    for key in (None, "one"):
        declined = quotes.create("bob", plan="basic", by="bob")
        assert code(quotes.confirm, declined.id, by="bob", key=key) == "payment_declined"
        assert code(quotes.confirm, declined.id, by="bob", key=key) == "payment_declined"
    assert shop.charged("ann") == ["06-01 50.00"]
    assert shop.charged("bob") == ["06-01 card_declined", "06-01 card_declined"]


def test_a_quote_that_the_balance_no_longer_pays_is_stale(shop: Shop) -> None:
    """It showed 30.00 of credit, which has been written off since (D1)."""
    shop.account("ann")
    shop.lifecycle.balances.credit("ann", 3000, by="operator", reason="A present.")
    quote = shop.lifecycle.quotes.create("ann", plan="basic", by="ann")
    assert (quote.credit, quote.due_now) == (3000, 2000)
    shop.lifecycle.balances.write_off("ann", 1000, by="operator", reason="Too much.")
    assert code(shop.lifecycle.quotes.confirm, quote.id, by="ann") == "quote_stale"
    assert (shop.balance("ann"), shop.charged("ann")) == (2000, [])


# The balance, and money back


def test_the_balance_is_used_by_purchases_and_by_renewals(shop: Shop) -> None:
    """30.00 of the purchase; it is there again after a decline; 60.00 pay July whole and 10.00 of August (E7, I6)."""
    shop.account("ann", "declines")
    shop.lifecycle.balances.credit("ann", 3000, by="operator", reason="A present.")
    assert code(shop.buy, "ann", "basic") == "payment_declined"
    assert shop.balance("ann") == 3000
    shop.card("ann", "ok")
    shop.buy("ann", "basic")
    assert (shop.balance("ann"), shop.last("ann").credit, shop.last("ann").due) == (0, 3000, 2000)
    shop.lifecycle.balances.credit("ann", 6000, by="operator", reason="Another.")
    shop.on("2026-07-01 09:00")
    assert (shop.last("ann").status, shop.balance("ann")) == ("paid", 1000)
    shop.on("2026-08-01 09:00")
    assert shop.charged("ann")[1:] == ["06-01 20.00", "08-01 40.00"]


def test_a_purchase_that_became_unknown_gives_the_balance_back(shop: Shop) -> None:
    """What was set aside for it is there again, and pays for the next."""
    shop.account("ann", "times_out")
    shop.lifecycle.balances.credit("ann", 3000, by="operator", reason="A present.")
    shop.buy("ann", "basic")
    assert shop.balance("ann") == 0
    shop.wait(minutes=3)
    assert shop.balance("ann") == 3000


def test_what_a_downgrade_leaves_goes_to_the_balance_where_the_plan_says_so(shop: Shop) -> None:
    """80 → 10 on the 15th: 40.00 unused, 30.00 left over, which pay July, August and September (D4)."""
    ann = shop.bought("ann", "saved")
    shop.on("2026-06-15 09:00")
    shop.change(ann, "saved_less")
    assert shop.balance("ann") == 3000
    shop.on("2026-10-15 09:00")
    assert (shop.balance("ann"), shop.charged("ann")) == (0, ["06-01 80.00", "10-15 10.00"])


def test_what_is_left_goes_back_to_the_card_where_the_plan_says_so_else_to_the_balance(shop: Shop) -> None:
    """80 → 10 on the 15th gives 30.00 back, and 40.00 where it is cancelled; what the gateway does not take back goes
    to the balance (D4, D12, X63)."""
    ann, bob, eve = (shop.bought(name, "back") for name in ("ann", "bob", "eve"))
    shop.on("2026-06-15 09:00")
    shop.change(ann, "back_less")
    shop.lifecycle.subscriptions.cancel(bob, when="now", by="bob")
    shop.wait(seconds=1)
    assert (shop.kept("ann"), shop.kept("bob")) == (5000, 4000)
    [note] = shop.lifecycle.invoices.credit_notes(account="bob")
    assert (note.number, note.total, note.due) == ("CN-000001", 4000, 4000)
    shop.line.gives_back = False
    shop.change(eve, "back_less")
    shop.wait(seconds=1)
    assert (shop.kept("eve"), shop.balance("eve")) == (8000, 3000)


def test_a_refund_without_an_answer_is_asked_for_until_there_is_one(shop: Shop) -> None:
    """The line is down for two days, longer than other messages are tried. Nothing is given back twice."""
    ann = shop.bought("ann", "back")
    shop.on("2026-06-15 09:00")
    shop.line.is_down = True
    shop.lifecycle.subscriptions.cancel(ann, when="now", by="ann")
    shop.wait(days=2)
    assert shop.states("ann", "refund") == ["asked"]
    shop.line.is_down = False
    shop.wait(hours=2)
    assert (shop.states("ann", "refund"), shop.kept("ann"), shop.balance("ann")) == (["refunded"], 4000, 0)


def test_a_balance_is_paid_out_or_written_off(shop: Shop) -> None:
    """Out to the card that paid; what no card has paid comes back to the balance (A2, X64)."""
    shop.bought("ann", "basic")
    shop.account("bob")
    for name in ("ann", "bob"):
        shop.lifecycle.balances.credit(name, 2000, by="operator", reason="A present.")
        shop.lifecycle.balances.pay_out(name, 1500, by="operator", reason="They asked.")
        shop.wait(seconds=1)
    assert (shop.balance("ann"), shop.kept("ann")) == (500, 3500)
    assert shop.balance("bob") == 2000
    shop.lifecycle.balances.write_off("ann", 500, by="operator", reason="Gone.")
    assert shop.balance("ann") == 0
    refused = code(shop.lifecycle.balances.pay_out, "ann", 1, by="operator", reason="They asked.")
    assert refused == "balance_too_low"


# Inside a host's transaction


def test_an_order_is_confirmed_with_the_hosts_commit_and_charged_after_it(shop: Shop) -> None:
    """Nothing is asked of the gateway before; what is rolled back leaves nothing (E4, D2)."""
    shop.account("ann")
    with shop.host() as engine:
        with engine.connect() as connection:
            inside = shop.lifecycle.using(connection)
            assert inside.subscriptions.create("ann", plan="basic", by="host").state == "new"
            connection.rollback()
        shop.wait(minutes=5)
        assert (shop.line.charges, shop.states("ann", "order")) == ([], [])
        with engine.begin() as connection:
            bought = shop.lifecycle.using(connection).subscriptions.create("ann", plan="basic", by="host")
            assert bought.order is not None
            assert (bought.order.state, shop.line.charges) == ("confirmed", [])
    assert (shop.states("ann", "order"), shop.line.charges) == (["confirmed"], [])
    shop.lifecycle.relay_outbox()
    assert (shop.get(bought.id).state, shop.charged("ann")) == ("active", ["06-01 50.00"])


def test_an_invoice_that_a_command_of_a_host_brings_about_is_opened_after_the_commit(shop: Shop) -> None:
    """On 2 July nobody has fired the renewal yet. The host's command does, and leaves a draft without a number, which
    is opened right after (E4, B4). A nil invoice and a credit note wait, too."""
    ann, bob, eve = shop.bought("ann", "basic"), shop.bought("bob", "pro"), shop.bought("eve", "back")
    shop.on("2026-06-15 09:00")
    with shop.host() as engine:
        with engine.begin() as connection:
            inside = shop.lifecycle.using(connection).subscriptions
            inside.change(bob, plan="basic", when="now", by="host")
            inside.cancel(eve, when="now", by="host")
        assert shop.lifecycle.invoices.list(account="bob", drafts=True)[-1].number is None
        assert shop.lifecycle.invoices.credit_notes(account="eve") == []
        shop.catch_up()
        assert (shop.last("bob").total, shop.last("bob").number) == (0, "INV-000004")
        assert [note.number for note in shop.lifecycle.invoices.credit_notes(account="eve")] == ["CN-000001"]
        assert shop.kept("eve") == 8000 - 4000
        shop.down_until("2026-07-02 09:00")
        with engine.begin() as connection:
            shop.lifecycle.using(connection).subscriptions.cancel(ann, by="host")
    draft = shop.lifecycle.invoices.list(account="ann", drafts=True)[-1]
    assert (draft.status, draft.number, draft.start.day) == ("draft", None, 1)
    shop.catch_up()
    assert (shop.last("ann").status, shop.last("ann").number) == ("paid", "INV-000005")
    assert shop.charged("ann") == ["06-01 50.00", "07-02 50.00"]


def test_a_message_behind_one_that_waits_does_not_stop_a_journey(shop: Shop) -> None:
    """July is unknown and August without an answer when the new card comes: July's new charge stands in line behind
    August's. Whoever travels on passes both, and all that comes after."""
    shop.bought("ann", "basic")
    bob = shop.bought("bob", "basic")
    shop.card("ann", "times_out")
    shop.on("2026-08-01 09:00")
    shop.wait(seconds=30)
    shop.card("ann", "ok")
    shop.on("2026-09-02 09:00")
    assert (shop.get(bob).cycle, shop.charged("bob")[-1]) == (4, "09-01 50.00")
    assert shop.charged("ann") == ["06-01 50.00", "08-01 50.00", "09-01 50.00"]
