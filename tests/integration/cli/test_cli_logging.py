"""The log's lines: the table in the documentation against what is really logged, and how a process logs."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest
import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import text

from lifecycle import Lifecycle, TryLater, Undeliverable, VirtualClock
from lifecycle.cli import logs
from lifecycle.config import JobSpec, LogSettings
from lifecycle.config.model import LogFormat, LogLevel
from lifecycle.domain.calendar import Duration
from lifecycle.engine.clock import SystemClock
from lifecycle.engine.commands import Command, Creation
from lifecycle.engine.engine import Engine
from lifecycle.engine.ids import Ids
from lifecycle.engine.registry import Registry
from lifecycle.scheduler.dispatcher import Dispatcher
from lifecycle.scheduler.jobs import declare_jobs
from lifecycle.store.database import Database
from lifecycle.store.transaction import SqlStore
from lifecycle_jobs.verify import verify_history
from tests.contract.outbox_world import COURIER, Desk
from tests.integration.cli.world import copy_history, documented, lifecycle, shape
from tests.integration.world import PROJECT, travelling

PATIENCE = 60.0
JSON = LogSettings(format="json")
ON_31_JANUARY = VirtualClock(datetime(2020, 1, 31, 9, tzinfo=UTC))


class Lines(StringIO):
    """A stream for log lines, from any thread: `next_line` waits for one."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self._arrived: SimpleQueue[str] = SimpleQueue()
        self._terminal = terminal

    def write(self, line: str) -> int:
        self._arrived.put(line)
        return super().write(line)

    def isatty(self) -> bool:
        return self._terminal

    def next_line(self) -> dict[str, Any]:
        """The next line, as JSON."""
        line: dict[str, Any] = json.loads(self._arrived.get(timeout=PATIENCE))
        return line


@contextmanager
def logging_to(
    settings: LogSettings = JSON, *, terminal: bool = False, at_least: LogLevel = "debug"
) -> Iterator[Lines]:
    """Log as the command line does, into `Lines`, at 09:00 UTC on 31 January 2020."""
    with redirect_stderr(Lines(terminal=terminal)) as lines:
        logs.configure(settings, ON_31_JANUARY, at_least=at_least)
        yield lines


# The table


def logged_in(folder: Path) -> Iterator[tuple[str, str]]:
    """Event and level of each call of `log`, or an object's `_log`, in a folder, but what `lifecycle init` gives."""
    for file in sorted(set(folder.rglob("*.py")) - set(folder.glob("lifecycle/scaffold/project/**/*.py"))):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name("log") | ast.Attribute(attr="_log"), attr=level),
                    args=[ast.Constant(value=str(event)), *_],
                ):
                    yield event, level


def test_the_table_names_every_event_that_is_logged_and_none_besides() -> None:
    """With its level, wherever in the sources it is logged."""
    found = {pair for root in ("src", "machines", "jobs") for pair in logged_in(PROJECT / root)}
    assert found == {(event, level) for event, (level, _) in documented().items()}


def a_transition(engine: Lifecycle) -> None:
    """Acme buys seats."""
    [acme] = engine.subscriptions.list(account="acme")
    engine.subscriptions.add_seats(acme.id, 1, by="ann@acme.test", reason="we grow")


def a_deferral_without_effect(engine: Lifecycle) -> None:
    """A trial's end, for a subscription that has none, is found in the database, and is due."""
    with engine.database.writing() as connection:
        statement = (
            "INSERT INTO lifecycle_deferrals (instance_id, event, root_id, due_at) SELECT instance_id, "
            "'trial_ends', root_id, due_at FROM lifecycle_deferrals WHERE event = 'cycle_starts'"
        )
        connection.execute(text(statement))
    engine.fire_due()


def a_step_that_raises(engine: Lifecycle) -> None:
    """Facts that no machine can read."""
    with engine.database.writing() as connection:
        connection.execute(text("UPDATE lifecycle_instances SET facts = '{}'"))
    engine.fire_due()


def a_clean_verification(engine: Lifecycle) -> None:
    """Of a history that is whole."""
    verify_history(engine)


def a_verification_that_finds_something(engine: Lifecycle) -> None:
    """Of one that somebody has touched."""
    with engine.database.writing() as connection:
        connection.execute(text("UPDATE lifecycle_log SET actor = 'nobody' WHERE seq = 3"))
    verify_history(engine)


@pytest.mark.parametrize(
    ("event", "happens"),
    [
        ("transition", a_transition),
        ("did_nothing", a_deferral_without_effect),
        ("root_failed", a_step_that_raises),
        ("history_verified", a_clean_verification),
        ("history_broken", a_verification_that_finds_something),
    ],
)
def test_a_line_has_the_keys_of_the_table(
    event: str, happens: Callable[[Lifecycle], None], tmp_path: Path, written: Path
) -> None:
    """Each is made to happen, and what is logged is compared; those of the daemon are in `test_cli_daemon`."""
    copy_history(written, tmp_path)
    with (
        travelling(f"sqlite:///{tmp_path}/lifecycle.db", "2020-04-01T00:00+00:00") as (engine, _),
        logging_to() as lines,
    ):
        happens(engine)
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert event in [line["event"] for line in logged]
    assert [shape(line) for line in logged] == [documented()[line["event"]] for line in logged]
    assert "acme.test" not in lines.getvalue()
    assert "we grow" not in lines.getvalue()


