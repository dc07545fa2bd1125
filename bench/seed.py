"""Subscriptions by the million: a customer is made by commands, and cloned by the database in one statement a table.

Their past is left out, as if it had been moved away: no log, no paid invoice, no order. What is left is what a daemon
meets: an account with its administrator, its card and its root, and a subscription with its root and its next cycle.
Those that are to fire are monthly, the others yearly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Column, Connection, Table, delete, func, insert, literal, literal_column, select, text, update

from lifecycle import Lifecycle
from lifecycle.store import schema

PAST = (schema.numbers, schema.attempts, schema.ledger, schema.outbox, schema.log)
CLONED = (
    schema.accounts,
    schema.members,
    schema.payment_methods,
    schema.roots,
    schema.instances,
    schema.deferrals,
)
REMINDED = timedelta(days=27)
CHUNK = 100_000
DIGITS = 16


def seed(lifecycle: Lifecycle, monthly: int, yearly: int = 0) -> None:
    """So many customers on the plan `team`, each with one subscription, all bought at the clock's instant."""
    for interval, number, before in (("month", monthly, 0), ("year", yearly, monthly)):
        if number:
            lifecycle.accounts.create(f"{interval}-0", email=f"{interval}-0@bench.test", payment_method=True)
            lifecycle.subscriptions.create(f"{interval}-0", plan="team", interval=interval, by="system")
            if interval == "month":  # it has been reminded of its renewal
                lifecycle.advance_to(lifecycle.clock.now() + REMINDED)
            _forget_the_past(lifecycle)
            _clone(lifecycle, f"{interval}-0", before, number)
    with lifecycle.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _forget_the_past(lifecycle: Lifecycle) -> None:
    with lifecycle.database.writing() as connection:
        for table in PAST:
            connection.execute(delete(table))
        connection.execute(delete(schema.instances).where(schema.instances.c.machine.in_(("order", "invoice"))))
        connection.execute(update(schema.roots).values(seq=0, head=b""))


def _clone(lifecycle: Lifecycle, reference: str, before: int, number: int) -> None:
    """Of this customer there are `number` then; each clone's names end with its own number, after those `before`."""
    with lifecycle.database.reading() as connection:
        names = {name: name[:-DIGITS] for name in _names(connection, reference)}
    for first in range(before + 1, before + number, CHUNK):
        with lifecycle.database.writing() as connection:
            for table in CLONED:
                _clone_rows(connection, table, names, range(first, min(first + CHUNK, before + number)))


def _names(connection: Connection, reference: str) -> Iterator[str]:
    """The ids that nobody else may have; what the gateway calls them and their card, all have in common."""
    account = connection.scalar(select(schema.accounts.c.id).where(schema.accounts.c.reference == reference))
    yield str(account)
    yield from connection.scalars(select(schema.instances.c.id).where(schema.instances.c.owner_id == account))
    yield from connection.scalars(select(schema.members.c.id).where(schema.members.c.account_id == account))
    yield from connection.scalars(
        select(schema.payment_methods.c.id).where(schema.payment_methods.c.account_id == account)
    )


def _clone_rows(connection: Connection, table: Table, names: Mapping[str, str], numbers: range) -> None:
    first, last = numbers.start, numbers.stop - 1
    if connection.dialect.name == "postgresql":
        source, digits = f"generate_series({first}, {last}) AS n", f"lpad(n::text, {DIGITS}, '0')"
    else:
        counted = f"SELECT {first} AS n UNION ALL SELECT n + 1 FROM counted WHERE n < {last}"  # noqa: S608  # numbers
        source = f"(WITH RECURSIVE counted AS ({counted}) SELECT n FROM counted)"  # noqa: S608  # likewise
        digits = f"printf('%0{DIGITS}d', n)"
    columns = [_renamed(connection, column, names, digits) for column in table.c]
    key = next(iter(table.primary_key))
    clones = select(*columns).select_from(table, text(source)).where(key.in_(list(names)))
    connection.execute(insert(table).from_select([column.name for column in table.c], clones))


def _renamed(connection: Connection, column: Column[Any], names: Mapping[str, str], digits: str) -> Any:
    """The column, with a clone's names in the place of the customer's."""
    if str(column.type) not in ("TEXT", "JSON"):
        return column
    as_jsonb = column.name == "facts" and connection.dialect.name == "postgresql"
    value: Any = literal_column(f"{column.table.name}.{column.name}{'::text' if as_jsonb else ''}")
    for name, prefix in names.items():
        value = func.replace(value, name, literal(prefix).concat(literal_column(digits)))
    if column.name in ("reference", "name", "email", "live_email"):
        value = func.replace(value, "-0", literal_column("'-' || n"))
    return (
        literal_column(f"({value.compile(connection, compile_kwargs={'literal_binds': True})})::jsonb")
        if as_jsonb
        else value
    )
