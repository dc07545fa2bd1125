"""Commands as operators give them; each answers with what holds now, and what comes next and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.app.importing import COLUMNS
from lifecycle.store.database import Database
from lifecycle.store.schema import metadata
from tests.integration.cli.world import Ended, lifecycle, live_through_history, standing_at

pytestmark = pytest.mark.sampled

HOUR = "2020-03-20T00:00:00Z"


def facts(ended: Ended) -> dict[str, str]:
    """The names and values of a panel."""
    assert ended.code == 0, ended.err
    rows = (line.strip("│ ").split(maxsplit=1) for line in ended.lines[1:-1])
    return {row[0]: row[1].strip() for row in rows if len(row) == 2}


@pytest.fixture
def customer(history: Path) -> Path:
    """An account in New York that can pay and has nothing yet."""
    assert lifecycle("account", "add", "umbra", "--email", "eve@umbra.test", "--zone", "America/New_York").code == 0
    assert lifecycle("payment-methods", "add", "umbra", "ok").code == 0
    return history


@pytest.mark.usefixtures("customer")
class TestSubscribing:
    """`subscribe` and `activate`."""

    def test_a_trial_is_the_default_where_there_is_one(self) -> None:
        """Basic has 14 days of it: from 19 March, 20:00 in New York, to 2 April at the same hour."""
        told = facts(lifecycle("subscribe", "umbra", "--plan", "basic"))
        assert told["state"] == "trial"
        assert told["period"] == "2020-03-19 20:00 EDT to 2020-04-02 20:00 EDT (the trial)"
        assert told["next"] == "trial_ends on 2020-04-02 20:00 EDT (in 14 d)"

    def test_a_trial_can_be_declined(self) -> None:
        """Then it is a purchase."""
        told = facts(lifecycle("subscribe", "umbra", "--plan", "basic", "--no-trial", "--interval", "year"))
        assert (told["state"], told["plan"], told["price"]) == ("active", "basic, year, 1 seat", "500.00 USD per year")

    def test_a_trial_can_be_insisted_on(self) -> None:
        """Team has none: refused."""
        ended = lifecycle("subscribe", "umbra", "--plan", "team", "--trial")
        assert (ended.code, ended.err.partition(":")[0]) == (3, "refused (not_offered)")

    def test_seats_and_who_and_why(self) -> None:
        """Seven seats, of which three are included: 100.00 and four times 20.00."""
        words = ["--seats", "7", "--by", "eve@umbra.test", "--reason", "we grow"]
        assert facts(lifecycle("subscribe", "umbra", "--plan", "team", *words))["price"] == "180.00 USD per month"
        [step] = lifecycle("log", "umbra", "--json").json
        assert (step["actor"], step["reason"]) == ("eve@umbra.test", "we grow")

    def test_the_operator_is_who_did_it_unless_told(self) -> None:
        """`--by` has a default."""
        lifecycle("subscribe", "umbra", "--plan", "team")
        assert lifecycle("log", "umbra", "--json").json[0]["actor"] == "operator"

    def test_a_key_makes_it_harmless_to_repeat(self) -> None:
        """The first answer comes again, and nothing happens twice."""
        first, again = (
            lifecycle("subscribe", "umbra", "--plan", "team", "--key", "order-7", "--json").json for _ in range(2)
        )
        assert first == again
        assert len(lifecycle("list", "--account", "umbra", "--json").json) == 1

    def test_activate_pays_before_the_trial_ends(self) -> None:
        """The first cycle starts now, which is when the trial has ended."""
        lifecycle("subscribe", "umbra", "--plan", "basic")
        told = facts(lifecycle("activate", "umbra", "--interval", "year"))
        assert told["state"] == "active"
        assert told["period"] == "2020-03-19 20:00 EDT to 2021-03-19 20:00 EDT (cycle 1)"
        assert told["trial"] == "until 2020-03-19 20:00 EDT"

    def test_programs_get_the_subscription(self) -> None:
        """With the account's reference beside its id."""
        held = lifecycle("subscribe", "umbra", "--plan", "basic", "--json").json
        assert (held["account"], held["state"], held["trial_end"]) == ("umbra", "trial", "2020-04-03T00:00:00Z")
        assert held["account_id"].startswith("acct_")


