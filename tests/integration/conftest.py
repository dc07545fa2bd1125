"""Every test starts from a database that has the schema already, for to make one anew is dear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lifecycle.store.database import Database
from lifecycle.store.migrate import upgrade
from tests import postgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema."""
    file = tmp_path_factory.mktemp("integration") / "lifecycle.db"
    _migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_template(databases: postgres.Databases) -> Iterator[str]:
    """A database with the schema."""
    with databases.create() as url:
        assert url.database is not None
        _migrate(url.render_as_string(hide_password=False))
        yield url.database


def _migrate(url: str) -> None:
    database = Database(url)
    upgrade(database)
    database.dispose()
