"""`lifecycle invoices …`, `billing`, `pay` and `payment-methods …`: what was billed, what is owed, and the papers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.world import (
    ON_SQLITE,
    Ended,
    a_daemon_works,
    environment,
    lifecycle,
    standing_at,
    with_schema,
)

pytestmark = pytest.mark.sampled

HOSTILE = "\x1b[2J<b>{{x}}\u202e"
"""A name that plays with terminals, pages, templates and the direction of writing."""
BOUGHT = "2026-06-01T09:00:00Z"
RENEWED = "2026-07-01T09:00:00Z"


@pytest.fixture(autouse=True)
def shop(empty: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """1 June 2026: acme, in UTC, buys team with a card that is good for one charge only."""
    monkeypatch.setenv("LIFECYCLE_DATABASE__URL", database_url)
    with standing_at(BOUGHT):
        with_schema()
        card = ("--payment-token", "declines_after:1")
        assert lifecycle("account", "add", "acme", "--email", "ann@acme.test", *card).code == 0
        assert lifecycle("subscribe", "acme", "--plan", "team").code == 0
    return empty


def told(ended: Ended) -> list[str]:
    """The lines of a table or a panel, with single blanks."""
    assert ended.code == 0, ended.err
    return [" ".join(line.strip("│╭╮╰╯ ").split()) for line in ended.lines]


# What was billed


def test_invoices_are_listed_with_what_became_of_them() -> None:
    """The renewal's charge was declined; it is tried again in three days."""
    a_daemon_works(RENEWED)
    with standing_at(RENEWED):
        rows = told(lifecycle("invoices", "list"))
        assert told(lifecycle("invoices", "list", "acme"))[0] == "number date status total due for next try"
    assert rows[0] == "number date account status total due for next try"
    assert rows[2:] == [
        "INV-000001 2026-06-01 acme paid 100.00 USD 100.00 USD purchase, team",
        "INV-000002 2026-07-01 acme open, declined 1×: card_declined 100.00 USD 100.00 USD renewal, team 2026-07-04",
    ]


@ON_SQLITE
def test_an_invoice_is_shown_with_its_lines_and_attempts() -> None:
    """By its number or its id; for programs with minor units and UTC."""
    shown = told(lifecycle("invoices", "show", "INV-000001"))
    assert shown[0].strip("─ ") == "acme: invoice INV-000001"
    assert {
        "status paid",
        "for purchase, team, 1 Jun 2026 – 30 Jun 2026",
        "issued 2026-06-01 09:00 UTC",
        "Team 1 Jun 2026 – 30 Jun 2026 1 × 100.00 100.00",
        "paid 100.00 USD",
    } <= set(shown)
    assert "2026-06-01 09:00 UTC 100.00 USD •••• 0341 succeeded" in shown
    assert shown[-2].startswith("pay_")
    one = lifecycle("invoices", "show", "INV-000001", "--json").json
    assert one == lifecycle("invoices", "show", one["id"], "--json").json
    assert {name: one[name] for name in ("account", "number", "kind", "total", "credit", "due", "issued_at")} == {
        "account": "acme",
        "number": "INV-000001",
        "kind": "invoice",
        "total": 10000,
        "credit": 0,
        "due": 10000,
        "issued_at": BOUGHT,
    }
    [attempt] = one["attempts"]
    assert (attempt["status"], attempt["amount"], attempt["key"]) == ("succeeded", 10000, f"{one['id']}:1")


def test_billing_says_what_is_owed_and_what_is_there(shop: Path) -> None:
    """Ended on 16 June with the unused half on the balance: a credit note, 50.00 of 100.00."""
    config = shop / "config.yaml"
    config.write_text(config.read_text().replace("refund: none", "refund: balance"))
    with standing_at("2026-06-15T09:00:00Z"):
        assert lifecycle("cancel", "acme", "--when", "now").code == 0
        rows = told(lifecycle("billing", "acme"))
        note = told(lifecycle("invoices", "show", "CN-000001"))
        kinds = [one["kind"] for one in lifecycle("billing", "acme", "--json").json]
    assert rows[0] == "number date status total balance due for"
    assert rows[-1] == "Owed: 0.00 USD. On the balance: 50.00 USD."
    assert kinds == ["invoice", "credit_note"]
    assert note[0].strip("─ ") == "acme: credit note CN-000001"
    assert "to the balance 50.00 USD" in note


# Owing and paying


