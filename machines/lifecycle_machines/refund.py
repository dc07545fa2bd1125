"""The refund's state machine: money that is to go back through the gateway, to the charges that it came from."""

from __future__ import annotations

from statemachine import State

from lifecycle.domain.effects import Post, Send
from lifecycle.domain.machine import Effect, Json, Machine
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.invoice import GATEWAY
from lifecycle_machines.shapes import RefundShape


class RefundMachine(Machine[Json, Surroundings]):
    """Asked for, then answered. What the gateway can't give back goes to the balance.

    Facts: `account`, `currency`, `amount`, `cause` (the id of what it is for), perhaps the key of the one `charge` that
    it is of, and once answered `refunded`, the amount that went back.
    """

    kind = "refund"
    prefix = "ref"
    shape = RefundShape

    new = State(initial=True)
    asked = State()
    refunded = State(final=True)

    new.to(asked, event="asked", on="ask")
    asked.to(refunded, event="refunded", on="settle")

    def ask(self) -> None:
        """The message to the gateway."""
        facts: Json = {name: value for name, value in self.arguments.items() if name != "found"}
        asked: Json = {name: facts[name] for name in ("amount", "currency", "charge") if name in facts}
        send = Send(GATEWAY, "refund", {"refund": self.instance_id, **asked})
        self.become(facts, *self._found(facts), send)

    def _found(self, facts: Json) -> list[Effect]:
        """Money that was not looked for any more, and that no other row has posted."""
        amount = facts["amount"] if self.arguments.get("found") else 0
        return [Post(facts["account"], facts["currency"], {"cash": amount, "refunds": -amount})] if amount else []

    def settle(self) -> None:
        """The gateway has answered."""
        facts: Json = self.facts
        amount, back = facts["amount"], int(self.arguments["amount"])
        books = {"refunds": amount, "cash": -back, "balance": back - amount}
        self.become({**facts, "refunded": back}, Post(facts["account"], facts["currency"], books))
