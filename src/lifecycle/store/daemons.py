"""The daemons that are at work, each a row of its own: who started, and when its loop was last heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from lifecycle.store import schema


@dataclass(frozen=True, slots=True)
class Daemon:
    """One scheduler that runs, in a daemon or in a host. `release` is that of this package there."""

    id: str
    host: str
    pid: int
    release: str
    started_at: datetime
    ticked_at: datetime


def tick(connection: Connection, daemon: Daemon) -> None:
    """Write that a daemon's loop turned at `ticked_at`; its first time writes its row."""
    table = schema.daemons
    statement = update(table).where(table.c.id == daemon.id).values(ticked_at=daemon.ticked_at)
    if not connection.execute(statement).rowcount:
        connection.execute(insert(table), asdict(daemon))


def leave(connection: Connection, identifier: str) -> None:
    """A daemon has ended."""
    connection.execute(delete(schema.daemons).where(schema.daemons.c.id == identifier))


def forget(connection: Connection, before: datetime) -> None:
    """Remove those that were last heard before an instant: they were killed."""
    connection.execute(delete(schema.daemons).where(schema.daemons.c.ticked_at < before))


def daemons(connection: Connection) -> Sequence[Daemon]:
    """All of them, the one last heard first."""
    columns = [schema.daemons.c[name] for name in Daemon.__slots__]
    query = select(*columns).order_by(schema.daemons.c.ticked_at.desc(), schema.daemons.c.id)
    return [Daemon(*row) for row in connection.execute(query)]
