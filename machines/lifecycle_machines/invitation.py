"""The invitation's state machine: open, until it is used up, revoked or expired.

Its facts hold how often it can be used, and nothing of its code, which stands in a row beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from statemachine import State

from lifecycle.domain.effects import Notice
from lifecycle.domain.machine import Json, Machine
from lifecycle.domain.surroundings import Surroundings


class InvitationMachine(Machine[Json, Surroundings]):
    """A code for seats of a subscription (rule A9). Facts: `account`, `used`, and perhaps `limit` and `expires_at`."""

    kind = "invitation"
    prefix = "invite"
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

    # Events, most of which have the name of the state that they lead to

    new.to(open, event="opened", on="begin")

    open.to(open, event="used", cond="not last_use", on="use")
    open.to(used_up, event="used", cond="last_use", on="use")

    open.to(revoked, event="revoked")

    # Deferred

    open.to(expired, event="expired")

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """It expires."""
        del state
        return {"expired": datetime.fromisoformat(facts["expires_at"])} if "expires_at" in facts else {}

    # Guards

    def last_use(self) -> bool:
        """After this use the limit is reached."""
        return bool(self.facts["used"] + 1 == self.facts.get("limit"))

    # Actions

    def begin(self) -> None:
        """As it was asked for."""
        asked = {name: self.arguments.get(name) for name in ("account", "limit", "expires_at")}
        self.become({"used": 0, **{name: value for name, value in asked.items() if value is not None}})

    def use(self) -> None:
        """One more has joined, and the administrator is told."""
        self.become({**self.facts, "used": self.facts["used"] + 1}, Notice("invitation_used"))
