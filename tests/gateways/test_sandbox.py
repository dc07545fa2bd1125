"""The sandbox's contract, on SQLite in a file, SQLite in memory and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lifecycle.engine.clock import VirtualClock
from lifecycle.gateways.protocol import Gateway, NoAnswer, Refund
from lifecycle.gateways.sandbox import Entry, SandboxGateway, Totals
from tests.gateways.till import NOON, Till, refused

pytestmark = pytest.mark.sampled


def test_it_is_a_gateway(till: Till) -> None:
    """Its methods are those of the protocol."""
    gateway: Gateway = till.gateway
    assert gateway.name == "sandbox"


def test_an_account_has_one_customer(till: Till) -> None:
    """The same account is the same customer each time, another one is another."""
    assert till.gateway.customer("acc_1") == till.customer
    assert till.gateway.customer("acc_2") != till.customer


def test_a_card_is_made_by_the_name_of_its_script(till: Till) -> None:
    """Each time it is another card, described as it may be shown, and found by its token from then on."""
    first, second = till.gateway.method(till.customer, "ok"), till.gateway.method(till.customer, "ok")
    assert first.token != second.token
    assert (first.brand, first.last4, first.exp_month, first.exp_year) == ("Sandbox", "4242", 1, 2028)
    assert till.gateway.method(till.customer, first.token) == first


def test_an_expired_card_shows_that_it_is(till: Till) -> None:
    """It expired a year ago."""
    expired = till.gateway.method(till.customer, "expired")
    assert (expired.last4, expired.exp_month, expired.exp_year) == ("0069", 1, 2025)


@pytest.mark.parametrize("token", ["", "4242", "card_1", "ok:1", "declines_after", "declines_first:x", "OK", "ok "])
def test_what_is_no_script_and_no_card_is_refused(till: Till, token: str) -> None:
    """No card is made with a name that isn't a script's, or lacks its number."""
    assert repr(token) in refused(lambda: till.gateway.method(till.customer, token))


def test_a_card_belongs_to_its_customer(till: Till) -> None:
    """Another customer can neither use it nor see it, and nobody who is unknown can have one."""
    card, other = till.card("ok"), till.gateway.customer("acc_2")
    refused(lambda: till.gateway.method(other, card))
    refused(lambda: till.gateway.charge(replace(till.asked(card), customer=other)))
    refused(lambda: till.gateway.method("cus_unknown", "ok"))
    refused(lambda: till.gateway.start_setup("cus_unknown"))
    assert till.gateway.ledger() == []


def test_a_set_up_is_begun(till: Till) -> None:
    """It has an id and a secret of its own."""
    first, second = till.gateway.start_setup(till.customer), till.gateway.start_setup(till.customer)
    assert first.id != second.id
    assert first.client_secret != second.client_secret


@pytest.mark.parametrize(
    ("script", "said", "found"),
    [
        ("ok", ["succeeded"] * 4, ["succeeded"] * 4),
        ("declines", ["card_declined"] * 4, ["card_declined"] * 4),
        ("declines_after:2", ["succeeded"] * 2 + ["card_declined"] * 2, ["succeeded"] * 2 + ["card_declined"] * 2),
        ("declines_first:3", ["card_declined"] * 3 + ["succeeded"], ["card_declined"] * 3 + ["succeeded"]),
        ("expired", ["expired_card"] * 4, ["expired_card"] * 4),
        ("times_out", ["no answer"] * 4, ["nothing"] * 4),
        ("reply_lost", ["no answer"] * 4, ["succeeded"] * 4),
    ],
)
def test_a_card_does_what_its_script_says(till: Till, script: str, said: list[str], found: list[str]) -> None:
    """Four charges with keys of their own, and what a look-up finds of them."""
    card = till.card(script)
    charges = [till.asked(card, f"inv_{number}:1") for number in range(4)]
    assert till.said(*charges) == said
    outcomes = [till.gateway.find_charge(charge) for charge in charges]
    assert [outcome.reason or outcome.status if outcome else "nothing" for outcome in outcomes] == found


def test_repeats_do_not_use_a_card_up(till: Till) -> None:
    """Declined twice, then charged: two repeats of the first key are no second and third charge."""
    card = till.card("declines_first:2")
    first, second, third = (till.asked(card, f"inv_1:{attempt}") for attempt in (1, 2, 3))
    assert till.said(first, first, first, second, third) == ["card_declined"] * 4 + ["succeeded"]


def test_an_outcome_tells_what_was_decided(till: Till) -> None:
    """The amount in minor units, the clock's instant, and a reference of its own."""
    outcome = till.charge(till.card("ok"), amount=1234)
    assert (outcome.status, outcome.amount, outcome.at, outcome.reason) == ("succeeded", 1234, NOON, "")
    assert outcome.reference.startswith("pay_")


