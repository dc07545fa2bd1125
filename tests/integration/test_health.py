"""`Lifecycle.health` and what `doctor` asks besides: each answer, brought about on a live database."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import event, insert, update
from structlog.testing import capture_logs

from lifecycle import Lifecycle, SystemClock, VirtualClock
from lifecycle.app.checks import Finding
from lifecycle.app.doctor import diagnose
from lifecycle.app.presence import Presence, release
from lifecycle.config.settings import MACHINES as SHIPPED
from lifecycle.store import daemons, migrate, schema
from lifecycle.store.daemons import Daemon
from lifecycle.store.database import Database
from tests.integration.alarms import wind
from tests.integration.live import wait_until
from tests.integration.world import PROJECT, travelling
from tests.receiver import HERE, receiving

pytestmark = pytest.mark.sampled

START = "2026-03-01T09:00+00:00"
MACHINES = "[tests.integration.alarms:Alarm]"
QUICK = ["database", "schema", "loop", "lag", "clock", "quarantined", "dead_letters", "named_clocks"]


@contextmanager
def installation(url: str) -> Iterator[tuple[Lifecycle, VirtualClock]]:
    """One that rings alarms, with a daemon that was heard right now."""
    with capture_logs(), travelling(url, START, LIFECYCLE_MACHINES=MACHINES) as (lifecycle, clock):
        heard(lifecycle, clock.now())
        yield lifecycle, clock


def heard(lifecycle: Lifecycle, at: datetime, name: str = "daemon_1", of: str = "") -> None:
    """A daemon's loop turned."""
    with lifecycle.database.writing() as connection:
        daemons.tick(connection, Daemon(name, "shop-1", 4711, of or release(), at, at))


def found(lifecycle: Lifecycle) -> dict[str, Finding]:
    """The findings of `health`, by name."""
    return {finding.name: finding for finding in lifecycle.health().findings}


def diagnosed(url: str, **environ: str) -> dict[str, Finding]:
    """The findings of `doctor`, by name, at 09:00 on 1 March 2026."""
    clock = VirtualClock(datetime.fromisoformat(START))
    settings = {"LIFECYCLE_DATABASE__URL": url, "LIFECYCLE_MACHINES": MACHINES, **environ}
    return {one.name: one for one in diagnose(PROJECT / "config.yaml", settings, clock).findings}


def answer(finding: Finding) -> tuple[str, object]:
    """Its status and its value."""
    return finding.status, finding.value


# Health


def test_all_is_well_while_a_daemon_runs(database_url: str) -> None:
    """Seven questions in their order, each answered with ok; the daemon is this process."""
    with travelling(database_url, START) as (lifecycle, _), lifecycle.start():
        wait_until(lambda: lifecycle.health().ok)
        health = lifecycle.health()
    assert [finding.name for finding in health.findings] == QUICK
    assert {finding.status for finding in health.findings} == {"ok"}
    assert health.at == datetime.fromisoformat(START)
    assert socket.gethostname() in health.findings[2].message


@pytest.mark.parametrize(("seconds", "expected"), [(90, ("ok", 1)), (91, ("failed", 0))])
def test_a_daemon_that_was_silent_for_three_heartbeats_does_not_count(
    database_url: str, seconds: int, expected: tuple[str, int]
) -> None:
    """Heard 90 s ago, it is at work; heard 91 s ago, nobody is. The heartbeat is 30 s."""
    with installation(database_url) as (lifecycle, clock):
        clock.move_to(clock.now() + timedelta(seconds=seconds))
        assert answer(found(lifecycle)["loop"]) == expected
        assert lifecycle.health().ok is (expected[0] == "ok")


def test_short_heartbeats_are_waited_for_as_long_as_rows_are_written(tmp_path: Path) -> None:
    """A row is written every 5 s at most: 15 s ago is at work, whatever the heartbeat."""
    settings = {"LIFECYCLE_SCHEDULER__HEARTBEAT": "1s"}
    with travelling(f"sqlite:///{tmp_path}/lifecycle.db", START, **settings) as (lifecycle, clock):
        heard(lifecycle, clock.now() - timedelta(seconds=15))
        assert found(lifecycle)["loop"].status == "ok"


