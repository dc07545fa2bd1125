"""Webhooks in the database: their secrets, what became of each attempt, and the messages that wait for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, update

from lifecycle.store import schema
from lifecycle.store.transaction import writing_failures

_SECRETS, _DELIVERIES, _OUTBOX = schema.webhook_secrets, schema.deliveries, schema.outbox
_SUBSCRIBERS, _INSTANCES = schema.subscribers, schema.instances
_MICROSECOND = timedelta(microseconds=1)

PREFIX = "webhook:"
"""What the destination of a webhook begins with; its id follows."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook as it is delivered to: where, in which state, signed with what, and since when it has only failed."""

    id: str
    state: str
    facts: Mapping[str, Any]
    secrets: Sequence[str] = field(repr=False)
    failing_since: datetime | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt to deliver a message to a webhook. `number` counts all of the message; `status` is that of the answer
    and `body` its beginning; without an answer `error` says why."""

    message_id: str
    number: int
    webhook_id: str
    at: datetime
    milliseconds: int
    status: int | None
    body: str
    error: str | None


def endpoint(connection: Connection, webhook_id: str, now: datetime) -> Endpoint | None:
    """One, with what is signed with now."""
    query = (
        select(_INSTANCES.c.state, _INSTANCES.c.facts, _SUBSCRIBERS.c.failing_since)
        .outerjoin(_SUBSCRIBERS, _SUBSCRIBERS.c.name == PREFIX + webhook_id)
        .where(_INSTANCES.c.id == webhook_id, _INSTANCES.c.machine == "webhook")
    )
    row = connection.execute(query).first()
    return None if row is None else Endpoint(webhook_id, row[0], row[1], secrets(connection, webhook_id, now), row[2])


# Secrets


def secrets(connection: Connection, webhook_id: str, now: datetime) -> list[str]:
    """What is signed with now, newest first."""
    live = or_(_SECRETS.c.expires_at.is_(None), _SECRETS.c.expires_at > now)
    query = select(_SECRETS.c.secret).where(_SECRETS.c.webhook_id == webhook_id, live)
    return list(connection.scalars(query.order_by(_SECRETS.c.created_at.desc())))


def rotate(connection: Connection, webhook_id: str, secret: str, now: datetime, until: datetime) -> None:
    """Sign with a new secret from now on, and until then with the newest one before it as well; with no older one."""
    of_it = _SECRETS.c.webhook_id == webhook_id
    newest = connection.scalar(select(func.max(_SECRETS.c.created_at)).where(of_it))
    if newest is not None:
        connection.execute(delete(_SECRETS).where(of_it, _SECRETS.c.created_at < newest))
        connection.execute(update(_SECRETS).where(of_it).values(expires_at=until))
    created_at = now if newest is None else max(now, newest + _MICROSECOND)
    values = {"webhook_id": webhook_id, "created_at": created_at, "secret": secret, "expires_at": None}
    connection.execute(insert(_SECRETS).values(values))


def forget_secrets(connection: Connection, webhook_id: str) -> None:
    """Sign nothing for it any more."""
    connection.execute(delete(_SECRETS).where(_SECRETS.c.webhook_id == webhook_id))


# Attempts


def add_delivery(
    connection: Connection, message_id: str, webhook_id: str, at: datetime, told: Mapping[str, Any]
) -> Delivery:
    """Keep an attempt under the next number of its message, which is locked meanwhile; `told` is the rest of it."""
    connection.execute(select(_OUTBOX.c.id).where(_OUTBOX.c.id == message_id).with_for_update())
    last = connection.scalar(select(func.max(_DELIVERIES.c.number)).where(_DELIVERIES.c.message_id == message_id))
    added = Delivery(message_id=message_id, number=(last or 0) + 1, webhook_id=webhook_id, at=at, **told)
    with writing_failures():
        connection.execute(insert(_DELIVERIES).values(asdict(added)))
    return added


def deliveries(
    connection: Connection, *, webhook_id: str | None = None, message_id: str | None = None, limit: int | None = None
) -> list[Delivery]:
    """Attempts, oldest first; of `limit`, the newest."""
    table = _DELIVERIES.c
    columns = [table[name] for name in Delivery.__dataclass_fields__]
    query = select(*columns).order_by(table.at.desc(), table.message_id.desc(), table.number.desc()).limit(limit)
    for column, value in ((table.webhook_id, webhook_id), (table.message_id, message_id)):
        if value is not None:
            query = query.where(column == value)
    return [Delivery(*row) for row in connection.execute(query)][::-1]


def forget_deliveries(connection: Connection, before: datetime) -> int:
    """Drop attempts from before then at messages that are finished; how many those were."""
    finished = select(_OUTBOX.c.id).where(_OUTBOX.c.wake_at.is_(None))
    old = and_(_DELIVERIES.c.at < before, _DELIVERIES.c.message_id.in_(finished))
    return connection.execute(delete(_DELIVERIES).where(old)).rowcount


# How it goes


def fails(connection: Connection, webhook_id: str, since: datetime | None) -> None:
    """Note since when it has only failed; None: it does not."""
    connection.execute(
        update(_SUBSCRIBERS).where(_SUBSCRIBERS.c.name == PREFIX + webhook_id).values(failing_since=since)
    )


def failing(connection: Connection) -> dict[str, datetime]:
    """Since when those that fail do, by their ids."""
    query = select(_SUBSCRIBERS.c.name, _SUBSCRIBERS.c.failing_since).where(_SUBSCRIBERS.c.failing_since.is_not(None))
    return {row[0].removeprefix(PREFIX): row[1] for row in connection.execute(query)}


def troubled(connection: Connection) -> int:
    """How many are paused or disabled, or fail."""
    standing = select(_INSTANCES.c.id).where(_INSTANCES.c.machine == "webhook", _INSTANCES.c.closed.is_(False))
    stopped = standing.where(_INSTANCES.c.state.in_(("paused", "disabled")))
    return len({*connection.scalars(stopped), *failing(connection)})
