"""`lifecycle forecast`: for people and for programs; on the morning of 20 March 2020, with the history (G3, X90)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.cli.world import lifecycle, standing_at

pytestmark = pytest.mark.usefixtures("history")


def test_what_would_happen_to_a_subscription() -> None:
    """Acme pays 100.00 for team on 31 March and 30 April, for it then has no more seats than three; in Paris's time."""
    ended = lifecycle("forecast", "acme", "--until", "2020-05-01")
    assert (ended.code, ended.err) == (0, "")
    assert ended.lines == [
        "time                   of            event         from → to                    amount",
        "─" * 86,
        "2020-03-31 10:00 CEST  subscription  cycle_starts  pending_change → active",
        "2020-03-31 10:00 CEST  invoice       opened        open                     100.00 USD",
        "2020-03-31 10:00 CEST  invoice       charged       open → paid              100.00 USD",
        "2020-04-30 10:00 CEST  subscription  cycle_starts  active",
        "2020-04-30 10:00 CEST  invoice       opened        open                     100.00 USD",
        "2020-04-30 10:00 CEST  invoice       charged       open → paid              100.00 USD",
        "",
        "Up to 2020-05-01 00:00 CEST:",
        "  200.00 USD invoiced: 200.00 USD paid",
        "",
        "Taken for granted:",
        "  Every charge succeeds; without a payment method it is declined, as in life.",
        "  A charge that has no answer yet never got to the gateway.",
        "  Nobody does anything, and the configuration stays as it is.",
    ]


def test_as_if_every_charge_were_declined() -> None:
    """The renewal of 31 March is tried on 3, 8 and 15 April, and then acme has ended (E5)."""
    told = lifecycle("forecast", "acme", "--until", "+1 month", "--declines", "--json").json
    assert [step["at"][5:10] for step in told["steps"] if step["event"] == "declined"] == [
        "03-31",
        "04-03",
        "04-08",
        "04-15",
    ]
    assert [one["owed"] for one in told["totals"]] == [10000]
    assert "Every charge is declined." in told["assumptions"]


def test_all_for_people_and_for_programs() -> None:
    """Whose each step is stands beside it; initech ends in June by its own clock, and globex has ended."""
    people, programs = (lifecycle("forecast", "--all", "--until", "2020-06-16", *words) for words in ([], ["--json"]))
    assert people.lines[2].split()[:4] == ["2020-03-31", "10:00", "CEST", "acme"]
    assert "Up to 2020-06-16 00:00 UTC:" in people.lines
    told = programs.json
    assert set(told) == {"start", "end", "steps", "invoices", "totals", "still", "assumptions"}
    assert {step["account"] for step in told["steps"]} == {"acme", "initech"}
    assert [(one["account"], one["number"], one["total"]) for one in told["invoices"]] == [("acme", None, 10000)] * 3
    last = told["steps"][-1]
    assert (last["account"], last["at"], last["event"], last["target"], last["amount"]) == (
        "initech",
        "2020-06-15T04:00:00Z",
        "end_date_arrives",
        "ended",
        None,
    )


def test_what_is_late_and_what_is_held() -> None:
    """On 1 April at nine by UTC acme's cycle is a day and an hour late; initech is on hold."""
    lifecycle("hold", "initech", "--reason", "they dispute it")
    with standing_at("2020-04-01T09:00:00Z"):
        assert lifecycle("forecast", "acme", "--until", "+1d").lines[2].split()[3:6] == ["1", "d", "1"]
        told = lifecycle("forecast", "--account", "initech", "--until", "+1 year").lines
    assert told[0] == "Nothing would happen."
    assert told[2:4] == ["Up to 2021-04-01 09:00 UTC:", "  nothing is invoiced"]
    assert told[4].endswith(" is held")
    assert "What is held or quarantined stays so, and nothing fires on it" in told[-1]


def test_nothing_is_changed(history: Path) -> None:
    """The files are the same to the last byte."""
    files = [history / "lifecycle.db", history / "lifecycle.db.sandbox"]
    before = [file.read_bytes() for file in files]
    assert lifecycle("forecast", "--all", "--until", "+2 months").code == 0
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nobody", "--until", "+1d"], 4, "There is no subscription 'nobody'"),
        (["--account", "nobody", "--until", "+1d"], 4, "There is no account 'nobody'"),
        (["acme", "--until", "2020-03-01"], 3, "2020-03-01 has passed"),
        (["acme", "--until", "+3 moons"], 3, "'+3 moons' is no length"),
        (["acme"], 2, "--until"),
        (["--until", "+1d"], 2, "Name one of SUB, --account and --all."),
        (["acme", "--all", "--until", "+1d"], 2, "Name one of SUB, --account and --all."),
    ],
)
def test_what_is_no_forecast(words: list[str], code: int, said: str) -> None:
    """Exit codes 4, 3 and 2, with a sentence."""
    ended = lifecycle("forecast", *words)
    assert (ended.code, ended.out) == (code, "")
    assert said in ended.err
