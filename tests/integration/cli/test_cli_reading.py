"""What people read: tables of the history in `world`, with dates worked out by hand, and the same as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.integration.cli.world import lifecycle, standing_at

pytestmark = pytest.mark.usefixtures("history")


def in_the_database(folder: Path, statement: str) -> None:
    """Change something behind everybody's back."""
    engine = create_engine(f"sqlite:///{folder}/lifecycle.db")
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_log_tells_the_story_in_everybodys_own_time() -> None:
    """Nominal order; 09:00 UTC is 10:00 in Paris, 00:00 UTC is 09:00 in Tokyo, 12:00 UTC is 08:00 in New York."""
    header, _, *rows = (" ".join(line.split()) for line in lifecycle("log").lines)
    assert header == "time account of event from → to actor reason"
    assert rows == [
        "2020-01-31 10:00 CET acme order confirmed confirmed ann@acme.test",
        "2020-01-31 10:00 CET acme invoice drafted draft ann@acme.test",
        "2020-01-31 10:00 CET acme order completed confirmed → completed system",
        "2020-01-31 10:00 CET acme subscription subscribed active ann@acme.test",
        "2020-01-31 10:00 CET acme invoice opened draft → open system",
        "2020-01-31 10:00 CET acme invoice charged open → paid system",
        "2020-02-01 09:00 JST globex subscription subscribed trial hank@globex.test to try it",
        "2020-02-15 09:00 JST globex subscription trial_ends trial → ended scheduler",
        "2020-02-29 10:00 CET acme subscription cycle_starts active scheduler",
        "2020-02-29 10:00 CET acme invoice opened open scheduler",
        "2020-02-29 10:00 CET acme invoice charged open → paid system",
        "2020-03-10 13:00 CET acme subscription schedule_change active → pending_change ann@acme.test",
        "2020-03-11 08:00 EDT initech order confirmed confirmed bill@initech.test",
        "2020-03-11 08:00 EDT initech invoice drafted draft bill@initech.test",
        "2020-03-11 08:00 EDT initech order completed confirmed → completed system",
        "2020-03-11 08:00 EDT initech subscription subscribed active bill@initech.test",
        "2020-03-11 08:00 EDT initech invoice opened draft → open system",
        "2020-03-11 08:00 EDT initech invoice charged open → paid system",
        "2020-03-11 08:00 EDT initech subscription cancel active → pending_cancellation bill@initech.test too dear",
    ]


@pytest.mark.parametrize(
    ("words", "events"),
    [
        (["globex"], ["subscribed", "trial_ends"]),
        (
            ["--account", "acme"],
            [
                *("confirmed", "drafted", "completed", "subscribed", "opened", "charged"),
                *("cycle_starts", "opened", "charged", "schedule_change"),
            ],
        ),
        (["--last", "2"], ["charged", "cancel"]),
        (["acme", "--last", "1"], ["schedule_change"]),
    ],
)
def test_log_can_be_narrowed(words: list[str], events: list[str]) -> None:
    """To a subscription, to an account, to the newest."""
    assert [step["event"] for step in lifecycle("log", *words, "--json").json] == events


def test_log_for_programs_has_utc_and_all_there_is() -> None:
    """Globex's trial ended in the night of its Tokyo morning, by UTC at midnight."""
    step = lifecycle("log", "globex", "--json").json[-1]
    assert {key: step[key] for key in ("account", "at", "event", "source", "target", "actor", "cause", "seq")} == {
        "account": "globex",
        "at": "2020-02-15T00:00:00Z",
        "event": "trial_ends",
        "source": "trial",
        "target": "ended",
        "actor": "scheduler",
        "cause": "deferral",
        "seq": 2,
    }


