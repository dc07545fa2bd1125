"""People as callers name and see them: what is said of a person, checked; and members, seats and previews as views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack

from lifecycle.app import arguments
from lifecycle.app.arguments import invalid
from lifecycle.app.quotes import Quote
from lifecycle.app.subscriptions import Judged, Said
from lifecycle.domain.machine import Json
from lifecycle.domain.people import MAX_LENGTH, MemberRole, Person
from lifecycle.store.members import Member

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


@dataclass(frozen=True, slots=True)
class Preview:
    """What a list of people would do to a subscription: how many are `new` to the account, already `there`, and to be
    `assigned` a seat; how many seats are `free`, and how many are `missing`. `quote` is for those, where it was asked
    for: to confirm it buys them and takes everybody in."""

    people: tuple[Person, ...]
    new: int
    there: int
    assigned: int
    free: int
    missing: int
    quote: Quote | None = None


def person(email: str, *, line: int = 1, **who: Unpack[Who]) -> Person:
    """Somebody, checked. Raises Refused (`invalid`)."""
    texts = {name: " ".join(str(who.get(name) or "").split()) for name in _TEXTS}
    for name, text in texts.items():
        if len(text) > MAX_LENGTH or not text.isprintable():
            raise invalid(f"The {name.replace('_', ' ')} is longer than {MAX_LENGTH} characters, or not text.")
    role = who.get("role", "member")
    if role not in ("admin", "member"):
        raise invalid(f"A role is admin or member, not {role!r}.")
    return Person(arguments.email(email.strip()), **texts, role=role, line=line)


def distinct(people: Iterable[Person | str]) -> list[Person]:
    """Those of a list, each once, as they are named first. Raises Refused (`invalid`)."""
    listed = [one if isinstance(one, Person) else person(one) for one in people]
    return list({one.key: one for one in reversed(listed)}.values())[::-1]


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
