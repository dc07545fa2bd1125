"""The account's state machine: open, closed, deleted. Who it is stands in its row, and is erased with it (rule A2)."""

from __future__ import annotations

from statemachine import State

from lifecycle.domain.machine import Json, Machine, refuse
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.shapes import AccountShape


class AccountMachine(Machine[Json, Surroundings]):
    """What is logged of an account itself; its instance is made with the first of it. Facts: `account`."""

    kind = "account"
    prefix = "acct"
    shape = AccountShape

    new = State(initial=True)
    open = State()
    closed = State()
    deleted = State(final=True)

    # Events, most of which have the name of the state that they lead to

    edited = new.to(open, on="begin") | open.to(open, on="begin") | closed.to(closed, cond=refuse("account_closed"))

    new.to(closed, event="closed", on="begin")
    open.to(closed, event="closed", on="begin")
    closed.to(closed, event="closed", cond=refuse("account_closed"))

    open.to(open, event="deleted", cond=refuse("not_closed"))
    closed.to(deleted, event="deleted", on="begin")

    def begin(self) -> None:
        """Nothing personal is logged of it."""
        self.become({"account": self.context.account.id})
