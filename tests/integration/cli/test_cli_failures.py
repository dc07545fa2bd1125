"""How commands fail: the exit code, one or two lines for people, one object for programs; never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from tests.integration.cli.world import lifecycle

pytestmark = pytest.mark.usefixtures("history")


def test_a_refusal_says_its_code_why_and_what_to_do_instead() -> None:
    """3: initech is to end, so its plan can't change."""
    ended = lifecycle("change", "initech", "--plan", "team")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err == (
        "refused (cancellation_pending): The subscription is to end; nothing else can change until then. "
        "Withdraw the cancellation first.\n"
    )


def test_a_program_gets_a_refusal_as_an_object() -> None:
    """The same exit code, and nothing on stderr."""
    ended = lifecycle("change", "initech", "--plan", "team", "--json")
    assert (ended.code, ended.err) == (3, "")
    assert ended.json == {
        "error": {
            "code": "cancellation_pending",
            "message": "The subscription is to end; nothing else can change until then.",
            "instead": "Withdraw the cancellation first.",
        }
    }


def test_a_refusal_changes_nothing() -> None:
    """The log is as long as before."""
    before = lifecycle("log", "--json").json
    lifecycle("change", "initech", "--plan", "team", "--by", "somebody", "--reason", "why not")
    assert lifecycle("log", "--json").json == before


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["show", "nobody"], "subscription 'nobody'"),
        (["cancel", "nobody"], "subscription 'nobody'"),
        (["subscribe", "nobody", "--plan", "basic"], "account 'nobody'"),
        (["list", "--account", "nobody"], "account 'nobody'"),
        (["log", "--account", "nobody"], "account 'nobody'"),
        (["log", "nobody"], "subscription 'nobody'"),
        (["due", "nobody"], "subscription 'nobody'"),
        (["account", "show", "nobody"], "account 'nobody'"),
        (["payment-methods", "add", "nobody", "ok"], "account 'nobody'"),
        (["payment-methods", "list", "nobody"], "account 'nobody'"),
        (["payment-methods", "default", "acme", "9999"], "payment method '9999'"),
        (["payment-methods", "start", "nobody"], "account 'nobody'"),
        (["balance", "show", "nobody"], "account 'nobody'"),
        (["balance", "credit", "nobody", "5", "--reason", "x"], "account 'nobody'"),
        (["credits", "show", "nobody"], "subscription 'nobody'"),
        (["credits", "use", "nobody", "1"], "subscription 'nobody'"),
        (["quote", "change", "nobody", "--seats", "2"], "subscription 'nobody'"),
        (["quote", "subscribe", "nobody", "--plan", "team"], "account 'nobody'"),
        (["quote", "show", "ord_none"], "quote 'ord_none'"),
        (["confirm", "ord_none"], "quote 'ord_none'"),
        (["invoices", "list", "nobody"], "account 'nobody'"),
        (["invoices", "show", "INV-000099"], "invoice 'INV-000099'"),
        (["pay", "INV-000099"], "invoice 'INV-000099'"),
        (["billing", "nobody"], "account 'nobody'"),
        (["machine", "nobody"], "machine 'nobody'"),
        (["machine", "--sub", "nobody"], "subscription 'nobody'"),
    ],
)
def test_what_is_not_there_is_not_found(words: list[str], what: str) -> None:
    """4, and which thing it is that is missing."""
    ended = lifecycle(*words)
    assert (ended.code, ended.out, ended.err) == (4, "", f"not found: There is no {what}.\n")


def test_an_account_without_a_subscription_names_none() -> None:
    """An account is there, but nothing that its name could mean."""
    lifecycle("account", "add", "new", "--email", "new@new.test")
    assert lifecycle("show", "new").code == 4


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show"], "Missing argument 'SUB'. See: lifecycle show --help"),
        (["shw"], "No such command 'shw'. Did you mean 'show'? See: lifecycle --help"),
        (["db"], "Missing command. See: lifecycle db --help"),
        (
            ["log", "--last", "0"],
            "Invalid value for '--last': Input should be greater than or equal to 1. See: lifecycle log --help",
        ),
        (["machine", "--format", "png"], None),
        (["import"], "Invalid value: Name a file, or ask for the --template. See: lifecycle import --help"),
        (["account", "payment-method", "acme"], None),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(words: list[str], message: str | None) -> None:
    """2, and where to read how it is meant."""
    ended = lifecycle(*words)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("usage: ")
    assert message is None or ended.err == f"usage: {message}\n"


def test_a_program_gets_a_wrong_command_line_as_an_object() -> None:
    """The code is `usage`."""
    ended = lifecycle("show", "--json")
    assert (ended.code, ended.err) == (2, "")
    assert ended.json["error"]["code"] == "usage"


def test_an_unknown_state_is_a_usage_error_that_names_the_states() -> None:
    """A mistyped state is not an empty list."""
    ended = lifecycle("list", "--state", "activ")
    assert ended.code == 2
    assert "'activ' is no state; there are trial, active, pending_change, pending_cancellation, ended." in ended.err


def test_a_stale_schema_says_the_same(history: Path) -> None:
    """Whatever the command."""
    engine = create_engine(f"sqlite:///{history}/lifecycle.db")
    with engine.begin() as connection:
        connection.execute(text("UPDATE lifecycle_schema SET version_num = '0000'"))
    engine.dispose()
    ended = lifecycle("log", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (1, "schema_stale")
    assert lifecycle("db", "current", "--json").json == {"revision": "0000", "needed": "0007"}
