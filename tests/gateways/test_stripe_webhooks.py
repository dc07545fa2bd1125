"""What Stripe tells by webhook: who signed it, and what it means."""

from __future__ import annotations

import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from lifecycle.errors import LifecycleError
from lifecycle.gateways.protocol import Event, Outcome
from lifecycle.gateways.stripe import StripeGateway
from tests.gateways.stripe_server import NOW

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
INTENT = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 5000,
    "currency": "eur",
    "created": NOW,
    "customer": "cus_1",
    "last_payment_error": None,
    "metadata": {"key": "inv_1:1", "invoice": "inv_1", "account": "acc_1"},
    "payment_method": "pm_1",
    "status": "succeeded",
}
DECLINED = INTENT | {
    "last_payment_error": {
        "code": "card_declined",
        "decline_code": "insufficient_funds",
        "payment_method": {"id": "pm_1", "object": "payment_method"},
        "type": "card_error",
    },
    "payment_method": None,
    "status": "requires_payment_method",
}
REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 2000,
    "currency": "eur",
    "created": NOW,
    "metadata": {"key": "ref_1", "account": "acc_1"},
    "payment_intent": "pi_1",
    "status": "succeeded",
}
SETUP = {"id": "seti_1", "object": "setup_intent", "customer": "cus_1", "metadata": {}, "payment_method": "pm_1"}


def payload(kind: str, thing: dict[str, Any]) -> bytes:
    """The body of a webhook."""
    return json.dumps({"id": "evt_1", "object": "event", "type": kind, "data": {"object": thing}}).encode()


def signed(body: bytes, key: str = "whsec_new", at: float | None = None) -> str:
    """The header `Stripe-Signature` of a body, made by hand."""
    seconds = int(time.time() if at is None else at)
    return f"t={seconds},v1={hmac.digest(key.encode(), f'{seconds}.'.encode() + body, 'sha256').hex()},v0=old"


def read(gateway: StripeGateway, kind: str, thing: dict[str, Any]) -> Event | None:
    """What a webhook that Stripe has signed means."""
    body = payload(kind, thing)
    return gateway.read_event(body, signed(body))


@pytest.mark.parametrize("secret", ["whsec_old", "whsec_new"])
def test_each_live_secret_verifies(gateway: StripeGateway, secret: str) -> None:
    """While a secret is changed Stripe may sign with the old one or the new."""
    body = payload("payment_intent.succeeded", INTENT)
    assert gateway.read_event(body, signed(body, secret)) is not None


@pytest.mark.parametrize("signature", ["", "t=1", "v1=00", "nonsense", "t=x,v1=00", "t=1,v1=é"])
def test_a_body_without_a_signature_is_invalid(gateway: StripeGateway, signature: str) -> None:
    """Whatever stands in the header instead."""
    with pytest.raises(LifecycleError) as error:
        gateway.read_event(payload("payment_intent.succeeded", INTENT), signature)
    assert error.value.code == "webhook_invalid"


def test_what_stripe_did_not_sign_is_invalid(gateway: StripeGateway) -> None:
    """Another secret, another body, bytes that are no text, and a signature of an hour ago."""
    body = payload("payment_intent.succeeded", INTENT)
    forged = [
        (body, signed(body, "whsec_forged")),
        (body.replace(b"5000", b"1"), signed(body)),
        (b"\xff", signed(b"\xff")),
        (body, signed(body, at=time.time() - 3600)),
    ]
    for content, signature in forged:
        with pytest.raises(LifecycleError, match="signature"):
            gateway.read_event(content, signature)


def test_without_a_secret_every_webhook_is_invalid() -> None:
    """Nothing can be verified."""
    body = payload("payment_intent.succeeded", INTENT)
    with pytest.raises(LifecycleError, match="signature"):
        StripeGateway("sk_test_1").read_event(body, signed(body))


def test_a_payment_that_succeeded(gateway: StripeGateway) -> None:
    """It is the charge with our key."""
    outcome = Outcome("succeeded", "pi_1", 5000, NOON)
    told = read(gateway, "payment_intent.succeeded", INTENT)
    assert told == Event("charge", "inv_1:1", outcome, "cus_1", "pm_1")


def test_a_payment_that_failed(gateway: StripeGateway) -> None:
    """It has the reason, and the method that was tried, which Stripe keeps with the error."""
    outcome = Outcome("declined", "pi_1", 5000, NOON, "insufficient_funds")
    told = read(gateway, "payment_intent.payment_failed", DECLINED)
    assert told == Event("charge", "inv_1:1", outcome, "cus_1", "pm_1")


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated"])
def test_a_refund(gateway: StripeGateway, kind: str) -> None:
    """It is the refund with our key, once it is decided."""
    outcome = Outcome("succeeded", "re_1", 2000, NOON)
    assert read(gateway, kind, REFUND) == Event("refund", "ref_1", outcome, "", "")
    assert read(gateway, kind, REFUND | {"status": "pending"}) is None


def test_a_refund_that_failed(gateway: StripeGateway) -> None:
    """It is declined, with Stripe's reason."""
    failed = REFUND | {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    outcome = Outcome("declined", "re_1", 2000, NOON, "expired_or_canceled_card")
    assert read(gateway, "refund.failed", failed) == Event("refund", "ref_1", outcome, "", "")


def test_a_method_that_was_entered(gateway: StripeGateway) -> None:
    """Its key is the id of the set-up that the host began."""
    assert read(gateway, "setup_intent.succeeded", SETUP) == Event("method", "seti_1", None, "cus_1", "pm_1")


@pytest.mark.parametrize(
    ("kind", "thing"),
    [
        ("payment_intent.succeeded", INTENT | {"metadata": {}}),
        ("refund.updated", REFUND | {"metadata": None}),
        ("setup_intent.succeeded", SETUP | {"customer": None}),
        ("payment_intent.processing", INTENT | {"status": "processing"}),
        (
            "charge.refunded",
            {"id": "ch_1", "object": "charge", "payment_intent": "pi_1", "metadata": {"key": "inv_1:1"}},
        ),
        ("product.created", {"id": "prod_1", "object": "product"}),
    ],
)
def test_what_is_not_ours_is_nothing(gateway: StripeGateway, kind: str, thing: dict[str, Any]) -> None:
    """Payments, refunds and methods that others made on the same Stripe account, and all other events."""
    assert read(gateway, kind, thing) is None
