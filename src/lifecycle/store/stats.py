"""How large the tables are, how much of them is dead, and how much waits in them: for an operator, at any size.

PostgreSQL is asked for what it counts anyway, and reads no table. SQLite counts nothing: there each row is counted, and
each page looked at, where SQLite was built to tell of its pages (`dbstat`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select, text

from lifecycle.store import probe, queries, schema
from lifecycle.store.clocks import on_clock
from lifecycle.store.queries import DueTransition

_POSTGRESQL = text("""
SELECT relname, n_live_tup, pg_table_size(relid), pg_indexes_size(relid), n_dead_tup, n_tup_upd, n_tup_hot_upd,
  GREATEST(last_vacuum, last_autovacuum)
FROM pg_stat_user_tables WHERE relname LIKE 'lifecycle\\_%' AND pg_table_is_visible(relid)
""")
_SQLITE_TABLES = text("SELECT name, tbl_name FROM sqlite_master WHERE tbl_name LIKE 'lifecycle\\_%' ESCAPE '\\'")
_SQLITE_PAGES = text("SELECT name, pgsize, unused FROM dbstat WHERE aggregate = TRUE")


@dataclass(frozen=True, slots=True)
class TableStats:
    """One table: sizes in bytes, None for what this database can't tell.

    `rows` are estimated on PostgreSQL, counted on SQLite. `dead_rows` wait for a vacuum, and `vacuumed_at` is when the
    last one ended; `dead_share` is their part of all rows. `hot_share` is the part of the updates, since the statistics
    began, that touched no index. `unused_bytes` are the gaps in the pages of table and indexes.
    """

    table: str
    rows: int
    bytes: int | None
    index_bytes: int | None
    dead_rows: int | None = None
    dead_share: float | None = None
    hot_share: float | None = None
    vacuumed_at: datetime | None = None
    unused_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is due and not done: deferred transitions, the one that was due first, and messages of the outbox."""

    due: int
    oldest: DueTransition | None
    outbox_due: int
    outbox_waiting: int
    outbox_oldest_at: datetime | None
    outbox_dead: int


@dataclass(frozen=True, slots=True)
class Stats:
    """The database: `bytes` of all that is in it, whoever's; `free_bytes` that its file has and does not need (None on
    PostgreSQL); the tables, largest first. What is on a named clock waits for nobody."""

    database: str
    bytes: int
    free_bytes: int | None
    tables: tuple[TableStats, ...]
    waiting: Waiting


def stats(connection: Connection, now: datetime) -> Stats:
    """How it is at an instant."""
    is_sqlite = connection.dialect.name == "sqlite"
    tables = _on_sqlite(connection) if is_sqlite else _on_postgresql(connection)
    largest_first = sorted(tables, key=lambda one: (-(one.bytes or 0) - (one.index_bytes or 0), -one.rows, one.table))
    if is_sqlite:
        page = _number(connection, "PRAGMA page_size")
        size, free = (page * _number(connection, f"PRAGMA {what}") for what in ("page_count", "freelist_count"))
    else:
        size, free = _number(connection, "SELECT pg_database_size(current_database())"), None
    return Stats(probe.server(connection), size, free, tuple(largest_first), _waiting(connection, now))


def _on_postgresql(connection: Connection) -> Sequence[TableStats]:
    found = []
    for table, rows, size, indexes, dead, updated, hot, vacuumed_at in connection.execute(_POSTGRESQL):
        found.append(
            TableStats(
                table,
                rows,
                size,
                indexes,
                dead_rows=dead,
                dead_share=_share(dead, rows + dead),
                hot_share=_share(hot, updated),
                vacuumed_at=vacuumed_at and vacuumed_at.astimezone(UTC),
            )
        )
    return found


def _on_sqlite(connection: Connection) -> Sequence[TableStats]:
    pages = _pages(connection)
    parts: dict[str, list[str]] = {}
    for name, table in connection.execute(_SQLITE_TABLES):
        parts.setdefault(table, []).append(name)
    found = []
    for table, names in parts.items():
        rows = _number(connection, f'SELECT count(*) FROM "{table}"')  # noqa: S608  # a name that the database gave
        if pages is None:
            found.append(TableStats(table, rows, None, None))
            continue
        sizes = {name: pages.get(name, (0, 0)) for name in names}
        indexes = sum(size for name, (size, _) in sizes.items() if name != table)
        unused = sum(unused for _, unused in sizes.values())
        found.append(TableStats(table, rows, sizes[table][0], indexes, unused_bytes=unused))
    return found


def _pages(connection: Connection) -> Mapping[str, tuple[int, int]] | None:
    """The bytes of each table and each index, and how many of these are unused; None where SQLite does not tell."""
    if "ENABLE_DBSTAT_VTAB" not in connection.scalars(text("PRAGMA compile_options")).all():
        return None
    return {name: (size, unused) for name, size, unused in connection.execute(_SQLITE_PAGES)}


def _waiting(connection: Connection, now: datetime) -> Waiting:
    deferral, root = schema.deferrals, schema.roots
    due = select(func.count()).select_from(deferral).join(root, root.c.id == deferral.c.root_id)
    count = connection.scalar(due.where(deferral.c.due_at <= now, on_clock(root, None))) or 0
    oldest = queries.due(connection, until=now, late_at=now, limit=1)
    outbox = probe.outbox(connection)
    return Waiting(
        due=count,
        oldest=oldest[0] if oldest else None,
        outbox_due=probe.messages_due_before(connection, now),
        outbox_waiting=outbox.waiting,
        outbox_oldest_at=outbox.oldest_at,
        outbox_dead=outbox.dead,
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _number(connection: Connection, question: str) -> int:
    return int(connection.scalar(text(question)) or 0)
