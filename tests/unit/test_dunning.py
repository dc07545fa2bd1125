"""What becomes of an invoice: charged, declined, tried again, lost sight of, given up; in dates worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lifecycle.domain.calendar import Duration
from lifecycle.domain.effects import Send
from lifecycle.domain.policies import Dunning, Policies
from lifecycle.errors import Refused
from lifecycle_machines.invoice import InvoiceMachine
from tests.unit.machine_world import ACCOUNT, utc
from tests.unit.money_world import Root, bought, root


def unpaid(policies: Policies | None = None, **more: object) -> Root:
    """Basic since 1 June, whose renewal on 1 July is being charged."""
    here = bought("basic", "2026-06-01", policies, **more)  # type: ignore[arg-type]
    here.notices.clear()
    here.travel("2026-07-01", None)
    return here


def dunned(*days: int, exhausted: str = "end") -> Policies:
    """Policies with these delays."""
    return Policies(dunning=Dunning(tuple(Duration(day, 0) for day in days), exhausted=exhausted))  # type: ignore[arg-type]


def retry(here: Root) -> datetime | None:
    """When the newest invoice is tried again by itself."""
    one = here.invoice
    return None if one.over else InvoiceMachine.schedule(one.state, one.facts).get("retry_due")


def refusal(here: Root, id: str, event: str, day: str) -> str:
    """The code with which it is refused."""
    with pytest.raises(Refused) as caught:
        here.tell(id, event, day)
    return caught.value.code


# ------------------------------------------------------------------------------------------------- by the calendar


def test_three_retries_on_days_3_8_and_15() -> None:
    """Declined on 1 July: again on the 4th, the 9th and the 16th, and then it is given up (rule E5)."""
    here, attempts = unpaid(), []
    while here.asked:
        attempts.append((f"{here.now:%d}", here.asked[0]["attempt"]))
        here.answer("declined")
        here.until((here.next() or (here.now, ""))[0])
    assert attempts == [("01", 1), ("04", 2), ("09", 3), ("16", 4)]
    assert (here.invoice.state, here.subscription.state) == ("uncollectible", "ended")
    assert here.subscription.facts.ends_at == utc("2026-07-16")
    assert here.notices == ["payment_failed", "ended"]
    assert here.log[-3:] == [("inv_2", "declined"), ("inv_2", "exhausted"), ("sub_1", "payment_exhausted")]
    assert (here.book("receivable"), here.book("bad_debt"), here.book("cash")) == (0, 5000, 5000)


def test_delays_count_from_when_the_answer_came() -> None:
    """The retry of 4 July was answered on the 6th, for nobody was running: the next is on the 11th (rules C5, E5)."""
    here = unpaid()
    here.answer("declined", "2026-07-01 10:00")
    assert retry(here) == utc("2026-07-04 10:00")
    here.until(utc("2026-07-06"))
    here.answer("declined", "2026-07-06 08:00")
    assert retry(here) == utc("2026-07-11 08:00")


def test_delays_in_days_keep_the_wall_time() -> None:
    """Declined at 12:00 in New York on 6 March, the clocks change on the 8th: 12:00 on the 9th (rule I5)."""
    here = root(account=replace(ACCOUNT, zone="America/New_York"))
    here.command("subscribed", "2026-02-06 17:00", plan="team", interval="month")
    here.answer("charged")
    here.until(utc("2026-03-06 17:00"))
    here.answer("declined")
    assert retry(here) == utc("2026-03-09 16:00")


def test_without_retries_the_first_decline_is_the_last() -> None:
    """One failure, told once (rule E5)."""
    here = unpaid(dunned())
    here.answer("declined")
    assert (here.invoice.state, here.subscription.state) == ("uncollectible", "ended")
    assert here.notices == ["payment_failed", "ended"]


def test_the_policy_is_read_live() -> None:
    """Seven retries by the time of the second decline (rule A5)."""
    here = unpaid(dunned(3))
    here.answer("declined")
    here.around = replace(here.around, catalog=root(dunned(3, 9)).around.catalog)
    here.travel("2026-07-04", "declined")
    assert (here.invoice.state, retry(here)) == ("open", utc("2026-07-13"))


def test_a_subscription_may_be_kept() -> None:
    """`keep`: it goes on, and may buy again; what was given up stays owed (rules E5, B8)."""
    here = unpaid(dunned(3, exhausted="keep"))
    here.answer("declined")
    assert refusal(here, "sub_1", "add_seats", "2026-07-02") == "not_offered"
    assert refusal(here, "sub_1", "change_now", "2026-07-02") == "no_change"
    with pytest.raises(Refused) as caught:
        here.command("change_now", "2026-07-02", plan="team")
    assert caught.value.code == "past_due"
    here.command("schedule_change", "2026-07-02", plan="team", at="next_cycle")
    here.travel("2026-07-05", "declined")
    assert (here.invoice.state, here.subscription.state) == ("uncollectible", "pending_change")
    here.command("change_now", "2026-07-05", plan="team")
    here.answer("charged")
    assert (here.subscription.facts.plan, here.book("bad_debt")) == ("team", 5000)


def test_what_has_ended_goes_on_being_dunned() -> None:
    """Cancelled after the first decline: retries run on, and the last has no further effect (rule B8)."""
    here = unpaid()
    here.answer("declined")
    here.command("cancel_now", "2026-07-02")
    here.travel("2026-07-31", "declined")
    assert (here.invoice.state, here.notices) == ("uncollectible", ["payment_failed", "ended"])
    assert here.subscription.facts.ends_at == utc("2026-07-02")


# ------------------------------------------------------------------------------------------------------ recovering


@pytest.mark.parametrize(("declines", "expected"), [(0, ["renewed"]), (1, ["payment_failed", "payment_recovered"])])
def test_a_renewal_is_told_when_it_is_paid(declines: int, expected: list[str]) -> None:
    """Renewed; or failed, and then recovered (rule I26)."""
    here = unpaid()
    for _ in range(declines):
        here.answer("declined")
        here.until(utc("2026-07-04"))
    here.answer("charged")
    assert (here.invoice.state, here.notices) == ("paid", expected)
    assert (here.book("receivable"), here.book("cash"), here.book("revenue")) == (0, 10000, -10000)
    assert here.invoice.facts.retry_at is None


@pytest.mark.parametrize(
    ("declines", "expected"), [(0, ["changed"]), (1, ["changed", "payment_failed", "payment_recovered"])]
)
def test_a_renewal_with_a_change_is_told_as_that(declines: int, expected: list[str]) -> None:
    """Team from 1 July: changed, and not renewed as well (rule I26)."""
    here = bought("basic", "2026-06-01")
    here.command("schedule_change", "2026-06-10", plan="team", at="next_cycle")
    here.notices.clear()
    here.travel("2026-07-01", None)
    for _ in range(declines):
        here.answer("declined")
        here.until(utc("2026-07-04"))
    here.answer("charged")
    assert here.notices == expected


def test_by_hand_uses_no_retry_up() -> None:
    """Tried and declined on 2 July: the retry of the 4th stays, and three are left (rules E5, X62, X62)."""
    here = unpaid()
    here.answer("declined")
    here.tell("inv_2", "pay", "2026-07-02")
    assert retry(here) is None, "while it is asked nothing is tried"
    here.answer("declined")
    assert (retry(here), here.invoice.facts.failures) == (utc("2026-07-04"), 1)
    here.travel("2026-07-31", "declined")
    assert (here.invoice.facts.attempt, here.invoice.facts.failures) == (5, 4)
    assert here.notices == ["payment_failed", "ended"]


def test_by_hand_over_a_retry_puts_it_off() -> None:
    """Asked by hand on 3 July and declined on the 5th: the retry of the 4th is due then (rules E5, C5)."""
    here = unpaid()
    here.answer("declined")
    here.tell("inv_2", "pay", "2026-07-03")
    here.answer("declined", "2026-07-05")
    assert retry(here) == utc("2026-07-05")


def test_a_new_card_pays() -> None:
    """Under the next key, with that card (rules E5, E2)."""
    here = unpaid()
    here.answer("declined")
    here.card("pm_2")
    here.tell("inv_2", "pay", "2026-07-02")
    assert [(ask["attempt"], ask["method"]) for ask in here.asked] == [(2, "pm_2")]
    here.answer("charged")
    assert here.notices == ["payment_failed", "payment_recovered"]


def test_what_was_given_up_can_still_be_paid() -> None:
    """A new card pays what an ended subscription owes (rule I28); a decline changes nothing any more."""
    here = unpaid(dunned())
    here.answer("declined")
    here.card("pm_2")
    here.tell("inv_2", "pay", "2026-08-01")
    here.answer("declined")
    assert (here.invoice.state, retry(here)) == ("uncollectible", None)
    here.tell("inv_2", "pay", "2026-08-02")
    here.answer("charged")
    assert (here.invoice.state, here.book("bad_debt"), here.book("receivable")) == ("paid", 0, 0)
    assert here.subscription.state == "ended"


def test_without_a_payment_method_it_is_declined() -> None:
    """What is sent names no card, and whoever serves it declines: a retry counts from when that was seen, however long
    nobody was there to see it (rules E5, C5)."""
    here = bought("basic", "2026-06-01")
    here.card(None)
    here.travel("2026-07-02", None)
    assert [charge["method"] for charge in here.asked] == [None]
    here.answer("declined", "2026-07-02", reason="payment_method_missing")
    assert retry(here) == utc("2026-07-05")
    assert refusal(here, "inv_2", "pay", "2026-07-02") == "payment_method_missing"
    here.travel("2026-07-05", None)
    here.answer("declined", reason="payment_method_missing")
    assert (here.invoice.facts.failures, here.invoice.facts.attempt) == (2, 2)
    here.card("pm_2")
    here.tell("inv_2", "pay", "2026-07-05")
    here.answer("charged")
    assert here.invoice.state == "paid"


def test_without_a_payment_method_and_retries_it_is_over() -> None:
    """Opened, and given up with the first answer (rule E5)."""
    here = bought("basic", "2026-06-01", dunned())
    here.card(None)
    here.travel("2026-07-01", None)
    here.answer("declined", reason="payment_method_missing")
    assert (here.invoice.state, here.subscription.state) == ("uncollectible", "ended")


def test_while_it_is_asked_nobody_asks_again() -> None:
    """The answer comes first (rule E2)."""
    assert refusal(unpaid(), "inv_2", "pay", "2026-07-01") == "order_in_progress"


# ------------------------------------------------------------------------------------------------------- unanswered


def test_no_cycle_starts_while_a_charge_is_unanswered() -> None:
    """August begins once July's charge is answered, or given up as unknown; nominally on the 1st (rules C5, I18)."""
    here = unpaid()
    here.until(utc("2026-08-05"))
    assert here.subscription.facts.cycle == 2
    here.answer("unknown", "2026-08-05")
    here.until(utc("2026-08-05"))
    assert (here.subscription.facts.cycle, here.invoice.facts.at) == (3, utc("2026-08-01"))


