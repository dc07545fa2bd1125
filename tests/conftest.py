"""What every test can ask for: an empty database on SQLite and on PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import postgres

# On a busy machine a slow example is no failure. CI runs the same examples every time.
settings.register_profile("default", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if postgres.CI else "default")


def pytest_report_header() -> str:
    """Say at the top of the report which PostgreSQL the tests will run on."""
    return f"postgresql: {postgres.find() or 'NONE FOUND, its tests will be skipped'}"


@pytest.fixture(scope="session")
def databases() -> Iterator[postgres.Databases]:
    """A PostgreSQL server, one for the run, on which databases can be made."""
    server = postgres.find()
    if server is None:
        postgres.missing(f"install one, or name one that tests may use in {postgres.VARIABLE}")
    with postgres.databases(server) as databases:
        yield databases


@pytest.fixture(scope="session")
def postgres_url(databases: postgres.Databases) -> str:
    """The URL of the administrator's database on the run's PostgreSQL server."""
    return databases.url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_template(databases: postgres.Databases) -> Iterator[str]:
    """The name of the database that `database_url` copies: empty, unless a folder's conftest fills one."""
    with databases.create() as url:
        assert url.database is not None
        yield url.database


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that `database_url` copies: empty, unless a folder's conftest fills one."""
    template = tmp_path_factory.mktemp("template") / "template.db"
    template.touch()
    return template


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own, an empty one, on SQLite and then on PostgreSQL."""
    if request.param == "sqlite":
        file = shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "lifecycle.db")
        yield f"sqlite:///{file}"
    else:
        databases: postgres.Databases = request.getfixturevalue("databases")
        with databases.create(template=request.getfixturevalue("postgres_template")) as url:
            yield url.render_as_string(hide_password=False)