def test_a_key_is_charged_once_in_a_day(till: Till) -> None:
    """One second before the day is over a repeat gets the first outcome, with its first instant."""
    card = till.card("ok")
    first = till.charge(card)
    till.at(2, "11:59:59")
    assert till.charge(card) == first
    assert len(till.gateway.ledger()) == 1


def test_a_lost_reply_is_heard_by_the_repeat(till: Till) -> None:
    """The money was taken and the answer lost: the same key again gets it, and takes nothing."""
    charge = till.asked(till.card("reply_lost"))
    assert till.said(charge, charge) == ["no answer", "succeeded"]
    assert till.gateway.totals("acc_1") == Totals(1, 0, 5000, 0)


def test_a_day_later_the_key_is_forgotten(till: Till) -> None:
    """At noon on the next day the same key charges again: whoever does not look up before pays twice."""
    card = till.card("ok")
    first = till.charge(card)
    till.at(2, "12:00:00")
    second = till.charge(card)
    assert second.reference != first.reference
    assert till.gateway.totals("acc_1") == Totals(2, 0, 10000, 0)


def test_a_forgotten_key_may_come_with_other_content(till: Till) -> None:
    """It is a new charge, whatever it was before."""
    card = till.card("ok")
    till.charge(card)
    till.at(2, "12:00:00")
    assert till.charge(card, amount=70).amount == 70


def test_a_look_up_never_forgets(till: Till) -> None:
    """The charge succeeded; a day later the same key was declined; a week later the look-up finds the success."""
    charge = till.asked(till.card("declines_after:1"))
    first = till.gateway.charge(charge)
    till.at(2, "12:00:00")
    assert till.said(charge) == ["card_declined"]
    till.at(9, "12:00:00")
    assert till.gateway.find_charge(charge) == first


@pytest.mark.parametrize(
    "other", [{"amount": 5001}, {"currency": "USD"}, {"method": ""}, {"invoice": "inv_2"}, {"account": "acc_2"}]
)
def test_a_key_with_other_content_is_refused(till: Till, other: dict[str, int | str]) -> None:
    """Whoever takes a key twice for two things made a mistake, and is told."""
    charge = till.asked(till.card("ok"))
    till.gateway.charge(charge)
    assert "inv_1:1" in refused(lambda: till.gateway.charge(replace(charge, **other)))  # type: ignore[arg-type]
    assert till.gateway.totals("acc_1") == Totals(1, 0, 5000, 0)


@pytest.mark.parametrize("other", [{"amount": 0}, {"amount": -1}, {"currency": "euro"}, {"method": "card_unknown"}])
def test_nonsense_is_refused(till: Till, other: dict[str, int | str]) -> None:
    """Nothing, less than nothing, no currency, no card: nothing is written."""
    charge = replace(till.asked(till.card("ok")), **other)  # type: ignore[arg-type]
    refused(lambda: till.gateway.charge(charge))
    assert till.gateway.find_charge(charge) is None


def test_refunds_give_back_what_was_taken_and_no_more(till: Till) -> None:
    """Of 50.00 first 20.00, then 30.00: 30.01 would be too much, and after that a cent is."""
    paid = till.charge(till.card("ok")).reference
    assert till.refund(paid, "ref_1", 2000).amount == 2000
    assert "only 3000 of 5000" in refused(lambda: till.refund(paid, "ref_2", 3001))
    assert till.refund(paid, "ref_2", 3000).status == "succeeded"
    assert "only 0 of 5000" in refused(lambda: till.refund(paid, "ref_3", 1))
    assert till.gateway.totals("acc_1") == Totals(1, 0, 5000, 5000)


