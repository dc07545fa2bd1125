"""Stripe's gateway against a server that answers as Stripe documents."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lifecycle.errors import LifecycleError
from lifecycle.gateways.loading import stripe_gateway
from lifecycle.gateways.protocol import Charge, Gateway, Method, NoAnswer, Outcome, Refund
from lifecycle.gateways.stripe import StripeGateway
from tests.contract.threads import at_once
from tests.gateways.stripe_server import KEY, StripeServer
from tests.gateways.till import refused, word

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def charge(gateway: StripeGateway, server: StripeServer) -> Charge:
    """50.00 EUR of an account whose card Stripe knows."""
    customer = gateway.customer("acc_1")
    return Charge("inv_1:1", 5000, "EUR", customer, server.card(customer), "inv_1", "acc_1")


def paid(gateway: StripeGateway, charge: Charge) -> Refund:
    """The refund of 20.00 of a charge that has succeeded."""
    return Refund("ref_1", 2000, "EUR", gateway.charge(charge).reference, "acc_1")


def test_it_is_a_gateway(gateway: StripeGateway) -> None:
    """Its methods are those of the protocol."""
    asked: Gateway = gateway
    assert asked.name == "stripe"


def test_a_customer_is_the_account_id_and_nothing_else(gateway: StripeGateway, server: StripeServer) -> None:
    """The same account is the same customer, and no personal data is sent."""
    assert gateway.customer("acc_1") == gateway.customer("acc_1") == "cus_1"
    assert gateway.customer("acc_2") == "cus_2"
    assert server.requests[0][3] == {"metadata": {"account": "acc_1"}}
    assert "telemetry_id" not in server.requests[0][2]["X-Stripe-Client-User-Agent"]


def test_a_set_up_is_for_charges_without_the_person(gateway: StripeGateway, server: StripeServer) -> None:
    """Its secret is for the host's page."""
    begun = gateway.start_setup("cus_1")
    assert (begun.id, begun.client_secret) == ("seti_1", "seti_1_secret_x")
    assert (server.requests[-1][3]["usage"], server.requests[-1][3]["customer"]) == ("off_session", "cus_1")


def test_a_card_is_described(gateway: StripeGateway, server: StripeServer) -> None:
    """As it may be shown."""
    server.card("cus_1", "pm_1")
    assert gateway.method("cus_1", "pm_1") == Method("pm_1", "visa", "4242", 8, 2030)


def test_a_method_that_cannot_be_charged_is_refused(gateway: StripeGateway, server: StripeServer) -> None:
    """One that is unknown, another customer's, or no card."""
    server.card("cus_1", "pm_1")
    server.card("cus_1", "pm_2", "sepa_debit")
    assert "No such PaymentMethod" in refused(lambda: gateway.method("cus_1", "pm_3"))
    assert "No such PaymentMethod" in refused(lambda: gateway.method("cus_2", "pm_1"))
    assert "sepa_debit" in refused(lambda: gateway.method("cus_1", "pm_2"))


def test_a_charge_is_a_payment_off_session(gateway: StripeGateway, server: StripeServer, charge: Charge) -> None:
    """Confirmed at once, with our key as Stripe's and in its metadata."""
    assert gateway.charge(charge) == Outcome("succeeded", "pi_1", 5000, NOON)
    method, path, headers, form = server.requests[-1]
    assert (method, path, headers["Idempotency-Key"]) == ("POST", "/v1/payment_intents", "inv_1:1")
    assert headers["Stripe-Version"] == "2026-03-25.dahlia"
    assert form["metadata"] == {"key": "inv_1:1", "invoice": "inv_1", "account": "acc_1"}
    assert (form["amount"], form["currency"], form["confirm"], form["off_session"]) == ("5000", "eur", "true", "true")


@pytest.mark.parametrize(
    "reason", ["card_declined", "insufficient_funds", "expired_card", "authentication_required", "requires_action"]
)
def test_a_decline_is_an_outcome(gateway: StripeGateway, server: StripeServer, charge: Charge, reason: str) -> None:
    """With Stripe's word for the reason; a look-up and a repeat say the same."""
    server.next = [reason]
    outcome = gateway.charge(charge)
    word = "authentication_required" if reason == "requires_action" else reason
    assert outcome == Outcome("declined", "pi_1", 5000, NOON, word)
    assert gateway.find_charge(charge) == gateway.charge(charge) == outcome


@pytest.mark.parametrize("trouble", ["error", "conflict", "busy"])
def test_a_fault_of_stripes_is_no_answer(
    gateway: StripeGateway, server: StripeServer, charge: Charge, trouble: str
) -> None:
    """A 500, a conflict and a limit: the request was sent once, and a look-up finds nothing."""
    server.next = [trouble]
    assert word(gateway.charge, charge) == "no answer"
    assert len(server.requests) == 2
    assert gateway.find_charge(charge) is None


def test_a_connection_cut_after_the_payment_is_no_answer(
    gateway: StripeGateway, server: StripeServer, charge: Charge
) -> None:
    """A look-up finds the money, and the repeat takes none."""
    server.next = ["cut"]
    assert word(gateway.charge, charge) == "no answer"
    assert gateway.find_charge(charge) == gateway.charge(charge) == Outcome("succeeded", "pi_1", 5000, NOON)
    assert len(server.things["payment_intents"]) == 1


def test_a_stripe_that_keeps_silent_is_no_answer(server: StripeServer, gateway: StripeGateway, charge: Charge) -> None:
    """After the time-out nobody waits any longer; the money was taken."""
    server.next = ["slow"]
    impatient = StripeGateway(KEY, api_base=server.url, timeout_seconds=0.2)
    assert word(impatient.charge, charge) == "no answer"
    impatient.close()
    assert word(gateway.charge, charge) == "succeeded"
    assert len(server.things["payment_intents"]) == 1


