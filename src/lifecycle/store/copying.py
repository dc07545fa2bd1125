"""Copies what concerns some roots and accounts, as it stands, to where the engine can be tried out on it.

Only what the engine reads as it goes on is copied: roots, their instances that can still change and those that roots
are named by, deferrals, what waits in the outbox, and of accounts what their money follows from. The log stays behind,
for the engine only adds to it: a root's row tells its last number and hash. Rows go along whole, with whatever columns
there are, but for the named clock that they are on: a copy has one time for all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, CursorResult, Select, Table, insert, not_, or_, select

from lifecycle.store import schema

CHUNK = 500
"""How many ids a statement names: databases take no more than so many thousand."""

_ROOTS, _INSTANCES, _OUTBOX = schema.roots, schema.instances, schema.outbox
_LEDGER = schema.ledger
_ON_BALANCE = _LEDGER.c.book == "balance"
_OPEN = not_(_INSTANCES.c.closed)


@dataclass(frozen=True, slots=True)
class Extent:
    """What is to be copied: roots and accounts by their ids, and the destinations of messages that go along."""

    roots: frozenset[str]
    accounts: frozenset[str]
    destinations: tuple[str, ...]
    apart: frozenset[str] = frozenset()
    """The machines whose instances stay behind."""


def extent(
    connection: Connection,
    destinations: Sequence[str],
    *,
    roots: Collection[str] = (),
    accounts: Collection[str] = (),
) -> Extent:
    """These roots and accounts, the accounts that own something on the roots, and every root of all those accounts on
    which something can still happen, for a balance is shared; or on which that balance was made."""
    owned = select(_INSTANCES.c.owner_id).where(_INSTANCES.c.owner_id.is_not(None)).distinct()
    owners = {*accounts, *_ids(connection, owned, _INSTANCES.c.root_id, roots)}
    found = {*roots, *owners}
    for going_on in _going_on(destinations):
        found.update(_ids(connection, going_on, _INSTANCES.c.owner_id, owners))
    found.update(
        _ids(connection, select(_LEDGER.c.root_id).where(_ON_BALANCE).distinct(), _LEDGER.c.account_id, owners)
    )
    return Extent(frozenset(found), frozenset(owners), tuple(destinations))


def everything(connection: Connection, destinations: Sequence[str]) -> Extent:
    """Every root that is on no named clock and on which something can still happen, and whose they are."""
    on_none = _INSTANCES.c.root_id.in_(select(_ROOTS.c.id).where(_ROOTS.c.clock.is_(None)))
    found = {root for going_on in _going_on(destinations) for root in connection.scalars(going_on.where(on_none))}
    return extent(connection, destinations, roots=found)


def copy(source: Connection, target: Connection, which: Extent) -> None:
    """Copy it to tables that are there and empty; of the source nothing is locked or changed."""
    for column, ids, query in _parts(which):  # parents before children
        for some in _chunks(sorted(ids)):
            _insert(target, query, source.execute(query.where(column.in_(some))))
    series = select(schema.series)  # so that the numbers go on from those that are taken
    _insert(target, series, source.execute(series))


Part = tuple[ColumnElement[Any], Collection[str], Select[Any]]
"""Rows of the table that a query begins with, by the ids of what they belong to."""


def _parts(which: Extent) -> Iterator[Part]:
    waits = _waits(which.destinations)
    spoken_of = select(_OUTBOX.c.instance_id).where(waits)
    open_ones = _OPEN & _INSTANCES.c.machine.not_in(sorted(which.apart))
    kept = or_(open_ones, _INSTANCES.c.id == _INSTANCES.c.root_id, _INSTANCES.c.id.in_(spoken_of))
    methods, attempts = schema.payment_methods, schema.attempts
    numbers, deferrals = schema.numbers, schema.deferrals
    yield _ROOTS.c.id, which.roots, select(_ROOTS)
    yield schema.accounts.c.id, which.accounts, select(schema.accounts)
    yield methods.c.account_id, which.accounts, select(methods)
    yield attempts.c.account_id, which.accounts, select(attempts)
    yield _LEDGER.c.account_id, which.accounts, select(_LEDGER).where(_ON_BALANCE)
    yield _INSTANCES.c.root_id, which.roots, select(_INSTANCES).where(kept)
    yield deferrals.c.root_id, which.roots, select(deferrals)
    yield _OUTBOX.c.root_id, which.roots, select(_OUTBOX).where(waits)
    of_kept = select(numbers).join(_INSTANCES, _INSTANCES.c.id == numbers.c.instance_id).where(kept)
    yield _INSTANCES.c.root_id, which.roots, of_kept


def _going_on(destinations: Sequence[str]) -> Iterator[Select[Any]]:
    """The roots with an instance that can still change, and those with a message that waits."""
    yield select(_INSTANCES.c.root_id).where(_OPEN).distinct()
    messages = select(_OUTBOX.c.root_id).join(_INSTANCES, _INSTANCES.c.id == _OUTBOX.c.instance_id)
    yield messages.where(_waits(destinations)).distinct()


def _waits(destinations: Sequence[str]) -> ColumnElement[bool]:
    return _OUTBOX.c.wake_at.is_not(None) & _OUTBOX.c.destination.in_(destinations)


def _ids(connection: Connection, query: Select[Any], column: ColumnElement[Any], ids: Collection[str]) -> Iterator[str]:
    for some in _chunks(sorted(ids)):
        yield from connection.scalars(query.where(column.in_(some)))


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK))


def _insert(target: Connection, query: Select[Any], rows: CursorResult[Any]) -> None:
    table = query.columns_clause_froms[0]
    if isinstance(table, Table) and (found := rows.mappings().all()):
        on_none = {"clock": None} if "clock" in table.c else {}
        target.execute(insert(table), [dict(row) | on_none for row in found])
