"""`lifecycle quote …` and `confirm`: what would be done and cost, then just that, on either database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lifecycle.cli.app import QUOTE
from tests.integration.cli.world import ON_SQLITE, Ended, a_daemon_works, lifecycle, standing_at, with_schema

pytestmark = pytest.mark.sampled

BOUGHT = "2026-06-01T09:00:00Z"
CHANGED = "2026-06-15T09:00:00Z"
"""11:00 in Paris."""
MONTHS = [*(f"2026-{month:02}" for month in range(7, 13)), *(f"2027-{month:02}" for month in range(1, 7))]
RENEWED = [f"{month}-15" for month in MONTHS]


@pytest.fixture(autouse=True)
def shop(empty: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plan for 200.00 a month beside basic (50.00) and team (100.00); acme, in Paris, can pay."""
    monkeypatch.setenv("LIFECYCLE_DATABASE__URL", database_url)
    config = empty / "config.yaml"
    grand = '    grand: {name: Grand, rank: 30, prices: {month: "200.00"}}\n'
    config.write_text(config.read_text().replace("    team:\n", f"{grand}    team:\n"))
    with standing_at(BOUGHT):
        with_schema()
        words = ["--email", "ann@acme.test", "--zone", "Europe/Paris", "--payment-method"]
        assert lifecycle("account", "add", "acme", *words).code == 0
    return empty


def bought(plan: str, *words: str) -> None:
    """Acme buys a plan on 1 June."""
    with standing_at(BOUGHT):
        ended = lifecycle("subscribe", "acme", "--plan", plan, "--no-trial", *words)
        assert ended.code == 0, ended.err


def told(ended: Ended) -> list[str]:
    """The lines of a panel, with single blanks."""
    assert ended.code == 0, ended.err
    return [" ".join(line.strip("│╭╮╰╯ ").split()) for line in ended.lines]


def invoices() -> list[tuple[str, str, int]]:
    """Of acme: the day on which each was issued, its status and total."""
    return [(one["issued_at"][:10], one["status"], one["total"]) for one in lifecycle("billing", "acme", "--json").json]


def a_daemon_works_for_a_year() -> None:
    """On each 1st, when nothing is due any more, and on each 15th."""
    for month in MONTHS:
        for day in ("01", "15"):
            a_daemon_works(f"{month}-{day}T12:00:00Z")


# The two stories of rule D5


def test_from_fifty_to_a_hundred_in_the_middle_of_june() -> None:
    """Bought on the 1st, changed on the 15th of 30 days: 15/30 of 50.00 are unused, and 75.00 due; then 100.00 on each
    15th, and nothing on the 1st (D5)."""
    bought("basic")
    with standing_at(CHANGED):
        quote = lifecycle("quote", "change", "acme", "--plan", "team", "--when", "now", "--json").json
        shown = told(lifecycle("quote", "show", quote["id"]))
        assert lifecycle("show", "acme", "--json").json["plan"] == "basic"
        assert told(lifecycle("confirm", quote["id"], "--by", "ann@acme.test"))[0].strip("─ ") == "acme: team"

    assert shown[3:6] == [
        "Team 15 Jun 2026 – 14 Jul 2026 1 × 100.00 100.00",
        "Basic, unused time 15 Jun 2026 – 30 Jun 2026 1 × 50.00 -25.00",
        "50.00 × 15/30 days unused = 25.00",
    ]
    assert {"due now 75.00 USD", "unused 25.00 USD", "next invoice 100.00 USD on 2026-07-15 11:00 CEST"} <= set(shown)
    assert (quote["unused"], quote["due_now"], quote["forfeited"], quote["next_invoice"]) == (
        2500,
        7500,
        0,
        {"date": "2026-07-15T09:00:00Z", "total": 10000},
    )
    a_daemon_works_for_a_year()
    assert invoices() == [
        ("2026-06-01", "paid", 5000),
        ("2026-06-15", "paid", 7500),
        *((day, "paid", 10000) for day in RENEWED),
    ]
    assert lifecycle("verify").code == 0


def test_from_two_hundred_to_fifty_in_the_middle_of_june() -> None:
    """100.00 of 200.00 are unused, the new month costs 50.00: a nil invoice, 50.00 forfeited, no refund; then 50.00 on
    each 15th (D5)."""
    bought("grand")
    with standing_at(CHANGED):
        shown = told(lifecycle("quote", "change", "acme", "--plan", "basic", "--when", "now"))
        [confirmation] = [line for line in shown if line.startswith("confirm with")]
        assert confirmation.split()[2:4] == ["lifecycle", "confirm"]
        lifecycle("confirm", confirmation.split()[-1])
        paper = told(lifecycle("invoices", "show", "INV-000002"))

    assert {
        "Basic 15 Jun 2026 – 14 Jul 2026 1 × 50.00 50.00",
        "Grand, unused time 15 Jun 2026 – 30 Jun 2026 1 × 200.00 -100.00",
        "Unused time, forfeited 15 Jun 2026 – 14 Jul 2026 50.00",
        "due now 0.00 USD",
        "forfeited 50.00 USD",
        "50.00 USD of unused time is forfeited. Waiting until 2026-07-01 would lose nothing.",
    } <= set(shown)
    assert {"status paid", "total 0.00 USD", "paid 0.00 USD"} <= set(paper)
    a_daemon_works_for_a_year()
    assert invoices() == [
        ("2026-06-01", "paid", 20000),
        ("2026-06-15", "paid", 0),
        *((day, "paid", 5000) for day in RENEWED),
    ]
    assert lifecycle("balance", "show", "acme", "--json").json["amount"] == 0
    assert lifecycle("verify").code == 0


