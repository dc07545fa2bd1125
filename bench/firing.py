"""Firing: renewals that are all due at once, against raw SQL that writes the same rows in the same batches."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from sqlalchemy import Table, bindparam, insert, select, update

from bench.world import Databases, lifecycle_on, subscribe
from lifecycle import Lifecycle
from lifecycle.store import schema

NEXT_MONTH = datetime(2026, 2, 1, tzinfo=UTC)
BATCH = 500
_KEYS = {schema.roots: ("id",), schema.instances: ("id",), schema.deferrals: ("instance_id", "event")}
Rows = list[dict[str, Any]]


def firing(databases: Databases, kind: str, number: int) -> tuple[float, float]:
    """Seconds that `number` renewals take us, and that the same reads and writes take without us."""
    with databases.fresh(kind) as url, lifecycle_on(url) as ours:
        subscribe(ours, number)
        began = perf_counter()
        fired = len(ours.advance_to(NEXT_MONTH))
        seconds = perf_counter() - began
        if fired != number:
            raise RuntimeError(f"{fired} of {number} renewals fired")
        rows = {table: _rows(ours, table) for table in (*_KEYS, schema.log)}
    with databases.fresh(kind) as url, lifecycle_on(url) as bare:
        subscribe(bare, number)
        return seconds, _raw(bare, rows)


def _raw(bare: Lifecycle, rows: dict[Table, Rows]) -> float:
    """Write what we have written, over rows of the same shape; both runs number their accounts alike."""
    _take_ids_of(bare, rows)
    renewals = [row for row in rows[schema.log] if row["event"] == "cycle_starts"]
    began = perf_counter()
    for start in range(0, len(renewals), BATCH):
        ids = [row["root_id"] for row in renewals[start : start + BATCH]]
        with bare.database.writing() as connection:
            connection.execute(select(schema.roots).where(schema.roots.c.id.in_(ids)).with_for_update()).all()
            for table in (schema.instances, schema.deferrals):
                connection.execute(select(table).where(table.c.root_id.in_(ids))).all()
            for table, key in _KEYS.items():
                connection.execute(_update(table, key), _prefixed(rows[table][start : start + BATCH]))
            connection.execute(insert(schema.log), renewals[start : start + BATCH])
    return perf_counter() - began


def _rows(lifecycle: Lifecycle, table: Table) -> Rows:
    root = table.c.id if table is schema.roots else table.c.root_id
    query = select(table).where(root.like("sub_%")).order_by(root)
    with lifecycle.database.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def _take_ids_of(bare: Lifecycle, rows: dict[Table, Rows]) -> None:
    """Give our rows the ids of the bare database's subscriptions."""
    names = dict(zip((r["id"] for r in rows[schema.roots]), (r["id"] for r in _rows(bare, schema.roots)), strict=True))
    for table in rows.values():
        for row in table:
            row.update({column: names[row[column]] for column in row.keys() & {"id", "root_id", "instance_id"}})
    for row, there in zip(rows[schema.instances], _rows(bare, schema.instances), strict=True):
        row.update(owner_id=there["owner_id"], live_key=there["live_key"])


def _update(table: Table, key: tuple[str, ...]) -> Any:
    values: dict[str, Any] = {
        column.name: bindparam(f"new_{column.name}") for column in table.c if column.name not in key
    }
    return update(table).where(*(table.c[name] == bindparam(f"new_{name}") for name in key)).values(values)


def _prefixed(rows: Rows) -> Rows:
    return [{f"new_{name}": value for name, value in row.items()} for row in rows]
