"""Connections are set up as the promises need them, and what is wrong with a database is said in a sentence."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from lifecycle.engine.ports import WriteFailed
from lifecycle.errors import LifecycleError
from lifecycle.store import database as module
from lifecycle.store.database import Database
from tests.contract.threads import at_once, wait_until
from tests.contract.world import World
from tests.postgres import Databases


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Database]:
    """A database in a file."""
    database = Database(f"sqlite:///{tmp_path / 'lifecycle.db'}")
    yield database
    database.dispose()


@pytest.fixture
def memory() -> Iterator[Database]:
    """A database in memory, with one table."""
    database = Database("sqlite://")
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE notes (id INTEGER)"))
    yield database
    database.dispose()


def statements(database: Database) -> list[str]:
    """What is executed from now on."""
    seen: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
    return seen


def code_of(error: pytest.ExceptionInfo[LifecycleError]) -> str:
    """Its stable code."""
    return error.value.code


@pytest.mark.parametrize(
    ("pragma", "value"), [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)]
)
def test_every_sqlite_connection_is_set_up(file: Database, pragma: str, value: object) -> None:
    """Each of three connections, open at the same time, keeps the promises."""
    with file.reading() as first, file.reading() as second, file.writing() as third:
        assert [one.scalar(text(f"PRAGMA {pragma}")) for one in (first, second, third)] == [value] * 3


def test_a_writer_begins_immediately(file: Database) -> None:
    """The write lock is taken before the first read, so that no two writers act on the same reading."""
    seen = statements(file)
    with file.writing() as connection:
        connection.execute(text("SELECT 1"))
    with file.reading() as connection:
        connection.execute(text("SELECT 2"))
    assert seen == ["BEGIN IMMEDIATE", "SELECT 1", "BEGIN", "SELECT 2"]


def test_a_second_process_waits_for_the_writer(file: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process's write lock is waited for; when the patience is at an end, the reason is given."""
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.01)
    other = Database(str(file.url))
    with file.writing(), pytest.raises(LifecycleError, match="database is locked") as error, other.writing():
        pytest.fail("two writers at once")
    other.dispose()
    assert code_of(error) == "database_unavailable"


def test_writing_commits_at_the_end_and_rolls_back_on_an_error(world: World) -> None:
    """The same on both databases."""
    add = text("INSERT INTO lifecycle_actors (id, name) VALUES (:name, :name)")
    with world.database.writing() as connection:
        connection.execute(add, {"name": "kept"})

    def change_my_mind() -> None:
        with world.database.writing() as connection:
            connection.execute(add, {"name": "lost"})
            raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        change_my_mind()
    assert [row["name"] for row in world.rows("actors")] == ["kept"]


def test_reading_leaves_nothing(world: World) -> None:
    """What is written on a connection for reading is rolled back."""
    with world.database.reading() as connection:
        connection.execute(text("INSERT INTO lifecycle_actors (id, name) VALUES ('act_1', 'nobody')"))
    assert world.rows("actors") == []


def test_reading_sees_one_moment_while_others_write(world: World) -> None:
    """A reader goes on seeing what was there when it began, and holds no writer up; the next one sees the rest."""
    count = text("SELECT count(*) FROM lifecycle_actors")
    with world.database.reading() as reader:
        assert reader.scalar(count) == 0
        with world.database.writing() as writer:
            writer.execute(text("INSERT INTO lifecycle_actors (id, name) VALUES ('act_1', 'Ann')"))
        assert reader.scalar(count) == 0
    with world.database.reading() as reader:
        assert reader.scalar(count) == 1


def test_threads_share_one_database_in_memory(memory: Database) -> None:
    """Eight threads write and read 20 times each: one database, and nothing is lost or half-read."""

    def note() -> None:
        for _ in range(20):
            with memory.writing() as connection:
                connection.execute(text("INSERT INTO notes VALUES (1)"))
                connection.execute(text("INSERT INTO notes VALUES (2)"))
            with memory.reading() as connection:
                assert connection.scalar(text("SELECT count(*) FROM notes")) % 2 == 0

    at_once(8, note)
    with memory.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 320


def test_threads_that_come_first_at_once_open_one_database() -> None:
    """Nobody has used it before eight threads do, which are switched as often as can be: they all get one engine."""
    database = Database("sqlite://")
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        engines = at_once(8, lambda: database.engine)
    finally:
        sys.setswitchinterval(interval)
    assert len(set(map(id, engines))) == 1
    database.dispose()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:shared?mode=memory&uri=true"])
def test_a_database_in_memory_is_the_same_for_reader_and_writer(url: str) -> None:
    """However the URL says that it is in memory."""
    database = Database(url)
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE notes (id INTEGER)"))
    with database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 0
    assert at_once(1, lambda: _count(database)) == [0]
    database.dispose()