def test_what_is_unknown_is_looked_up_and_not_tried_again() -> None:
    """Standing stays good, no retry is planned, a look-up runs on (rules E2, I18, X66)."""
    here = unpaid()
    here.answer("unknown")
    facts = here.invoice.facts
    assert (here.invoice.state, facts.charge, facts.failed_at, retry(here)) == ("open", "unknown", None, None)
    assert [ask["attempt"] for ask in here.late] == [1]
    here.tell("inv_2", "charged", "2026-07-03")
    assert (here.invoice.state, here.notices) == ("paid", ["renewed"])


def test_an_operator_tries_what_is_unknown_under_the_same_key() -> None:
    """The same card, the same attempt: whoever asks looks it up first (rules E2, I18)."""
    here = unpaid()
    here.answer("unknown")
    here.tell("inv_2", "pay", "2026-07-02")
    assert [ask["attempt"] for ask in here.asked] == [1]
    here.answer("declined")
    assert (here.notices, retry(here)) == (["payment_failed"], utc("2026-07-05"))


def test_a_new_card_after_what_is_unknown() -> None:
    """Another card is another attempt; its decline is the first failure, and dunning begins (rules I18, E5)."""
    here = unpaid()
    here.answer("unknown")
    here.card("pm_2")
    here.tell("inv_2", "pay", "2026-07-02")
    assert [(ask["attempt"], ask["method"]) for ask in here.asked] == [(2, "pm_2")]
    here.answer("declined")
    assert (here.notices, retry(here)) == (["payment_failed"], utc("2026-07-05"))
    here.travel("2026-07-05", "charged")
    assert here.notices == ["payment_failed", "payment_recovered"]


