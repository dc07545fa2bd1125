"""The API as a host uses it, on both databases: stories in dates."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from lifecycle import Lifecycle, NotFound, Refused
from lifecycle.app.csv_files import ImportFailed
from lifecycle.app.views import as_json
from lifecycle.errors import SchemaError
from lifecycle.store import schema
from tests.integration.world import PROJECT, travelling

pytestmark = pytest.mark.sampled

ADMIN = "ann@acme.test"


def utc(text: str) -> datetime:
    """An instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def lifecycle(database_url: str) -> Iterator[Lifecycle]:
    """An engine that stands at the first of January 2026, 09:00 UTC, with one account in Paris that can pay."""
    with travelling(database_url, "2026-01-01T09:00+00:00") as (lifecycle, _clock):
        lifecycle.accounts.create("acme", email=ADMIN, zone="Europe/Paris", payment_method=True)
        yield lifecycle


def test_a_year_of_a_monthly_plan(lifecycle: Lifecycle) -> None:
    """Bought on 1 January, a monthly plan has started its thirteenth cycle on 1 January of the next year (G4)."""
    bought = lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ADMIN)

    fired = lifecycle.advance_to(utc("2027-01-01T09:00"))

    now = lifecycle.subscriptions.get(bought.id)
    assert [step.event for step in fired] == ["cycle_starts", "opened", "charged"] * 12
    assert (now.state, now.cycle, now.version) == ("active", 13, 6 + 12 * 4)
    assert (now.period_start, now.period_end) == (utc("2027-01-01T09:00"), utc("2027-02-01T09:00"))


def test_wall_time_is_kept_over_summer_time(lifecycle: Lifecycle) -> None:
    """10:00 in Paris is 09:00 UTC in March and 08:00 UTC in April."""
    lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ADMIN)

    fired = lifecycle.advance_to(utc("2026-04-30T00:00"))

    assert [step.at for step in fired if step.event == "cycle_starts"] == [
        utc("2026-02-01T09:00"),
        utc("2026-03-01T09:00"),
        utc("2026-04-01T08:00"),
    ]


def test_history_tells_who_and_why_and_the_log_tells_no_names(lifecycle: Lifecycle) -> None:
    """The history shows the administrator and her words; the log's rows hold ids only (A2)."""
    bought = lifecycle.subscriptions.create("acme", plan="basic", interval="month", by=ADMIN)
    lifecycle.subscriptions.cancel(bought.id, by=ADMIN, reason="Too dear for Ann")

    steps = lifecycle.subscriptions.history(bought.id)

    assert [(step.event, step.source, step.target) for step in steps] == [
        ("subscribed", None, "trial"),
        ("cancel", "trial", "pending_cancellation"),
    ]
    assert [(step.actor, step.reason) for step in steps] == [(ADMIN, None), (ADMIN, "Too dear for Ann")]
    with lifecycle.database.reading() as connection:
        rows = str(connection.execute(select(schema.log)).all())
    assert "Ann" not in rows
    assert "@" not in rows


def test_a_refused_command_leaves_no_trace_of_who_sent_it(lifecycle: Lifecycle) -> None:
    """Bob, never seen before, is refused in both ways, and his name is not kept; once accepted, it is (B2, A2)."""
    bought = lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ADMIN)
    with pytest.raises(Refused):
        lifecycle.subscriptions.withdraw_change(bought.id, by="bob")
    with pytest.raises(Refused):
        lifecycle.subscriptions.create("acme", plan="team", interval="month", by="bob")
    assert _actors(lifecycle) == [ADMIN]

    lifecycle.subscriptions.cancel(bought.id, by="bob")

    assert _actors(lifecycle) == [ADMIN, "bob"]


def _actors(lifecycle: Lifecycle) -> list[str]:
    with lifecycle.database.reading() as connection:
        return list(connection.scalars(select(schema.actors.c.name).order_by(schema.actors.c.name)))


