"""`lifecycle db stats`: how large it is and what waits, on the history in `world` and on a PostgreSQL with alarms."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from structlog.testing import capture_logs

from lifecycle.cli.output import size
from lifecycle.store import stats
from lifecycle.store.database import Database
from tests.integration.alarms import database_of, logged, wind
from tests.integration.cli.world import lifecycle, standing_at
from tests.integration.live import HOUR, alarms, wait_until

LATER = "2020-04-01T00:00:00Z"


def tables(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The tables by name."""
    return {one["table"]: one for one in found["tables"]}


@pytest.mark.usefixtures("history")
def test_sqlite_counts_its_rows_and_its_pages() -> None:
    """19 transitions of 3 accounts; tables and indexes are all that the file has but for SQLite's own table (X303)."""
    found = lifecycle("db", "stats", "--json").json
    by_name = tables(found)
    assert by_name["lifecycle_log"]["rows"] == 19
    assert by_name["lifecycle_accounts"]["rows"] == 3
    assert by_name["lifecycle_clocks"]["rows"] == 0
    assert {one["dead_rows"] for one in by_name.values()} == {None}
    sizes = [one["bytes"] + one["index_bytes"] for one in by_name.values()]
    assert sizes == sorted(sizes, reverse=True)
    assert 0 < found["bytes"] - found["free_bytes"] - sum(sizes) < 64 * 1024
    assert all(0 < one["unused_bytes"] < one["bytes"] + one["index_bytes"] for one in by_name.values())


@pytest.mark.usefixtures("history")
def test_what_is_due_and_was_not_done_is_told() -> None:
    """Nobody has looked for twelve days: acme's renewal of 31 March, 10:00 in Paris, is 16 hours late (X303)."""
    assert lifecycle("db", "stats").lines[-2:] == ["Due: 0.", "Outbox: 0 waiting; 0 due; 0 dead."]
    with standing_at(LATER):
        waiting = lifecycle("db", "stats", "--json").json["waiting"]
        said = lifecycle("db", "stats").lines[-2]
    assert (waiting["due"], waiting["oldest"]["event"]) == (1, "cycle_starts")
    assert waiting["oldest"]["due_at"] == "2020-03-31T08:00:00Z"
    assert said == f"Due: 1, the first for 16 h: cycle_starts of {waiting['oldest']['instance_id']}."


@pytest.mark.usefixtures("history")
def test_people_see_a_table_and_the_whole() -> None:
    """What the database does not tell is left out: dead rows, HOT updates, vacuums (X303)."""
    said = lifecycle("db", "stats")
    assert (said.code, said.err) == (0, "")
    assert said.lines[0].split() == ["table", "rows", "size", "indexes", "unused"]
    assert any(line.split()[:2] == ["lifecycle_log", "19"] for line in said.lines)
    assert said.lines[-3].startswith("SQLite 3.")


@pytest.mark.usefixtures("history")
def test_an_sqlite_that_does_not_tell_of_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was built without `dbstat`: rows are counted all the same, and the file has a size (X303)."""

    def without(_connection: Connection) -> None:
        return None

    monkeypatch.setattr(stats, "_pages", without)
    found = lifecycle("db", "stats", "--json").json
    assert (tables(found)["lifecycle_log"]["rows"], tables(found)["lifecycle_log"]["bytes"]) == (19, None)
    assert found["bytes"] > 0
    assert lifecycle("db", "stats").lines[0].split() == ["table", "rows"]


def test_postgresql_tells_what_it_counts(empty: Path, unused_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """50 alarms rang once and ring again in an hour; two more are due and wait. Their roots were updated 50 times; dead
    rows are there until a vacuum, and then it says when that was (X303)."""
    del empty
    with alarms(unused_url) as engine, capture_logs():
        wind(engine, engine.clock.now() - HOUR, alarms=50, times=2, seconds=7200)
        while engine.fire_batch().claimed:
            pass
        wind(engine, engine.clock.now() - timedelta(minutes=30), alarms=2)
        assert len(logged(engine, "event")) == 102
        database_of(engine).dispose()
    monkeypatch.setenv("LIFECYCLE_DATABASE__URL", unused_url)
    wait_until(lambda: told()["lifecycle_roots"]["dead_rows"] >= 50)  # the server hears of it when a session ends
    roots = told()["lifecycle_roots"]
    assert (roots["rows"], roots["dead_share"]) == (52, pytest.approx(50 / 102, abs=0.01))
    assert 0 <= roots["hot_share"] <= 1
    vacuum(unused_url)
    found = lifecycle("db", "stats", "--json").json
    roots = tables(found)["lifecycle_roots"]
    assert (roots["rows"], roots["dead_rows"], roots["vacuumed_at"] is not None) == (52, 0, True)
    assert tables(found)["lifecycle_log"]["rows"] == 102
    assert (found["free_bytes"], roots["unused_bytes"]) == (None, None)
    assert found["bytes"] > roots["bytes"] + roots["index_bytes"] > 16 * 1024
    assert (found["waiting"]["due"], found["waiting"]["oldest"]["event"]) == (2, "rings")
    header = lifecycle("db", "stats").lines[0]
    assert header.split("  ")[0] == "table"
    assert all(column in header for column in ("dead rows", "HOT", "vacuumed"))


def told() -> dict[str, dict[str, Any]]:
    """The tables, as they are now."""
    return tables(lifecycle("db", "stats", "--json").json)


def vacuum(url: str) -> None:
    """Do what PostgreSQL does by itself after a while."""
    database = Database(url)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    database.dispose()


@pytest.mark.usefixtures("empty")
def test_without_a_schema_there_is_nothing_to_tell() -> None:
    """It says which command makes one."""
    failed = lifecycle("db", "stats", "--json")
    assert (failed.code, failed.json["error"]["code"]) == (1, "schema_missing")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (None, ""),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 kB"),
        (1536, "1.5 kB"),
        (5 << 30, "5.0 GB"),
        (3 << 50, "3072.0 TB"),
    ],
)
def test_bytes_are_told_in_units_of_1024(number: int | None, said: str) -> None:
    """Up to terabytes."""
    assert size(number) == said
