"""The invitation's state machine: open, until it is used up, revoked or expired (rule A9).

Its facts hold an account, numbers and an instant. The code itself stands in a row beside (rule A2).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from statemachine import State

from lifecycle.domain.effects import Notice
from lifecycle.domain.machine import Json, Machine
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.shapes import InvitationShape


class InvitationMachine(Machine[Json, Surroundings]):
    """A code on the root of a subscription. Facts: `account`, `used`, and where there are such `limit` and
    `expires_at`. Who joins by it becomes a plain member."""

    kind = "invitation"
    prefix = "ivt"
    shape = InvitationShape
    deferred = ("expired",)
    final_codes = {  # noqa: RUF012  # a constant of the class
        "used_up": "invitation_used_up",
        "revoked": "invitation_revoked",
        "expired": "invitation_expired",
    }

    new = State(initial=True)
    open = State()
    used_up = State(final=True)
    revoked = State(final=True)
    expired = State(final=True)

    # Events, two of which have the name of the state that they lead to

    new.to(open, event="opened", on="begin")

    open.to(used_up, event="used", cond="last_use", on="count_use")
    open.to(open, event="used", cond="not last_use", on="count_use")

    open.to(revoked, event="revoked")

    # Deferred

    open.to(expired, event="expired")

    # Facts

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """It expires, if it is to."""
        expires_at = facts.get("expires_at")
        return {"expired": datetime.fromisoformat(expires_at)} if state == "open" and expires_at else {}

    # Guards

    def last_use(self) -> bool:
        """Nobody can use it after this."""
        limit = self.facts.get("limit")
        return limit is not None and self.facts["used"] + 1 >= limit

    # Actions

    def begin(self) -> None:
        """Of this account, for so many, until then."""
        told = {name: self.arguments.get(name) for name in ("account", "limit", "expires_at")}
        self.become({**told, "used": 0})

    def count_use(self) -> None:
        """Somebody has joined by it."""
        self.become({**self.facts, "used": self.facts["used"] + 1}, Notice("invitation_used"))
