"""A gateway whose answers are assumed, for what is only tried out: nobody is asked, and no money moves."""

from __future__ import annotations

from lifecycle.engine.clock import Clock
from lifecycle.gateways.protocol import Charge, GatewayRefused, Method, Outcome, Refund, SetUp

NOTHING_REAL = "This gateway only assumes: nothing can be entered on it."


class AssumedGateway:
    """Every charge succeeds, or every charge is declined; every refund succeeds. It has never heard of a key, so that
    what was asked for and not answered is taken never to have got there."""

    name = "assumed"

    def __init__(self, clock: Clock, *, declines: bool = False) -> None:
        self._clock = clock
        self._declines = declines

    def customer(self, account: str) -> str:
        """A name that means nothing to anybody."""
        return f"assumed_{account}"

    def start_setup(self, customer: str) -> SetUp:
        del customer
        raise GatewayRefused(NOTHING_REAL)

    def method(self, customer: str, token: str) -> Method:
        del customer, token
        raise GatewayRefused(NOTHING_REAL)

    def charge(self, charge: Charge) -> Outcome:
        now, reference = self._clock.now(), f"assumed_{charge.key}"
        if self._declines:
            return Outcome("declined", reference, charge.amount, now, "card_declined")
        return Outcome("succeeded", reference, charge.amount, now)

    def refund(self, refund: Refund) -> Outcome:
        return Outcome("succeeded", f"assumed_{refund.key}", refund.amount, self._clock.now())

    def find_charge(self, charge: Charge) -> Outcome | None:
        del charge
        return None

    def find_refund(self, refund: Refund) -> Outcome | None:
        del refund
        return None
