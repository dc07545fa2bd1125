"""`lifecycle demo`: what a newcomer sees first. It shows everything, leaves nothing behind, and its hints work."""

from __future__ import annotations

import csv
import io
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
import time_machine
from rich.console import Console

from lifecycle import Lifecycle, LifecycleError
from lifecycle.cli import main
from lifecycle.demo import hints, run
from lifecycle.demo.folder import MARKER, SHIPPED, prepare
from lifecycle.demo.meter import meter
from lifecycle.domain.calendar import local
from lifecycle.store.queries import Step
from lifecycle.verify import verify

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
MADE = {MARKER, "config.yaml", "customers.csv", "invoice.html", "lifecycle.db", "lifecycle.db.sandbox"}


@pytest.fixture(autouse=True, scope="module")
def logging_kept() -> Iterator[None]:
    """What the command line sets up for logging is undone."""
    handlers = logging.root.handlers[:]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers


@contextmanager
def opened(directory: Path) -> Iterator[Lifecycle]:
    """What a demo left."""
    lifecycle = Lifecycle.from_config(directory / "config.yaml", environ={})
    try:
        yield lifecycle
    finally:
        lifecycle.close()


@dataclass(frozen=True)
class Lived:
    """A demo that was run: where it is, what it showed, and the log."""

    directory: Path
    shown: str
    steps: list[Step]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """`lifecycle demo`, started on 10 March 2026 in an empty directory."""
    directory = tmp_path_factory.mktemp("year")
    shown = io.StringIO()
    with time_machine.travel(NOW), chdir(directory), redirect_stdout(shown):
        assert main(["demo"]) == 0
    return lived(directory / "demo", shown)


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """A shorter demo, in a folder that is not there yet, while the environment says where production is."""
    above = tmp_path_factory.mktemp("away")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(above)
        patch.setenv("LIFECYCLE_DATABASE__URL", f"sqlite:///{above}/production.db")
        made = live(Path("some/demo"))
    return replace(made, directory=above)


def live(directory: Path) -> Lived:
    """A shorter demo: 60 days up to 10 March 2026."""
    shown = io.StringIO()
    assert run(directory, Console(file=shown), now=NOW, days=60) == 0
    return lived(directory, shown)


def lived(directory: Path, shown: io.StringIO) -> Lived:
    """What there is to see of a demo."""
    with opened(directory) as lifecycle:
        return Lived(directory, shown.getvalue(), lifecycle.log(reminders=True))


# What is shipped


def test_the_configuration_is_the_projects_own() -> None:
    """Who reads the demo's config.yaml reads the one that the project documents, to the byte."""
    assert (SHIPPED / "config.yaml").read_bytes() == (ROOT / "config.yaml").read_bytes()


def test_the_customers_are_many_and_invented() -> None:
    """They live around the world, take every plan, and no letter to them would ever arrive."""
    rows = list(csv.DictReader(io.StringIO((SHIPPED / "customers.csv").read_text(encoding="utf-8"))))
    assert len(rows) == len({row["account"] for row in rows}) == len({row["email"] for row in rows}) == 44
    assert {row["email"].rpartition(".")[2] for row in rows} == {"test", "example"}
    assert {(row["plan"], row["interval"]) for row in rows} == {
        ("basic", "month"),
        ("basic", "year"),
        ("flexible", "month"),
        ("team", "month"),
        ("team", "year"),
    }
    assert {row["zone"].partition("/")[0] for row in rows} == {
        *("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Pacific"),
    }
    assert {row["payment_method"] for row in rows} == {"yes", ""}
    assert {row["trial"] for row in rows} == {"no", ""}


# The story


def test_the_year_shows_every_event_and_every_state(year: Lived) -> None:
    """All that can happen to a subscription happens at least once, and the states that live are seen at the end."""
    assert {step.event for step in year.steps if step.machine == "subscription"} == {
        "subscribed",
        "activate",
        "change_now",
        "schedule_change",
        "withdraw_change",
        "add_seats",
        "cancel",
        "cancel_now",
        "withdraw_cancellation",
        "trial_ends",
        "cycle_starts",
        "change_takes_effect",
        "end_date_arrives",
        "payment_exhausted",
        "reminded",
    }
    with opened(year.directory) as lifecycle:
        states = {view.state for view in lifecycle.subscriptions.list()}
    assert states == {"trial", "active", "pending_change", "pending_cancellation", "ended"}