@pytest.mark.parametrize(("seconds", "expected"), [(60, ("ok", 60.0)), (61, ("failed", 61.0)), (-5, ("ok", 0.0))])
def test_the_lag_is_how_late_the_earliest_is(database_url: str, seconds: int, expected: tuple[str, float]) -> None:
    """A minute is allowed; what comes later is not late."""
    with installation(database_url) as (lifecycle, clock):
        wind(lifecycle.engine, clock.now() - timedelta(seconds=seconds))
        assert answer(found(lifecycle)["lag"]) == expected
        assert lifecycle.health(max_lag=timedelta(minutes=2)).ok


def test_what_is_quarantined_is_a_warning(database_url: str) -> None:
    """Somebody should look; all the same everything else goes on, so it is well. What is held is not counted."""
    with installation(database_url) as (lifecycle, clock):
        first, second = wind(lifecycle.engine, clock.now(), alarms=2)
        for alarm, status in ((first, "quarantined"), (second, "held")):
            with lifecycle.database.writing() as connection:
                of = update(schema.roots).where(schema.roots.c.id == alarm)
                connection.execute(of.values(status=status, wake_at=None))
        assert answer(found(lifecycle)["quarantined"]) == ("warn", 1)
        assert lifecycle.health().ok


def test_dead_letters_are_a_warning(database_url: str) -> None:
    """One of the outbox's three rows was given up."""
    with installation(database_url) as (lifecycle, clock):
        (alarm,) = wind(lifecycle.engine, clock.now())
        fill_outbox(lifecycle, alarm, ["dead", "waiting", "done"])
        assert answer(found(lifecycle)["dead_letters"]) == ("warn", 1)
        assert lifecycle.health().ok


def test_messages_that_nobody_fetches_are_a_warning_of_the_doctors(tmp_path: Path) -> None:
    """What is due right now is in order, what was due 61 seconds ago is not."""
    url = f"sqlite:///{tmp_path}/lifecycle.db"
    with installation(url) as (lifecycle, clock):
        (alarm,) = wind(lifecycle.engine, clock.now())
        fill_outbox(lifecycle, alarm, ["waiting"])
        assert answer(diagnosed(url)["outbox"]) == ("ok", 0)
        with lifecycle.database.writing() as connection:
            connection.execute(update(schema.outbox).values(wake_at=clock.now() - timedelta(seconds=61)))
        assert answer(diagnosed(url)["outbox"]) == ("warn", 1)


def test_a_webhook_that_is_told_nothing_is_a_warning_of_the_doctors(tmp_path: Path) -> None:
    """And what waits for it is no fault of the relays'."""
    url, all_of_them = f"sqlite:///{tmp_path}/lifecycle.db", f"[{', '.join(SHIPPED)}]"
    with receiving() as server, travelling(url, START, LIFECYCLE_MAIL__USE="none", **HERE) as (lifecycle, clock):
        id = lifecycle.webhooks.add(server.url, events=["webhook.paused"]).webhook.id
        assert answer(diagnosed(url, LIFECYCLE_MACHINES=all_of_them)["webhooks"]) == ("ok", 0)
        lifecycle.webhooks.pause(id)
        clock.move_to(clock.now() + timedelta(seconds=61))
        now = diagnosed(url, LIFECYCLE_MACHINES=all_of_them)
        assert (lifecycle.webhooks.get(id).waiting, answer(now["webhooks"]), answer(now["outbox"])) == (
            1,
            ("warn", 1),
            ("ok", 0),
        )


def test_a_row_that_could_not_be_written_is_written_at_the_next_look(tmp_path: Path) -> None:
    """Health knows of the daemon as soon as the database is back; what failed is told once."""
    missing = tmp_path / "later"
    clock = VirtualClock(datetime.fromisoformat(START))
    database = Database(f"sqlite:///{missing}/lifecycle.db")
    presence = Presence(database, clock, "daemon_1")
    with capture_logs() as lines:
        presence.seen(None)
        presence.seen(None)
        missing.mkdir()
        migrate.upgrade(database)
        presence.seen(None)
    assert [line["event"] for line in lines] == ["presence_failed"]
    with database.reading() as connection:
        assert [daemon.id for daemon in daemons.daemons(connection)] == ["daemon_1"]
    database.dispose()


