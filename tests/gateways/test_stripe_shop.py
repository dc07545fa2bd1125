"""A whole shop on Stripe: a card entered on the host's page, a purchase, renewals, declines, lost answers, webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from lifecycle import Lifecycle, LifecycleError, Refused, VirtualClock
from lifecycle.verify import verify
from tests.gateways.stripe_server import KEY, StripeServer
from tests.gateways.test_stripe_webhooks import payload, signed
from tests.integration.world import travelling

ANN = "ann@acme.test"
START = "2026-06-01T00:00+00:00"
Shop = tuple[Lifecycle, VirtualClock, StripeServer]


@pytest.fixture
def shop(server: StripeServer) -> Iterator[Shop]:
    """A shop on 1 June 2026, with one account that has entered a card on the host's page."""
    stripe = {
        "LIFECYCLE_GATEWAY__USE": "stripe",
        "LIFECYCLE_GATEWAY__API_KEY": KEY,
        "LIFECYCLE_GATEWAY__API_BASE": server.url,
        "LIFECYCLE_GATEWAY__WEBHOOK_SECRETS": "[whsec_new]",
    }
    with travelling("sqlite://", START, **stripe) as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN)
        assert lifecycle.payment_methods.start_setup("acme").client_secret
        [customer] = server.things["customers"]
        lifecycle.payment_methods.add("acme", server.card(customer["id"]))
        yield lifecycle, clock, server


def taken(server: StripeServer) -> list[int]:
    """The amounts of the payments that have succeeded."""
    return [one["amount"] for one in server.things["payment_intents"] if one["status"] == "succeeded"]


def test_a_purchase_and_its_renewals(shop: Shop) -> None:
    """50.00 on 1 June, July and August; nothing but ids is sent (A8, D2)."""
    lifecycle, _, server = shop
    [method] = lifecycle.payment_methods.list("acme")
    assert (method.brand, method.last4, method.exp_year) == ("visa", "4242", 2030)
    lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN)
    lifecycle.advance_to(datetime(2026, 8, 1, tzinfo=UTC))
    assert taken(server) == [5000, 5000, 5000]
    assert [invoice.status for invoice in lifecycle.invoices.list()] == ["paid"] * 3
    assert ANN not in str(server.requests)
    assert "acme" not in str(server.requests)
    assert verify(lifecycle.database, now=lifecycle.clock.now()).findings == ()


def test_a_decline_has_stripes_reason(shop: Shop) -> None:
    """Refused, and the invoice was never opened (I1)."""
    lifecycle, _, server = shop
    server.next = ["insufficient_funds"]
    with pytest.raises(Refused, match="insufficient_funds") as refused:
        lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN)
    assert refused.value.code == "payment_declined"
    assert lifecycle.invoices.list() == []


def test_a_lost_answer_is_looked_up(shop: Shop) -> None:
    """The connection is cut after the money was taken: the order is completed all the same, and charged once."""
    lifecycle, _, server = shop
    server.next = ["cut"]
    assert lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN).state == "active"
    assert taken(server) == [5000]


def test_a_webhook_tells_what_no_call_was_told(shop: Shop) -> None:
    """The payment is being processed, so the order waits; then Stripe tells of it, twice, and it is completed once."""
    lifecycle, _, server = shop
    server.next = ["processing"]
    waiting = lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN)
    assert waiting.order is not None
    assert (waiting.state, waiting.order.state) == ("new", "confirmed")
    [payment] = server.things["payment_intents"]
    body = payload("payment_intent.succeeded", payment | {"status": "succeeded"})
    assert lifecycle.payment_event(body, signed(body))
    assert lifecycle.payment_event(body, signed(body))
    assert lifecycle.subscriptions.get(waiting.id).state == "active"
    assert [(one.status, one.total) for one in lifecycle.invoices.list()] == [("paid", 5000)]


def test_a_card_that_a_webhook_tells_of_is_added(shop: Shop) -> None:
    """Entered on the host's page; whose customer nobody knows is ignored."""
    lifecycle, _, server = shop
    [customer] = server.things["customers"]
    server.card(customer["id"], "pm_2")
    for whose, ours in ((customer["id"], True), ("cus_other", False)):
        setup: dict[str, object] = {
            "id": "seti_1",
            "object": "setup_intent",
            "customer": whose,
            "payment_method": "pm_2",
            "metadata": {},
        }
        body = payload("setup_intent.succeeded", setup | {"status": "succeeded"})
        assert lifecycle.payment_event(body, signed(body)) is ours
    assert [method.token for method in lifecycle.payment_methods.list("acme") if method.is_default] == ["pm_2"]


def test_a_webhook_that_stripe_has_not_signed_is_an_error(shop: Shop) -> None:
    """Nothing of it is taken in."""
    lifecycle, _, _ = shop
    body = payload("payment_intent.succeeded", {})
    with pytest.raises(LifecycleError) as error:
        lifecycle.payment_event(body, signed(body, "whsec_other"))
    assert error.value.code == "webhook_invalid"


def test_a_refund_goes_through_stripe(server: StripeServer, shop: Shop) -> None:
    """A balance is paid out: back to the charge that was paid last."""
    lifecycle, clock, _ = shop
    lifecycle.subscriptions.create("acme", plan="basic", trial=False, by=ANN)
    lifecycle.balances.credit("acme", 1200, reason="sorry")
    lifecycle.balances.pay_out("acme", 1200, reason="as they wish")
    lifecycle.advance_to(clock.now() + timedelta(seconds=1))
    assert [(one["amount"], one["status"]) for one in server.things["refunds"]] == [(1200, "succeeded")]
    assert lifecycle.balances.get("acme").amount == 0
    assert verify(lifecycle.database, now=lifecycle.clock.now()).findings == ()