def test_a_retry_that_is_unknown_and_then_declined_goes_on() -> None:
    """The retry of 4 July was lost sight of; an operator has it answered on the 6th: the next is on the 11th (E5)."""
    here = unpaid()
    here.answer("declined")
    here.until(utc("2026-07-04"))
    here.answer("unknown")
    assert retry(here) is None
    here.tell("inv_2", "pay", "2026-07-06")
    here.answer("declined")
    assert (retry(here), here.invoice.facts.failures) == (utc("2026-07-11"), 2)


def test_what_was_asked_by_hand_and_is_unknown_is_not_tried_under_another_key() -> None:
    """Asked by hand on 2 July, lost sight of: the retry of the 4th waits for what became of it (rules E2, I18)."""
    here = unpaid()
    here.answer("declined")
    here.tell("inv_2", "pay", "2026-07-02")
    here.answer("unknown")
    assert retry(here) is None
    here.travel("2026-07-20", None)
    assert here.asked == []
    here.tell("inv_2", "declined", "2026-07-20")
    assert retry(here) == utc("2026-07-20")


# ---------------------------------------------------------------------------------------------------------- orders


def test_a_purchase_takes_effect_with_its_charge() -> None:
    """Nothing but the order and a draft without a number, until the money is there; then at the confirmed instant
    (rules A6, D2, B9, E4, X65)."""
    here = root()
    here.command("subscribed", "2026-06-01 10:00", plan="team", interval="month")
    assert (here.newest("order").state, here.invoice.state, here.numbers) == ("confirmed", "draft", [])
    assert "sub_1" not in here.instances
    here.answer("charged", "2026-06-01 10:02")
    assert (here.newest("order").state, here.invoice.state, here.numbers) == ("completed", "paid", ["INV-"])
    assert here.subscription.facts.anchor == utc("2026-06-01 10:00")
    assert here.happened["subscribed"] == utc("2026-06-01 10:00")
    assert here.invoice.facts.paid_at == utc("2026-06-01 10:02")
    assert here.notices == ["subscribed"]