def fill_outbox(lifecycle: Lifecycle, alarm: str, statuses: Sequence[str]) -> None:
    """A row of each status; the one that waits is to be sent, the others are not."""
    now = lifecycle.clock.now()
    fixed = {"root_id": alarm, "seq": 1, "instance_id": alarm, "destination": "x", "kind": "x", "payload": {}}
    fixed |= {"attempts": 0, "fence": 0, "created_at": now}
    rows = [
        fixed
        | {"id": f"out_{place}", "place": place, "status": status, "wake_at": now if status == "waiting" else None}
        for place, status in enumerate(statuses)
    ]
    with lifecycle.database.writing() as connection:
        connection.execute(insert(schema.outbox), rows)


@pytest.mark.parametrize(("seconds", "status"), [(0, "ok"), (10, "warn"), (-10, "warn"), (3_600, "failed")])
def test_a_clock_that_is_not_the_database_s_is_told(postgres_copy: str, seconds: int, status: str) -> None:
    """A machine's clock that is a second ahead or behind is a warning, one that is half a minute off has failed."""
    environ = {"LIFECYCLE_DATABASE__URL": postgres_copy}
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", environ=environ)
    with closing(lifecycle), time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):
        assert found(lifecycle)["clock"].status == status


def test_sqlite_has_no_clock_of_its_own(tmp_path: Path) -> None:
    """There is nothing to compare with."""
    with installation(f"sqlite:///{tmp_path}/lifecycle.db") as (lifecycle, _):
        assert answer(found(lifecycle)["clock"]) == ("ok", 0.0)


def test_a_schema_that_is_missing_ends_the_list(database_url: str) -> None:
    """What it would be asked for is not there."""
    with closing(
        Lifecycle.from_config(PROJECT / "config.yaml", environ={"LIFECYCLE_DATABASE__URL": database_url})
    ) as on:
        with on.database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE lifecycle_schema")
        *_, last = on.health().findings
    assert (last.name, last.status) == ("schema", "failed")
    assert last.message.endswith("Run: lifecycle db upgrade")


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "postgresql://nobody@localhost:1/nothing"])
def test_a_database_that_can_not_be_reached_ends_the_list(url: str) -> None:
    """It is a finding, and no error."""
    with closing(Lifecycle.from_config(PROJECT / "config.yaml", environ={"LIFECYCLE_DATABASE__URL": url})) as lifecycle:
        health = lifecycle.health()
    [finding] = health.findings
    assert (health.ok, finding.name, finding.status) == (False, "database", "failed")


def test_asking_makes_no_file(tmp_path: Path) -> None:
    """SQLite would make one on opening; the directory stays empty."""
    assert diagnosed(f"sqlite:///{tmp_path}/lifecycle.db")["database"].status == "failed"
    assert list(tmp_path.iterdir()) == []


def test_health_reads_no_table_that_grows(tmp_path: Path) -> None:
    """By SQLite's own plans, roots and outbox are read by indexes that hold only what is looked for."""
    asked: list[tuple[str, object]] = []

    def hear(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if re.search(r"FROM lifecycle_(roots|outbox|instances|log)\b", statement):
            asked.append((statement, parameters))

    with installation(f"sqlite:///{tmp_path}/lifecycle.db") as (lifecycle, _):
        event.listen(lifecycle.database.engine, "before_cursor_execute", hear)
        lifecycle.health()
        questions = tuple(asked)
        with lifecycle.database.reading() as connection:
            plans = [
                str(row[3])
                for statement, parameters in questions
                for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]  # as they were passed
            ]
    assert len(questions) == 4  # lag, what is kept aside, what waits in the outbox, what is dead there
    assert [
        plan for plan in plans if not re.search(r"INDEX ix_lifecycle_(roots|outbox)_(wake_at|status|dead)", plan)
    ] == []


# What the doctor asks besides


def test_the_doctor_finds_nothing_wrong_and_leaves_nothing(database_url: str) -> None:
    """Twenty-two answers, none but ok; the row that it wrote was taken back."""
    with installation(database_url) as (lifecycle, _):
        answers = diagnosed(database_url)
        assert {name: one.status for name, one in answers.items() if one.status != "ok"} == {}
        assert len(answers) == 22
        with lifecycle.database.reading() as connection:
            assert [row.id for row in daemons.daemons(connection)] == ["daemon_1"]


def test_a_configuration_that_is_wrong_is_all_that_is_told(tmp_path: Path) -> None:
    """One of its problems is as good as all."""
    health = diagnose(tmp_path / "gone.yaml", {}, SystemClock())
    [finding] = health.findings
    assert (health.ok, finding.name, finding.status, finding.value) == (False, "configuration", "failed", 1)


