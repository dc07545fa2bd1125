"""Accounts and actors in the database: the tables that hold what is personal, apart from the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, or_, select, update

from lifecycle.domain.account import Account
from lifecycle.engine.records import InstanceRecord
from lifecycle.errors import NotFound
from lifecycle.store import schema
from lifecycle.store.among import among
from lifecycle.store.members import add_members, find_member, first_member, members_of
from lifecycle.store.transaction import writing_failures

_METHOD = schema.payment_methods
_CARD = {"payment_method": _METHOD.c.id, "card_year": _METHOD.c.exp_year, "card_month": _METHOD.c.exp_month}
_COLUMNS = {field.name for field in fields(Account)} - _CARD.keys()
_ACCOUNT = [
    _CARD[field.name].label(field.name) if field.name in _CARD else schema.accounts.c[field.name]
    for field in fields(Account)
]
_ACCOUNTS = select(*_ACCOUNT).outerjoin_from(schema.accounts, _METHOD, _METHOD.c.default_of == schema.accounts.c.id)
"""Each with its default payment method."""
_BY_ID = _ACCOUNTS.where(among(schema.accounts.c.id))
_NAMED = _ACCOUNTS.where(
    or_(schema.accounts.c.id == bindparam("name"), schema.accounts.c.reference == bindparam("name"))
)


@dataclass(frozen=True, slots=True)
class Owned:
    """An instance of an account, as a creation needs to know it."""

    root_id: str
    live_key: str | None
    facts: dict[str, object]


def find_account(connection: Connection, name: str) -> Account | None:
    """The account with this id or this reference."""
    row = connection.execute(_NAMED, {"name": name}).first()
    return Account(*row) if row else None


def the_account(connection: Connection, name: str) -> Account:
    """The same, which is to be there. Raises NotFound."""
    found = find_account(connection, name)
    if found is None:
        raise NotFound("account", name)
    return found


def accounts_by_id(connection: Connection, ids: Iterable[str]) -> Mapping[str, Account]:
    """These accounts, by id."""
    rows = connection.execute(_BY_ID, {"ids": list(ids)}).all()
    return {row.id: Account(*row) for row in rows}


def all_accounts(connection: Connection) -> list[Account]:
    """Every account, in order of reference."""
    return [Account(*row) for row in connection.execute(_ACCOUNTS.order_by(schema.accounts.c.reference))]


def add_account(connection: Connection, account: Account, created_at: datetime) -> None:
    """Write a new account with its root, which is what is locked, and its first administrator. Raises WriteFailed for
    a reference in use."""
    root = {"id": account.id, "kind": "account", "created_at": created_at, "seq": 0, "head": b"", "status": "live"}
    values = {name: getattr(account, name) for name in _COLUMNS}
    with writing_failures():
        connection.execute(
            insert(schema.roots), [root | {"wake_at": None, "attempts": 0, "error": None, "clock": account.clock}]
        )
        connection.execute(insert(schema.accounts), [values | {"created_at": created_at}])
        add_members(connection, [first_member(account, created_at)])


def change_account(connection: Connection, account_id: str, values: Mapping[str, object]) -> None:
    """Write some columns of one. Raises WriteFailed for a reference in use."""
    with writing_failures():
        connection.execute(update(schema.accounts).where(schema.accounts.c.id == account_id).values(**values))


def follow_administrator(connection: Connection, account: Account) -> None:
    """Have the account's e-mail be that of one of its people, and of its longest-standing administrator if whose it was
    has another one, or is gone (rule A1)."""
    if find_member(connection, account.id, account.email) is None:
        people = members_of(connection, account.id)
        first = next((one.email for one in people if one.administers), account.email)
        change_account(connection, account.id, {"email": first})


def owned_by(connection: Connection, account_id: str, machine: str) -> Sequence[Owned]:
    """The instances of a machine that belong to an account, live or ended."""
    table = schema.instances
    query = select(table.c.root_id, table.c.live_key, table.c.facts)
    rows = connection.execute(query.where(table.c.owner_id == account_id, table.c.machine == machine))
    return [Owned(row.root_id, row.live_key, row.facts) for row in rows]


def owners_of(connection: Connection, instances: Sequence[InstanceRecord]) -> Mapping[str, Account]:
    """The accounts of instances, by instance id."""
    accounts = accounts_by_id(connection, {instance.owner_id for instance in instances if instance.owner_id})
    return {instance.id: accounts[instance.owner_id] for instance in instances if instance.owner_id}


def actor_id(connection: Connection, name: str) -> str | None:
    """The id under which an actor of this name is logged."""
    return connection.scalar(select(schema.actors.c.id).where(schema.actors.c.name == name))


def add_actor(connection: Connection, identifier: str, name: str) -> None:
    """Remember an actor's name, apart from the log. Raises WriteFailed where somebody else has just done so."""
    with writing_failures():
        connection.execute(insert(schema.actors), [{"id": identifier, "name": name}])