def test_a_purchase_that_is_declined_changes_nothing() -> None:
    """No number, no notice, no retry, and the balance has its 20.00 again (rules D2, I1, E4)."""
    here = root(balance=2000)
    here.command("subscribed", "2026-06-01", plan="team", interval="month")
    assert (here.asked[0]["amount"], here.book("reserved"), here.around.purse.balance) == (8000, -2000, 0)
    here.answer("declined", reason="expired")
    assert (here.newest("order").state, here.invoice.state) == ("declined", "void")
    assert here.newest("order").facts.decline == "expired"
    assert (here.numbers, here.notices, here.around.purse.balance, here.next()) == ([], [], 2000, None)


def test_a_purchase_uses_the_balance() -> None:
    """20.00 of 100.00 (rule I6)."""
    here = bought("team", "2026-06-01", balance=2000)
    facts = here.invoice.facts
    assert (facts.total, facts.credit, facts.due) == (10000, 2000, 8000)
    assert (here.book("cash"), here.book("balance"), here.book("reserved")) == (8000, 2000, 0)


def test_a_purchase_that_the_balance_covers_is_not_charged() -> None:
    """Completed at once, without a payment method (rules I6, D2)."""
    here = root(balance=10000, account=replace(ACCOUNT, payment_method=None))
    here.command("subscribed", "2026-06-01", plan="team", interval="month")
    assert (here.newest("order").state, here.invoice.state, here.asked) == ("completed", "paid", [])
    assert (here.subscription.state, here.numbers) == ("active", ["INV-"])


