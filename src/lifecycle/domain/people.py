"""People: who a member is, and what a list of them says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MemberRole = Literal["admin", "member"]
MAX_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is to become a member. `line` is where a list or a file names them, from 1."""

    email: str
    first_name: str = ""
    last_name: str = ""
    position: str = ""
    role: MemberRole = "member"
    line: int = 1

    @property
    def key(self) -> str:
        """What tells people apart in an account."""
        return folded(self.email)

    @property
    def name(self) -> str:
        """First and last name, as far as they are known."""
        return " ".join(part for part in (self.first_name, self.last_name) if part)


def folded(email: str) -> str:
    """An address in the form in which it is compared."""
    return email.casefold()


def first_administrator(account_id: str) -> str:
    """The id of the member that an account begins with."""
    return f"mem_{account_id.partition('_')[2]}"
