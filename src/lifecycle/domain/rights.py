"""Who may do what (rule B11): one table, from which the documentation is written.

Who an actor is follows from their name. `operator` and any other plain name is one of the host's own people or
programs; `system` and `scheduler` are the engine itself; an e-mail address or a member's id is a person, who is an
administrator of the account, another member of it, or a stranger to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from lifecycle.domain.refusals import refused

Role = Literal["operator", "system", "administrator", "member", "stranger"]
Right = Literal["command", "read", "operate", "join"]

ROLES: tuple[Role, ...] = ("operator", "system", "administrator", "member", "stranger")
_STAFF: tuple[Role, ...] = ("operator", "system")

RIGHTS: Mapping[Right, tuple[tuple[Role, ...], str, str]] = {
    "command": (
        (*_STAFF, "administrator"),
        "not_admin",
        "quotes and commands on subscriptions, seats, members, invitations, tokens, payment methods and the account",
    ),
    "read": ((*_STAFF, "administrator"), "not_admin", "the account's pages: plan, people, billing history"),
    "operate": (
        _STAFF,
        "not_operator",
        "fire, retry, skip, hold, release; credit, write off or pay out a balance; delete an account; webhooks",
    ),
    "join": (ROLES, "", "use an invitation's code or a password's token: whoever holds it"),
}
"""For each right: who has it, the code with which the others are refused, and what it is for."""

SYSTEM = frozenset({"system", "scheduler"})


def is_person(name: str) -> bool:
    """Whether an actor's name is that of a person of some account: an e-mail address, or a member's id."""
    return "@" in name or name.startswith("mem_")


def see(role: Role, right: Right) -> None:
    """Raises Refused (`not_admin`, `not_operator`) for a role without the right."""
    allowed, code, _ = RIGHTS[right]
    if role not in allowed:
        raise refused(code)
