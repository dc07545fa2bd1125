"""Every test starts from a database that has the schema already, for to make one anew is dear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.gateways import sandbox_tables
from lifecycle.store.database import Database
from tests import postgres
from tests.lending import Lender
from tests.schema import with_schema


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema."""
    file = tmp_path_factory.mktemp("integration") / "lifecycle.db"
    with_schema(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_lender(databases: postgres.Databases) -> Iterator[Lender]:
    """Who lends databases with the schema, and with the tables that the sandbox would make in them."""
    with databases.create() as url:
        database = Database(with_schema(url.render_as_string(hide_password=False)))
        with database.writing() as connection:
            sandbox_tables.metadata.create_all(connection)
        database.dispose()
        lender = Lender(databases, url)
        yield lender
        lender.close()


@pytest.fixture
def unused_url(postgres_lender: Lender) -> Iterator[str]:
    """The URL of one that no test has had before."""
    with postgres_lender.new() as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture
def postgres_copy(postgres_lender: Lender) -> Iterator[str]:
    """The URL of a database with the schema and nothing in it."""
    with postgres_lender.lend() as url:
        yield url.render_as_string(hide_password=False)
