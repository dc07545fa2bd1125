"""An SQLite file that another process keeps locked, and a disk that is full."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event, make_url, text

from lifecycle import Lifecycle
from lifecycle.store import database as database_module
from tests.forking import forker
from tests.integration.live import Lines
from tests.torture import full
from tests.torture.client import Client
from tests.torture.diary import Diary
from tests.torture.judge import UNAVAILABLE, assert_whole, judge
from tests.torture.shop import CUSTOMERS, lifecycle_on, open_shop

pytestmark = pytest.mark.sampled

LOCK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def url(database_url: str) -> str:
    """A shop on SQLite that has something to catch up with."""
    open_shop(database_url, 20)
    return database_url


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A database on SQLite."""
    file = tmp_path / "lifecycle.db"
    file.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{file}"


def test_a_file_that_another_process_keeps_locked(
    url: str, tmp_path: Path, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For longer than anybody waits: client and daemon say that the database is unavailable; then both go on."""
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.1)
    with recovering(url, tmp_path, lines) as (_, ask), locked(url):
        assert "can't be used: database is locked." in str(lines.next("dispatcher_failed")["error"])
        assert ask() == "database_unavailable"


def test_a_file_that_may_grow_no_more(url: str, tmp_path: Path, lines: Lines) -> None:
    """Its pages have run out: the same, until it may have more."""
    with recovering(url, tmp_path, lines) as (lifecycle, ask):
        with lifecycle.database.reading() as connection:
            pages = [int(connection.scalar(text("PRAGMA page_count")) or 0)]
        event.listen(
            lifecycle.database.engine,
            "checkout",
            lambda connection, *_: connection.execute(f"PRAGMA max_page_count = {pages[0]}").close(),
        )
        assert "can't be used: database or disk is full." in str(lines.next("dispatcher_failed")["error"])
        while (code := ask()) == "done":  # what it changes may fit in where something was
            pass
        assert code == "database_unavailable"
        pages[0] = 1_000_000


def test_a_disk_that_is_full(url: str) -> None:
    """A daemon whose files may have no more than 256 kB says three times that it can't write; then there is room again,
    and it catches up: each cycle has fired once."""
    with forker(full.__name__, url) as daemon:
        daemon.tell(str(256 * 1024))
        for _ in range(3):
            assert "can't be used: disk I/O error" in daemon.hear()
        said = [daemon.hear(), daemon.hear()]
        assert said == ["idle", "done"]
    assert_whole(url)


@contextmanager
def recovering(url: str, folder: Path, lines: Lines) -> Iterator[tuple[Lifecycle, Callable[[], str]]]:
    """A daemon that fires, and a client to ask for something, which says what it was told. After the trouble both go on
    by themselves, and nothing that was acknowledged is lost."""
    diary = Diary(folder / "diary")
    with lifecycle_on(url) as lifecycle, lifecycle.start():
        client, customer = Client(lifecycle, diary, "c"), lifecycle.subscriptions.list()[-CUSTOMERS].id
        lines.next("transition")
        assert client.send("add_seats", customer) == "done"
        yield lifecycle, lambda: client.send("add_seats", customer)
        lines.next("transition", cause="deferral")
        assert client.send("add_seats", customer) == "done"
    assert judge(url, diary, forgiven=(UNAVAILABLE,))["acknowledged"] >= 2


@contextmanager
def locked(url: str) -> Iterator[None]:
    """Another process holds the file's lock meanwhile."""
    file = str(make_url(url).database)
    command = [sys.executable, "-c", LOCK, file]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        try:
            yield
        finally:
            process.kill()