@pytest.mark.usefixtures("history")
class TestChanging:
    """`change`, `withdraw-change`, `add-seats`."""

    def test_at_the_next_cycle_by_default(self) -> None:
        """Merged with what is pending: three seats, and now yearly."""
        told = facts(lifecycle("change", "acme", "--interval", "year"))
        assert told["pending"] == "year, 3 seats from 2020-03-31 10:00 CEST"

    def test_now(self) -> None:
        """The pending change is discarded, and a new period starts."""
        told = facts(lifecycle("change", "acme", "--interval", "year", "--when", "now"))
        assert (told["state"], told["plan"]) == ("active", "team, year, 5 seats")
        assert told["period"] == "2020-03-20 01:00 CET to 2021-03-20 01:00 CET (cycle 3)"
        assert "pending" not in told

    def test_a_date_is_local_to_the_account(self) -> None:
        """25 March is 00:00 in Paris, an hour before midnight by UTC."""
        held = lifecycle("change", "acme", "--plan", "team", "--seats", "9", "--when", "2020-03-25", "--json").json
        assert held["pending"]["due_at"] == "2020-03-24T23:00:00Z"

    def test_a_date_in_the_past_is_refused(self) -> None:
        """3, `date_in_past`."""
        ended = lifecycle("change", "acme", "--seats", "9", "--when", "2020-03-01", "--json")
        assert (ended.code, ended.json["error"]["code"]) == (3, "date_in_past")

    def test_what_is_no_date_is_refused(self) -> None:
        """3, `invalid`, with the forms that a date may have."""
        ended = lifecycle("change", "acme", "--seats", "9", "--when", "soon")
        assert ended.code == 3
        assert ended.err.startswith("refused (invalid): 'soon' is not a date or time: write 2026-06-15")

    def test_withdraw_change(self) -> None:
        """As it was."""
        told = facts(lifecycle("withdraw-change", "acme"))
        assert (told["state"], told.get("pending")) == ("active", None)

    def test_add_seats(self) -> None:
        """Two more than five, now; the pending change stays."""
        told = facts(lifecycle("add-seats", "acme", "2"))
        assert (told["plan"], told["price"]) == ("team, month, 7 seats", "180.00 USD per month")
        assert told["pending"] == "3 seats from 2020-03-31 10:00 CEST"

    def test_an_unexpected_version_is_refused(self) -> None:
        """Acme is at version 10; more seats are six rows: the order, its invoice, and the seats."""
        assert lifecycle("add-seats", "acme", "2", "--version", "9", "--json").json["error"]["code"] == (
            "version_conflict"
        )
        assert lifecycle("add-seats", "acme", "2", "--version", "10", "--json").json["version"] == 16


@pytest.mark.usefixtures("history")
class TestEnding:
    """`cancel` and `withdraw-cancellation`."""

    def test_at_the_end_of_the_period_by_default(self) -> None:
        """A pending change that would come then is held back, and shows it."""
        ended = lifecycle("cancel", "acme", "--reason", "too dear")
        assert ended.lines[1].strip("│ ") == "Ends on 2020-03-31 10:00 CEST."
        told = facts(ended)
        assert told["next"] == "end_date_arrives on 2020-03-31 10:00 CEST (in 11 d 8 h)"
        assert told["pending"] == ("3 seats from 2020-03-31 10:00 CEST; held back, for it would come after the end")

    def test_on_a_date(self) -> None:
        """A second time it moves the date: initech's to the first of May, in New York."""
        held = lifecycle("cancel", "initech", "--when", "2020-05-01", "--json").json
        assert held["ends_at"] == "2020-05-01T04:00:00Z"

    def test_now(self) -> None:
        """Ended, and nothing comes next."""
        ended = lifecycle("cancel", "acme", "--when", "now")
        assert ended.lines[1].strip("│ ") == "Ended on 2020-03-20 01:00 CET."
        assert "next" not in facts(ended)
        assert lifecycle("cancel", "acme").err.startswith("refused (ended): ")

    def test_withdraw_cancellation(self) -> None:
        """As if it had not been asked for."""
        told = facts(lifecycle("withdraw-cancellation", "initech"))
        assert told["next"] == "cycle_starts on 2021-03-11 08:00 EST (in 356 d 13 h)"


