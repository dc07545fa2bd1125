"""What Stripe's objects mean to us, and amounts as Stripe wants them. Pure: no library, no network.

Stripe's minor units are those of ISO 4217, except that

- ISK and UGX, which have no decimals, are written with two (5 ISK is 500), and MGA, which has two, with none;
- of three decimals the last must be 0: 5.120 KWD can be charged, 5.124 KWD can't.

https://docs.stripe.com/currencies. What it can't take is refused here; nothing is rounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lifecycle.domain.money import exponent, format_amount
from lifecycle.gateways.protocol import Event, GatewayRefused, NoAnswer, Outcome

_LONGER = {"ISK": 100, "UGX": 100}
_SHORTER = {"MGA": 100}


def to_stripe(amount: int, currency: str) -> int:
    """Our minor units as Stripe's. Raises GatewayRefused for what Stripe doesn't take."""
    try:
        digits = exponent(currency)
    except ValueError as error:
        raise GatewayRefused(str(error)) from error
    if amount <= 0:
        raise GatewayRefused(f"{amount} {currency} can't be moved: an amount is more than nothing.")
    step = 10 if digits == 3 else _SHORTER.get(currency, 1)
    if amount % step:
        raise GatewayRefused(
            f"Stripe can't take {format_amount(amount, currency)} {currency}: amounts go by "
            f"{format_amount(step, currency)} there."
        )
    return amount * _LONGER.get(currency, 1) // _SHORTER.get(currency, 1)


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's minor units, of a currency in small letters, as ours."""
    code = currency.upper()
    return amount * _SHORTER.get(code, 1) // _LONGER.get(code, 1)


def intent_outcome(intent: Mapping[str, Any]) -> Outcome:
    """What became of a PaymentIntent that was confirmed off session. Raises NoAnswer while Stripe is at work on it.

    One that requires action is declined: nobody is there to act, and nobody was given its secret.
    """
    match intent["status"]:
        case "succeeded":
            return _outcome(intent, "")
        case "requires_payment_method" if error := intent.get("last_payment_error"):
            return _outcome(intent, _reason(error))
        case "requires_action":
            return _outcome(intent, "authentication_required")
        case "canceled":
            return _outcome(intent, "canceled")
        case status:
            raise NoAnswer(f"Stripe has not decided the payment {intent['id']}: it is {status}.")


def decline(error: Mapping[str, Any]) -> Outcome:
    """The decline that a card error tells of; raises NoAnswer where it doesn't name the payment."""
    if intent := error.get("payment_intent"):
        return _outcome(intent, _reason(error))
    raise NoAnswer("Stripe declined a payment without naming it.")


def refund_outcome(refund: Mapping[str, Any]) -> Outcome:
    """What became of a Refund. Raises NoAnswer while it is pending."""
    match refund["status"]:
        case "succeeded":
            return _outcome(refund, "")
        case "failed" | "canceled" as status:
            return _outcome(refund, refund.get("failure_reason") or status)
        case status:
            raise NoAnswer(f"Stripe has not decided the refund {refund['id']}: it is {status}.")


def best(outcomes: Iterable[Outcome | NoAnswer]) -> Outcome | None:
    """Of all that have one key: the one that succeeded, else the first; raises NoAnswer where one is undecided."""
    found = list(outcomes)
    for outcome in found:
        if isinstance(outcome, Outcome) and outcome.status == "succeeded":
            return outcome
    for outcome in found:
        if isinstance(outcome, NoAnswer):
            raise outcome
    return next((outcome for outcome in found if isinstance(outcome, Outcome)), None)


def our_event(event: Mapping[str, Any]) -> Event | None:
    """One of Stripe's events as ours; None where it is of another kind, of something that isn't ours, or undecided.

    `charge.refunded` is of another kind: it doesn't name the refund, and Stripe sends `refund.created` with it.
    """
    thing = event["data"]["object"]
    key = (thing.get("metadata") or {}).get("key", "")
    customer, method = thing.get("customer") or "", thing.get("payment_method") or ""
    try:
        match event["type"]:
            case "setup_intent.succeeded" if customer and method:
                return Event("method", thing["id"], None, customer, method)
            case "payment_intent.succeeded" | "payment_intent.payment_failed" if key:
                return Event("charge", key, intent_outcome(thing), customer, method or _tried(thing))
            case "refund.created" | "refund.updated" | "refund.failed" if key:
                return Event("refund", key, refund_outcome(thing), "", "")
    except NoAnswer:
        pass
    return None


def _tried(intent: Mapping[str, Any]) -> str:
    """The payment method that failed: Stripe takes it off the payment, and keeps it with the error."""
    error = intent.get("last_payment_error") or {}
    return str((error.get("payment_method") or {}).get("id", ""))


def _reason(error: Mapping[str, Any]) -> str:
    return str(error.get("decline_code") or error.get("code") or "card_declined")


def _outcome(thing: Mapping[str, Any], reason: str) -> Outcome:
    return Outcome(
        "declined" if reason else "succeeded",
        thing["id"],
        from_stripe(thing["amount"], thing["currency"]),
        datetime.fromtimestamp(thing["created"], UTC),
        reason,
    )
