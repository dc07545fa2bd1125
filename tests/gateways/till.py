"""A sandbox with a clock that stands at noon on 1 January 2026, and short words for charging its cards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from lifecycle.engine.clock import VirtualClock
from lifecycle.gateways.protocol import Charge, GatewayRefused, NoAnswer, Outcome, Refund
from lifecycle.gateways.sandbox import SandboxGateway

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Till:
    """The sandbox, its clock, and one account `acc_1` with its customer; `points` are those that were passed."""

    def __init__(self, url: str) -> None:
        self.clock = VirtualClock(NOON)
        self.points: list[str] = []
        self.gateway = SandboxGateway(url, self.clock, passing=self.points.append)
        self.customer = self.gateway.customer("acc_1")

    def card(self, script: str) -> str:
        """The token of a new card."""
        return self.gateway.method(self.customer, script).token

    def asked(self, card: str, key: str = "inv_1:1", amount: int = 5000) -> Charge:
        """A charge in euros; the invoice is what stands before the colon of its key."""
        return Charge(key, amount, "EUR", self.customer, card, key.partition(":")[0], "acc_1")

    def charge(self, card: str, key: str = "inv_1:1", amount: int = 5000) -> Outcome:
        """What becomes of that charge."""
        return self.gateway.charge(self.asked(card, key, amount))

    def refund(self, payment: str, key: str = "ref_1", amount: int = 5000) -> Outcome:
        """What becomes of a refund in euros."""
        return self.gateway.refund(Refund(key, amount, "EUR", payment, "acc_1"))

    def said(self, *charges: Charge) -> list[str]:
        """The charges' outcomes, each in a word."""
        return [word(self.gateway.charge, charge) for charge in charges]

    def at(self, day: int, time: str) -> None:
        """Move on to that day of January."""
        self.clock.move_to(datetime.fromisoformat(f"2026-01-{day:02}T{time}+00:00"))


def word(call: Callable[[Charge], Outcome], charge: Charge) -> str:
    """An outcome in a word: `succeeded`, the reason of a decline, or `no answer`."""
    try:
        outcome = call(charge)
    except NoAnswer:
        return "no answer"
    return outcome.reason or outcome.status


def refused(call: Callable[[], object]) -> str:
    """What the gateway says when it refuses."""
    with pytest.raises(GatewayRefused) as error:
        call()
    assert error.value.code == "gateway_refused"
    return str(error.value)