def test_everything_is_on_time_but_for_the_week_in_which_the_daemon_was_down(year: Lived) -> None:
    """It stops on 26 September and is back on 3 October: what was due then fires late, and the rest when it is due."""
    stopped, restarted = datetime(2025, 9, 26, tzinfo=UTC), datetime(2025, 10, 3, tzinfo=UTC)
    late = [step for step in year.steps if step.fired_at != step.at]
    fired = [step for step in year.steps if step.cause == "deferral"]
    assert late == [step for step in fired if stopped < step.at < restarted]
    assert all(step.at < step.fired_at <= restarted for step in late)  # sooner by who comes meanwhile (B4)
    assert sum(step.fired_at == restarted for step in late) > len(late) - 5
    overdue = [step for step in late if step.fired_at == restarted and step.event != "opened"]  # comes with its cycle
    assert f"{len(overdue)} transitions are overdue" in year.shown
    assert len(late) > 5


def test_a_trial_that_ends_on_a_31st_renews_on_the_last_days_of_shorter_months(year: Lived) -> None:
    """Vienna at 10:00, from 31 March 2025; also after 26 October, when its clocks are put back an hour."""
    with opened(year.directory) as lifecycle:
        [hero] = lifecycle.subscriptions.list(account="lindner")
        history = lifecycle.subscriptions.history(hero.id)
    cycles = [step.at for step in history if step.event in ("trial_ends", "cycle_starts")]
    assert [f"{local(instant, 'Europe/Vienna'):%Y-%m-%d %H:%M}" for instant in cycles] == [
        "2025-03-31 10:00",
        "2025-04-30 10:00",
        "2025-05-31 10:00",
        "2025-06-30 10:00",
        "2025-07-31 10:00",
        "2025-08-31 10:00",
        "2025-09-30 10:00",
        "2025-10-31 10:00",
        "2025-11-30 10:00",
        "2025-12-31 10:00",
        "2026-01-31 10:00",
        "2026-02-28 10:00",
    ]


def test_the_history_of_the_year_is_whole(year: Lived) -> None:
    """The verification, which shares no code with the engine, finds nothing at all."""
    with opened(year.directory) as lifecycle:
        assert verify(lifecycle.database, now=NOW).findings == ()


def test_the_same_instant_gives_the_same_history(away: Lived, tmp_path: Path) -> None:
    """To the last id; the second time in the directory of another demo, which is made anew."""
    shutil.copytree(away.directory / "some/demo", tmp_path, dirs_exist_ok=True)
    assert live(tmp_path).steps == away.steps
    assert len(away.steps) > 50


# The picture


def test_the_table_by_month_adds_up(year: Lived) -> None:
    """Thirteen months; all that came are among the new, and the last number is who is live at the end."""
    section = year.shown.partition("What happened")[2].partition("The money")[0]
    lines = re.findall(r"^  ([A-Z][a-z]{2} 20\d\d) ([ ·\d]+)", section, re.M)
    months = {month: [int(number) for number in numbers.replace("·", "0").split()] for month, numbers in lines}
    assert next(iter(months)) == "Mar 2025"
    assert list(months)[-1] == "Mar 2026"
    assert len(months) == 13
    own = [step for step in year.steps if step.machine == "subscription"]
    counts = Counter(step.event for step in own)
    ended = sum(step.target == "ended" for step in own)
    sums = [sum(column) for column in zip(*months.values(), strict=True)]
    assert sums[0] == counts["subscribed"]
    assert sums[2] == counts["cycle_starts"]
    assert sums[4:7] == [counts["cancel"], counts["withdraw_cancellation"], ended]
    assert months["Mar 2026"][-1] == counts["subscribed"] - ended