def test_machines_and_jobs_that_can_not_be_loaded_are_told(tmp_path: Path) -> None:
    """Both at once, by the place where they are named."""
    url = f"sqlite:///{tmp_path}/lifecycle.db"
    jobs = "{tidy: {run: 'nobody.wrote:it', every: 1h}}"
    finding = diagnosed(url, LIFECYCLE_MACHINES="[nobody.wrote:This]", LIFECYCLE_JOBS=jobs)["machines"]
    assert answer(finding) == ("failed", 2)
    assert "machines[0]" in finding.message
    assert "jobs.tidy.run" in finding.message


def test_what_is_stored_without_a_definition_is_told(database_url: str) -> None:
    """Alarms, for a configuration that knows subscriptions only."""
    with installation(database_url) as (lifecycle, clock):
        wind(lifecycle.engine, clock.now())
        subscriptions = "[lifecycle_machines.subscription:SubscriptionMachine]"
        finding = diagnosed(database_url, LIFECYCLE_MACHINES=subscriptions)["definitions"]
        assert finding.status == "failed"
        assert "alarm version 1 in state 'ticking'" in finding.message


def test_zones_that_this_machine_does_not_know_are_told(database_url: str) -> None:
    """An account has moved to Mars."""
    with installation(database_url) as (lifecycle, _):
        lifecycle.accounts.create("acme", email="ann@acme.test")
        with lifecycle.database.writing() as connection:
            connection.execute(update(schema.accounts).values(zone="Mars/Olympus"))
        finding = diagnosed(database_url)["zones"]
        assert finding.status == "failed"
        assert "Mars/Olympus" in finding.message


def test_daemons_of_another_release_are_told(database_url: str) -> None:
    """Two are at work, and one was not restarted; of one that was killed nothing is said."""
    with installation(database_url) as (lifecycle, clock):
        heard(lifecycle, clock.now(), "daemon_2", of="0.0.9")
        heard(lifecycle, clock.now() - timedelta(hours=1), "daemon_3", of="0.0.8")
        finding = diagnosed(database_url)["daemons"]
        assert answer(finding) == ("warn", 2)
        assert "0.0.9" in finding.message
        assert "0.0.8" not in finding.message


def test_no_daemon_is_a_warning_on_a_new_machine(tmp_path: Path) -> None:
    """The doctor is asked before the daemon is started."""
    url = f"sqlite:///{tmp_path}/lifecycle.db"
    with travelling(url, START):
        assert answer(diagnosed(url)["daemons"]) == ("warn", 0)


def test_what_is_late_held_or_backing_off_is_counted(database_url: str) -> None:
    """Of four alarms for 08:58 one is broken, one is held, and two are late; the broken one is tried again."""
    with installation(database_url) as (lifecycle, clock):
        due_at = clock.now() - timedelta(minutes=2)
        (broken,) = wind(lifecycle.engine, due_at, broken=True)
        lifecycle.fire_due()
        held, _, _ = wind(lifecycle.engine, due_at, alarms=3)
        with lifecycle.database.writing() as connection:
            of = update(schema.roots).where(schema.roots.c.id == held)
            connection.execute(of.values(status="held", wake_at=None))
        answers = diagnosed(database_url)
        assert broken != held
        assert [answer(answers[name]) for name in ("overdue", "held", "backing_off")] == [
            ("warn", 2),
            ("ok", 1),
            ("warn", 1),
        ]


def test_settings_that_lose_commits_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without foreign keys, as SQLite is by default."""
    monkeypatch.setattr("lifecycle.store.database.set_up_sqlite", without_foreign_keys)
    url = f"sqlite:///{tmp_path}/lifecycle.db"
    with travelling(url, START):
        finding = diagnosed(url)["settings"]
    assert answer(finding) == ("failed", 1)
    assert finding.message.startswith("PRAGMA foreign_keys gives 0, not 1")


def without_foreign_keys(connection: object, _record: object) -> None:
    """What a host's own engine may be like."""
    connection.isolation_level = None  # type: ignore[attr-defined]  # sqlite3's connection
    for pragma in ("journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")  # type: ignore[attr-defined]  # as above


def test_a_database_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    """Opened for reading only."""
    file = tmp_path / "lifecycle.db"
    with installation(f"sqlite:///{file}"):
        pass
    finding = diagnosed(f"sqlite:///file:{file}?mode=ro&uri=true")["writable"]
    assert finding.status == "failed"
