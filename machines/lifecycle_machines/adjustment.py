"""The adjustment's state machine: what an operator does to the balance of an account. It is over as it is made."""

from __future__ import annotations

from statemachine import State

from lifecycle.domain.effects import Post, Start
from lifecycle.domain.machine import Effect, Json, Machine, refusing
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.shapes import AdjustmentShape


class AdjustmentMachine(Machine[Json, Surroundings]):
    """Adds to the balance, writes it off, or pays it out (rules A2, E7).

    Facts: `account`, `currency`, `amount` (positive).
    """

    kind = "adjustment"
    prefix = "adj"
    shape = AdjustmentShape

    new = State(initial=True)
    made = State(final=True)

    credited = new.to(made, on="credit")
    written_off = new.to(made, cond="balance_enough", on="write_off")
    paid_out = new.to(made, cond="balance_enough", on="pay_out")

    @refusing("balance_too_low")
    def balance_enough(self) -> bool:
        """So much is on the balance."""
        amount: int = self.arguments["amount"]
        return self.context.purse.balance >= amount

    def credit(self) -> None:
        """A present."""
        self._move("goodwill", -1)

    def write_off(self) -> None:
        """Nobody will ever use it."""
        self._move("written_off", 1)

    def pay_out(self) -> None:
        """Back to the payment methods that it came from."""
        facts = self.arguments
        refund = {name: facts[name] for name in ("account", "currency", "amount")} | {"cause": self.instance_id}
        self._move("refunds", 1, Start("refund", "asked", refund))

    def _move(self, other: str, sign: int, *effects: Effect) -> None:
        facts: Json = dict(self.arguments)
        amount = sign * facts["amount"]
        self.become(facts, Post(facts["account"], facts["currency"], {"balance": amount, other: -amount}), *effects)