def test_what_is_confirmed_is_charged_even_if_the_balance_has_grown() -> None:
    """Quoted with nothing on the balance, confirmed with 100.00: 50.00 are charged, as was shown (rule D1)."""
    here = root()
    here.command("subscribed", "2026-06-01", plan="team", interval="month")
    stored = here.newest("order").stored
    here = root(balance=10000)
    here.begin("order", "quoted", utc("2026-06-01"), stored)
    here.tell("ord_1", "confirmed", "2026-06-01 00:30")
    assert [ask["amount"] for ask in here.asked] == [10000]
    here.answer("charged")
    assert (here.invoice.facts.credit, here.around.purse.balance) == (0, 10000)


def test_a_purchase_that_is_lost_sight_of_is_never_applied() -> None:
    """Unknown: it is as if nothing had been bought; money that is found later goes back (rules B9, I1)."""
    here = bought("basic", "2026-06-01", balance=7000)
    assert here.around.purse.balance == 2000
    here.command("change_now", "2026-06-15", plan="team")
    assert here.asked[0]["amount"] == 5500
    here.answer("unknown")
    assert (here.newest("order").state, here.invoice.state) == ("unknown", "void")
    assert (here.subscription.facts.plan, here.around.purse.balance, len(here.late)) == ("basic", 2000, 1)
    here.tell("ord_2", "found", "2026-06-16", amount=5500, charge="inv_2:1")
    assert (here.newest("order").state, here.book("cash"), here.book("refunds")) == ("returned", 5500, -5500)
    here.give_back()
    assert (here.book("cash"), here.book("refunds"), here.subscription.facts.plan) == (0, 0, "basic")


def test_a_purchase_that_is_charged_after_the_end_goes_back() -> None:
    """July's last attempt fails while seats are being charged: the subscription has ended, the money goes back, and no
    number is burnt (rules B9, B8)."""
    here = bought("team", "2026-06-01", dunned())
    here.travel("2026-07-01", None)
    here.command("add_seats", "2026-07-01")
    here.answer("declined")
    assert (here.subscription.state, here.newest("order").state) == ("ended", "confirmed")
    here.answer("charged")
    assert (here.newest("order").state, here.invoice.state) == ("returned", "void")
    assert (here.subscription.state, here.subscription.facts.seats, len(here.numbers)) == ("ended", 3, 2)
    here.give_back()
    assert (here.book("cash"), here.book("refunds"), here.book("bad_debt")) == (10000, 0, 10000)


def test_nothing_happens_on_the_root_while_it_is_charged() -> None:
    """The order occupies it (rule B9)."""
    here = bought("basic", "2026-06-01")
    here.command("change_now", "2026-06-30 23:59", plan="team")
    here.until(utc("2026-07-05"))
    assert here.subscription.facts.cycle == 1
    here.answer("declined")
    here.until(utc("2026-07-05"))
    assert here.subscription.facts.cycle == 2


