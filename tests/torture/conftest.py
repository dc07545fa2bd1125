"""How hard the torture is, and the table of what it did."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from secrets import token_hex

import pytest
import structlog
from sqlalchemy import create_engine

from tests import postgres
from tests.integration.live import Lines
from tests.postgres import Crashable
from tests.torture.shop import migrated
from tests.torture.size import SIZE, VARIABLE

pytest.register_assert_rewrite("tests.torture.judge")  # so that its asserts say what they found
Tell = Callable[[str, Mapping[str, object]], None]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Only what went wrong is logged: thousands of transitions would take longer than the test."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    yield
    structlog.reset_defaults()


@pytest.fixture
def tell(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Tell:
    """Put a table at the end of the run's report."""

    def tell(title: str, figures: Mapping[str, object]) -> None:
        rows = [f"  {name:<45} {figure}" for name, figure in figures.items()]
        record_property("told", "\n".join([f"{request.node.name}: {title}", *rows]))

    return tell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The tables, where they were asked for."""
    if SIZE.is_long:
        for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
            for name, told in report.user_properties:
                if name == "told":
                    terminalreporter.write_line(str(told))


def pytest_report_header() -> str:
    """Say how hard it will be."""
    return f"torture: {SIZE} ({VARIABLE}=long for more)"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the schema, which every test has its own copy of."""
    file = tmp_path_factory.mktemp("torture") / "lifecycle.db"
    migrated(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres_template(databases: postgres.Databases) -> Iterator[str]:
    """The name of a database with the schema, which every test has its own copy of."""
    with databases.create() as url:
        migrated(url.render_as_string(hide_password=False))
        assert url.database is not None
        yield url.database


@pytest.fixture(scope="module")
def crashable() -> Iterator[Crashable]:
    """A PostgreSQL server of a module's own, which may be stopped and started."""
    programs = postgres.programs()
    if programs is None:
        postgres.missing("install one, for a test stops it")
    with programs.crashable() as server:
        yield server


@pytest.fixture
def crashable_url(crashable: Crashable) -> str:
    """The URL of a new database with the schema on that server; it goes with the server."""
    url = crashable.url.set(database=f"torture_{token_hex(6)}")
    engine = create_engine(crashable.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {url.database}")
    engine.dispose()
    migrated(rendered := url.render_as_string(hide_password=False))
    return rendered


@pytest.fixture
def lines() -> Lines:
    """What structlog is told, for a test to wait for."""
    structlog.reset_defaults()
    structlog.configure(processors=[lines := Lines()])
    return lines
