"""The migrations make exactly the tables that the code believes in; a database of another revision is not touched."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, inspect, text

from lifecycle.errors import SchemaError
from lifecycle.store import migrate
from lifecycle.store.database import Database
from lifecycle.store.schema import HEAD, metadata
from lifecycle.store.transaction import SqlStore
from tests.contract.threads import at_once


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A database without a schema."""
    database = Database(database_url)
    yield database
    database.dispose()


def test_the_migrations_make_the_tables_of_the_code(database: Database) -> None:
    """Alembic finds no difference, in columns, types, defaults, indexes and constraints."""
    migrate.upgrade(database)
    options = {"version_table": migrate.VERSION_TABLE, "compare_type": True, "compare_server_default": True}
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_migrations_give_tables_the_room_that_the_code_gives_them(database_url: str) -> None:
    """Alembic does not compare storage parameters: instances have room for new versions of rows, whether they were
    migrated or made (X305)."""
    found = []
    for make in (migrate.upgrade, migrate.create):
        database = Database(database_url)
        with database.writing() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        make(database)
        with database.reading() as connection:
            options = text("SELECT relname, reloptions FROM pg_class WHERE relname LIKE 'life%' AND reloptions <> '{}'")
            found.append({row.relname: sorted(row.reloptions) for row in connection.execute(options)})
        database.dispose()
    assert found == 2 * [{"lifecycle_instances": ["fillfactor=80"]}]


def test_the_newest_revision_is_the_one_the_code_needs() -> None:
    """The number in the code is Alembic's head."""
    scripts = ScriptDirectory(str(Path(migrate.__file__).parent / "migrations"))
    assert scripts.get_heads() == [HEAD]


def test_an_upgrade_is_harmless_when_repeated(database: Database) -> None:
    """The second time nothing changes, and what is there stays."""
    migrate.upgrade(database)
    with database.writing() as connection:
        connection.execute(text("INSERT INTO lifecycle_actors (id, name) VALUES ('act_1', 'Ann')"))
    migrate.upgrade(database)
    migrate.check(database)
    with database.reading() as connection:
        assert connection.scalar(text("SELECT name FROM lifecycle_actors")) == "Ann"


def test_an_upgrade_that_fails_leaves_nothing(database: Database) -> None:
    """A table is in the way of the last step: not one of the others has been made."""
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE lifecycle_deferrals (id INTEGER)"))
    with pytest.raises(Exception, match="lifecycle_deferrals"):
        migrate.upgrade(database)
    with database.reading() as connection:
        assert inspect(connection).get_table_names() == ["lifecycle_deferrals"]


@pytest.mark.parametrize(
    ("revision", "code", "told"),
    [
        (None, "schema_missing", "Run: lifecycle db upgrade"),
        ("0000", "schema_stale", "Run: lifecycle db upgrade"),
        ("9999", "schema_newer", "Run: pip install --upgrade lifecycle-engine"),
    ],
)
def test_another_revision_is_refused_with_the_command_that_helps(
    database: Database, revision: str | None, code: str, told: str
) -> None:
    """Missing, older, newer: each has its code."""
    if revision is not None:
        migrate.upgrade(database)
        with database.writing() as connection:
            connection.execute(text(f"UPDATE {migrate.VERSION_TABLE} SET version_num = :v"), {"v": revision})  # noqa: S608
    assert migrate.current(database) == revision
    with pytest.raises(SchemaError) as error:
        migrate.check(database)
    assert error.value.code == code
    assert str(error.value).endswith(told)


def test_threads_that_upgrade_at_once_all_succeed(database: Database) -> None:
    """Four threads with connections of their own: one migrates, the others find it done."""

    def upgrade() -> None:
        own = Database(database.url.render_as_string(hide_password=False))
        migrate.upgrade(own)
        migrate.check(own)
        own.dispose()

    at_once(4, upgrade)
    assert migrate.current(database) == HEAD


def test_threads_upgrade_different_databases_at_once() -> None:
    """A host with a database for each of its tenants: what one thread migrates is no other's."""

    def upgrade() -> None:
        own = Database("sqlite://")
        migrate.upgrade(own)
        migrate.check(own)
        own.dispose()

    at_once(8, upgrade)


def test_processes_that_upgrade_at_once_both_succeed(database_url: str) -> None:
    """Two daemons that are started together on an empty database."""
    program = (
        "import sys; from lifecycle.store.database import Database; from lifecycle.store import migrate; "
        "database = Database(sys.argv[1]); sys.stdin.readline(); migrate.upgrade(database); migrate.check(database)"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, database_url],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0), ("", 0)]


def test_every_name_in_the_database_is_ours(database: Database) -> None:
    """Tables, indexes and constraints can be told from the host's own."""
    migrate.upgrade(database)
    with database.reading() as connection:
        inspector = inspect(connection)
        names = tables = inspector.get_table_names()
        for table in tables:
            names = names + [index["name"] for index in inspector.get_indexes(table) if index["name"]]
            names = names + [unique["name"] for unique in inspector.get_unique_constraints(table) if unique["name"]]
            names = names + [key["name"] for key in inspector.get_foreign_keys(table) if key["name"]]
            names = names + [name for name in [inspector.get_pk_constraint(table)["name"]] if name]
    assert len(names) > 25
    assert [name for name in names if not re.match(r"(ix_|uq_|fk_|pk_)?lifecycle_", name)] == []


def test_the_database_fills_nothing_in(database: Database) -> None:
    """No column has a default of the server's: every value, instants above all, is the engine's."""
    migrate.upgrade(database)
    with database.reading() as connection:
        inspector = inspect(connection)
        columns = [
            (table, column["name"], column["default"], column.get("identity"), column.get("computed"))
            for table in inspector.get_table_names()
            for column in inspector.get_columns(table)
        ]
    assert len(columns) > 50
    assert [column for column in columns if any(column[2:])] == []


def test_the_wake_up_is_read_from_an_index(database: Database) -> None:
    """The dispatcher's question is asked after every commit: neither database reads the whole table for it."""
    migrate.upgrade(database)
    seen: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *told: seen.append(told[2]))
    SqlStore(database).next_wake_at()
    question = seen[-1]
    with database.reading() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET enable_seqscan = off"))  # an empty table is read as a whole otherwise
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        plan = " ".join(str(tuple(row)) for row in connection.execute(text(f"{explain} {question}")))
    assert "ix_lifecycle_roots_wake_at" in plan