@pytest.mark.parametrize(
    ("answer", "seconds", "event"),
    [
        (None, 0, "delivered"),
        (OSError("shut"), 0, "delivery_failed"),
        (TryLater("closed", after=timedelta(hours=1)), 0, "delivery_postponed"),
        (Undeliverable("gone"), 0, "dead_letter"),
        (None, 60, "stale_lease"),
    ],
)
def test_a_line_of_a_relay_has_the_keys_of_the_table(
    answer: Exception | None, seconds: int, event: str, tmp_path: Path
) -> None:
    """Of two messages that are leased together, the second's line; its lease is over where the first took long."""
    machines = {"LIFECYCLE_MACHINES": f"[{COURIER}]", "LIFECYCLE_MAIL__USE": "none"}
    with travelling(f"sqlite:///{tmp_path}/lifecycle.db", "2020-04-01T00:00+00:00", **machines) as (engine, clock):
        later = clock.now() + timedelta(seconds=seconds)
        engine.destination("office")(Desk(None, answer, then=lambda: clock.move_to(later)))
        creation = Creation("courier", "hired", "usr_1", "cou", arguments={})
        for _ in range(2):
            courier = engine.engine.attempt(lambda work: work.create(creation))
            engine.engine.command(Command(courier.id, "sends", "usr_1", {"messages": [["office", "one"]]}))
        with logging_to() as lines:
            engine.relay_outbox()
    logged = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["event"] for line in logged][:2] == ["delivered", event]
    assert [shape(line) for line in logged] == [documented()[line["event"]] for line in logged]


def test_a_dispatcher_that_can_not_look_says_so() -> None:
    """The line `dispatcher_failed`, with when it tries again."""
    clock = SystemClock()
    database = Database("sqlite:////nowhere/at/all.db")
    with logging_to() as lines:
        dispatcher = Dispatcher(Engine(SqlStore(database), Registry([]), clock, Ids(clock)))
        dispatcher.start()
        line = lines.next_line()
        dispatcher.stop()
    assert line["event"] == "dispatcher_failed"
    assert shape(line) == documented()["dispatcher_failed"]


def test_a_job_that_raises_says_so() -> None:
    """The line `job_failed`, with the job's name."""
    scheduler = BackgroundScheduler()
    job = JobSpec("noisy", "tests.integration.alarms:fail", every=Duration(days=0, seconds=1))
    with logging_to() as lines:
        declare_jobs(scheduler, [job], zone="UTC", lifecycle=None)
        scheduler.start()
        line = lines.next_line()
        scheduler.shutdown()
    assert (line["event"], line["job"]) == ("job_failed", "noisy")
    assert shape(line) == documented()["job_failed"]


# The form


def fail(secret: str) -> None:
    """Log an error that a local variable with a secret stands beside."""
    try:
        raise RuntimeError(f"{len(secret)} letters")
    except RuntimeError as error:
        structlog.get_logger("lifecycle").error("job_failed", job="x", error=str(error), exc_info=error)


def test_a_line_is_json_with_the_package_s_own_time_in_utc() -> None:
    """The clock's instant, the level and the event come first."""
    with logging_to() as lines:
        structlog.get_logger("lifecycle").info("stopping", signal="SIGTERM")
    assert lines.getvalue() == (
        '{"timestamp": "2020-01-31T09:00:00.000000Z", "level": "info", "event": "stopping", "signal": "SIGTERM"}\n'
    )


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_has_no_local_variables(form: LogFormat) -> None:
    """They may be secrets."""
    with logging_to(LogSettings(format=form)) as lines:
        fail("hunter2 is the password")
    assert "RuntimeError: 23 letters" in lines.getvalue()
    assert "hunter2" not in lines.getvalue()


@pytest.mark.parametrize(
    ("form", "terminal", "is_json"),
    [("auto", False, True), ("auto", True, False), ("json", True, True), ("text", False, False)],
)
def test_the_form_follows_the_configuration_and_the_terminal(form: LogFormat, terminal: bool, is_json: bool) -> None:
    """`auto` is text for a terminal, and JSON elsewhere."""
    with logging_to(LogSettings(format=form), terminal=terminal) as lines:
        structlog.get_logger("lifecycle").info("stopped")
    assert lines.getvalue().startswith("{") is is_json


def test_lines_have_colours_only_on_a_terminal_that_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR, and a file, are without."""
    said = []
    for terminal, no_color in ((True, ""), (True, "1"), (False, "")):
        monkeypatch.setenv("NO_COLOR", no_color)
        with logging_to(LogSettings(format="text"), terminal=terminal) as lines:
            structlog.get_logger("lifecycle").info("stopped")
        said.append("\x1b" in lines.getvalue())
    assert said == [True, False, False]


def test_what_is_less_severe_than_the_configured_level_is_left_out() -> None:
    """With `warning`, no `info`."""
    with logging_to(LogSettings(format="json", level="warning")) as lines:
        structlog.get_logger("lifecycle").info("stopped")
        structlog.get_logger("lifecycle").error("scheduler_dead")
    assert [json.loads(line)["event"] for line in lines.getvalue().splitlines()] == ["scheduler_dead"]


def test_what_libraries_warn_of_takes_the_same_form() -> None:
    """With the name of the logger; what they only mention is left out."""
    with logging_to() as lines:
        logging.getLogger("apscheduler.scheduler").info("Added job %s", "x")
        logging.getLogger("apscheduler.scheduler").warning("Run time of job %s was missed", "x")
    assert [json.loads(line) for line in lines.getvalue().splitlines()] == [
        {
            "timestamp": "2020-01-31T09:00:00.000000Z",
            "level": "warning",
            "event": "Run time of job x was missed",
            "logger": "apscheduler.scheduler",
        }
    ]


@pytest.mark.usefixtures("history")
def test_commands_log_nothing_but_trouble() -> None:
    """They say themselves what they have done."""
    assert lifecycle("add-seats", "acme", "1").err == ""
