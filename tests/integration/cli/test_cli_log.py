"""`lifecycle log` narrowed, as CSV, and as it grows; and what is overdue, with what stands in its way."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from lifecycle import Lifecycle
from lifecycle.cli.sheets import as_csv, safe
from tests.integration.cli.world import in_a_process, lifecycle, standing_at, utc
from tests.integration.world import travelling

pytestmark = pytest.mark.sampled

BOUGHT = ["confirmed", "drafted", "completed", "subscribed", "opened", "charged"]
"""A purchase: its order, its invoice, and then the subscription."""
START = "2026-01-31T09:00+00:00"


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("words", "events"),
    [
        (["--event", "subscribed"], ["subscribed"] * 3),
        (["--event", "subscribed", "--event", "cancel"], ["subscribed"] * 3 + ["cancel"]),
        (["--actor", "ann@acme.test"], ["confirmed", "drafted", "subscribed", "schedule_change"]),
        (["--actor", "scheduler"], ["trial_ends", "cycle_starts", "opened"]),
        (["--actor", "nobody"], []),
        (["--since", "2020-03-10T12:00Z"], ["schedule_change", *BOUGHT, "cancel"]),
        (["--since", "2020-03-10T12:00:01Z"], [*BOUGHT, "cancel"]),
        (["acme", "--since", "2020-03-10 13:00"], ["schedule_change"]),
        (["acme", "--since", "2020-03-10 13:01"], []),
        (["--account", "acme", "--actor", "ann@acme.test", "--event", "subscribed"], ["subscribed"]),
        (["--event", "subscribed", "--last", "1"], ["subscribed"]),
        (["--account", "globex", "--event", "cycle_starts"], []),
        (["acme"], ["subscribed", "cycle_starts", "schedule_change"]),
        (["acme", "--all"], [*BOUGHT, "cycle_starts", "opened", "charged", "schedule_change"]),
        (["acme", "--all", "--since", "2020-02-01", "--event", "charged"], ["charged"]),
        (["INV-000002"], ["opened", "charged"]),
    ],
)
def test_log_can_be_narrowed_further(words: list[str], events: list[str]) -> None:
    """By event, by actor, by instant: 13:00 in Paris is 12:00 UTC. All together, and the newest of what is left."""
    assert [step["event"] for step in lifecycle("log", *words, "--json").json] == events


@pytest.mark.usefixtures("history")
def test_log_for_spreadsheets() -> None:
    """One row each, ended by CR and LF; what somebody wrote as a formula is text."""
    lifecycle("withdraw-cancellation", "initech", "--reason", '=cmd("x"), twice', "--by", "+bill")
    ended = lifecycle("log", "initech", "--csv", "--last", "2")
    rows = list(csv.DictReader(io.StringIO(ended.out, newline="")))
    assert ended.out.count("\r\n") == 3
    assert [row["event"] for row in rows] == ["cancel", "withdraw_cancellation"]
    assert (rows[1]["actor"], rows[1]["reason"]) == ("'+bill", '\'=cmd("x"), twice')
    assert (rows[0]["account"], rows[0]["at"], rows[0]["seq"]) == ("initech", "2020-03-11T12:00:00Z", "7")
    assert json.loads(rows[0]["arguments"]) == {"at": "2020-06-15T04:00:00+00:00"}


@pytest.mark.usefixtures("history")
def test_csv_and_json_are_two_things() -> None:
    """One of them is asked for."""
    assert lifecycle("log", "--csv", "--json").code == 2


@pytest.mark.usefixtures("history")
def test_all_is_of_something() -> None:
    """Without a subscription all is shown anyway."""
    assert lifecycle("log", "--all").code == 2


@pytest.mark.usefixtures("history")
def test_where_rows_are_of_several_kinds_each_says_of_which() -> None:
    """A subscription alone needs no such column; with its order and its invoices it has one."""
    alone, with_all = lifecycle("log", "acme").lines, lifecycle("log", "acme", "--all").lines
    assert alone[0].split() == ["time", "account", "event", "from", "→", "to", "actor"]
    assert with_all[0].split() == ["time", "account", "of", "event", "from", "→", "to", "actor"]
    assert [line.split()[4:6] for line in with_all[2:6]] == [
        ["order", "confirmed"],
        ["invoice", "drafted"],
        ["order", "completed"],
        ["subscription", "subscribed"],
    ]


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "  =1", "\r=1", "\n=1"])
def test_a_formula_is_made_text(cell: str) -> None:
    """However it hides."""
    assert safe(cell) == f"'{cell}"


def test_other_cells_are_left_alone() -> None:
    """Quotes, commas and line breaks by RFC 4180."""
    assert as_csv([["a=b", 'say "x"', "1,2", "x\ny", "–"]]) == 'a=b,"say ""x""","1,2","x\ny",–\r\n'


# As it grows


@pytest.fixture
def shop(database_url: str) -> Iterator[Lifecycle]:
    """31 January 2026, 09:00 UTC, with two accounts in UTC that can pay."""
    with travelling(database_url, START) as (engine, _clock):
        for name in ("acme", "globex"):
            engine.accounts.create(name, email=f"ann@{name}.test", payment_method=True)
        yield engine


def bought(shop: Lifecycle, account: str) -> str:
    """The id of a new subscription to `team`."""
    return shop.subscriptions.create(account, plan="team", by="ann").id