def test_the_money_adds_up(year: Lived) -> None:
    """By month: what was invoiced is what was paid, at once or after a decline, is owed, or is lost. All that was paid
    is in the gateway's ledger, to the cent."""
    section = year.shown.partition("The money")[2].partition("Where the subscriptions")[0]
    lines = re.findall(r"^  [A-Z][a-z]{2} 20\d\d +\d+ ([ ·.\d]+)", section, re.M)
    rows = [[int(float(number) * 100 + 0.5) for number in line.replace("·", "0").split()[:5]] for line in lines]
    assert len(rows) == 13
    assert all(invoiced == paid + behind + owed + lost for invoiced, paid, behind, owed, lost in rows)
    paid = sum(row[1] + row[2] for row in rows)
    with opened(year.directory) as lifecycle:
        assert sum(invoice.total for invoice in lifecycle.invoices.list()) == sum(row[0] for row in rows)
        taken = [one for one in lifecycle.gateway.ledger() if one.status == "succeeded"]  # type: ignore[attr-defined]
    assert sum(entry.amount for entry in taken) == paid
    assert sum(row[2] for row in rows) > 0
    assert sum(row[4] for row in rows) > 0


def test_one_invoice_is_shown_line_by_line(year: Lived) -> None:
    """Two seats more on 15 July, of a cycle from 30 June to 31 July: the day counts as used, so that 15 of 31 are left.
    The page that a customer gets says the same."""
    section = year.shown.partition("One of its invoices")[2].partition("Is the history")[0]
    assert "2 × 20.00 × 15/31 days = 19.35" in section
    assert "2 × 20.00 × 15/31 days = 19.35" in (year.directory / "invoice.html").read_text("utf-8")


def test_the_refusals_are_told_by_code(year: Lived) -> None:
    """People try what can't be, in many ways; each is told with its number and its sentence."""
    section = year.shown.partition("What was refused")[2].partition("One of them")[0]
    refused = {code: int(times) for times, code in re.findall(r"^ +(\d+)  (\w+)  ", section, re.M)}
    assert refused.keys() >= {
        "already_active",
        "already_subscribed",
        "cancellation_pending",
        "date_in_past",
        "ended",
        "no_change",
        "no_pending_change",
        "not_offered",
        "past_due",
        "payment_declined",
        "payment_method_missing",
        "plan_unknown",
        "seats_limit",
        "version_conflict",
    }
    assert "There is something to pay and no payment method." in section
    assert f"{sum(refused.values())}  other commands were refused" in year.shown


def test_one_life_is_told_in_full(year: Lived) -> None:
    """Every transition of it has a line, and the one that came late says so: two days and sixteen hours."""
    section = year.shown.partition("One of them: Kaffeehaus Lindner, Europe/Vienna")[2].partition("Is the history")[0]
    with opened(year.directory) as lifecycle:
        [hero] = lifecycle.subscriptions.list(account="lindner")
        events = [step.event for step in lifecycle.subscriptions.history(hero.id)]
    assert re.findall(r"^  \d\d \w{3} \d\d:\d\d  (?:customer|operator|scheduler) +(\w+)", section, re.M) == events
    assert "2 d 16 h late" in " ".join(section.split())
    assert "team, month, 3 seats" in section


def test_on_a_terminal_a_bar_moves_and_elsewhere_each_month_has_a_line() -> None:
    """Half-way through 2025 the bar stands at 50 %; in a file there are lines, and no control characters."""
    start, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
    screen, file = io.StringIO(), io.StringIO()
    for console in (Console(file=screen, force_terminal=True, width=100), Console(file=file, width=100)):
        with meter(console, start, end) as shown:
            shown.stand_at(start + timedelta(days=182.5), 12, 3)
            shown.tell(end, "Over.")
    assert " 50%" in screen.getvalue()
    assert "\x1b[" in screen.getvalue()
    assert file.getvalue() == "02 Jul 2025    12 commands so far, 3 refused\n01 Jan 2026  Over.\n"


# What to try next