def test_a_transaction_inside_a_transaction_is_an_error(file: Database, memory: Database) -> None:
    """One thread can't write twice at once, nor read in memory while it writes: it would wait for itself for ever."""
    with file.writing(), pytest.raises(RuntimeError, match="transaction inside a transaction"), file.writing():
        pass
    with memory.writing(), pytest.raises(RuntimeError, match="transaction inside a transaction"), memory.reading():
        pass


def test_writers_of_one_process_take_turns(file: Database) -> None:
    """A second thread's transaction begins when the first has ended, even if the first pauses for long."""
    order: list[str] = []

    def write() -> None:
        with file.writing():
            order.append("second")

    thread = threading.Thread(target=write)
    with file.writing():
        thread.start()
        wait_until(lambda: file._turn.waiting == 1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("postgresql://u@h/d", "postgresql+psycopg"),
        ("postgres://u@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg2://u@h/d", "postgresql+psycopg"),
        ("postgresql+asyncpg://u@h/d", "postgresql+psycopg"),
        ("sqlite:///x.db", "sqlite"),
        ("sqlite+aiosqlite:///x.db", "sqlite"),
    ],
)
def test_the_driver_is_ours(url: str, driver: str) -> None:
    """However the URL names the driver, it is the one that the package uses."""
    database = Database(url)
    assert database.url.drivername == driver
    assert database.engine.driver == ("pysqlite" if driver == "sqlite" else "psycopg")
    database.dispose()


@pytest.mark.parametrize("url", ["mysql://u:secret@h/d", "oracle://u:secret@h/d", "u:secret@h", ""])
def test_another_database_is_not_supported(url: str) -> None:
    """The message says which are, and keeps the password to itself."""
    with pytest.raises(LifecycleError) as error:
        Database(url)
    assert code_of(error) == "database_unsupported"
    assert "secret" not in str(error.value)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Not an error of SQLite's that names nothing."""
    database = Database(f"sqlite:///{tmp_path}/nowhere/lifecycle.db")
    for use in (database.reading, database.writing):
        with pytest.raises(LifecycleError) as error, use():
            pytest.fail("it was opened")
        assert code_of(error) == "database_unavailable"
        assert str(error.value) == f"The database {database.url} can't be used: there is no folder {tmp_path}/nowhere."
    database.dispose()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    """Somebody's letter stays as it is."""
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Ann, " * 100)
    database = Database(f"sqlite:///{letter}")
    with pytest.raises(LifecycleError, match=r"letter\.txt can't be used: file is not a database") as error:
        database.reading().__enter__()
    database.dispose()
    assert code_of(error) == "database_unavailable"
    assert letter.read_text() == "Dear Ann, " * 100


def test_a_server_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    """Nobody listens on that socket."""
    database = Database(f"postgresql://ann:secret@/books?host={tmp_path}")
    with pytest.raises(LifecycleError, match=r"ann:\*\*\*@/books.* can't be used: .*failed") as error:
        database.reading().__enter__()
    database.dispose()
    assert code_of(error) == "database_unavailable"
    assert "secret" not in str(error.value)


def test_postgresql_is_at_the_level_we_count_on_whatever_its_default(databases: Databases) -> None:
    """A server whose default is stricter would give a command what was there before it had waited for its lock."""
    with databases.create() as url:
        with Database(url.render_as_string(hide_password=False)).writing() as connection:
            stricter = f"ALTER DATABASE {url.database} SET default_transaction_isolation = 'serializable'"
            connection.execute(text(stricter))
            connection.detach()  # closed at the end: the setting holds for those that come after
        database = Database(url.render_as_string(hide_password=False))
        for transaction, level in ((database.writing, "read committed"), (database.reading, "repeatable read")):
            with transaction() as connection:
                assert connection.scalar(text("SHOW transaction_isolation")) == level
                assert connection.scalar(text("SHOW default_transaction_isolation")) == "serializable"
        database.dispose()


def test_what_was_to_be_written_stays_out_of_error_messages(world: World) -> None:
    """Errors are logged, and a row may hold a person's address."""
    add = text("INSERT INTO lifecycle_actors (id, name) VALUES (:id, :name)")
    with pytest.raises(Exception, match="lifecycle_actors") as error, world.database.writing() as connection:
        connection.execute(add, [{"id": None, "name": "ann@acme.example"}])
    assert "[SQL parameters hidden" in str(error.value)


