"""The demo's folder: made anew each time, and nothing in it is touched that the demo has not made."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from lifecycle.errors import LifecycleError

SHIPPED = files("lifecycle.demo")
MARKER = ".lifecycle-demo"
MARK = "Made by `lifecycle demo`, which deletes what it made here before and makes it anew.\n"
ANOTHER = "Name a new or an empty folder: lifecycle demo DIR"
DATABASES = ("lifecycle.db", "lifecycle.db.sandbox")
OURS = (
    *("config.yaml", "customers.csv", "arrivals.csv", "invoice.html"),
    *(f"{name}{part}" for name in DATABASES for part in ("", "-wal", "-shm")),
)


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything of one demo is."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration: the project's own."""
        return self.path / "config.yaml"

    @property
    def customers(self) -> Path:
        """All the customers."""
        return self.path / "customers.csv"

    @property
    def database(self) -> Path:
        """The database, as the configuration names it."""
        return self.path / "lifecycle.db"

    @property
    def invoice(self) -> Path:
        """One of the invoices, as a customer gets it."""
        return self.path / "invoice.html"

    @property
    def arrivals(self) -> Path:
        """Those who are being imported; gone at the end."""
        return self.path / "arrivals.csv"


def prepare(path: Path) -> Folder:
    """A folder with its configuration and customers, and no database. What a demo made there before goes.

    Raises LifecycleError, and touches nothing: `not_a_demo` where something of the same name is there that no demo
    has made, `demo_in_use` while a daemon runs on it; and `folder_unusable` where nothing can be written.
    """
    folder = Folder(path)
    try:
        if not (path / MARKER).is_file():
            _refuse_foreign(path)
        elif folder.database.is_file():
            _refuse_in_use(folder.database)
        _make(folder)
    except OSError as error:
        raise LifecycleError(f"{path} can't be used: {error.strerror}. {ANOTHER}", code="folder_unusable") from error
    return folder


def _make(folder: Folder) -> None:
    folder.path.mkdir(parents=True, exist_ok=True)
    marker = folder.path / MARKER
    if not marker.exists():
        marker.write_text(MARK, encoding="utf-8")
    for name in OURS:
        (folder.path / name).unlink(missing_ok=True)
    for file in (folder.config, folder.customers):
        file.write_bytes((SHIPPED / file.name).read_bytes())


def _refuse_foreign(path: Path) -> None:
    foreign = [name for name in OURS if os.path.lexists(path / name)]
    if foreign:
        raise LifecycleError(
            f"{path} has {', '.join(foreign)} that no demo has made, so nothing was touched. {ANOTHER}",
            code="not_a_demo",
        )


def _refuse_in_use(database: Path) -> None:
    """While anybody else has the file open, SQLite can't leave its write-ahead log."""
    try:
        with closing(sqlite3.connect(database, timeout=0.5)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            message = f"{database} is in use: stop the daemon that runs on it, or name another folder."
            raise LifecycleError(message, code="demo_in_use") from error
