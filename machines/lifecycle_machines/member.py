"""The member's state machine: invited, enabled, disabled, removed.

Its facts hold an account and a role, and nothing personal: who it is stands in a row beside (rules A2, A3).
"""

from __future__ import annotations

from statemachine import State

from lifecycle.domain.effects import Notice
from lifecycle.domain.machine import Json, Machine, refuse, refusing
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.shapes import MemberShape


class MemberMachine(Machine[Json, Surroundings]):
    """A person of an account. Facts: `account`, `role` (`admin` or `member`)."""

    kind = "member"
    prefix = "mem"
    shape = MemberShape
    apart = True

    new = State(initial=True)
    invited = State()
    enabled = State()
    disabled = State()
    removed = State(final=True)

    # Events, most of which have the name of the state that they lead to

    new.to(invited, event="invited", on="invite")

    new.to(enabled, event="enabled", on="begin")
    invited.to(enabled, event="enabled")
    disabled.to(enabled, event="enabled")
    enabled.to(enabled, event="enabled", cond=refuse("no_change"))

    invited.to(disabled, event="disabled")
    enabled.to(disabled, event="disabled", cond="another_administers")
    disabled.to(disabled, event="disabled", cond=refuse("no_change"))

    invited.to(removed, event="removed")
    enabled.to(removed, event="removed", cond="another_administers")
    disabled.to(removed, event="removed")

    edited = invited.to(invited) | enabled.to(enabled) | disabled.to(disabled)

    role_changed = (
        invited.to(invited, cond="role_differs", on="take_role")
        | enabled.to(enabled, cond=["role_differs", "another_administers"], on="take_role")
        | disabled.to(disabled, cond="role_differs", on="take_role")
    )

    password_asked = (
        invited.to(invited, on="send_password_email")
        | enabled.to(enabled, on="send_password_email")
        | disabled.to(disabled, cond=refuse("member_disabled"))
    )

    # Guards

    @refusing("last_admin")
    def another_administers(self) -> bool:
        """It is no administrator, or there is another one who can act."""
        return self.facts["role"] != "admin" or self.context.administrators > 1

    @refusing("no_change")
    def role_differs(self) -> bool:
        """The role is another one."""
        return bool(self.arguments.get("role") != self.facts["role"])

    # Actions

    def begin(self) -> None:
        """Of this account, with this role."""
        self.become({name: self.arguments[name] for name in ("account", "role")})

    def invite(self) -> None:
        """The same, and they are told."""
        self.become({name: self.arguments[name] for name in ("account", "role")}, Notice("member_invited"))

    def take_role(self) -> None:
        """Another role."""
        self.become({**self.facts, "role": self.arguments["role"]})

    def send_password_email(self) -> None:
        """They are sent a way to choose a password."""
        self.become(self.facts, Notice("password_email"))
