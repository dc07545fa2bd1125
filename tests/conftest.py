"""What every test can ask for: an empty database on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from lifecycle.scheduler.collecting import collect_seldom
from tests import compiling, postgres, steps
from tests.torture.size import SIZE

# Python's caches are kept, whatever the environment says: without them each of the processes that tests start compiles
# everything anew, which takes a quarter of its time, and each run compiles the tests. `make clean` removes them.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ALL = "LIFECYCLE_TEST_SAMPLES"
"""Set to `all`, it has every sampled test run in all its variants: `make everything`."""


def is_whole() -> bool:
    """Whether this run leaves nothing out."""
    return os.environ.get(ALL) == "all" or SIZE.is_long


def examples(number: int) -> int:
    """Of so many examples of a property everyday's runs try a third: others each time, but in CI."""
    return number if is_whole() else number // 3


# On a busy machine a slow example is no failure. CI runs the same examples every time.
settings.register_profile("default", deadline=None, max_examples=examples(100))
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.load_profile("ci" if postgres.CI else "default")


def pytest_configure() -> None:
    """Machines are stepped both ways (`tests.steps`), and what they need is compiled once (`tests.compiling`)."""
    steps.take_both_ways(always=is_whole())
    compiling.compile_once()


def pytest_collection_finish() -> None:
    """What is loaded by now stays: to look through it again and again takes an eighth of the run's processor time."""
    collect_seldom()


def pytest_report_header() -> list[str]:
    """Say at the top of the report which PostgreSQL the tests will run on, how many of their variants, and which way
    machines are stepped."""
    variants = "all" if is_whole() else "a sample"
    found = postgres.find() or "NONE FOUND, its tests will be skipped"
    return [f"postgresql: {found}", f"variants: {variants}", f"steps: {steps.WAY}"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test that is marked `sampled`, everyday's runs have every second variant, or every so-and-so-many-th, as the
    mark says: where those are the two databases, one test runs on the one, and the next on the other."""
    if is_whole():
        return
    tests: dict[str, list[pytest.Item]] = {}
    left_out: set[pytest.Item] = set()
    for item in items:
        if item.get_closest_marker("sampled"):
            tests.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for number, variants in enumerate(tests.values()):
        mark = variants[0].get_closest_marker("sampled")
        every = min(mark.args[0] if mark and mark.args else 2, len(variants))
        left_out |= {item for place, item in enumerate(variants) if (place + number) % every}
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


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


@pytest.fixture
def postgres_copy(databases: postgres.Databases, postgres_template: str) -> Iterator[str]:
    """The URL of a copy of that database, which is dropped after the test."""
    with databases.create(template=postgres_template) as url:
        yield url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database of the test's own, an empty one, on SQLite and then on PostgreSQL."""
    if request.param == "sqlite":
        file = shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "lifecycle.db")
        yield f"sqlite:///{file}"
    else:
        yield request.getfixturevalue("postgres_copy")