def test_nobody_there_is_no_answer(charge: Charge) -> None:
    """Neither to a charge nor to a look-up."""
    with StripeServer() as gone:
        elsewhere = StripeGateway(KEY, api_base=gone.url)
    assert word(elsewhere.charge, charge) == "no answer"
    with pytest.raises(NoAnswer) as error:
        elsewhere.find_charge(charge)
    assert error.value.code == "gateway_no_answer"


def test_a_wrong_key_is_no_answer(server: StripeServer, charge: Charge) -> None:
    """With the right one the same request may succeed."""
    wrong = StripeGateway("sk_test_wrong", api_base=server.url)
    assert word(wrong.charge, charge) == "no answer"
    wrong.close()


def test_a_request_that_is_invalid_is_refused(gateway: StripeGateway, server: StripeServer, charge: Charge) -> None:
    """An unknown method, and a key that comes again with other content."""
    assert "No such PaymentMethod" in refused(lambda: gateway.charge(replace(charge, method="pm_unknown")))
    gateway.charge(charge)
    assert "same" in refused(lambda: gateway.charge(replace(charge, amount=5001)))
    assert len(server.things["payment_intents"]) == 1


def test_a_payment_that_is_processing_is_no_answer(
    gateway: StripeGateway, server: StripeServer, charge: Charge
) -> None:
    """Stripe does not know yet, neither now nor when it is looked up."""
    server.next = ["processing"]
    assert word(gateway.charge, charge) == "no answer"
    with pytest.raises(NoAnswer, match="processing"):
        gateway.find_charge(charge)


def test_a_look_up_turns_the_pages(gateway: StripeGateway, server: StripeServer, charge: Charge) -> None:
    """The first of seven charges is on the last of four pages."""
    server.page = 2
    for number in range(1, 8):
        gateway.charge(replace(charge, key=f"inv_{number}:1", invoice=f"inv_{number}"))
    before = len(server.requests)
    assert gateway.find_charge(charge) == Outcome("succeeded", "pi_1", 5000, NOON)
    assert len(server.requests) - before == 4
    assert gateway.find_charge(replace(charge, key="inv_8:1")) is None


def test_a_look_up_prefers_the_payment_that_succeeded(
    gateway: StripeGateway, server: StripeServer, charge: Charge
) -> None:
    """One key became two payments, for Stripe had forgotten it: the later was declined, the earlier counts."""
    gateway.charge(charge)
    server.next = ["insufficient_funds"]
    gateway.charge(replace(charge, key="inv_1:2"))
    server.things["payment_intents"][1]["metadata"] = {"key": "inv_1:1"}
    assert gateway.find_charge(charge) == Outcome("succeeded", "pi_1", 5000, NOON)


def test_a_payment_that_was_never_tried_is_no_decline(
    gateway: StripeGateway, server: StripeServer, charge: Charge
) -> None:
    """Stripe has a payment without a card and without an error: nobody can tell."""
    gateway.charge(charge)
    server.things["payment_intents"][0]["status"] = "requires_payment_method"
    with pytest.raises(NoAnswer, match="requires_payment_method"):
        gateway.find_charge(charge)


def test_a_refund_is_made_once(gateway: StripeGateway, server: StripeServer, charge: Charge) -> None:
    """The connection is cut after it: a look-up finds it, and the repeat gives nothing back."""
    refund = paid(gateway, charge)
    assert gateway.find_refund(refund) is None
    server.next = ["cut"]
    with pytest.raises(NoAnswer):
        gateway.refund(refund)
    assert gateway.find_refund(refund) == gateway.refund(refund) == Outcome("succeeded", "re_1", 2000, NOON)
    assert server.requests[-1][3]["metadata"] == {"key": "ref_1", "account": "acc_1"}


def test_a_refund_of_too_much_is_refused(gateway: StripeGateway, charge: Charge) -> None:
    """50.01 of 50.00, or of a payment that Stripe does not know."""
    refund = paid(gateway, charge)
    assert "greater" in refused(lambda: gateway.refund(replace(refund, amount=5001)))
    assert "No such" in refused(lambda: gateway.refund(replace(refund, key="ref_2", payment="pi_unknown")))


def test_a_refund_may_fail_or_wait(gateway: StripeGateway, server: StripeServer, charge: Charge) -> None:
    """A failed one has a reason; a pending one is no answer yet."""
    refund = paid(gateway, charge)
    server.next = ["failed", "pending"]
    assert gateway.refund(refund) == Outcome("declined", "re_1", 2000, NOON, "lost_or_stolen_card")
    with pytest.raises(NoAnswer, match="pending"):
        gateway.refund(replace(refund, key="ref_2"))


def test_threads_with_one_key_make_one_payment(gateway: StripeGateway, server: StripeServer, charge: Charge) -> None:
    """Each thread has a connection of its own, and all get the same outcome."""

    def charged() -> Outcome:
        outcome = gateway.charge(charge)
        gateway.close()
        return outcome

    assert len(set(at_once(8, charged))) == 1
    assert len(server.things["payment_intents"]) == 1


def test_without_its_library_stripe_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "stripe", None)
    monkeypatch.delitem(sys.modules, "lifecycle.gateways.stripe", raising=False)
    with pytest.raises(LifecycleError) as error:
        stripe_gateway(KEY)
    assert error.value.code == "extra_missing"
    assert str(error.value) == "Stripe needs its library: pip install 'lifecycle-engine[stripe]'"


def test_with_its_library_stripe_is_loaded(server: StripeServer) -> None:
    """It is the gateway."""
    gateway = stripe_gateway(KEY, api_base=server.url)
    assert gateway.customer("acc_1") == "cus_1"
    gateway.close()