def test_one_first_purchase_of_a_family_at_a_time() -> None:
    """The order holds the name until it is over (rules A5, B9)."""
    order = root()
    order.command("subscribed", "2026-06-01", plan="team", interval="month")
    facts = replace(order.newest("order").facts, key="acct_1/main")
    definition = order.newest("order").definition
    assert definition.live_key(facts) == "acct_1/main"


# ------------------------------------------------------------------------------------------- drafts, numbers, once


def test_in_a_hosts_transaction_nothing_is_numbered() -> None:
    """July begins there: a draft, opened and charged a moment later by itself, before any cycle (rule E4)."""
    here = bought("basic", "2026-06-01")
    here.around = replace(here.around, within_host=True)
    here.until(utc("2026-07-01"))
    assert (here.invoice.state, here.numbers, here.asked) == ("draft", ["INV-"], [])
    waiting = InvoiceMachine.holds_back("draft", here.invoice.facts)
    assert waiting == ("cycle_starts", "change_takes_effect", "end_date_arrives", "reminded")
    here.around = replace(here.around, within_host=False)
    assert here.next() == (utc("2026-07-01"), "opened")
    here.travel("2026-07-01")
    assert (here.invoice.state, here.numbers) == ("paid", ["INV-", "INV-"])


def test_a_purchase_in_a_hosts_transaction_is_charged_after_it() -> None:
    """Only outside may whoever commits deliver the charge itself (rule E4)."""
    for within_host in (True, False):
        here = root(within_host=within_host)
        here.command("subscribed", "2026-06-01", plan="team", interval="month")
        sends = [effect for effect in here.effects if isinstance(effect, Send)]
        assert [send.handed for send in sends] == [not within_host]


def test_there_is_one_invoice_for_each_cycle_that_starts_by_itself() -> None:
    """Its name is kept for good (rule E3); that of an order or of a rest has none."""
    here = unpaid()
    assert InvoiceMachine.live_key(here.invoice.facts) == "sub_1/2"
    assert InvoiceMachine.keeps_key
    assert InvoiceMachine.live_key(bought("basic", "2026-06-01").invoice.facts) is None
    assert InvoiceMachine.live_key(replace(here.invoice.facts, reason="rest_of_cycle")) is None


def test_a_refund_that_the_gateway_cannot_give_back_goes_to_the_balance() -> None:
    """Half of it went back (rules E7, X63)."""
    here = root()
    here.begin(
        "refund",
        "asked",
        utc("2026-06-01"),
        {"account": ACCOUNT.id, "currency": "USD", "amount": 500, "cause": "x", "found": True},
    )
    here.give_back(share=2)
    assert (here.book("cash"), here.around.purse.balance, here.newest("refund").facts["refunded"]) == (250, 250, 250)


def test_a_balance_is_added_to_written_off_and_paid_out() -> None:
    """5.00 more, 1.00 less, 4.00 back; nothing is left, and no more can be taken (rules A2, E7, X64)."""
    here = root()

    def adjust(event: str, amount: int) -> None:
        here.begin("adjustment", event, here.now, {"account": ACCOUNT.id, "currency": "USD", "amount": amount})
        here.check()

    adjust("credited", 500)
    with pytest.raises(Refused, match="lower"):
        adjust("written_off", 501)
    adjust("written_off", 100)
    adjust("paid_out", 400)
    assert (here.around.purse.balance, here.book("refunds"), here.refunds[0]["amount"]) == (0, -400, 400)
    with pytest.raises(Refused, match="lower"):
        adjust("paid_out", 1)


def test_a_decline_is_heard_once_for_each_attempt() -> None:
    """Two invoices of one subscription are dunned each for itself (rules E5, I22)."""
    here = unpaid()
    here.answer("declined")
    here.travel("2026-07-31", "declined")
    assert [one.facts.failures for one in here.all("invoice").values()][1:] == [4]
    assert here.subscription.facts.ends_at == here.all("invoice")["inv_2"].facts.failed_at + timedelta(days=15)