def test_due_says_when_and_how_long_from_now() -> None:
    """From 20 March 00:00 UTC to 31 March 08:00 UTC, when summer time has begun, are 11 days and 8 hours."""
    assert lifecycle("due").lines == [
        "due                                 account  event             state",
        "─" * 83,
        "2020-03-31 10:00 CEST  in 11 d 8 h  acme     cycle_starts      pending_change",
        "2020-06-15 00:00 EDT   in 87 d 4 h  initech  end_date_arrives  pending_cancellation",
    ]


def test_due_says_how_late_something_is() -> None:
    """Without a daemon, acme's cycle of 31 March 08:00 UTC is two and a half hours late at 10:30."""
    with standing_at("2020-03-31T10:30:00Z"):
        people, programs = lifecycle("due", "acme"), lifecycle("due", "acme", "--json")
    assert people.lines[2] == (
        "2020-03-31 10:00 CEST  2 h 30 min late  acme     cycle_starts  pending_change  no daemon runs"
    )
    assert [one["late_seconds"] for one in programs.json] == [9000]


@pytest.mark.parametrize(
    ("status", "attempts", "error", "trouble"),
    [
        ("held", 0, "NULL", "held"),
        ("quarantined", 5, "'RuntimeError: no'", "quarantined: RuntimeError: no"),
        ("live", 2, "'RuntimeError: no'", "failed 2×, tries again at 2020-03-31 10:00 CEST: RuntimeError: no"),
    ],
)
def test_due_says_what_stands_in_the_way(history: Path, status: str, attempts: int, error: str, trouble: str) -> None:
    """An operator's hold, an error that is being tried again, one that was given up."""
    in_the_database(
        history,
        f"UPDATE lifecycle_roots SET status = '{status}', attempts = {attempts}, error = {error} "  # noqa: S608
        "WHERE id IN (SELECT root_id FROM lifecycle_instances WHERE state = 'pending_change')",
    )
    header, _, acme, initech = lifecycle("due").lines
    assert header.split()[-1] == "trouble"
    assert acme.endswith(f"  {trouble}")
    assert initech.endswith("pending_cancellation")


@pytest.mark.parametrize(
    ("words", "accounts"),
    [
        (["--until", "2020-03-31"], []),
        (["--until", "2020-03-31 08:00"], ["acme"]),
        (["acme", "--until", "2020-03-31 09:59"], []),
        (["acme", "--until", "2020-03-31 10:00"], ["acme"]),
        (["acme", "--until", "2020-03-31T08:00Z"], ["acme"]),
        (["initech"], ["initech"]),
        (["--limit", "1"], ["acme"]),
        (["globex"], []),
    ],
)
def test_due_can_be_narrowed(words: list[str], accounts: list[str]) -> None:
    """A date is local to the account, or without one to the configuration: here Paris and UTC."""
    assert [one["account"] for one in lifecycle("due", *words, "--json").json] == accounts


def test_due_says_when_there_may_be_more() -> None:
    """On stderr, for a list that is cut looks whole."""
    assert lifecycle("due", "--limit", "1").err == "There are more than 1; see them with --limit.\n"
    assert lifecycle("due", "--limit", "2").err == ""


def test_list_shows_each_with_what_comes_next() -> None:
    """Oldest first."""
    assert lifecycle("list").lines == [
        "account  plan   interval  seats  state                 next",
        "─" * 92,
        "acme     team   month     5      pending_change        cycle_starts 2020-03-31 10:00 CEST",
        "globex   basic  month     1      ended",
        "initech  basic  year      1      pending_cancellation  end_date_arrives 2020-06-15 00:00 EDT",
    ]


@pytest.mark.parametrize(
    ("words", "accounts"),
    [
        ([], ["acme", "globex", "initech"]),
        (["--state", "ended"], ["globex"]),
        (["--account", "initech"], ["initech"]),
        (["--account", "initech", "--state", "ended"], []),
    ],
)
def test_list_can_be_narrowed(words: list[str], accounts: list[str]) -> None:
    """By account and by state."""
    assert [one["account"] for one in lifecycle("list", *words, "--json").json] == accounts


