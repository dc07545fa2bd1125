"""What tells how a database is, for those who look after it: its settings, its clock, and what waits in it.

This is the one place where SQL asks the database for the time: to compare it with the machine's. What is on a named
clock waits for whoever advances that, and is not counted here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, func, insert, select, text

from lifecycle.store import schema
from lifecycle.store.clocks import on_clock
from lifecycle.store.database import Database

_REAL = on_clock(schema.roots, None)


@dataclass(frozen=True, slots=True)
class OutboxDepth:
    """How much waits in the outbox, since when the oldest does, and how much was given up (dead letters)."""

    waiting: int
    oldest_at: datetime | None
    dead: int


def missing_file(database: Database) -> Path | None:
    """The SQLite file that is not there; SQLite would make it on opening."""
    name = database.url.database
    if not database.is_sqlite or not name or name == ":memory:" or name.startswith("file:") or Path(name).exists():
        return None
    return Path(name)


def server(connection: Connection) -> str:
    """The database's product and version, such as `SQLite 3.40.1`."""
    if connection.dialect.name == "sqlite":
        return f"SQLite {connection.scalar(text('SELECT sqlite_version()'))}"
    return f"PostgreSQL {connection.scalar(text('SHOW server_version'))}"


def clock(connection: Connection) -> datetime | None:
    """What the database's clock shows; None for SQLite, whose clock is the machine's own."""
    if connection.dialect.name == "sqlite":
        return None
    shown: datetime = connection.scalars(text("SELECT clock_timestamp()")).one()
    return shown.astimezone(UTC)


def unsafe_settings(connection: Connection) -> Sequence[str]:
    """The settings of a connection that writes which are not as the engine needs them; empty where all are."""
    if connection.dialect.name == "sqlite":
        journals = "memory" if connection.engine.url.database in (None, "", ":memory:") else "wal"
        needed = {"PRAGMA journal_mode": journals, "PRAGMA synchronous": "2", "PRAGMA foreign_keys": "1"}
    else:
        needed = {"SHOW transaction_isolation": "read committed"}
    found = {question: str(connection.scalar(text(question))) for question in needed}
    return [
        f"{question} gives {found[question]}, not {need}"
        for question, need in needed.items()
        if found[question] != need
    ]


def try_to_write(database: Database, now: datetime) -> None:
    """Write a row and take it back. Raises what the database raises where nobody may."""
    row = {"id": "daemon_probe", "host": "", "pid": 0, "release": "", "started_at": now, "ticked_at": now}
    with database.writing() as connection:
        connection.execute(insert(schema.daemons), row)
        connection.rollback()


def kept_aside(connection: Connection) -> Mapping[str, int]:
    """How many roots are not live, by their status; by an index that holds only those."""
    status = schema.roots.c.status
    # a literal and no parameter: SQLite takes a partial index only where it sees the condition itself
    query = select(status, func.count()).where(text("status <> 'live'"), _REAL).group_by(status)
    return {row[0]: row[1] for row in connection.execute(query)}


def backing_off(connection: Connection) -> int:
    """How many roots have failed and are to be tried again."""
    roots = schema.roots.c
    return connection.scalar(select(func.count()).where(roots.attempts > 0, roots.wake_at.is_not(None), _REAL)) or 0


def due_before(connection: Connection, instant: datetime) -> int:
    """How many roots were to be looked at before an instant."""
    return connection.scalar(select(func.count()).where(schema.roots.c.wake_at < instant, _REAL)) or 0


def outbox(connection: Connection) -> OutboxDepth:
    """What waits and what is dead; by indexes that hold only those."""
    table, ours = schema.outbox.c, on_clock(schema.outbox, None)
    waiting = select(func.count(), func.min(table.created_at)).where(table.wake_at.is_not(None), ours)
    dead = select(func.count()).select_from(schema.outbox).where(text("status = 'dead'"), ours)
    count, oldest_at = connection.execute(waiting).one()
    return OutboxDepth(count, oldest_at, connection.scalar(dead) or 0)


def messages_due_before(connection: Connection, instant: datetime) -> int:
    """How many messages were to be looked at before then and still are, but for those to whom is paused."""
    table, subscribers = schema.outbox.c, schema.subscribers.c
    paused = select(subscribers.name).where(subscribers.paused.is_(True))
    due = (table.wake_at < instant, on_clock(schema.outbox, None), table.destination.not_in(paused))
    return connection.scalar(select(func.count()).where(*due)) or 0


def unknown_charges(connection: Connection) -> int:
    """How many invoices that are open have a charge which was never answered."""
    attempts, instances, roots = schema.attempts, schema.instances, schema.roots
    open_ones = select(func.count(instances.c.id.distinct())).join(attempts, attempts.c.instance_id == instances.c.id)
    ours = open_ones.join(roots, roots.c.id == instances.c.root_id).where(_REAL)
    # a literal with its table: the roots have a status too
    unknown = text("lifecycle_attempts.status = 'unknown'")
    return connection.scalar(ours.where(unknown, instances.c.state == "open")) or 0


def zones(connection: Connection) -> Sequence[str]:
    """The time zones that accounts are in."""
    return list(connection.scalars(select(schema.accounts.c.zone).distinct()))
