"""A process that charges, and may be killed at a point of it.

Run as `python -m tests.gateways.charging URL CUSTOMER CARD KEY`. Each line of its input is a point, or `none`: a child
of its own charges 50.00 EUR at noon on 1 January 2026 and kills itself at that point.
"""

from __future__ import annotations

import sys

from lifecycle.engine.clock import VirtualClock
from lifecycle.gateways.protocol import Charge
from lifecycle.gateways.sandbox import SandboxGateway
from tests.forking import serve
from tests.gateways.till import NOON
from tests.points import die


def charge(last: str) -> None:
    """What a child does."""
    url, customer, card, key = sys.argv[1:]

    def passing(point: str) -> None:
        if point == last:
            die()

    gateway = SandboxGateway(url, VirtualClock(NOON), passing=passing)
    gateway.charge(Charge(key, 5000, "EUR", customer, card, key.partition(":")[0], "acc_1"))


if __name__ == "__main__":
    serve(charge)