def test_ids_are_shown_where_an_account_has_several() -> None:
    """Globex comes back, and pays: its name alone no longer tells which of the two is meant in a list."""
    ids = [one["id"] for one in lifecycle("list", "--account", "globex", "--json").json]
    lifecycle("payment-methods", "add", "globex", "ok")
    ids.append(lifecycle("subscribe", "globex", "--plan", "basic", "--json").json["id"])

    header, _, *rows = lifecycle("list", "--account", "globex").lines

    assert header.split()[-1] == "id"
    assert [row.split()[-1] for row in rows] == ids
    log = lifecycle("log", "--account", "globex", "--event", "subscribed", "--event", "trial_ends")
    assert [line.split()[-1] for line in log.lines[2:]] == [ids[0], *ids]


def test_show_tells_what_holds_and_what_comes() -> None:
    """Acme in its second cycle, with two seats fewer from the third on, and the last transitions."""
    ended = lifecycle("show", "acme")
    assert ended.lines[:14] == [
        "╭─────────────────────────── acme: team ────────────────────────────╮",
        "│ id        sub_01DZXD84M00000000000000004                          │",
        "│ state     pending_change                                          │",
        "│ plan      team, month, 5 seats                                    │",
        "│ price     140.00 USD per month                                    │",
        "│ period    2020-02-29 10:00 CET to 2020-03-31 10:00 CEST (cycle 2) │",
        "│ anchor    2020-01-31 10:00 CET                                    │",
        "│ pending   3 seats from 2020-03-31 10:00 CEST                      │",
        "│ next      cycle_starts on 2020-03-31 10:00 CEST (in 11 d 8 h)     │",
        "│ credits   100 left                                                │",
        "│ standing  good                                                    │",
        "│ access    yes                                                     │",
        "│ version   10                                                      │",
        "╰───────────────────────────────────────────────────────────────────╯",
    ]
    assert [line.split()[4] for line in ended.lines[16:]] == ["subscribed", "cycle_starts", "schedule_change"]


@pytest.mark.parametrize(
    ("account", "banner"),
    [("initech", "Ends on 2020-06-15 00:00 EDT."), ("globex", "Ended on 2020-02-15 09:00 JST.")],
)
def test_show_says_first_when_it_is_to_end(account: str, banner: str) -> None:
    """The end date is a banner, to come or gone by."""
    assert lifecycle("show", account).lines[1].strip("│ ") == banner


def test_show_says_first_that_something_is_kept_aside(history: Path) -> None:
    """With the error that keeps it there."""
    in_the_database(history, "UPDATE lifecycle_roots SET status = 'quarantined', error = 'RuntimeError: no'")
    lines = lifecycle("show", "initech").lines
    assert lines[1].strip("│ ") == "Kept aside: RuntimeError: no"
    assert "state     pending_cancellation (quarantined)" in lines[4]


def test_show_for_programs_has_utc_minor_units_and_the_last_transitions() -> None:
    """140.00 USD are 14000; the period ends at 08:00 UTC."""
    shown = lifecycle("show", "acme", "--json").json
    assert {key: shown[key] for key in ("account", "state", "price", "currency", "period_end", "seats", "version")} == {
        "account": "acme",
        "state": "pending_change",
        "price": 14000,
        "currency": "USD",
        "period_end": "2020-03-31T08:00:00Z",
        "seats": 5,
        "version": 10,
    }
    assert shown["next"] == {"event": "cycle_starts", "due_at": "2020-03-31T08:00:00Z"}
    assert [step["event"] for step in shown["transitions"]] == ["subscribed", "cycle_starts", "schedule_change"]
    assert (shown["standing"]["standing"], shown["standing"]["access"], shown["owed"]) == ("good", True, [])


