"""Moving log rows out of the database: which there are, and the statements that put checkpoints in their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Connection, Table, Text, bindparam, delete, func, literal, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from lifecycle.engine.checkpoints import CheckpointRecord
from lifecycle.engine.records import LogRecord
from lifecycle.errors import LifecycleError
from lifecycle.store import schema

Record = TypeVar("Record")

_CHECKPOINT = [field.name for field in fields(CheckpointRecord)]


def count(connection: Connection, before: datetime) -> int:
    """How many rows of the log were recorded before an instant."""
    table = schema.log
    return connection.execute(select(func.count()).where(table.c.recorded_at < before)).scalar_one()


def rows(connection: Connection, before: datetime, after: tuple[str, int], limit: int) -> list[LogRecord]:
    """Rows that were recorded before an instant, by root and number, from `after` (root, number) on.

    Raises LifecycleError (`history_broken`) where one can't be read.
    """
    table = schema.log
    query = select(*_columns(table, LogRecord)).where(table.c.recorded_at < before)
    query = query.where(tuple_(table.c.root_id, table.c.seq) > after).order_by(table.c.root_id, table.c.seq)
    return _read(connection, LogRecord, query.limit(limit))


def checkpoints(connection: Connection, root_ids: Collection[str]) -> dict[str, CheckpointRecord]:
    """The checkpoints of these roots, by root. Raises LifecycleError (`history_broken`)."""
    table = schema.checkpoints
    query = select(*_columns(table, CheckpointRecord)).where(table.c.root_id.in_(root_ids))
    return {found.root_id: found for found in _read(connection, CheckpointRecord, query)}


def move_out(
    connection: Connection, made: Sequence[CheckpointRecord], earlier: Mapping[str, CheckpointRecord]
) -> list[CheckpointRecord]:
    """Delete the rows behind these checkpoints, and write those down: under the locks of their roots.

    A root whose checkpoint is no longer the earlier one is passed over: somebody else has moved its rows out
    meanwhile. Returns the checkpoints that were written.
    """
    _lock(connection, [one.root_id for one in made])
    now = checkpoints(connection, [one.root_id for one in made])
    done = [one for one in made if now.get(one.root_id) == earlier.get(one.root_id)]
    if done:
        _delete_behind(connection, done)
        put = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(schema.checkpoints)
        put = put.on_conflict_do_update(index_elements=["root_id"], set_=dict(put.excluded))
        connection.execute(put, [{name: getattr(one, name) for name in _CHECKPOINT} for one in done])
    return done


def _delete_behind(connection: Connection, made: Sequence[CheckpointRecord]) -> None:
    """On PostgreSQL by one statement: one for each root takes several times as long, and they are all locked."""
    log = schema.log
    if connection.dialect.name == "sqlite":
        behind = delete(log).where(log.c.root_id == bindparam("root"), log.c.seq <= bindparam("upto"))
        connection.execute(behind, [{"root": one.root_id, "upto": one.seq} for one in made])
        return
    roots = literal([one.root_id for one in made], postgresql.ARRAY(Text))
    numbers = literal([one.seq for one in made], postgresql.ARRAY(BigInteger))
    gone = func.unnest(roots, numbers).table_valued("root", "upto").render_derived()
    connection.execute(delete(log).where(log.c.root_id == gone.c.root, log.c.seq <= gone.c.upto))


def _lock(connection: Connection, root_ids: Sequence[str]) -> None:
    """In the order in which everybody locks: accounts last, each kind by its ids."""
    table = schema.roots
    query = select(table.c.id).where(table.c.id.in_(root_ids)).order_by(table.c.kind == "account", table.c.id)
    connection.execute(query.with_for_update()).all()


def _columns(table: Table, record: type[Any]) -> list[Any]:
    return [table.c[field.name] for field in fields(record)]


def _read(connection: Connection, record: type[Record], query: Any) -> list[Record]:
    try:
        return [record(*row) for row in connection.execute(query).all()]  # at once: fewer calls
    except (TypeError, ValueError) as error:
        raise LifecycleError(
            f"The log holds what can't be read, and nothing is moved out of it: {error}. See: lifecycle verify",
            code="history_broken",
        ) from error