# Every command


GROUPED = {"buy-tokens": (["tokens"], "buy")}
"""Commands that stand in a group of their own."""


@ON_SQLITE
@pytest.mark.parametrize("name", [name for name, _, _ in QUOTE if name != "show"])
def test_a_quote_takes_what_its_command_takes(name: str) -> None:
    """All but an idempotency key, for it is harmless when repeated."""
    quoted, command = (
        re.findall(r"^  (--[a-z-]+|[a-z]+(?=  ))", lifecycle(*words, name, "--help").out.partition("\n\n")[2], re.M)
        for words, name in ((["quote"], name), GROUPED.get(name, ([], name)))
    )
    assert quoted == [option for option in command if option != "--key"]
    assert "--by" in quoted


@ON_SQLITE
def test_what_costs_nothing_is_quoted_too() -> None:
    """A change to come, which shows the whole of it; and an end, after which no invoice comes."""
    bought("team")
    with standing_at(CHANGED):
        later = told(lifecycle("quote", "change", "acme", "--plan", "grand"))
        ended = told(lifecycle("quote", "cancel", "acme"))
    assert later[1] == "due now 0.00 USD"
    assert {
        "command schedule_change",
        "plan grand, month, 1 seat",
        "effective 2026-07-01 11:00 CEST (in 16 d)",
        "next invoice 200.00 USD on 2026-07-01 11:00 CEST",
    } <= set(later)
    assert {"command cancel", "effective 2026-07-01 11:00 CEST (in 16 d)", "next invoice none"} <= set(ended)


def test_a_first_purchase_is_quoted_before_it_is_there() -> None:
    """It begins with its confirmation; until then there is nothing to show."""
    with standing_at(BOUGHT):
        quote = lifecycle("quote", "subscribe", "acme", "--plan", "team", "--seats", "5", "--json").json
        assert [(line["kind"], line["amount"]) for line in quote["lines"]] == [("plan", 10000), ("seats", 4000)]
        assert (quote["account"], quote["due_now"], lifecycle("show", "acme").code) == ("acme", 14000, 4)
        held = lifecycle("confirm", quote["id"], "--json").json
    assert (held["id"], held["state"], held["seats"], held["order"]) == (quote["subscription"], "active", 5, None)


@ON_SQLITE
def test_who_activates_is_told_what_is_given_up() -> None:
    """Four days after it began, 10 of the trial's 14 are left."""
    with standing_at(BOUGHT):
        lifecycle("subscribe", "acme", "--plan", "basic")
    with standing_at("2026-06-05T09:00:00Z"):
        shown = told(lifecycle("quote", "activate", "acme"))
    assert "trial 10 days are given up" in shown
    assert "10 days of the trial are given up. It ends by itself on 2026-06-15." in shown


@ON_SQLITE
def test_credits_that_are_lost_are_told() -> None:
    """Team's 100 credits are gone with a plan that has none."""
    bought("team")
    with standing_at(CHANGED):
        shown = told(lifecycle("quote", "change", "acme", "--plan", "grand", "--when", "now"))
    assert {"credits 100 lost", "100 credits are lost."} <= set(shown)


@ON_SQLITE
def test_more_seats_and_withdrawals_are_quoted() -> None:
    """Two seats for half of June: 2 × 20.00 × 15/30 days; what is pending can be quoted away."""
    bought("team")
    with standing_at(CHANGED):
        assert lifecycle("quote", "add-seats", "acme", "2", "--json").json["due_now"] == 2000
        assert lifecycle("quote", "withdraw-change", "acme", "--json").json["error"]["code"] == "no_pending_change"
        lifecycle("change", "acme", "--plan", "grand")
        assert lifecycle("quote", "withdraw-change", "acme", "--json").json["plan"] == "team"
        lifecycle("cancel", "acme")
        assert lifecycle("quote", "withdraw-cancellation", "acme", "--json").json["command"] == "withdraw_cancellation"


# Confirming


def a_quote(*words: str) -> str:
    """The id of a quote for acme of a change to team, now."""
    quoted: str = lifecycle("quote", "change", "acme", "--plan", "team", "--when", "now", *words, "--json").json["id"]
    return quoted