def test_only_money_that_was_taken_is_given_back(till: Till) -> None:
    """Not that of a decline, of an unknown payment, of another account or in another currency."""
    declined = till.charge(till.card("declines"), "inv_1:1").reference
    paid = till.charge(till.card("ok"), "inv_2:1").reference
    refused(lambda: till.refund(declined))
    refused(lambda: till.refund("pay_unknown"))
    refused(lambda: till.gateway.refund(Refund("ref_1", 5000, "EUR", paid, "acc_2")))
    refused(lambda: till.gateway.refund(Refund("ref_1", 5000, "USD", paid, "acc_1")))
    refused(lambda: till.refund(paid, amount=0))
    assert till.gateway.totals("acc_1") == Totals(1, 1, 5000, 0)


def test_a_refund_is_made_once_for_its_key(till: Till) -> None:
    """The repeat gets the first outcome, other content is refused, and a day later the key refunds again."""
    paid = till.charge(till.card("ok")).reference
    asked = Refund("ref_1", 1000, "EUR", paid, "acc_1")
    assert till.gateway.find_refund(asked) is None
    first = till.gateway.refund(asked)
    assert till.gateway.refund(asked) == first
    refused(lambda: till.gateway.refund(replace(asked, amount=1001)))
    till.at(2, "12:00:00")
    assert till.gateway.refund(asked).reference != first.reference
    assert till.gateway.totals("acc_1").refunded == 2000


def test_a_charge_and_a_refund_may_have_one_key(till: Till) -> None:
    """They are looked up apart."""
    paid = till.charge(till.card("ok"), "inv_1:1").reference
    back = till.refund(paid, "inv_1:1", 1000)
    assert till.gateway.find_refund(Refund("inv_1:1", 1000, "EUR", paid, "acc_1")) == back
    assert till.gateway.find_charge(till.asked("", "inv_1:1")) != back


def test_the_ledger_tells_everything_oldest_first(till: Till) -> None:
    """A decline, a payment an hour later and a refund in the same instant; another account's charge is apart."""
    declined = till.charge(till.card("declines"), "inv_1:1", 5000)
    till.at(1, "13:00:00")
    paid = till.charge(till.card("ok"), "inv_1:2", 5000)
    back = till.refund(paid.reference, "ref_1", 700)
    other = till.gateway.customer("acc_2")
    card = till.gateway.method(other, "ok").token
    till.gateway.charge(replace(till.asked(card, "inv_2:1", 900), customer=other, account="acc_2", currency="JPY"))

    ledger = till.gateway.ledger("acc_1")
    assert ledger == [
        Entry(
            "charge", "inv_1:1", "inv_1", "acc_1", 5000, "EUR", "declined", declined.reference, "card_declined", NOON
        ),
        Entry("charge", "inv_1:2", "inv_1", "acc_1", 5000, "EUR", "succeeded", paid.reference, "", paid.at),
        Entry("refund", "ref_1", "inv_1", "acc_1", 700, "EUR", "succeeded", back.reference, "", paid.at),
    ]
    assert [(row.account, row.currency, row.amount) for row in till.gateway.ledger()][3:] == [("acc_2", "JPY", 900)]
    assert till.gateway.totals("acc_1") == Totals(1, 1, 5000, 700)
    assert till.gateway.totals("acc_2") == Totals(1, 0, 900, 0)
    assert till.gateway.totals("acc_3") == Totals(0, 0, 0, 0)


def test_points_are_passed(till: Till) -> None:
    """Before anything is done, and once it is committed; a repeat commits nothing."""
    card = till.card("ok")
    paid = till.charge(card)
    till.charge(card)
    till.refund(paid.reference)
    assert till.points == ["charge: before", "charge: taken", "charge: before", "refund: before", "refund: taken"]


def test_a_database_that_cannot_be_used_is_no_answer() -> None:
    """Whoever charges need not know what a sandbox is made of."""
    gateway = SandboxGateway("sqlite:////nowhere/at/all.db", VirtualClock(NOON))
    with pytest.raises(NoAnswer, match="there is no folder") as error:
        gateway.customer("acc_1")
    assert error.value.code == "gateway_no_answer"


def test_the_ledger_outlives_its_process(shared_url: str) -> None:
    """Another sandbox over the same database knows the customer, the card and the payment."""
    till = Till(shared_url)
    card = till.card("ok")
    paid = till.charge(card)
    till.gateway.close()
    again = SandboxGateway(shared_url, till.clock)
    assert again.customer("acc_1") == till.customer
    assert again.method(till.customer, card).token == card
    assert again.charge(till.asked(card)) == paid
    again.close()