def test_the_commands_that_it_names_work_as_they_stand(
    year: Lived, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Copied from its last lines, one after the other; the daemon, which runs until it is stopped, in a process."""
    shutil.copytree(year.directory, tmp_path / "demo")
    monkeypatch.chdir(tmp_path)
    commands = [shlex.split(line) for line in year.shown.splitlines() if line.startswith("lifecycle ")]
    shown = {}
    with time_machine.travel(NOW + timedelta(minutes=1)):
        for command in commands[:-1]:
            assert main(command[1:]) == 0, command
            shown[command[3]] = capsys.readouterr().out
    assert list(shown) == ["log", "show", "billing", "quote", "due", "list", "machine", "verify", "cancel"]
    assert len(shown["log"].splitlines()) == 2 + 20
    assert re.search(r"2026-03-10 16:30 CET +delft-bikes +subscription +cancel ", shown["log"].splitlines()[-1])
    assert "lindner: team" in shown["show"]
    assert re.search(
        r"2026-03-10 16:33 CET +in 1 min +delft-bikes +subscription +end_date_arrives", shown["due"].splitlines()[2]
    )
    assert len(shown["list"].splitlines()) > 2 + 2
    assert "withdraw_cancellation" in shown["machine"]
    assert f"{len(year.steps) + 1} transitions is whole" in shown["verify"]
    assert "Ends on 2026-03-31 10:00 CEST" in shown["cancel"]
    assert commands[-1][3:] == ["run"]
    assert '"event": "started"' in daemon(commands[-1][1:])


def daemon(words: list[str]) -> str:
    """Start the command line in a process, stop it as soon as it logs, and return its first line."""
    program = [sys.executable, "-c", "import sys; from lifecycle.cli import main; sys.exit(main(sys.argv[1:]))"]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([*program, *words], env=env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        process.terminate()
        process.stderr.read()
    assert process.returncode == 0, line
    return line


@pytest.mark.parametrize(
    ("started", "found", "named"),
    [
        (".venv/bin/lifecycle", False, ".venv/bin/lifecycle"),
        (".venv/bin/lifecycle", True, "lifecycle"),
        ("pytest", False, "lifecycle"),
    ],
)
def test_the_commands_name_the_program_as_it_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: str, found: bool, named: str
) -> None:
    """`make demo` starts it by its path, for it is on nobody's PATH; who has it there gets the short name."""
    program = tmp_path / ".venv/bin/lifecycle"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [started, "demo"])
    monkeypatch.setenv("PATH", str(program.parent) if found else "")
    assert hints.program() == named


# The directory


def test_nothing_of_it_lies_outside_the_directory(away: Lived) -> None:
    """Six files in one new folder, and one for its mails, whatever the environment says of a database; it is warned of
    instead."""
    files = {file.relative_to(away.directory / "some/demo") for file in away.directory.rglob("*") if file.is_file()}
    assert {file.as_posix() for file in files if file.parent.name != "mail"} == MADE
    assert len(files) > len(MADE)
    assert "LIFECYCLE_DATABASE__URL is set" in away.shown


def test_other_files_in_the_directory_are_left_alone(tmp_path: Path) -> None:
    """Both the first time and when the demo is made anew."""
    (tmp_path / "notes.txt").write_text("mine")
    prepare(tmp_path)
    (tmp_path / "config.yaml").write_text("changed")
    prepare(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "config.yaml").read_bytes() == (ROOT / "config.yaml").read_bytes()


@pytest.mark.parametrize("name", ["config.yaml", "customers.csv", "lifecycle.db"])
def test_files_that_no_demo_has_made_are_not_touched(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's own project: refused, with what is in the way, and exit code 1."""
    (tmp_path / name).write_text("mine")
    assert main(["demo", str(tmp_path)]) == 1
    assert f"{tmp_path} has {name} that no demo has made" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_demo_in_use_is_not_made_anew(tmp_path: Path) -> None:
    """A daemon of the demo that was tried before would fire, on the real clock, what the new story has just begun."""
    prepare(tmp_path)
    with opened(tmp_path) as lifecycle:
        lifecycle.upgrade_schema()
        with pytest.raises(LifecycleError) as refused:
            prepare(tmp_path)
        assert refused.value.code == "demo_in_use"
        assert (tmp_path / "lifecycle.db").exists()
    prepare(tmp_path)
    assert not (tmp_path / "lifecycle.db").exists()


def test_a_directory_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    """A file is there in its place."""
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(LifecycleError) as refused:
        prepare(tmp_path / "demo")
    assert refused.value.code == "folder_unusable"
    assert (tmp_path / "demo").read_text() == "mine"