def test_news_are_what_was_committed_since(shop: Lifecycle) -> None:
    """What there is first, then each row once, of old roots and new ones (X43)."""
    acme = bought(shop, "acme")
    following = shop.follow()
    assert [step.event for step in following.start()] == BOUGHT
    assert following.news() == []
    globex = bought(shop, "globex")
    shop.subscriptions.add_seats(acme, 1, by="ann")
    shop.advance_to(utc("2026-02-28T09:00"))
    more_seats = [event.replace("subscribed", "add_seats") for event in BOUGHT]
    assert [(step.root_id, step.event) for step in following.news()] == [
        *((acme, event) for event in more_seats),
        *((globex, event) for event in BOUGHT),
        *((root, event) for root in (acme, globex) for event in ("cycle_starts", "opened", "charged")),
    ]
    assert following.news() == []


def test_news_are_narrowed_too(shop: Lifecycle) -> None:
    """To an account and an event."""
    acme, globex = bought(shop, "acme"), bought(shop, "globex")
    following = shop.follow(account="acme", events=["add_seats"])
    assert following.start() == []
    for subscription in (acme, globex):
        shop.subscriptions.add_seats(subscription, 1, by="ann")
        shop.subscriptions.cancel(subscription, by="ann")
    assert [(step.instance_id, step.event) for step in following.news()] == [(acme, "add_seats")]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_row_that_is_committed_late_is_not_lost(shop: Lifecycle) -> None:
    """Recorded first, committed last: while acme's command is not committed, globex's is told; then acme's is. (SQLite
    has one writer, so there nothing is committed meanwhile.)"""
    acme, globex = bought(shop, "acme"), bought(shop, "globex")
    following = shop.follow()
    following.start()
    with shop.database.writing() as connection:
        shop.using(connection).subscriptions.add_seats(acme, 1, by="ann")
        shop.subscriptions.add_seats(globex, 1, by="ann")
        assert {step.root_id for step in following.news()} == {globex}
    assert {step.root_id for step in following.news()} == {acme}


def next_line(process: subprocess.Popen[str]) -> dict[str, object]:
    """The next line that it says, within a minute."""
    assert process.stdout is not None
    with ThreadPoolExecutor(1) as threads:
        said = threads.submit(process.stdout.readline)
        try:
            line: dict[str, object] = json.loads(said.result(timeout=60))
        except TimeoutError:
            process.kill()
            raise
    return line


def test_log_follows_until_it_is_interrupted(history: Path) -> None:
    """A line for each row as it is committed, of several subscriptions; Ctrl-C is its good end."""
    process = in_a_process("log", "--follow", "--last", "1", "--json", cwd=history)
    try:
        told = [next_line(process)]
        lifecycle("withdraw-change", "acme", "--by", "ann")
        told.append(next_line(process))
        lifecycle("withdraw-cancellation", "initech", "--by", "bill")
        told.append(next_line(process))
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert [(one["account"], one["event"]) for one in told] == [
        ("initech", "cancel"),
        ("acme", "withdraw_change"),
        ("initech", "withdraw_cancellation"),
    ]
    assert (rest, errors, process.returncode) == ("", "", 0)


# What is overdue


def in_the_database(folder: Path, statement: str) -> None:
    """Change something behind everybody's back."""
    engine = create_engine(f"sqlite:///{folder}/lifecycle.db")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


LATE = "2020-03-31T10:30:00Z"
"""Acme's cycle was due at 08:00 UTC."""


@pytest.mark.usefixtures("history")
def test_overdue_is_what_is_late() -> None:
    """Nothing on 20 March; on 31 March acme's cycle, and not what comes in June."""
    assert lifecycle("due", "--overdue", "--json").json == []
    with standing_at(LATE):
        [late] = lifecycle("due", "--overdue", "--json").json
        assert lifecycle("due", "--overdue", "--until", "2020-03-30", "--json").json == []
    assert (late["account"], late["late_seconds"], late["trouble"]) == ("acme", 9000, "no daemon runs")


@pytest.mark.parametrize(
    ("ticked_at", "trouble"),
    [("2020-03-31 10:28:31.000000", None), ("2020-03-31 10:28:00.000000", "no daemon heard of for 2 min")],
)
def test_overdue_says_when_a_daemon_was_last_heard_of(history: Path, ticked_at: str, trouble: str | None) -> None:
    """With a heartbeat of 30 s, one that was heard of 89 s ago is alive, and one of two minutes ago is down."""
    in_the_database(
        history,
        "INSERT INTO lifecycle_daemons (id, host, pid, release, started_at, ticked_at) "  # noqa: S608  # our own values
        f"VALUES ('dmn_1', 'here', 1, '0', '{ticked_at}', '{ticked_at}')",
    )
    with standing_at(LATE):
        [late] = lifecycle("due", "--overdue", "--json").json
    assert late["trouble"] == trouble


@pytest.mark.parametrize(
    ("values", "trouble"),
    [
        ("status = 'held'", "held"),
        ("status = 'quarantined', error = 'RuntimeError: no'", "quarantined: RuntimeError: no"),
        (
            "attempts = 2, error = 'RuntimeError: no', wake_at = '2020-03-31 10:30:02.000000'",
            "failed 2×, tries again at 2020-03-31 12:30 CEST: RuntimeError: no",
        ),
    ],
)
def test_overdue_says_what_stands_in_the_way(history: Path, values: str, trouble: str) -> None:
    """A hold, a quarantine, a back-off with its next attempt."""
    in_the_database(
        history,
        f"UPDATE lifecycle_roots SET {values} "  # noqa: S608  # our own values
        "WHERE id IN (SELECT root_id FROM lifecycle_instances WHERE state = 'pending_change')",
    )
    with standing_at(LATE):
        [late] = lifecycle("due", "--overdue", "--json").json
        [line] = lifecycle("due", "--overdue").lines[2:]
    assert late["trouble"] == trouble
    assert line.endswith(trouble)
