"""People as callers name and see them: what is said of a person, checked; and members, seats and previews as views."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypedDict, Unpack

from lifecycle.app import arguments
from lifecycle.app.arguments import invalid
from lifecycle.app.csv_files import as_written, rows, text
from lifecycle.app.quotes import Quote
from lifecycle.app.subscriptions import Judged, Said
from lifecycle.domain.machine import Json
from lifecycle.domain.people import MAX_LENGTH, MemberRole, Person, folded
from lifecycle.errors import Refused
from lifecycle.store.members import Member

COLUMNS = ("email", "first_name", "last_name", "position")
_TEXTS = ("first_name", "last_name", "position")


class Who(TypedDict, total=False):
    """What is known of a person besides their address."""

    first_name: str
    last_name: str
    position: str
    role: MemberRole
    """`admin` or `member`; a `member`, unless given."""


class Added(Said, Who, total=False):
    """What goes with a new member."""


class Edited(Judged, Who, total=False):
    """What is to be another one."""

    email: str


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as they stand. `state`: `invited`, `enabled`, `disabled`, `removed`; `subscriptions` are the ids of
    those on which they have a seat."""

    id: str
    account_id: str
    email: str
    first_name: str
    last_name: str
    position: str
    role: MemberRole
    state: str
    added_at: datetime
    subscriptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """A member with a seat of a subscription. `access`: the subscription gives it, and they are enabled."""

    member: MemberView
    assigned_at: datetime
    access: bool


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a member may use a subscription. `denied` says why not: `not_assigned`, the member's state, or what the
    subscription's standing says."""

    access: bool
    denied: str | None = None


@dataclass(frozen=True, slots=True)
class PasswordToken:
    """What a person chooses a password with, once, before `expires_at`; only a digest of it is stored."""

    token: str
    member: str
    expires_at: datetime


def digest(token: str) -> str:
    """What a token is stored and found by."""
    return sha256(token.encode()).hexdigest()


Outcome = Literal["new", "there", "again", "wrong"]


@dataclass(frozen=True, slots=True)
class Row:
    """What a list says of one person, and what would come of it: they are `new` to the account, `there` already, named
    `again`, or the row is `wrong`, for the reason of this code. `line` is that of the file, or a place in the list."""

    line: int
    email: str
    first_name: str
    last_name: str
    position: str
    outcome: Outcome
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Preview:
    """What a list of people would do: each row; how many of them are `new` to the account, and would be `assigned` a
    seat; how many seats are `free`, and how many are `missing`. `quote` is for those, where it was asked for: to
    confirm it buys them and takes everybody in."""

    rows: tuple[Row, ...]
    new: int
    assigned: int
    free: int
    missing: int
    quote: Quote | None = None

    @property
    def wrong(self) -> tuple[Row, ...]:
        """The rows that are wrong: with any of them nobody is taken in."""
        return tuple(row for row in self.rows if row.outcome == "wrong")


@dataclass(frozen=True, slots=True)
class Listed:
    """A list as it was read: each person once, and what is to be said of its rows."""

    people: tuple[Person, ...]
    rows: tuple[Row, ...]

    @property
    def wrong(self) -> tuple[Row, ...]:
        """The rows that are wrong."""
        return tuple(row for row in self.rows if row.outcome == "wrong")

    def judged(self, there: Container[str]) -> tuple[Row, ...]:
        """The rows, where these are in the account already, by their folded addresses."""
        return tuple(
            replace(row, outcome="there") if row.outcome == "new" and folded(row.email) in there else row
            for row in self.rows
        )


People = Iterable[Person | str] | Path
"""Persons or addresses, or a CSV file of them."""


def listed(people: People) -> Listed:
    """A list, or a file, with each of its rows judged by itself. Raises ImportFailed for a file that is no table."""
    if isinstance(people, Path):
        return _listed((line, cells["email"], cells) for line, cells in rows(people, COLUMNS, ["email"]))
    return _listed((n, one, {}) for n, one in enumerate(people, 1))


def _listed(told: Iterable[tuple[int, Person | str, Mapping[str, str]]]) -> Listed:
    found: dict[str, Person] = {}
    judged = []
    for line, one, cells in told:
        who: Any = {name: as_written(cell) for name, cell in cells.items() if name != "email"}
        code = message = ""
        outcome: Outcome = "new"
        try:
            if isinstance(one, Person):
                who = {name: getattr(one, name) for name in (*_TEXTS, "role")}
                made = person(one.email, line=line, **who)
            else:
                made = person(as_written(one), line=line, **who)
        except Refused as refusal:
            email = one.email if isinstance(one, Person) else one
            made, outcome, code, message = Person(email, **who), "wrong", refusal.code, str(refusal)
        else:
            if made.key in found:
                outcome, message = "again", f"As in line {found[made.key].line}."
            found.setdefault(made.key, made)
        judged.append(Row(line, made.email, made.first_name, made.last_name, made.position, outcome, code, message))
    return Listed(tuple(found.values()), tuple(judged))


def template() -> str:
    """A file to fill in: the header, and one person as an example."""
    return text(COLUMNS, [["ann@example.com", "Ann", "Example", "Director"]])


def exported(members: Iterable[MemberView]) -> str:
    """Members as a file that can be imported again."""
    return text(COLUMNS, [[one.email, one.first_name, one.last_name, one.position] for one in members])


def person(email: str, *, line: int = 1, **who: Unpack[Who]) -> Person:
    """Somebody, checked. Raises Refused (`invalid`)."""
    texts = {name: " ".join(str(who.get(name) or "").split()) for name in _TEXTS}
    for name, value in texts.items():
        if len(value) > MAX_LENGTH or not value.isprintable():
            raise invalid(f"The {name.replace('_', ' ')} is longer than {MAX_LENGTH} characters, or not text.")
    role = who.get("role", "member")
    if role not in ("admin", "member"):
        raise invalid(f"A role is admin or member, not {role!r}.")
    return Person(arguments.email(email.strip()), **texts, role=role, line=line)


def details(of: Person, *, role: bool = True) -> Json:
    """Who somebody is, as JSON."""
    told: Json = {name: getattr(of, name) for name in ("email", *_TEXTS)}
    return told | {"role": of.role} if role else told


def known(member: Member) -> dict[str, Any]:
    """Who a member is."""
    return {name: getattr(member, name) for name in ("email", *_TEXTS)}


def who(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is said of a person, of all that goes with a command."""
    return {name: told[name] for name in ("email", *_TEXTS, "role") if name in told}


def view(member: Member, subscriptions: Iterable[str]) -> MemberView:
    """A member as callers see them, with the subscriptions on which they have a seat."""
    return MemberView(
        member.id,
        member.account_id,
        member.email,
        member.first_name,
        member.last_name,
        member.position,
        member.role,
        member.state,
        member.added_at,
        tuple(subscriptions),
    )
