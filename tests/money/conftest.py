"""Every test starts from an empty database with the schema, on SQLite and on PostgreSQL, and has a shop on it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lifecycle.gateways import sandbox_tables
from lifecycle.store import schema
from lifecycle.store.database import Database
from tests import postgres
from tests.money.shop import Shop
from tests.schema import with_schema


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Log lines are kept from the report."""
    with capture_logs():
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema, which every test has its own copy of."""
    file = tmp_path_factory.mktemp("money") / "lifecycle.db"
    with_schema(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgresql_url(databases: postgres.Databases) -> Iterator[str]:
    """One database for the run, with the schema; who takes it empties it. To make one is dear."""
    with databases.create() as url:
        yield with_schema(url.render_as_string(hide_password=False))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with the schema and nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copyfile(request.getfixturevalue('sqlite_template'), tmp_path / 'lifecycle.db')}"
    return emptied(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def shop(url: str, tmp_path: Path) -> Iterator[Shop]:
    """A shop on 1 June 2026 at nine in the morning."""
    shop = Shop(url, tmp_path)
    yield shop
    shop.close()


@pytest.fixture
def whole(shop: Shop) -> Iterator[None]:
    """However a story ends, the verifier finds nothing, the ledgers agree, and no number is missing."""
    yield
    shop.check()


def emptied(url: str) -> str:
    """The same database, with nothing in it any more."""
    database = Database(url)
    with database.writing() as connection:
        sandbox_tables.metadata.create_all(connection)
        for metadata in (schema.metadata, sandbox_tables.metadata):
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    database.dispose()
    return url