@ON_SQLITE
@pytest.mark.parametrize(
    ("now", "access"),
    [
        ("2026-07-01T12:00:00Z", "yes, but only until 2026-07-15 09:00 UTC (in 13 d 21 h), unless it is paid"),
        ("2026-07-15T08:59:00Z", "yes, but only until 2026-07-15 09:00 UTC (in 1 min), unless it is paid"),
        ("2026-07-15T09:00:00Z", "no: past due, and the grace ended on 2026-07-15 09:00 UTC"),
    ],
)
def test_show_says_what_is_owed_and_whether_there_is_access(now: str, access: str) -> None:
    """Fourteen days of grace from the first failure, on 1 July 09:00 UTC (E6, I22)."""
    a_daemon_works(RENEWED)
    with standing_at(now):
        shown = told(lifecycle("show", "acme"))
        standing = lifecycle("show", "acme", "--json").json["standing"]
    assert f"access {access}" in shown
    assert any(line.startswith("standing past due since 2026-07-01 09:00 UTC (") for line in shown)
    assert ("owed INV-000002 100.00 USD open, declined 1×: card_declined; next try 2026-07-04 09:00 UTC") in shown
    assert standing == {
        "standing": "past_due",
        "past_due_since": RENEWED,
        "access": access.startswith("yes"),
        "access_until": "2026-07-15T09:00:00Z",
        "denied": None if access.startswith("yes") else "past_due",
    }


@ON_SQLITE
def test_a_grace_is_counted_in_days_of_the_account_s_zone() -> None:
    """From 24 March 10:00 in Paris fourteen days lead to 7 April 10:00, an hour sooner by UTC (I5)."""
    with standing_at("2026-02-24T09:00:00Z"):
        words = ("--email", "eve@umbra.test", "--zone", "Europe/Paris", "--payment-token", "declines_after:1")
        lifecycle("account", "add", "umbra", *words)
        lifecycle("subscribe", "umbra", "--plan", "team")
    a_daemon_works("2026-03-24T09:00:00Z")
    with standing_at("2026-03-24T09:00:00Z"):
        standing = lifecycle("show", "umbra", "--json").json["standing"]
    assert (standing["past_due_since"], standing["access_until"]) == ("2026-03-24T09:00:00Z", "2026-04-07T08:00:00Z")


@ON_SQLITE
def test_what_has_ended_gives_no_access() -> None:
    """Nothing is owed for it."""
    with standing_at(BOUGHT):
        lifecycle("cancel", "acme", "--when", "now")
        assert {"standing good", "access no: it has ended"} <= set(told(lifecycle("show", "acme")))


def test_paying_by_hand_is_refused_or_paid() -> None:
    """The old card declines again; a new one that is made the default pays at once; then it is paid."""
    a_daemon_works(RENEWED)
    with standing_at("2026-07-02T09:00:00Z"):
        assert lifecycle("add-seats", "acme", "1", "--json").json["error"]["code"] == "past_due"
        declined = lifecycle("pay", "INV-000002", "--reason", "by phone", "--by", "olga")
        assert (declined.code, declined.err.partition(":")[0]) == (3, "refused (payment_declined)")
        assert lifecycle("payment-methods", "add", "acme", "ok", "--no-default").code == 0
        assert lifecycle("show", "acme", "--json").json["standing"]["standing"] == "past_due"
        assert lifecycle("payment-methods", "default", "acme", "4242").code == 0
        paid = lifecycle("invoices", "show", "INV-000002", "--json").json
        again = lifecycle("pay", "INV-000002")
    assert (paid["status"], [one["status"] for one in paid["attempts"]]) == (
        "paid",
        ["declined", "declined", "succeeded"],
    )
    assert (again.code, again.err) == (3, "refused (already_paid): The invoice is paid.\n")
    assert lifecycle("verify").code == 0


def test_paying_by_hand_shows_the_invoice() -> None:
    """Once the money is there: a card that is added without being the default, made it by removing the other."""
    a_daemon_works(RENEWED)
    with standing_at("2026-07-02T09:00:00Z"):
        lifecycle("payment-methods", "add", "acme", "declines_first:1", "--no-default")
        lifecycle("payment-methods", "remove", "acme", "0341")
        shown = told(lifecycle("pay", "INV-000002"))
    assert {"status paid", "paid 2026-07-02 09:00 UTC"} <= set(shown)


def test_a_new_card_pays_what_an_ended_subscription_owes() -> None:
    """Exhausted after the third retry, on 16 July; the debt stays, and is paid in August (E5, I28)."""
    for day in ("01", "04", "09", "16"):
        a_daemon_works(f"2026-07-{day}T09:00:00Z")
    with standing_at("2026-08-01T09:00:00Z"):
        before = told(lifecycle("show", "acme"))
        lifecycle("payment-methods", "add", "acme", "ok")
        after = told(lifecycle("billing", "acme"))
    assert "owed INV-000002 100.00 USD uncollectible, declined 4×: card_declined" in before
    assert after[-1] == "Owed: 0.00 USD. On the balance: 0.00 USD."


# Payment methods


def test_payment_methods_are_listed_in_order_with_the_default_one_marked() -> None:
    """A card of the sandbox is named by what it does; an expired one is of the past."""
    with standing_at("2026-06-02T09:00:00Z"):
        lifecycle("payment-methods", "add", "acme", "expired", "--no-default")
        rows = told(lifecycle("payment-methods", "list", "acme"))
        cards = lifecycle("payment-methods", "list", "acme", "--json").json
    assert rows[0] == "payment method expires default added id"
    assert [row.rpartition(" ")[0] for row in rows[2:]] == [
        "Sandbox •••• 0341 2028-06 yes 2026-06-01",
        "Sandbox •••• 0069 2025-06 2026-06-02",
    ]
    assert [(card["last4"], card["is_default"], card["removed_at"]) for card in cards] == [
        ("0341", True, None),
        ("0069", False, None),
    ]