def test_an_account_shows_its_subscriptions() -> None:
    """By its reference, or by its id."""
    shown = lifecycle("account", "show", "globex", "--json").json
    assert (shown["reference"], shown["zone"], shown["payment_method"]) == ("globex", "Asia/Tokyo", None)
    assert [held["state"] for held in shown["subscriptions"]] == ["ended"]
    assert lifecycle("account", "show", shown["id"]).lines == [
        "account          globex",
        f"id               {shown['id']}",
        "name             globex",
        "e-mail           hank@globex.test",
        "zone             Asia/Tokyo",
        "currency         USD",
        "payment method   missing",
        "balance          0.00 USD",
        "members          1",
        "plans to choose  basic, flexible, team",
        "",
        "account  plan   interval  seats  state",
        "──────────────────────────────────────",
        "globex   basic  month     1      ended",
    ]


def test_an_account_shows_what_it_is_charged_on() -> None:
    """The sandbox's good card, which expires two years after it was made."""
    lines = lifecycle("account", "show", "acme").lines
    assert lines[12].split() == ["payment", "method", "expires", "default", "added", "id"]
    assert lines[14].startswith("Sandbox •••• 4242  2022-01  yes      2020-01-31  pm_")
    shown = lifecycle("account", "show", "acme", "--json").json
    assert (shown["balance"], shown["payment_methods"][0]["id"]) == (0, shown["payment_method"])
    assert [page["seats_used"] for page in shown["pages"]] == [0]


def test_accounts_are_listed_by_reference() -> None:
    """With what an operator asks first."""
    assert lifecycle("account", "list").lines == [
        "account  name       e-mail             zone              currency  payment method",
        "─" * 81,
        "acme     Acme GmbH  ann@acme.test      Europe/Paris      USD       present",
        "globex   globex     hank@globex.test   Asia/Tokyo        USD       missing",
        "initech  initech    bill@initech.test  America/New_York  USD       present",
    ]
    assert [one["reference"] for one in lifecycle("account", "list", "--json").json] == ["acme", "globex", "initech"]


def test_a_reason_can_not_play_with_the_terminal() -> None:
    """What customers write is shown with its control characters made visible."""
    lifecycle("withdraw-cancellation", "initech", "--reason", "\x1b[2J gone?", "--by", "\u202ebob")
    last = lifecycle("log", "--last", "1")
    assert "\x1b" not in last.out
    assert "\u202e" not in last.out
    assert last.lines[2].endswith("active  \ufffdbob   \ufffd[2J gone?")
    assert lifecycle("log", "--last", "1", "--json").json[0]["reason"] == "\x1b[2J gone?"


def test_history_is_whole() -> None:
    """Three accounts and three subscriptions are six roots."""
    ended = lifecycle("verify")
    assert (ended.code, ended.out) == (0, "The history of 6 roots and 19 transitions is whole.\n")
    assert lifecycle("verify", "--json").json == {"roots": 6, "rows": 19, "archived": 0, "findings": []}


def test_history_that_was_tampered_with_is_broken(history: Path) -> None:
    """1, and a line for each finding."""
    in_the_database(history, "UPDATE lifecycle_log SET actor = 'nobody' WHERE seq = 3")
    people, programs = lifecycle("verify"), lifecycle("verify", "--json")
    assert (people.code, programs.code) == (1, 1)
    assert people.lines[-1] == "The history of 6 roots and 19 transitions is broken."
    assert people.lines[2].split()[:2] == ["error", "hash"]
    assert programs.json["findings"][0]["code"] == "hash"


def test_a_warning_is_shown_and_is_no_failure() -> None:
    """Two hours after acme's cycle was due, nobody has looked: overdue, but nothing is wrong with the history."""
    with standing_at("2020-03-31T10:30:00Z"):
        ended = lifecycle("verify")
    assert ended.code == 0
    assert ended.lines[2].split()[:2] == ["warning", "overdue"]
    assert ended.lines[-1].endswith("is whole.")
