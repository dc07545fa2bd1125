"""The databases that tests are lent are as they were made, whatever the test before has done in them."""

from __future__ import annotations

import pytest
from sqlalchemy import NullPool, create_engine, func, select, text

from lifecycle.store import schema
from tests.lending import Lender


def test_rows_are_gone_whoever_still_holds_them(postgres_lender: Lender) -> None:
    """Committed ones, and those of a connection that was left open: it is cut off."""
    row = schema.actors.insert()
    with postgres_lender.lend() as url:
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(row, {"id": "act_1", "name": "Ann"})
        left = engine.connect()
        left.execute(row, {"id": "act_2", "name": "Bob"})
    with postgres_lender.lend() as again, create_engine(again, poolclass=NullPool).connect() as connection:
        assert again == url
        assert connection.scalar(select(func.count()).select_from(schema.actors)) == 0
    left.invalidate()
    left.close()
    engine.dispose()


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE lifecycle_accounts DROP COLUMN language",
        "ALTER TABLE lifecycle_accounts ALTER COLUMN language SET DEFAULT 'de'",
        "DROP INDEX ix_lifecycle_outbox_parked",
        "CREATE TABLE orders (id INTEGER)",
        "DROP TABLE lifecycle_schema",
        "UPDATE lifecycle_schema SET version_num = '0001'",
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public",
    ],
)
def test_who_changes_more_than_rows_has_had_it_last(postgres_lender: Lender, change: str) -> None:
    """The next is lent another one."""
    with postgres_lender.lend() as url, create_engine(url, poolclass=NullPool).begin() as connection:
        connection.execute(text(change))
    with postgres_lender.lend() as other:
        assert other != url
