"""Members and their seats in the database: who they are stands beside the log, so that it can be erased.

A member without an instance is an account's first administrator, to whom nothing has happened yet: they are enabled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Connection, Select, Text, column, delete, func, insert, or_, select, update, values

from lifecycle.domain.account import Account
from lifecycle.domain.people import MemberRole, first_administrator, folded
from lifecycle.store import schema
from lifecycle.store.transaction import writing_failures

CHUNK = 500
"""How many values a statement names at most: databases take no more than so many thousand."""

_MEMBERS, _INSTANCES, _SEATS = schema.members, schema.instances, schema.seats
_STATE = func.coalesce(_INSTANCES.c.state, "enabled")


@dataclass(frozen=True, slots=True)
class Member:
    """A person of an account, as stored; `state` is that of their instance."""

    id: str
    account_id: str
    email: str
    live_email: str | None
    first_name: str
    last_name: str
    position: str
    role: MemberRole
    added_at: datetime
    state: str = "invited"

    @property
    def administers(self) -> bool:
        """Whether they may command."""
        return self.role == "admin" and self.state == "enabled"


_COLUMNS = [_MEMBERS.c[field.name] for field in fields(Member) if field.name != "state"]
_ALL = select(*_COLUMNS, _STATE).outerjoin_from(_MEMBERS, _INSTANCES, _INSTANCES.c.id == _MEMBERS.c.id)


def first_member(account: Account, added_at: datetime) -> Member:
    """The administrator that an account begins with."""
    return Member(
        id=first_administrator(account.id),
        account_id=account.id,
        email=account.email,
        live_email=folded(account.email),
        first_name="",
        last_name="",
        position="",
        role="admin",
        added_at=added_at,
    )


def add_members(connection: Connection, members: Sequence[Member]) -> None:
    """Write new ones. Raises WriteFailed for an address that is taken."""
    names = [column.name for column in _COLUMNS]
    if members:
        with writing_failures():
            connection.execute(insert(_MEMBERS), [{name: getattr(one, name) for name in names} for one in members])


def change_member(connection: Connection, member_id: str, values: Mapping[str, str | None]) -> None:
    """Write some columns of one. Raises WriteFailed for an address that is taken."""
    with writing_failures():
        connection.execute(update(_MEMBERS).where(_MEMBERS.c.id == member_id).values(**values))


def find_member(connection: Connection, account_id: str, name: str) -> Member | None:
    """The one with this id, removed or not, or with this address, who is not removed."""
    named = or_(_MEMBERS.c.id == name, _MEMBERS.c.live_email == folded(name))
    return next(_members(connection, _ALL.where(_MEMBERS.c.account_id == account_id, named)), None)


def members_of(connection: Connection, account_id: str, *, removed: bool = False) -> list[Member]:
    """Those of an account, in the order in which they were added; `removed`: also those who were."""
    query = _ALL.where(_MEMBERS.c.account_id == account_id)
    if not removed:
        query = query.where(_MEMBERS.c.live_email.is_not(None))
    return list(_members(connection, query.order_by(_MEMBERS.c.added_at, _MEMBERS.c.id)))


def known(connection: Connection, account_id: str, keys: Collection[str]) -> dict[str, Member]:
    """Those with these folded addresses who are not removed, by address."""
    if len(keys) > CHUNK:  # one look at all of them: looks for some each read all, where no statistics are there yet
        everybody, wanted = members_of(connection, account_id), set(keys)
        return {one.live_email: one for one in everybody if one.live_email in wanted}
    named = _named(keys)
    query = _ALL.join(named, named.c.name == _MEMBERS.c.live_email).where(_MEMBERS.c.account_id == account_id)
    return {one.live_email or "": one for one in _members(connection, query)} if keys else {}


def count_members(connection: Connection, account_id: str) -> int:
    """How many of an account are not removed."""
    query = select(func.count()).select_from(_MEMBERS)
    return connection.scalar(query.where(_MEMBERS.c.account_id == account_id, _MEMBERS.c.live_email.is_not(None))) or 0


def administrators(connection: Connection, account_id: str) -> int:
    """How many of an account may command."""
    query = select(func.count()).outerjoin_from(_MEMBERS, _INSTANCES, _INSTANCES.c.id == _MEMBERS.c.id)
    ours = (_MEMBERS.c.account_id == account_id, _MEMBERS.c.role == "admin", _STATE == "enabled")
    return connection.scalar(query.where(*ours)) or 0


# Seats


def seats_of(connection: Connection, member_id: str) -> list[str]:
    """The subscriptions on which a member sits, by id."""
    return list(connection.scalars(select(_SEATS.c.root_id).where(_SEATS.c.member_id == member_id)))


def all_seats(connection: Connection, account_id: str) -> Mapping[str, list[str]]:
    """The subscriptions on which the members of an account sit, by member."""
    query = select(_SEATS.c.member_id, _SEATS.c.root_id).join(_MEMBERS, _MEMBERS.c.id == _SEATS.c.member_id)
    found: dict[str, list[str]] = {}
    for member, root in connection.execute(query.where(_MEMBERS.c.account_id == account_id)):
        found.setdefault(member, []).append(root)
    return found


def seated(connection: Connection, subscription: str) -> list[tuple[Member, datetime]]:
    """Who sits on a subscription, and since when, in the order in which they were assigned."""
    query = _ALL.add_columns(_SEATS.c.assigned_at).join(_SEATS, _SEATS.c.member_id == _MEMBERS.c.id)
    ordered = query.where(_SEATS.c.root_id == subscription).order_by(_SEATS.c.seq, _SEATS.c.place, _MEMBERS.c.id)
    return [(_member(row[:-1]), row[-1]) for row in connection.execute(ordered)]


def seated_among(connection: Connection, subscription: str, member_ids: Collection[str]) -> set[str]:
    """Which of these members sit on a subscription."""
    query = select(_SEATS.c.member_id).where(_SEATS.c.root_id == subscription)
    if len(member_ids) > CHUNK:
        return set(member_ids).intersection(connection.scalars(query))
    named = _named(member_ids)
    return set(connection.scalars(query.join(named, named.c.name == _SEATS.c.member_id))) if member_ids else set()


def _named(names: Collection[str]) -> CTE:
    """These as a table of their own: however little PostgreSQL knows of ours, it compares each row only once."""
    return values(column("name", Text), name="named").data([(name,) for name in sorted(names)]).cte()


def _members(connection: Connection, query: Select[Any]) -> Iterator[Member]:
    return (_member(row) for row in connection.execute(query))


def _member(row: Any) -> Member:
    return Member(*row)


# What waits for an order


def keep_import(connection: Connection, order_id: str, account_id: str, people: Sequence[Mapping[str, Any]]) -> None:
    """Keep the people that are to be taken in once the order is completed; what waited for orders of the account that
    came to nothing goes."""
    table = schema.imports
    over = select(_INSTANCES.c.id).where(_INSTANCES.c.owner_id == account_id, _INSTANCES.c.closed)
    connection.execute(delete(table).where(table.c.account_id == account_id, table.c.id.in_(over)))
    connection.execute(insert(table).values(id=order_id, account_id=account_id, people=list(people)))


def waiting(connection: Connection, order_id: str) -> list[dict[str, Any]]:
    """The people that wait for an order."""
    table = schema.imports
    return list(connection.scalar(select(table.c.people).where(table.c.id == order_id)) or ())


def take_import(connection: Connection, order_id: str) -> list[dict[str, Any]]:
    """The people that wait for an order, who wait no longer."""
    if people := waiting(connection, order_id):
        connection.execute(delete(schema.imports).where(schema.imports.c.id == order_id))
    return people


# Tokens for a password


def keep_token(connection: Connection, digest: str, member_id: str, expires_at: datetime) -> None:
    """Remember one by its digest."""
    connection.execute(insert(schema.password_tokens).values(digest=digest, member_id=member_id, expires_at=expires_at))


def whose_token(connection: Connection, digest: str) -> tuple[Member, datetime] | None:
    """Whose it is, and when it expires, or has expired."""
    table = schema.password_tokens
    query = _ALL.add_columns(table.c.expires_at).join(table, table.c.member_id == _MEMBERS.c.id)
    row = connection.execute(query.where(table.c.digest == digest)).first()
    return (_member(row[:-1]), row[-1]) if row else None


def forget_tokens(connection: Connection, member_id: str) -> None:
    """Let none of a member's be used any more."""
    table = schema.password_tokens
    connection.execute(delete(table).where(table.c.member_id == member_id))