@ON_SQLITE
def test_what_the_gateway_does_not_know_is_refused() -> None:
    """3, `invalid`."""
    refused = lifecycle("payment-methods", "add", "acme", "4242424242424242", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (3, "invalid")


def test_the_card_that_is_needed_stays() -> None:
    """The next cycle is to be paid with it; once it is to end, the card may go."""
    with standing_at(BOUGHT):
        refused = lifecycle("payment-methods", "remove", "acme", "0341", "--json")
        assert (refused.code, refused.json["error"]["code"]) == (3, "payment_method_needed")
        lifecycle("cancel", "acme")
        gone = told(lifecycle("payment-methods", "remove", "acme", "0341"))
        assert {"default no", "removed 2026-06-01 09:00 UTC"} <= set(gone)
        assert lifecycle("account", "show", "acme", "--json").json["payment_method"] is None


@ON_SQLITE
def test_a_card_that_a_person_enters_begins_with_a_secret() -> None:
    """For the host's page."""
    begun = lifecycle("payment-methods", "start", "acme", "--json").json
    assert sorted(begun) == ["client_secret", "id"]
    assert [line.split()[0] for line in lifecycle("payment-methods", "start", "acme").lines] == ["id", "client"]


# Papers


@ON_SQLITE
def test_the_paper_is_written_to_files(shop: Path) -> None:
    """HTML and PDF, and said on stderr; nothing else is shown, unless a program asks."""
    ended = lifecycle("invoices", "show", "INV-000001", "--html", "a.html", "--pdf", "a.pdf")
    assert (ended.code, ended.out, ended.err) == (0, "", "Written to a.html.\nWritten to a.pdf.\n")
    assert "INV-000001" in (shop / "a.html").read_text("utf-8")
    assert (shop / "a.pdf").read_bytes().startswith(b"%PDF-")
    assert lifecycle("invoices", "show", "INV-000001", "--html", "b.html", "--json").json["number"] == "INV-000001"


@ON_SQLITE
@pytest.mark.parametrize(("option", "start"), [("--html", b"<!doctype html>"), ("--pdf", b"%PDF-")])
def test_the_paper_is_written_to_stdout(shop: Path, database_url: str, option: str, start: bytes) -> None:
    """As it is, for a pipe."""
    program = "import sys; from lifecycle.cli import main; sys.exit(main())"
    words = ["invoices", "show", "INV-000001", option, "-"]
    environ = environment() | {"LIFECYCLE_DATABASE__URL": database_url}
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=shop, env=environ, capture_output=True, check=True
    )
    assert done.stdout[: len(start)].lower() == start.lower()
    assert done.stderr == b""


@ON_SQLITE
def test_two_things_do_not_fit_on_stdout() -> None:
    """Usage."""
    assert lifecycle("invoices", "show", "INV-000001", "--html", "-", "--pdf", "-").code == 2
    assert lifecycle("invoices", "show", "INV-000001", "--html", "-", "--json").code == 2


@ON_SQLITE
def test_a_missing_extra_says_how_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """1, with the exact line."""
    monkeypatch.setitem(sys.modules, "typst", None)
    failed = lifecycle("invoices", "show", "INV-000001", "--pdf", "a.pdf")
    assert failed.code == 1
    assert failed.err == (
        "failed (extra_missing): PDF invoices need their library: pip install 'lifecycle-engine[pdf]'\n"
    )


@ON_SQLITE
def test_a_file_that_can_not_be_written_is_told() -> None:
    """1, with what the system says."""
    failed = lifecycle("invoices", "show", "INV-000001", "--html", "nowhere/a.html")
    assert (failed.code, failed.err) == (
        1,
        "failed (file_failed): nowhere/a.html can't be written: No such file or directory.\n",
    )


@ON_SQLITE
def test_a_hostile_name_harms_neither_terminal_nor_page(shop: Path) -> None:
    """Control characters are made visible, marks of direction too; on the page tags are text."""
    with standing_at(BOUGHT):
        words = ("--email", "eve@umbra.test", "--name", HOSTILE, "--payment-method")
        assert lifecycle("account", "add", HOSTILE, *words).code == 0
        assert lifecycle("subscribe", HOSTILE, "--plan", "team").code == 0
        for command in (
            ["quote", "add-seats", HOSTILE, "2"],
            ["invoices", "list"],
            ["invoices", "show", "INV-000002"],
            ["billing", HOSTILE],
            ["balance", "show", HOSTILE],
            ["credits", "show", HOSTILE],
            ["account", "show", HOSTILE],
            ["show", HOSTILE],
        ):
            ended = lifecycle(*command)
            assert ended.code == 0, ended.err
            assert not {"\x1b", "\u202e"} & set(ended.out)
        lifecycle("invoices", "show", "INV-000002", "--html", "a.html")
    page = (shop / "a.html").read_text("utf-8")
    assert "<b>{{x}}" not in page
    assert "&lt;b&gt;{{x}}" in page
