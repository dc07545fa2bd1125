"""Folders to run the command line in, and a process that is as it was afterwards."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.integration.cli.world import NOW, copy_history, live_through_history, shop, standing_at


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """The command line sets up logging for its process, which here is that of all tests."""
    root, settings = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**settings)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture(autouse=True)
def _path_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line looks for modules beside the configuration."""
    monkeypatch.setattr(sys, "path", sys.path[:])


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: the project's configuration, and no database."""
    looks = ("COLUMNS", "FORCE_COLOR", "NO_COLOR")
    for name in [name for name in os.environ if name.startswith("LIFECYCLE_") or name in looks]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    shop(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the history, which tests copy."""
    file = tmp_path_factory.mktemp("history") / "lifecycle.db"
    live_through_history(f"sqlite:///{file}")
    return file


@pytest.fixture
def history(empty: Path, written: Path) -> Iterator[Path]:
    """The working directory with the history in its database; it is 20 March 2020, 00:00 UTC."""
    copy_history(written, empty)
    with standing_at(NOW):
        yield empty