def test_a_second_confirmation_answers_the_same() -> None:
    """And charges nothing more."""
    bought("basic")
    with standing_at(CHANGED):
        quote = a_quote()
        first, again = (lifecycle("confirm", quote, "--json").json for _ in range(2))
        assert first == again
        assert [total for _, _, total in invoices()] == [5000, 7500]
        assert "state completed" in told(lifecycle("quote", "show", quote))


@pytest.mark.parametrize(
    ("between", "now", "code"),
    [
        ([], "2026-06-15T10:00:00Z", "quote_expired"),
        (["change", "acme", "--seats", "1", "--plan", "grand"], CHANGED, "quote_stale"),
        (["cancel", "acme"], CHANGED, "cancellation_pending"),
    ],
)
def test_a_quote_that_stands_no_more_is_refused(between: list[str], now: str, code: str) -> None:
    """After an hour, or after something else has happened; the state is told first (I24). Nothing is charged."""
    bought("basic")
    with standing_at(CHANGED):
        quote = a_quote()
        if between:
            assert lifecycle(*between).code == 0
    with standing_at(now):
        refused = lifecycle("confirm", quote, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (3, code)
    assert [total for _, _, total in invoices()] == [5000]


def test_a_key_is_for_one_confirmation() -> None:
    """The same one answers the same; another quote with it is a conflict (B10)."""
    bought("basic")
    with standing_at(CHANGED):
        one, other = a_quote(), a_quote("--seats", "5")
        first = lifecycle("confirm", one, "--key", "k1", "--json").json
        assert lifecycle("confirm", one, "--key", "k1", "--json").json == first
        refused = lifecycle("confirm", other, "--key", "k1", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (3, "idempotency_conflict")


@ON_SQLITE
def test_what_is_to_be_typed_names_the_configuration_that_was_named(shop: Path) -> None:
    """Where the command line named one; a name with a blank is quoted."""
    bought("basic")
    (shop / "config.yaml").rename(shop / "my shop.yaml")
    with standing_at(CHANGED):
        shown = lifecycle("--config", "my shop.yaml", "quote", "add-seats", "acme", "1")
        assert shown.err.startswith("refused (not_offered)")
        shown = lifecycle("--config", "my shop.yaml", "quote", "cancel", "acme")
    assert re.search(r"confirm with  lifecycle --config 'my shop.yaml' confirm ord_\w+ ", shown.out)


# Charges


def test_a_declined_card_is_a_refusal_and_leaves_all_as_it_was() -> None:
    """3, with the gateway's reason; the order's draft is void, and burns no number (I1)."""
    with standing_at(BOUGHT):
        lifecycle("payment-methods", "add", "acme", "declines")
        refused = lifecycle("subscribe", "acme", "--plan", "team")
        assert refused.code == 3
        assert refused.err == (
            "refused (payment_declined): The payment was declined: card_declined. Use another payment method.\n"
        )
        assert (lifecycle("list", "--json").json, invoices()) == ([], [])
        [draft] = lifecycle("invoices", "list", "acme", "--drafts", "--json").json
        [attempt] = lifecycle("invoices", "show", draft["id"], "--json").json["attempts"]
    assert (draft["number"], draft["status"], attempt["status"], attempt["reason"]) == (
        None,
        "void",
        "declined",
        "card_declined",
    )


def test_a_purchase_without_an_answer_says_that_it_is_being_charged() -> None:
    """There is no subscription yet, and the order says how it stands (I1, B9)."""
    with standing_at(BOUGHT):
        lifecycle("payment-methods", "add", "acme", "times_out")
        shown = told(lifecycle("subscribe", "acme", "--plan", "team"))
        again = lifecycle("subscribe", "acme", "--plan", "team", "--json")
    assert shown[1] == "Being charged: 100.00 USD, without an answer yet; the subscription begins once it is paid."
    order = shown[2].removeprefix("See what becomes of it: lifecycle quote show ")
    assert "state new" in shown
    assert (again.code, again.json["error"]["code"]) == (3, "order_in_progress")
    with standing_at(BOUGHT):
        assert "state confirmed" in told(lifecycle("quote", "show", order))


def test_a_change_without_an_answer_says_that_all_stays_as_it_is() -> None:
    """In the answer, to programs, and whoever looks afterwards."""
    bought("basic")
    with standing_at(CHANGED):
        lifecycle("payment-methods", "add", "acme", "times_out")
        held = lifecycle("change", "acme", "--plan", "team", "--when", "now", "--json").json
        shown = told(lifecycle("show", "acme"))
    assert (held["plan"], held["order"]["state"], held["order"]["due"]) == ("basic", "confirmed", 7500)
    assert shown[1] == "Being charged: 75.00 USD, without an answer yet; until it is paid all stays as it is."
    assert shown[2] == f"See what becomes of it: lifecycle quote show {held['order']['id']}"
