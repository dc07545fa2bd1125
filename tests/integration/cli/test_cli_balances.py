"""`lifecycle balance …` and `credits …`: what accounts have to their credit, and what is left of a plan's allowance."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.world import ON_SQLITE, Ended, lifecycle, standing_at, with_schema

pytestmark = pytest.mark.sampled

BOUGHT = "2026-06-01T09:00:00Z"
WHY = ("--reason", "for the outage", "--by", "olga")


@pytest.fixture(autouse=True)
def shop(empty: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """1 June 2026: acme, in UTC and US dollars, can pay and has bought team; nippon keeps its accounts in yen."""
    monkeypatch.setenv("LIFECYCLE_DATABASE__URL", database_url)
    with standing_at(BOUGHT):
        with_schema()
        assert lifecycle("account", "add", "acme", "--email", "ann@acme.test", "--payment-method").code == 0
        assert lifecycle("account", "add", "nippon", "--email", "jun@nippon.test", "--currency", "JPY").code == 0
        assert lifecycle("subscribe", "acme", "--plan", "team").code == 0
    return empty


def told(ended: Ended) -> list[str]:
    """The lines, with single blanks."""
    assert ended.code == 0, ended.err
    return [" ".join(line.strip("│╭╮╰╯ ").split()) for line in ended.lines]


def test_a_balance_is_credited_used_written_off_and_paid_out() -> None:
    """25.50 given, 20.00 taken by two seats, 0.50 written off, 5.00 paid out: nothing is left."""
    with standing_at(BOUGHT):
        assert told(lifecycle("balance", "credit", "acme", "25.50", *WHY)) == ["account acme", "balance 25.50 USD"]
        assert lifecycle("quote", "add-seats", "acme", "1", "--json").json["credit"] == 1933
        assert lifecycle("add-seats", "acme", "1").code == 0
        assert told(lifecycle("balance", "show", "acme"))[1] == "balance 6.17 USD"
        assert told(lifecycle("balance", "write-off", "acme", "1.17", *WHY))[1] == "balance 5.00 USD"
        assert lifecycle("balance", "pay-out", "acme", "5", *WHY, "--json").json["amount"] == 0
        rows = lifecycle("log", "--account", "acme", "--actor", "olga", "--json").json
    assert [(row["machine"], row["event"], row["reason"]) for row in rows] == [
        ("adjustment", "credited", "for the outage"),
        ("adjustment", "written_off", "for the outage"),
        ("adjustment", "paid_out", "for the outage"),
        ("refund", "asked", "for the outage"),
    ]
    assert lifecycle("verify").code == 0


@ON_SQLITE
def test_what_the_balance_pays_is_told_in_a_quote() -> None:
    """1 × 20.00 × 29/30 days = 19.33, of which the balance pays 5.00."""
    with standing_at(BOUGHT):
        lifecycle("balance", "credit", "acme", "5", *WHY)
        shown = told(lifecycle("quote", "add-seats", "acme", "1"))
    assert {"total 19.33 USD", "from the balance -5.00 USD", "due now 14.33 USD"} <= set(shown)


def test_books_show_both_sides_of_every_posting() -> None:
    """A purchase is four entries of money and two of credits; each says which transition made it."""
    with standing_at(BOUGHT):
        rows = told(lifecycle("balance", "show", "acme", "--books"))[3:]
        entries = lifecycle("balance", "show", "acme", "--books", "--json").json["entries"]
    assert rows[0] == "time book debit credit by"
    assert [" ".join(row.split()[3:]) for row in rows[2:]] == [
        "credits 100 credits subscription subscribed",
        "granted 100 credits subscription subscribed",
        "receivable 100.00 USD invoice opened",
        "revenue 100.00 USD invoice opened",
        "cash 100.00 USD invoice charged",
        "receivable 100.00 USD invoice charged",
    ]
    assert sum(entry["amount"] for entry in entries) == 0
    assert {"at", "book", "unit", "amount", "root_id", "seq"} == set(entries[0])


@ON_SQLITE
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["credit", "acme", "25.001"], "invalid"),
        (["credit", "acme", "1e3"], "invalid"),
        (["credit", "acme", "٣"], "invalid"),
        (["credit", "acme", "1000000000000000"], "invalid"),
        (["credit", "acme", "0"], "invalid"),
        (["credit", "nippon", "5.5"], "invalid"),
        (["write-off", "acme", "0.01"], "balance_too_low"),
        (["pay-out", "acme", "0.01"], "balance_too_low"),
    ],
)
def test_an_amount_that_can_not_be_is_refused(words: list[str], code: str) -> None:
    """3, and nothing is posted."""
    refused = lifecycle("balance", *words, "--reason", "x", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (3, code)
    assert lifecycle("balance", "show", words[1], "--json").json["amount"] == 0


@ON_SQLITE
def test_a_reason_is_needed() -> None:
    """Usage without one; refused where it is empty."""
    assert lifecycle("balance", "credit", "acme", "5").code == 2
    assert lifecycle("balance", "credit", "acme", "5", "--reason", " ").code == 3


@ON_SQLITE
def test_amounts_are_in_the_account_s_currency() -> None:
    """Yen have no decimals: 500 are 500."""
    balance = lifecycle("balance", "credit", "nippon", "500", "--reason", "x", "--json").json
    assert (balance["account"], balance["currency"], balance["amount"]) == ("nippon", "JPY", 500)
    assert told(lifecycle("balance", "show", "nippon")) == ["account nippon", "balance 500 JPY"]


# Credits


def test_credits_are_shown_and_used() -> None:
    """Team grants 100 each cycle; 30 are used, and 71 more are not there."""
    with standing_at(BOUGHT):
        assert told(lifecycle("credits", "use", "acme", "30", "--by", "ann@acme.test"))[-3:-1] == [
            "credits 70 left",
            "version 7",
        ]
        shown = told(lifecycle("credits", "show", "acme"))
        refused = lifecycle("credits", "use", "acme", "71", "--json")
        left = lifecycle("credits", "show", "acme", "--json").json
    assert shown[2:] == ["plan team", "credits 70 left", "next grant 2026-07-01 09:00 UTC"]
    assert (refused.code, refused.json["error"]["code"]) == (3, "credits_exhausted")
    assert (left["credits"], left["next_grant_at"]) == (70, "2026-07-01T09:00:00Z")


def test_a_key_uses_credits_once() -> None:
    """The first answer comes again."""
    with standing_at(BOUGHT):
        answers = [lifecycle("credits", "use", "acme", "3", "--key", "job-17", "--json").json for _ in range(2)]
    assert [answer["credits"] for answer in answers] == [97, 97]


@ON_SQLITE
def test_what_is_to_end_gets_no_more_credits() -> None:
    """There is no next grant."""
    with standing_at(BOUGHT):
        lifecycle("cancel", "acme")
        assert lifecycle("credits", "show", "acme", "--json").json["next_grant_at"] is None
