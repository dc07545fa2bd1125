"""Who is told of transitions by the outbox, in the database: every process that writes one sees them all."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from lifecycle.engine.records import Subscriber
from lifecycle.store import schema

_TABLE = schema.subscribers
_ALL = select(_TABLE.c.name, _TABLE.c.events, _TABLE.c.paused).order_by(_TABLE.c.name)


def subscribers(connection: Connection) -> list[Subscriber]:
    """All of them, by name."""
    return [Subscriber(name, tuple(events), paused) for name, events, paused in connection.execute(_ALL)]


def subscribe(connection: Connection, subscriber: Subscriber) -> None:
    """Have it told from now on, or as it is said now."""
    values = {"events": list(subscriber.events), "paused": subscriber.paused}
    if not connection.execute(update(_TABLE).where(_TABLE.c.name == subscriber.name).values(**values)).rowcount:
        connection.execute(insert(_TABLE).values(name=subscriber.name, **values))


def unsubscribe(connection: Connection, name: str) -> bool:
    """Have it told no more; whether it was. What was written for it stays."""
    return connection.execute(delete(_TABLE).where(_TABLE.c.name == name)).rowcount > 0
