"""The databases that the tests run on are what the tests believe them to be."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.pool import NullPool

from tests.postgres import Databases


@pytest.mark.parametrize("visit", ["first", "second"])
def test_a_database_is_empty_and_of_the_tests_own(database_url: str, visit: str) -> None:
    """What one test writes, the next does not find."""
    engine = create_engine(database_url, poolclass=NullPool)
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(text(f"CREATE TABLE {visit} (id INTEGER)"))
    assert inspect(engine).get_table_names() == [visit]


def test_postgresql_lives_in_an_odd_zone(databases: Databases) -> None:
    """Code that leaves a zone to the database meets +05:45."""
    with databases.create() as url, create_engine(url, poolclass=NullPool).connect() as connection:
        assert connection.scalar(text("SHOW timezone")) == "Asia/Kathmandu"
