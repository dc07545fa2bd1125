"""How the pytest plugin is set: by its ini options, the command line, the environment, and the marker of one test.

Only the standard library and pytest: pytest reads this for every project, also for those that never use a fixture.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

CONFIG, START, DATABASE = "lifecycle_config", "lifecycle_start", "lifecycle_database"
OPTION, VARIABLE = "--lifecycle-database", "LIFECYCLE_TEST_DATABASE"
MARKER = "lifecycle"
MARKED = ("config", "start", "zone")


@dataclass(frozen=True, slots=True)
class Settings:
    """What one test is to have; `zone` is instead of the configured one, `start` is local to it."""

    config: Path
    start: str | date
    database: str
    zone: str | None


def declare(parser: pytest.Parser) -> None:
    """Tell pytest which options there are."""
    for name, default, what in (
        (CONFIG, "config.yaml", "the configuration of the lifecycle fixtures, relative to the rootdir"),
        (START, "2026-01-01T00:00", "where a test's clock starts, local to the configured zone"),
        (DATABASE, "sqlite://", "where a test's database is: in memory, or postgresql+psycopg://…"),
    ):
        parser.addini(name, what, type="string", default=default)
    parser.getgroup("lifecycle").addoption(
        OPTION, metavar="URL", help=f"where a test's database is; over the ini option and {VARIABLE}"
    )


def describe(config: pytest.Config) -> None:
    """Register the marker."""
    line = f"{MARKER}(start, config, zone): where the clock of the `lifecycle` fixture starts, with which configuration"
    config.addinivalue_line("markers", line)


def settings(node: pytest.Item) -> Settings:
    """What holds for a test: the marker before the command line, that before the environment, that before the file.

    Raises ValueError for a marker that says something else.
    """
    marked = _marked(node)
    config = node.config
    file = Path(str(marked.get("config", config.getini(CONFIG))))
    url = config.getoption(OPTION) or os.environ.get(VARIABLE) or config.getini(DATABASE)
    start, zone = marked.get("start", config.getini(START)), marked.get("zone")
    return Settings(
        config=config.rootpath / file,
        start=start if isinstance(start, str | date) else str(start),
        database=str(url),
        zone=None if zone is None else str(zone),
    )


def _marked(node: pytest.Item) -> dict[str, object]:
    """What the markers say, the closest one last."""
    said: dict[str, object] = {}
    for mark in reversed(list(node.iter_markers(MARKER))):
        unknown = [*map(repr, mark.args), *(name for name in mark.kwargs if name not in MARKED)]
        if unknown:
            raise ValueError(f"@pytest.mark.{MARKER} takes {', '.join(MARKED)} by name, and not {', '.join(unknown)}.")
        said |= mark.kwargs
    return said