def test_a_date_is_local_to_the_account(lifecycle: Lifecycle) -> None:
    """'15 January' means 00:00 in Paris, which is 23:00 UTC on the fourteenth (C2)."""
    bought = lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ADMIN)

    as_text = lifecycle.subscriptions.cancel(bought.id, when="2026-01-15", by=ADMIN)
    assert as_text.ends_at == utc("2026-01-14T23:00")
    with pytest.raises(Refused, match="Nothing would change") as refused:
        lifecycle.subscriptions.cancel(bought.id, when=date(2026, 1, 15), by=ADMIN)
    assert refused.value.code == "no_change"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interval": "fortnight"}, "is not an interval"),
        ({"seats": 0}, "seats must be a whole number"),
        ({"seats": True}, "seats must be a whole number"),
        ({"when": "soon"}, "'soon'"),
        ({"when": datetime(2026, 2, 1)}, "no time zone"),  # noqa: DTZ001  # naive on purpose
    ],
)
def test_arguments_that_cannot_be_meant_are_invalid(
    lifecycle: Lifecycle, arguments: dict[str, object], message: str
) -> None:
    """A wrong argument is refused `invalid`, with a sentence about it."""
    bought = lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ADMIN)
    with pytest.raises(Refused, match=message) as refused:
        lifecycle.subscriptions.change(bought.id, by=ADMIN, **arguments)  # type: ignore[arg-type]  # wrong on purpose
    assert refused.value.code == "invalid"


def test_one_live_subscription_per_family(lifecycle: Lifecycle) -> None:
    """A second plan of the family is refused; after the first has ended it is not (A1, A5)."""
    first = lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ADMIN)
    with pytest.raises(Refused) as refused:
        lifecycle.subscriptions.create("acme", plan="basic", interval="month", trial=False, by=ADMIN)
    assert refused.value.code == "already_subscribed"
    lifecycle.subscriptions.cancel(first.id, when="now", by=ADMIN)

    second = lifecycle.subscriptions.create("acme", plan="basic", interval="month", trial=False, by=ADMIN)

    assert second.state == "active"
    assert [s.state for s in lifecycle.subscriptions.list(account="acme")] == ["ended", "active"]


def test_an_end_that_is_overdue_does_not_stand_in_the_way(database_url: str) -> None:
    """While the daemon was down the subscription's end has come; a new one can be taken at once all the same (B4)."""
    with travelling(database_url, "2026-01-01T09:00+00:00") as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ADMIN, payment_method=True)
        first = lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ADMIN)
        lifecycle.subscriptions.cancel(first.id, by=ADMIN)
        clock.move_to(utc("2026-02-03T00:00"))

        lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ADMIN)

        assert lifecycle.subscriptions.get(first.id).ends_at == utc("2026-02-01T09:00")
        assert [step.event for step in lifecycle.subscriptions.history(first.id)][-1] == "end_date_arrives"


def test_a_trial_is_had_once(lifecycle: Lifecycle) -> None:
    """The second time the plan is bought at once; who insists on a trial is refused `trial_used` (D8, I25)."""
    first = lifecycle.subscriptions.create("acme", plan="basic", interval="month", by=ADMIN)
    lifecycle.subscriptions.cancel(first.id, when="now", by=ADMIN)
    with pytest.raises(Refused) as refused:
        lifecycle.subscriptions.create("acme", plan="basic", interval="month", trial=True, by=ADMIN)
    assert refused.value.code == "trial_used"

    second = lifecycle.subscriptions.create("acme", plan="basic", interval="month", by=ADMIN)

    assert (first.state, second.state) == ("trial", "active")


