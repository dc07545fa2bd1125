"""Instants mean the same on both databases: aware, in UTC, to the microsecond, and in order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select, text
from sqlalchemy.exc import StatementError

from lifecycle.store.database import Database
from lifecycle.store.types import Instant

events = Table("events", MetaData(), Column("id", Integer, primary_key=True), Column("at", Instant))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A database with a table of instants."""
    database = Database(url)
    with database.writing() as connection:
        events.create(connection)
    yield database
    with database.writing() as connection:
        events.drop(connection)
    database.dispose()


def stored(database: Database, *instants: datetime | None) -> list[datetime | None]:
    """These instants, written and read back in their own order."""
    with database.writing() as connection:
        connection.execute(insert(events), [{"at": instant} for instant in instants])
    with database.reading() as connection:
        return list(connection.scalars(select(events.c.at).order_by(events.c.at, events.c.id)))


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 3, 29, 1, 30, 0, 1, UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(1, 1, 2, tzinfo=UTC),
        datetime(9999, 12, 30, 23, 59, 59, 999999, UTC),
    ],
)
def test_an_instant_comes_back_as_it_was(database: Database, instant: datetime) -> None:
    """To the microsecond, aware, and in UTC, whatever the zone of the server (+05:45)."""
    [read] = stored(database, instant)
    assert read == instant
    assert read is not None
    assert read.tzinfo is UTC


def test_an_instant_of_another_zone_is_the_same_instant(database: Database) -> None:
    """Noon at +05:45 is 06:15 in UTC."""
    assert stored(database, datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=45)))) == [
        datetime(2026, 1, 1, 6, 15, tzinfo=UTC)
    ]


def test_a_naive_instant_is_refused(database: Database) -> None:
    """It would be another one on every machine."""
    with pytest.raises(StatementError, match="naive"):
        stored(database, datetime(2026, 1, 1))  # noqa: DTZ001


def test_instants_sort_by_time(database: Database) -> None:
    """Whole seconds and fractions, years of three digits and of four, other zones: the database's order is time's."""
    tokyo = timezone(timedelta(hours=9))
    in_order = [
        datetime(999, 12, 31, tzinfo=UTC),
        datetime(2026, 1, 1, 8, 59, 59, 999999, tokyo),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, 0, 0, 0, 1, UTC),
        datetime(2026, 1, 1, 9, 0, 1, tzinfo=tokyo),
    ]
    assert stored(database, *reversed(in_order)) == in_order


def test_no_instant_is_none(database: Database) -> None:
    """A null stays one."""
    assert stored(database, None) == [None]


def test_an_instant_is_compared_in_the_database(database: Database) -> None:
    """What is due by noon, and the earliest of all."""
    stored(database, *(datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (11, 12, 13)))
    noon = datetime(2026, 1, 1, 21, tzinfo=timezone(timedelta(hours=9)))
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).where(events.c.at <= noon)) == 2
        assert connection.scalar(select(func.min(events.c.at))) == datetime(2026, 1, 1, 11, tzinfo=UTC)
        if not database.is_sqlite:
            assert connection.scalar(text("SHOW timezone")) == "Asia/Kathmandu"
