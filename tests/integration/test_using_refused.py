"""What `using` does not take, and says so before anything is lost."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from lifecycle import Lifecycle, LifecycleError
from tests.integration.host import hosting
from tests.integration.world import PROJECT


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The URL of an SQLite file."""
    return f"sqlite:///{tmp_path / 'lifecycle.db'}"


def code(lifecycle: Lifecycle, session: object) -> str:
    """The code of the error with which `using` answers."""
    with pytest.raises(LifecycleError) as error:
        lifecycle.using(session)  # type: ignore[arg-type]  # what no type checker would let pass
    return error.value.code


def test_an_unprepared_engine_is_refused_on_sqlite(file: str) -> None:
    """With the driver's defaults, what is written at the same time could be lost."""
    with hosting(file) as (host, _):
        unprepared = create_engine(file)
        with Session(unprepared) as session:
            assert code(host.lifecycle, session) == "engine_not_prepared"
        unprepared.dispose()


def test_a_connection_from_before_prepare_is_refused(file: str) -> None:
    """It has the driver's defaults for as long as it lives; a new one is welcome."""
    with hosting(file) as (host, _):
        late = create_engine(file)
        late.connect().close()  # it goes back into the pool
        host.lifecycle.prepare(late)
        with late.connect() as connection:
            assert code(host.lifecycle, connection) == "engine_not_prepared"
        late.dispose()
        with late.connect() as connection:
            assert host.lifecycle.using(connection).subscriptions.list() == []
        late.dispose()


def test_an_engine_can_be_prepared_twice(file: str) -> None:
    """Its transactions begin once; and a timeout of the host's own that is longer stays."""
    with hosting(file) as (host, _):
        engine = create_engine(file, connect_args={"timeout": 60})
        host.lifecycle.prepare(engine)
        host.lifecycle.prepare(engine)
        with engine.begin() as connection:
            assert host.lifecycle.using(connection).subscriptions.list() == []
            assert connection.scalar(text("PRAGMA busy_timeout")) == 60_000
        with host.engine.begin() as connection:
            assert connection.scalar(text("PRAGMA busy_timeout")) == 10_000
        engine.dispose()


def test_a_connection_that_commits_by_itself_is_refused(database_url: str) -> None:
    """There no command could be taken back with the host's own rows."""
    with hosting(database_url) as (host, _), host.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        assert code(host.lifecycle, connection) == "autocommit"


def test_an_engine_that_commits_by_itself_is_refused(postgres_url: str) -> None:
    """Where the whole engine does. (On SQLite `prepare` makes its connections begin transactions nevertheless.)"""
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", environ={"LIFECYCLE_DATABASE__URL": postgres_url})
    engine = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        assert code(lifecycle, connection) == "autocommit"
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DROP TABLE lifecycle_schema", "schema_missing"),
        ("UPDATE lifecycle_schema SET version_num = '0000'", "schema_stale"),
        ("UPDATE lifecycle_schema SET version_num = '9999'", "schema_newer"),
    ],
)
def test_another_schema_than_needed_is_refused(database_url: str, statement: str, expected: str) -> None:
    """Before the first command, and the session is as usable as before."""
    with hosting(database_url) as (host, _):
        with host.engine.begin() as connection:
            connection.execute(text(statement))
        with Session(host.engine) as session, session.begin():
            assert code(host.lifecycle, session) == expected
            assert session.scalar(text("SELECT 1")) == 1


def test_what_is_asynchronous_is_sent_to_using_async(file: str) -> None:
    """An AsyncSession, its scoped registry and an AsyncConnection, without a warning that nobody awaited them."""
    with hosting(file) as (host, _), warnings.catch_warnings():
        warnings.simplefilter("error")
        engine = create_async_engine(file.replace("sqlite:", "sqlite+aiosqlite:"))
        sessions = async_scoped_session(async_sessionmaker(engine), scopefunc=lambda: 1)
        for session in (AsyncSession(engine), sessions, engine.connect()):
            assert code(host.lifecycle, session) == "session_expected"


def test_what_is_no_session_is_named(file: str) -> None:
    """An engine or a factory, instead of what they give; and a Session given to `using_async`."""
    with hosting(file) as (host, _):
        assert code(host.lifecycle, host.engine) == "session_expected"
        assert code(host.lifecycle, sessionmaker(host.engine)) == "session_expected"
        with Session(host.engine) as session, pytest.raises(LifecycleError, match="AsyncSession") as error:
            host.lifecycle.using_async(session)  # type: ignore[arg-type]  # as above
        assert error.value.code == "session_expected"
