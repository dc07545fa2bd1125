"""What is asked of a payment gateway, and what it answers.

A gateway promises that the same key with the same content never charges twice for as long as it remembers the key (a
day, with most), and that a look-up by key finds what was decided, however long ago. It doesn't promise an answer: after
`NoAnswer` whoever asked looks up before asking again. Amounts are whole minor units of an ISO 4217 currency.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from lifecycle.errors import LifecycleError


@dataclass(frozen=True, slots=True)
class Charge:
    """Money to be taken; the same key is always sent with the same content."""

    key: str
    """The idempotency key: an invoice and an attempt, such as `inv_01…:1`."""
    amount: int
    """More than nothing."""
    currency: str
    customer: str
    """The gateway's name of the customer."""
    method: str
    """The gateway's token of the payment method."""
    invoice: str
    """Like `account`, for the gateway's records only."""
    account: str


@dataclass(frozen=True, slots=True)
class Refund:
    """Money to be given back, in whole or in part."""

    key: str
    amount: int
    currency: str
    payment: str
    """`Outcome.reference` of the charge."""
    account: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a gateway has decided; it doesn't change its mind."""

    status: Literal["succeeded", "declined"]
    reference: str
    """The gateway's id of the payment or the refund."""
    amount: int
    at: datetime
    """When the gateway decided; aware, in UTC."""
    reason: str = ""
    """Of a decline: a stable word such as `card_declined` or `expired_card`."""


@dataclass(frozen=True, slots=True)
class Method:
    """A payment method as it may be shown: never a card number."""

    token: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True, slots=True)
class SetUp:
    """A payment method that a person is to enter on the host's page."""

    id: str
    client_secret: str
    """For that page only: whoever has it can enter a payment method. It is neither stored nor logged."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a gateway tells without being asked; it may come late, twice, or before the answer to the call."""

    kind: Literal["charge", "refund", "method"]
    key: str
    """The key of the charge or the refund; of a method, the id of its `SetUp`."""
    outcome: Outcome | None
    """None for a method."""
    customer: str
    """The gateway's name of the customer; empty for a refund."""
    method: str
    """The token of the payment method; empty for a refund."""


class NoAnswer(LifecycleError):
    """A time-out, a lost connection, a fault of the gateway's: nobody knows what happened (`gateway_no_answer`)."""

    code = "gateway_no_answer"


class GatewayRefused(LifecycleError):
    """The gateway takes the request for invalid, so that it will never succeed (`gateway_refused`)."""

    code = "gateway_refused"


class Gateway(Protocol):
    """A payment gateway; for use by any number of threads. Every call may raise NoAnswer and GatewayRefused.

    One that decides many charges at once may have `charge_many(charges, deciding)` too, as the sandbox does: it returns
    an `Outcome` for each, or the error that `charge` would raise, and tells `deciding` the place of each before.
    """

    name: str

    def customer(self, account: str) -> str:
        """The gateway's name of an account's customer, the same each time. No personal data is sent."""
        ...

    def start_setup(self, customer: str) -> SetUp:
        """Begin a payment method that a person is to enter on the host's page."""
        ...

    def method(self, customer: str, token: str) -> Method:
        """Verify that the token can be charged, and describe it; raises GatewayRefused."""
        ...

    def charge(self, charge: Charge) -> Outcome:
        """Take money; a decline is an outcome. Raises NoAnswer."""
        ...

    def refund(self, refund: Refund) -> Outcome:
        """Give money back. Raises NoAnswer."""
        ...

    def find_charge(self, charge: Charge) -> Outcome | None:
        """What became of the charge with this key; None where the gateway knows of none. Raises NoAnswer."""
        ...

    def find_refund(self, refund: Refund) -> Outcome | None:
        """What became of the refund with this key; None where the gateway knows of none. Raises NoAnswer."""
        ...