def test_a_connection_that_dies_in_a_transaction_is_told_with_a_code(server: World) -> None:
    """Whoever reads and whoever writes hears the same; nothing is left of it, and the next gets a new connection."""

    def die(use: Callable[[], AbstractContextManager[Connection]]) -> None:
        with use() as connection:
            _cut_off(connection, server)
            connection.execute(text("SELECT 1"))

    for use in (server.database.reading, server.database.writing):
        with pytest.raises(LifecycleError, match=r"can't be used: .*connection") as error:
            die(use)
        assert code_of(error) == "database_unavailable"
        assert "Whether" not in str(error.value)
        assert server.rows("actors") == []


def test_a_connection_that_dies_before_the_commit_leaves_it_unknown(server: World) -> None:
    """The message says that nobody knows what became of it, and how to ask again."""

    def die_before_the_commit() -> None:
        with server.database.writing() as connection:
            connection.execute(text("INSERT INTO lifecycle_actors (id, name) VALUES ('act_1', 'Ann')"))
            _cut_off(connection, server)

    with pytest.raises(LifecycleError, match="Whether the transaction was committed is not known") as error:
        die_before_the_commit()
    assert code_of(error) == "database_unavailable"
    assert server.rows("actors") == []


def test_a_full_disk_is_told_with_a_code(file: Database) -> None:
    """In the middle of a transaction, of which nothing is left; what was there can be read, and written to again."""
    with file.writing() as connection:
        connection.execute(text("CREATE TABLE notes (text TEXT)"))
    with pytest.raises(LifecycleError, match=r"can't be used: database or disk is full\.$") as error:
        _fill(file)
    assert code_of(error) == "database_unavailable"
    with file.writing() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 0


def test_when_no_connection_is_free_it_is_told_with_a_code(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen readers have them all; the sixteenth gives up when its patience is at an end."""
    monkeypatch.setitem(module._OPTIONS, "pool_timeout", 0.01)
    database = Database(world.database.url.render_as_string(hide_password=False))
    with ExitStack() as readers:
        for _ in range(15):
            readers.enter_context(database.reading())
        with pytest.raises(LifecycleError, match="can't be used: QueuePool limit") as error, database.reading():
            pytest.fail("a sixteenth connection")
    database.dispose()
    assert code_of(error) == "database_unavailable"


def test_a_statement_that_makes_no_sense_is_no_trouble_of_the_database(world: World) -> None:
    """That is for whoever wrote it: nobody is told to look at the database."""
    with pytest.raises(DBAPIError, match="nowhere"), world.database.reading() as connection:
        connection.execute(text("SELECT * FROM nowhere"))


def test_a_row_that_is_too_large_is_no_trouble_of_the_database(server: World) -> None:
    """PostgreSQL can't index a name of 12,800 letters without pattern, and says so as if the server were in trouble."""
    name = "".join(sha256(bytes([number])).hexdigest() for number in range(200))
    with pytest.raises(WriteFailed, match="index row requires"):
        server.light(name=name)


def _cut_off(connection: Connection, world: World) -> None:
    """End this connection from another one; returns when it has gone."""
    number = {"pid": connection.scalar(text("SELECT pg_backend_pid()"))}
    with world.database.writing() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), number)
        wait_until(lambda: not other.scalar(text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid"), number))


def _fill(database: Database) -> None:
    """Write more than the file may hold, which is 100 pages more than it has."""
    with database.writing() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 100}")
        for _ in range(1000):
            connection.execute(text("INSERT INTO notes VALUES (:text)"), {"text": "x" * 4000})


def _count(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM notes")) or 0)


MISSING = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "psycopg":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocker())
from lifecycle.errors import LifecycleError
from lifecycle.store.database import Database
database = Database("postgresql://u@h/d")
try:
    database.engine
except LifecycleError as error:
    sys.stdout.write(f"{error.code}: {error}")
"""


def test_without_the_driver_the_line_that_installs_it_is_given() -> None:
    """PostgreSQL is an extra; SQLite needs nothing."""
    answer = subprocess.run(
        [sys.executable, "-c", MISSING],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert answer.stdout == "extra_missing: PostgreSQL needs its driver: pip install 'lifecycle-engine[postgres]'"


def test_nothing_is_opened_before_it_is_used(tmp_path: Path) -> None:
    """Making a database makes no file."""
    database: Any = Database(f"sqlite:///{tmp_path}/later.db")
    assert list(tmp_path.iterdir()) == []
    database.dispose()


def test_what_is_asked_of_a_connection_that_has_died_is_trouble_too(database_url: str) -> None:
    """Somebody has swallowed the first error, such as a host's own code that reads within the transaction."""
    database = Database(database_url)

    def ask_the_dead() -> None:
        with database.writing() as connection:
            connection.invalidate()
            connection.execute(text("SELECT 1"))

    with pytest.raises(LifecycleError) as error:
        ask_the_dead()
    assert error.value.code == "database_unavailable"
    database.dispose()
