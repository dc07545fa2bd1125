"""What a batch reads on SQLite it finds by an index, however many rows there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from lifecycle.store import money
from lifecycle.store.accounts import accounts_by_id
from lifecycle.store.database import Database
from lifecycle.store.migrate import upgrade
from lifecycle.store.outbox import SqlOutbox
from lifecycle.store.transaction import SqlStore, SqlTransaction
from tests.unit.machine_world import utc

IDS = ["one", "another"]
NOON = utc("2026-06-01 12:00")


def read_it_all(database: Database, connection: Connection) -> None:
    """Each statement that a batch reads by, and those by which a daemon looks."""
    transaction = SqlTransaction(connection)
    transaction.claim(NOON, 10)
    transaction.claim(NOON, 10, newest=1)
    transaction.lock(IDS)
    transaction.instances(IDS, {"member"})
    transaction.deferrals(IDS)
    transaction.root_of("one")
    transaction.answer("one", "key")
    accounts_by_id(connection, IDS)
    money.balances(connection, IDS)
    money.document(connection, "one")
    money.attempts(connection, instance_id="one", status="unknown")
    SqlStore(database).next_wake_at()
    SqlOutbox(database).next_wake_at(("mail",))


@pytest.mark.parametrize("is_told", [False, True], ids=["unknown", "analyzed"])
def test_nothing_is_searched_row_by_row(tmp_path: Path, is_told: bool) -> None:
    """Whether SQLite knows how its tables are filled, or not: no plan reads a table of ours from end to end."""
    database, said = Database(f"sqlite:///{tmp_path / 'plans.db'}"), list[tuple[str, object]]()
    upgrade(database)

    @event.listens_for(database.engine, "before_cursor_execute")
    def hear(_connection: Connection, _cursor: object, statement: str, values: object, *_: object) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            said.append((statement, values))

    with database.reading() as connection:
        if is_told:
            connection.exec_driver_sql("ANALYZE")
        read_it_all(database, connection)
        plans = {
            statement: [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]  # type: ignore[arg-type]  # as they were given
            for statement, values in tuple(said)
        }
    database.dispose()
    read_whole = [
        (statement, step)
        for statement, steps in plans.items()
        for step in steps
        if step.startswith("SCAN lifecycle_") and " USING " not in step
    ]
    assert len(plans) == 13
    assert read_whole == []
