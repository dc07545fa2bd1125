"""What the contract suite starts from: one engine over an empty schema, on SQLite and then on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from lifecycle.store.database import Database
from lifecycle.store.schema import metadata
from tests.contract.world import World
from tests.postgres import Databases
from tests.schema import with_schema


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Log lines are kept from the report: with a traceback for each root in trouble they take longer than the test."""
    with capture_logs():
        yield


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One file for the run, with the schema; who takes it empties it."""
    return with_schema(f"sqlite:///{tmp_path_factory.mktemp('contract') / 'lifecycle.db'}")


@pytest.fixture(scope="session")
def postgresql_url(databases: Databases) -> Iterator[str]:
    """One database for the run, with the schema; who takes it empties it. To make one is dear."""
    with databases.create() as url:
        yield with_schema(url.render_as_string(hide_password=False))


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with the schema and nothing in it."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    empty(url)
    return url


@pytest.fixture
def world(url: str) -> Iterator[World]:
    """An engine over an empty database."""
    world = World(url)
    yield world
    world.close()


@pytest.fixture
def server(postgresql_url: str) -> Iterator[World]:
    """An engine over an empty PostgreSQL, for what SQLite has no use for: it has one writer."""
    empty(postgresql_url)
    world = World(postgresql_url)
    yield world
    world.close()


def empty(url: str) -> None:
    """Delete everything, children first."""
    database = Database(url)
    with database.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    database.dispose()
