"""Stripe: customers, payment methods that are set up on the host's page, payments off session, and refunds.

The library's own retries are off: only the caller decides what is sent again. What Stripe knows by key stands in the
metadata of its objects; a look-up lists and compares, for Stripe's search lags behind what was written.

Limits: Stripe forgets idempotency keys after a day or more. A charge that comes again later than that is another
payment, so it is looked up before; a customer is another customer, which is harmless. Cards only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import stripe

from lifecycle.errors import LifecycleError
from lifecycle.gateways import stripe_reading as reading
from lifecycle.gateways.protocol import Charge, Event, GatewayRefused, Method, NoAnswer, Outcome, Refund, SetUp

API_VERSION = "2026-03-25.dahlia"
"""The version whose requests and answers are spoken here, whatever version the library was made for."""

_PAGE = 100


class StripeGateway:
    """Stripe by its secret key. `webhook_secrets` are those of the endpoint that are live; any of them verifies.

    `timeout_seconds` is how long Stripe may keep silent. A wrong key is `NoAnswer`, too: a right one gets an answer.
    """

    name = "stripe"

    def __init__(
        self,
        api_key: str,
        *,
        webhook_secrets: Sequence[str] = (),
        api_base: str | None = None,
        timeout_seconds: float = 20,
    ) -> None:
        self._api_key = api_key
        self._webhook_secrets = tuple(webhook_secrets)
        self._api_base = api_base or stripe.DEFAULT_API_BASE
        self._timeout = timeout_seconds
        self._made: tuple[int, stripe.RequestsClient, stripe.StripeClient] | None = None

    def close(self) -> None:
        """Close this thread's connection; the other threads' are closed when they end."""
        if self._made is not None:
            self._made[1].close()  # type: ignore[no-untyped-call]  # the library's has no types

    def customer(self, account: str) -> str:
        params: Any = {"metadata": {"account": account}}
        with _told():
            made = self._client.v1.customers.create(params, {"idempotency_key": f"customer:{account}"})
        return made.id

    def start_setup(self, customer: str) -> SetUp:
        params: Any = {"customer": customer, "usage": "off_session", "payment_method_types": ["card"]}
        with _told():
            made = self._client.v1.setup_intents.create(params)
        return SetUp(made.id, str(made.client_secret))

    def method(self, customer: str, token: str) -> Method:
        """The token is that of a card which a set-up has attached to the customer."""
        with _told():
            found = self._client.v1.customers.payment_methods.retrieve(customer, token)
        card = found.card if found.type == "card" else None
        if card is None:
            raise GatewayRefused(f"{token} is no card but a {found.type}; only cards can be charged.")
        return Method(found.id, card.brand, card.last4, card.exp_month, card.exp_year)

    def charge(self, charge: Charge) -> Outcome:
        params: Any = {
            "amount": reading.to_stripe(charge.amount, charge.currency),
            "currency": charge.currency.lower(),
            "customer": charge.customer,
            "payment_method": charge.method,
            "payment_method_types": ["card"],
            "confirm": True,
            "off_session": True,
            "metadata": {"key": charge.key, "invoice": charge.invoice, "account": charge.account},
        }
        with _told():
            try:
                intent = self._client.v1.payment_intents.create(params, {"idempotency_key": charge.key})
            except stripe.CardError as error:
                return reading.decline(_body(error))
        return reading.intent_outcome(intent.to_dict())

    def refund(self, refund: Refund) -> Outcome:
        params: Any = {
            "amount": reading.to_stripe(refund.amount, refund.currency),
            "payment_intent": refund.payment,
            "metadata": {"key": refund.key, "account": refund.account},
        }
        with _told():
            made = self._client.v1.refunds.create(params, {"idempotency_key": refund.key})
        return reading.refund_outcome(made.to_dict())

    def find_charge(self, charge: Charge) -> Outcome | None:
        params: Any = {"customer": charge.customer, "limit": _PAGE}
        with _told():
            intents = self._client.v1.payment_intents.list(params).auto_paging_iter()
            return _found(charge.key, (intent.to_dict() for intent in intents), reading.intent_outcome)

    def find_refund(self, refund: Refund) -> Outcome | None:
        params: Any = {"payment_intent": refund.payment, "limit": _PAGE}
        with _told():
            refunds = self._client.v1.refunds.list(params).auto_paging_iter()
            return _found(refund.key, (made.to_dict() for made in refunds), reading.refund_outcome)

    def read_event(self, payload: bytes, signature: str) -> Event | None:
        """What a webhook tells, if it is about something of ours; `signature` is the header `Stripe-Signature`.

        Raises LifecycleError (`webhook_invalid`) unless Stripe signed it, less than five minutes ago.
        """
        if not any(_signed(payload, signature, secret) for secret in self._webhook_secrets):
            raise LifecycleError("The webhook's signature is not Stripe's, or is too old.", code="webhook_invalid")
        return reading.our_event(json.loads(payload))

    @property
    def _client(self) -> stripe.StripeClient:
        """One for each process: a connection must not be shared with a child."""
        if self._made is None or self._made[0] != os.getpid():
            stripe.enable_telemetry = False  # with it the library writes a file into the home directory
            http = stripe.RequestsClient(timeout=self._timeout)
            client = stripe.StripeClient(
                self._api_key,
                stripe_version=API_VERSION,
                base_addresses={"api": self._api_base},
                max_network_retries=0,
                http_client=http,
            )
            self._made = os.getpid(), http, client
        return self._made[2]


@contextmanager
def _told() -> Iterator[None]:
    """Raise GatewayRefused for what Stripe will never do, and NoAnswer for everything else that went wrong."""
    try:
        yield
    except (stripe.InvalidRequestError, stripe.IdempotencyError, stripe.CardError) as error:
        raise GatewayRefused(f"Stripe refused: {error.user_message}") from error
    except stripe.StripeError as error:
        raise NoAnswer(f"Stripe gave no answer: {error.user_message}") from error


def _body(error: stripe.StripeError) -> Mapping[str, Any]:
    """What the body of an answer says of an error."""
    said = error.json_body["error"] if isinstance(error.json_body, dict) else {}
    return said if isinstance(said, dict) else {}


def _found(
    key: str, things: Iterator[Mapping[str, Any]], outcome: Callable[[Mapping[str, Any]], Outcome]
) -> Outcome | None:
    """What became of those of Stripe's objects that have this key, as one. Raises NoAnswer."""

    def judged(thing: Mapping[str, Any]) -> Outcome | NoAnswer:
        try:
            return outcome(thing)
        except NoAnswer as error:
            return error

    return reading.best(judged(thing) for thing in things if (thing.get("metadata") or {}).get("key") == key)


def _signed(payload: bytes, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(payload.decode(), signature, secret, stripe.Webhook.DEFAULT_TOLERANCE)
    except (stripe.SignatureVerificationError, UnicodeError, TypeError):  # the last: letters that no signature has
        return False
    return True
