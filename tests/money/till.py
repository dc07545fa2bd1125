"""The sandbox behind a line that a test can cut, and where a `Lifecycle` that is made finds it."""

from __future__ import annotations

from collections.abc import Callable

from lifecycle.engine.clock import Clock
from lifecycle.gateways.protocol import Charge, Gateway, NoAnswer, Outcome, Refund
from lifecycle.gateways.sandbox import SandboxGateway
from lifecycle.store.database import Database


class Line:
    """What can happen to calls on their way. A test switches it."""

    def __init__(self) -> None:
        self.is_down = False
        """No call gets there, nor an answer back."""
        self.is_late = False
        """Charges get there, no answer comes back, and a look-up does not find them yet."""
        self.gives_back = True
        """Refunds are taken; else they are refused for good."""
        self.charges: list[str] = []
        """The keys of the charges that were sent, those that came to nothing too."""
        self.found: list[str] = []
        """The keys that were looked up."""


class Till(SandboxGateway):
    """The sandbox at the end of a line."""

    def __init__(self, url: str, clock: Clock, *, passing: Callable[[str], None] = lambda _point: None) -> None:
        super().__init__(url, clock, passing=passing)
        self.line = Line()

    @property
    def database(self) -> Database:
        """Where its ledger is."""
        return self._database

    def hear(self, passing: Callable[[str], None]) -> None:
        """Have the points be heard by somebody else."""
        self._passing = passing

    def charge(self, charge: Charge) -> Outcome:
        """As the line is."""
        self._call()
        self.line.charges.append(charge.key)
        if self.line.is_late and super().find_charge(charge):
            raise NoAnswer("It has been asked before, and no answer comes back.")
        outcome = super().charge(charge)
        if self.line.is_late:
            raise NoAnswer("No answer comes back.")
        return outcome

    def find_charge(self, charge: Charge) -> Outcome | None:
        """As the line is."""
        self._call()
        self.line.found.append(charge.key)
        return None if self.line.is_late else super().find_charge(charge)

    def refund(self, refund: Refund) -> Outcome:
        """As the line is."""
        self._call()
        if not self.line.gives_back:
            return Outcome("declined", "", refund.amount, self._clock.now(), "too_late")
        return super().refund(refund)

    def find_refund(self, refund: Refund) -> Outcome | None:
        """As the line is."""
        self._call()
        return super().find_refund(refund)

    def _call(self) -> None:
        if self.line.is_down:
            raise NoAnswer("The line is down.")


AT_WORK: list[Gateway] = []
"""The one that was put here last is what `made` gives."""


def made() -> Gateway:
    """For a configuration: `gateway: {use: "tests.money.till:made"}`."""
    return AT_WORK[-1]