class TestAccounts:
    """`account add`, `import`."""

    @pytest.mark.usefixtures("history")
    def test_an_account_is_added_with_all_there_is_to_say(self) -> None:
        """Every option lands where it belongs."""
        words = ["--name", "Umbra AG", "--zone", "Europe/Zurich", "--currency", "CHF", "--payment-method"]
        words += ["--address", "Am See 1", "--tax-id", "CHE-1"]
        assert lifecycle("account", "add", "umbra", "--email", "eve@umbra.test", *words).lines == [
            "account         umbra",
            f"id              {lifecycle('account', 'show', 'umbra', '--json').json['id']}",
            "name            Umbra AG",
            "e-mail          eve@umbra.test",
            "zone            Europe/Zurich",
            "currency        CHF",
            "payment method  present",
            "address         Am See 1",
            "tax id          CHE-1",
        ]

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["acme", "--email", "ann@acme.test"], "reference_taken"),
            (["umbra", "--email", "nobody"], "invalid"),
            (["umbra", "--email", "eve@umbra.test", "--zone", "Mars/Olympus"], "invalid"),
            (["umbra", "--email", "eve@umbra.test", "--currency", "XXX"], "invalid"),
        ],
    )
    @pytest.mark.usefixtures("history")
    def test_an_account_that_can_not_be_is_refused(self, words: list[str], code: str) -> None:
        """3, with the code."""
        ended = lifecycle("account", "add", *words, "--json")
        assert (ended.code, ended.json["error"]["code"]) == (3, code)

    @pytest.mark.usefixtures("history")
    def test_an_account_comes_with_a_card_of_the_sandbox(self) -> None:
        """The good one by a flag, another by its script; both are one too many."""
        words = ["account", "add", "umbra", "--email", "eve@umbra.test"]
        assert lifecycle(*words, "--payment-method", "--payment-token", "declines").code == 2
        added = lifecycle(*words, "--payment-token", "declines", "--json").json
        [card] = lifecycle("payment-methods", "list", "umbra", "--json").json
        assert (card["id"], card["last4"]) == (added["payment_method"], "0002")
        assert lifecycle(*words[:2], "void", *words[3:], "--json").json["payment_method"] is None
        assert lifecycle(*words[:2], "nox", *words[3:], "--payment-token", "nonsense").code == 3

    def test_customers_come_from_a_file_and_a_second_time_change_nothing(self, history: Path) -> None:
        """The template's header, a row, and the counts."""
        template = lifecycle("import", "--template")
        assert template.out == ",".join(COLUMNS) + "\n"
        row = "umbra,eve@umbra.test,Umbra AG,Europe/Zurich,,yes,team,month,4,\n"
        (history / "customers.csv").write_text(template.out + row)

        first, again = lifecycle("import", "customers.csv"), lifecycle("import", "customers.csv", "--json")

        assert first.out == "New: 1 accounts, 1 subscriptions. There before: 0 subscriptions.\n"
        assert again.json == {"accounts": 0, "subscriptions": 0, "already_there": 1}
        assert lifecycle("show", "umbra", "--json").json["seats"] == 4

    def test_a_wrong_file_is_told_line_by_line_and_nothing_is_imported(self, history: Path) -> None:
        """1; a program gets the lines one by one."""
        (history / "customers.csv").write_text(
            "account,email,plan,interval\numbra,eve@umbra.test,team,month\nvoid,nobody,team,month\n"
        )
        people, programs = lifecycle("import", "customers.csv"), lifecycle("import", "customers.csv", "--json")
        assert (people.code, programs.code) == (1, 1)
        assert people.err.splitlines()[0] == "failed (import_failed): Nothing was imported."
        assert people.err.splitlines()[1].startswith("customers.csv:3: ")
        assert [problem["line"] for problem in programs.json["error"]["problems"]] == [3]
        assert lifecycle("account", "show", "umbra").code == 4


@pytest.mark.usefixtures("empty")
def test_a_short_story_on_either_database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made with `db upgrade`, lived through, continued by commands, and whole in the end."""
    monkeypatch.setenv("LIFECYCLE_DATABASE__URL", database_url)
    without_schema = Database(database_url)
    with without_schema.writing() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE lifecycle_schema")
    without_schema.dispose()
    assert lifecycle("db", "check").code == 1
    assert lifecycle("db", "upgrade").out == "The schema is at revision 0007; this release needs 0007.\n"
    assert lifecycle("db", "check", "--json").json == {"revision": "0007", "needed": "0007"}
    live_through_history(database_url)

    with standing_at(HOUR):
        assert facts(lifecycle("cancel", "acme", "--when", "2020-03-25"))["state"] == "pending_cancellation"
        assert [one["event"] for one in lifecycle("due", "--json").json] == ["end_date_arrives", "end_date_arrives"]
        assert lifecycle("log", "acme").lines[-1] == (
            "2020-03-20 01:00 CET  acme     cancel           pending_change → pending_cancellation  operator"
        )
        assert lifecycle("verify").code == 0
    assert lifecycle("subscribe", "nobody", "--plan", "team").code == 4
