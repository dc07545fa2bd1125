"""Invitations in the database: the codes beside the log, and what one look at a code tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, insert, or_, select

from lifecycle.store import schema
from lifecycle.store.transaction import writing_failures

_CODES, _INSTANCES, _ROOTS = schema.invitations, schema.instances, schema.roots
_CLOCKS, _MEMBERS, _SEATS = schema.clocks, schema.members, schema.seats


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation as stored, with its code; `root_id` is its subscription's."""

    id: str
    root_id: str
    account_id: str
    code: str
    state: str
    facts: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look at a code tells somebody: the invitation as it stands, `clock_now` of the named clock that it is
    on, and whether they have a seat of its subscription already, or an answer to their idempotency key."""

    id: str
    root_id: str
    account_id: str
    state: str
    facts: Mapping[str, Any]
    clock_now: datetime | None
    is_seated: bool
    is_answered: bool


_ALL: Select[Any] = select(
    _CODES.c.id,
    _INSTANCES.c.root_id,
    _CODES.c.account_id,
    _CODES.c.code,
    _INSTANCES.c.state,
    _INSTANCES.c.facts,
    _INSTANCES.c.created_at,
).join_from(_CODES, _INSTANCES, _INSTANCES.c.id == _CODES.c.id)


def add_code(connection: Connection, invitation_id: str, account_id: str, code: str, digest: str) -> None:
    """Write a code, for good. Raises WriteFailed for one that has been given out."""
    with writing_failures():
        connection.execute(insert(_CODES).values(id=invitation_id, account_id=account_id, code=code, digest=digest))


def is_given_out(connection: Connection, digest: str) -> bool:
    """Whether there has ever been a code with this digest."""
    return connection.scalar(select(_CODES.c.id).where(_CODES.c.digest == digest)) is not None


def find_invitation(connection: Connection, name: str, digest: str) -> Invitation | None:
    """The one with this id, or with the code of this digest."""
    row = connection.execute(_ALL.where(or_(_CODES.c.id == name, _CODES.c.digest == digest))).first()
    return None if row is None else Invitation(*row)


def invitations(
    connection: Connection, *, account_id: str | None = None, root_id: str | None = None
) -> list[Invitation]:
    """Those of an account, or of one of its subscriptions, oldest first."""
    query = _ALL
    if account_id is not None:
        query = query.where(_CODES.c.account_id == account_id)
    if root_id is not None:
        query = query.where(_INSTANCES.c.root_id == root_id)
    return [Invitation(*row) for row in connection.execute(query.order_by(_INSTANCES.c.created_at, _CODES.c.id))]


def look(connection: Connection, digest: str, address: str, key: str | None) -> Looked | None:
    """What a code tells somebody with this folded address, who comes with this key. One statement, whether there is
    such a code or not: who waits for the answer learns nothing from how long it takes."""
    answers = schema.answers
    query = (
        select(
            _CODES.c.id,
            _INSTANCES.c.root_id,
            _CODES.c.account_id,
            _INSTANCES.c.state,
            _INSTANCES.c.facts,
            _CLOCKS.c.now,
            _SEATS.c.member_id.is_not(None),
            answers.c.key.is_not(None),
        )
        .join_from(_CODES, _INSTANCES, _INSTANCES.c.id == _CODES.c.id)
        .join(_ROOTS, _ROOTS.c.id == _INSTANCES.c.root_id)
        .outerjoin(_CLOCKS, _CLOCKS.c.name == _ROOTS.c.clock)
        .outerjoin(_MEMBERS, and_(_MEMBERS.c.account_id == _CODES.c.account_id, _MEMBERS.c.live_email == address))
        .outerjoin(_SEATS, and_(_SEATS.c.root_id == _INSTANCES.c.root_id, _SEATS.c.member_id == _MEMBERS.c.id))
        .outerjoin(answers, and_(answers.c.scope == _CODES.c.account_id, answers.c.key == (key or "")))
        .where(_CODES.c.digest == digest)
    )
    row = connection.execute(query).first()
    return None if row is None else Looked(*row)