def test_the_same_key_subscribes_once(lifecycle: Lifecycle) -> None:
    """Two threads begin a trial at the same moment with one key: one subscription, and both get its id (B10)."""
    answers: list[str] = []
    barrier = threading.Barrier(2)

    def subscribe() -> None:
        barrier.wait()
        answers.append(lifecycle.subscriptions.create("acme", plan="basic", interval="month", by=ADMIN, key="k").id)

    threads = [threading.Thread(target=subscribe) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == 2
    assert len(set(answers)) == 1
    assert len(lifecycle.subscriptions.list()) == 1


def test_what_is_not_there_is_not_found(lifecycle: Lifecycle) -> None:
    """Unknown accounts and subscriptions are NotFound, with what was looked for."""
    with pytest.raises(NotFound, match="'nobody'"):
        lifecycle.subscriptions.create("nobody", plan="team", interval="month", by=ADMIN)
    with pytest.raises(NotFound, match="'sub_1'"):
        lifecycle.subscriptions.cancel("sub_1", by=ADMIN)


def test_a_reference_is_taken_once(lifecycle: Lifecycle) -> None:
    """A second account under the same reference is refused, and nothing is written (X5)."""
    with pytest.raises(Refused) as refused:
        lifecycle.accounts.create("acme", email="other@acme.test")
    assert refused.value.code == "reference_taken"
    assert [account.email for account in lifecycle.accounts.list()] == [ADMIN]


def test_without_a_payment_method_the_trial_ends(lifecycle: Lifecycle) -> None:
    """It is removed during the trial: on its last instant the subscription ends (B)."""
    bought = lifecycle.subscriptions.create("acme", plan="basic", interval="month", by=ADMIN)
    [card] = lifecycle.payment_methods.list("acme")
    lifecycle.payment_methods.remove("acme", card.id)

    lifecycle.advance_to(utc("2026-01-15T09:00"))

    ended = lifecycle.subscriptions.get(bought.id)
    assert (ended.state, ended.ends_at, ended.trial_end) == ("ended", utc("2026-01-15T09:00"), utc("2026-01-15T09:00"))


def test_a_view_as_json(lifecycle: Lifecycle) -> None:
    """Instants are ISO 8601 in UTC, amounts minor units."""
    bought = as_json(lifecycle.subscriptions.create("acme", plan="team", interval="month", by=ADMIN))
    assert bought["period_end"] == "2026-02-01T09:00:00Z"
    assert bought["price"] == 10000
    assert bought["next"] == {"event": "cycle_starts", "due_at": "2026-02-01T09:00:00Z"}


def test_a_database_without_schema_is_refused(tmp_path: Path) -> None:
    """The first use says which command to run, and changes nothing."""
    lifecycle = Lifecycle.from_config(
        PROJECT / "config.yaml", environ={"LIFECYCLE_DATABASE__URL": f"sqlite:///{tmp_path}/empty.db"}
    )
    with pytest.raises(SchemaError, match="lifecycle db upgrade") as error:
        lifecycle.accounts.list()
    assert error.value.code == "schema_missing"
    lifecycle.close()


def _customers(folder: Path, text: str) -> Path:
    path = folder / "customers.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_customers_are_imported_once(lifecycle: Lifecycle, tmp_path: Path) -> None:
    """A file with a byte order mark, semicolons and a blank line; the second time nothing is new (X12)."""
    path = _customers(
        tmp_path,
        "\ufeffaccount;email;plan;interval;payment_method;trial\n"
        "globex;g@globex.test;team;month;yes;\n"
        "\n"
        "initech;i@initech.test;basic;year;no;yes\n",
    )

    first = lifecycle.import_customers(path, by="operator")
    again = lifecycle.import_customers(path, by="operator")

    assert (first.accounts, first.subscriptions, first.already_there) == (2, 2, 0)
    assert (again.accounts, again.subscriptions, again.already_there) == (0, 0, 2)
    assert [s.state for s in lifecycle.subscriptions.list()] == ["active", "trial"]


def test_an_import_is_all_or_nothing(lifecycle: Lifecycle, tmp_path: Path) -> None:
    """The last line has no payment method to pay with: nothing of the file is kept, and the line is named."""
    path = _customers(
        tmp_path,
        "account,email,plan,interval,payment_method\n"
        "globex,g@globex.test,team,month,yes\n"
        "initech,i@initech.test,team,month,no\n",
    )
    with pytest.raises(ImportFailed) as failed:
        lifecycle.import_customers(path, by="operator")
    assert [(error.line, error.code) for error in failed.value.errors] == [(3, "payment_method_missing")]
    assert [account.reference for account in lifecycle.accounts.list()] == ["acme"]
    assert lifecycle.log() == []


def test_every_wrong_line_of_an_import_is_told(lifecycle: Lifecycle, tmp_path: Path) -> None:
    """Lines 2, 3 and 4 are wrong, each in its own way; all three are named at once."""
    path = _customers(
        tmp_path,
        "account,email,plan,interval,seats\n"
        "globex,not an address,team,month,\n"
        "initech,i@initech.test,team,now and then,\n"
        "hooli,h@hooli.test,,month,two\n",
    )
    with pytest.raises(ImportFailed) as failed:
        lifecycle.import_customers(path, by="operator")
    assert [error.line for error in failed.value.errors] == [2, 3, 4]


def test_an_instance_of_any_machine_can_be_looked_at(database_url: str) -> None:
    """State, facts, version and what comes next; inside a transaction as it will be."""
    with travelling(database_url, "2026-01-31T09:00+00:00") as (lifecycle, _):
        lifecycle.accounts.create("acme", email="ann@acme.test", payment_method=True)
        bought = lifecycle.subscriptions.create("acme", plan="basic", trial=False, by="ann@acme.test")
        seen = lifecycle.instance(bought.id)
        assert (seen.state, seen.version, seen.facts["plan"], seen.next_event) == ("active", 6, "basic", "cycle_starts")
        with pytest.raises(NotFound):
            lifecycle.instance("sub_nobody")
