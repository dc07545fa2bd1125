"""All that is on a named clock, table by table: to be deleted with it, or copied to try out what would happen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, update

from lifecycle.store import schema

STAYS_BEHIND = frozenset({schema.log, schema.reasons, schema.checkpoints, schema.answers})
"""What a copy does without: the engine only adds to it."""


def accounts_on(connection: Connection, clock: str) -> Sequence[str]:
    """The ids of the accounts on a clock."""
    table = schema.accounts
    return list(connection.scalars(select(table.c.id).where(table.c.clock == clock)))


def delete_all(connection: Connection, clock: str) -> None:
    """Delete a clock with all that is on it, under the locks of that. Numbers that go are counted in their series."""
    roots, clocks = schema.roots, schema.clocks
    ours = select(roots.c.id).where(roots.c.clock == clock).order_by(roots.c.kind == "account", roots.c.id)
    connection.execute(ours.with_for_update()).all()
    # the last: who puts something on it at the same moment waits, and finds no clock
    connection.execute(select(clocks.c.name).where(clocks.c.name == clock).with_for_update()).all()
    everything = _everything(clock)
    _count_numbers(connection, everything[schema.numbers])
    for table, condition in reversed(list(everything.items())):
        connection.execute(delete(table).where(condition))


def copy_all(source: Connection, target: Connection, clock: str) -> None:
    """Copy a clock with all that is on it, and the series that go on, to an empty database with the schema."""
    everything = {table: condition for table, condition in _everything(clock).items() if table not in STAYS_BEHIND}
    for table, condition in everything.items():
        _copy(source, target, table, condition)
    _copy(source, target, schema.series, schema.series.c.last >= 0)


def _copy(source: Connection, target: Connection, table: Table, condition: ColumnElement[bool]) -> None:
    rows = [dict(row._mapping) for row in source.execute(select(table).where(condition))]
    if rows:
        target.execute(insert(table), rows)


def _count_numbers(connection: Connection, condition: ColumnElement[bool]) -> None:
    numbers, series = schema.numbers, schema.series
    gone = select(numbers.c.series, func.count()).where(condition).group_by(numbers.c.series)
    for name, count in connection.execute(gone.order_by(numbers.c.series)).all():
        counted = update(series).where(series.c.series == name)
        connection.execute(counted.values(deleted=series.c.deleted + count))


def _everything(clock: str) -> Mapping[Table, ColumnElement[bool]]:
    """Which rows of which table are on a clock, parents before children."""
    roots, accounts, instances = schema.roots, schema.accounts, schema.instances
    on_roots = select(roots.c.id).where(roots.c.clock == clock)
    on_accounts = select(accounts.c.id).where(accounts.c.clock == clock)
    on_instances = select(instances.c.id).where(instances.c.root_id.in_(on_roots))
    of_roots = (
        instances,
        schema.deferrals,
        schema.log,
        schema.reasons,
        schema.outbox,
        schema.checkpoints,
        schema.ledger,
        schema.seats,
    )
    of_accounts = (schema.payment_methods, schema.members, schema.invitations, schema.imports)
    on_members = select(schema.members.c.id).where(schema.members.c.account_id.in_(on_accounts))
    return {
        schema.clocks: schema.clocks.c.name == clock,
        roots: roots.c.clock == clock,
        accounts: accounts.c.clock == clock,
        **{table: table.c.root_id.in_(on_roots) for table in of_roots},
        **{table: table.c.account_id.in_(on_accounts) for table in of_accounts},
        schema.password_tokens: schema.password_tokens.c.member_id.in_(on_members),
        schema.attempts: schema.attempts.c.instance_id.in_(on_instances),
        schema.numbers: schema.numbers.c.instance_id.in_(on_instances),
        schema.answers: schema.answers.c.scope.in_(on_accounts),
    }
