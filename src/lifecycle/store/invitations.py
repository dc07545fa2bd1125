"""Invitations' codes in the database, and how often somebody has tried one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from lifecycle.domain.machine import Json
from lifecycle.store import schema
from lifecycle.store.transaction import writing_failures

_CODES, _INSTANCES, _ATTEMPTS = schema.invitations, schema.instances, schema.code_attempts
_ALL = (
    select(
        _CODES.c.id,
        _CODES.c.account_id,
        _CODES.c.code,
        _INSTANCES.c.root_id,
        _INSTANCES.c.state,
        _INSTANCES.c.facts,
        schema.roots.c.clock,
    )
    .join_from(_CODES, _INSTANCES, _INSTANCES.c.id == _CODES.c.id)
    .join(schema.roots, schema.roots.c.id == _INSTANCES.c.root_id)
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as stored; `root_id` is the subscription that it has seats of."""

    id: str
    account_id: str
    code: str
    root_id: str
    state: str
    facts: Json
    clock: str | None


def add(connection: Connection, invitation: str, account_id: str, code: str, digest: str) -> None:
    """Keep the code of a new one. Raises WriteFailed for a code that was given out before."""
    with writing_failures():
        connection.execute(insert(_CODES).values(id=invitation, account_id=account_id, code=code, digest=digest))


def is_taken(connection: Connection, digest: str) -> bool:
    """Whether a code was given out before."""
    return connection.scalar(select(_CODES.c.id).where(_CODES.c.digest == digest)) is not None


def by_digest(connection: Connection, digest: str) -> Invitation | None:
    """The one with the code of this digest."""
    return _first(connection, _ALL.where(_CODES.c.digest == digest))


def find(connection: Connection, name: str, digest: str) -> Invitation | None:
    """The one with this id, or with the code of this digest."""
    return _first(connection, _ALL.where(or_(_CODES.c.id == name, _CODES.c.digest == digest)))


def invitations(connection: Connection, account_id: str, subscription: str | None = None) -> list[Invitation]:
    """Those of an account, or of one of its subscriptions, oldest first."""
    query = _ALL.where(_CODES.c.account_id == account_id)
    if subscription is not None:
        query = query.where(_INSTANCES.c.root_id == subscription)
    return [Invitation(*row) for row in connection.execute(query.order_by(_CODES.c.id))]


def count_attempt(connection: Connection, caller: str, now: datetime, since: datetime) -> int:
    """Count one more attempt of a caller; how many there have been since the first that counts. Counts that began
    before `since` go, of anybody."""
    connection.execute(delete(_ATTEMPTS).where(_ATTEMPTS.c.since <= since))
    insert_or = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    first = insert_or(_ATTEMPTS).values(caller=caller, since=now, count=1)
    counted = first.on_conflict_do_update(index_elements=["caller"], set_={"count": _ATTEMPTS.c.count + 1})
    return int(connection.scalar(counted.returning(_ATTEMPTS.c.count)) or 0)


def give_back(connection: Connection, caller: str) -> None:
    """An attempt that was none: the code was good."""
    ours = update(_ATTEMPTS).where(_ATTEMPTS.c.caller == caller)
    connection.execute(ours.values(count=_ATTEMPTS.c.count - 1))


def _first(connection: Connection, query: Any) -> Invitation | None:
    row = connection.execute(query).first()
    return Invitation(*row) if row else None
