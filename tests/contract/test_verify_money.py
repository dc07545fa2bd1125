"""`verify` judges money: what is in order accuses nobody, and each thing that is not is found, on both databases."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select
from structlog.testing import capture_logs

from lifecycle.cli import main
from lifecycle.engine.clock import VirtualClock
from lifecycle.gateways.protocol import Charge
from lifecycle.gateways.sandbox import Entry
from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.verify import Finding, ledger_of, verify
from lifecycle_jobs.verify import verify_history
from tests.contract import verify_money_damage, verify_order_damage, verify_people_damage
from tests.contract.verify_money_breaker import Breaker
from tests.contract.verify_money_world import Shop, busy
from tests.postgres import Databases
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled(4)

NOW = utc("2026-09-01 09:00")
DAMAGE = verify_money_damage.DAMAGE | verify_order_damage.DAMAGE | verify_people_damage.DAMAGE


@dataclass
class Told:
    """What the busy shop leaves: its accounts' ids by reference, and what the gateway says that it has moved."""

    names: dict[str, str]
    moved: list[Entry]


@pytest.fixture(scope="module")
def told() -> Told:
    """The same in both databases."""
    return Told({}, [])


def leave(shop: Shop, told: Told) -> None:
    """Close the shop, and keep what is told of it."""
    told.names.update({account.reference: account.id for account in shop.lifecycle.accounts.list()})
    told.moved[:] = shop.moved()
    shop.close()


@pytest.fixture(scope="module")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, told: Told) -> Path:
    """The busy shop on SQLite, made once."""
    folder = tmp_path_factory.mktemp("busy")
    leave(busy(f"sqlite:///{folder / 'lifecycle.db'}", folder), told)
    return folder / "lifecycle.db"


@pytest.fixture(scope="module")
def postgres_template(databases: Databases, told: Told, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The busy shop on PostgreSQL, made once."""
    with databases.create() as url:
        leave(busy(url.render_as_string(hide_password=False), tmp_path_factory.mktemp("busy")), told)
        assert url.database is not None
        yield url.database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The busy shop's database as it was left."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def breaker(database_url: str, told: Told) -> Iterator[Breaker]:
    """Somebody who changes it past the engine."""
    breaker = Breaker(database_url, told.names)
    yield breaker
    breaker.leave()


def test_a_busy_shop_is_in_order(database: Database, told: Told) -> None:
    """Purchases, upgrades, downgrades, renewals, declines and recoveries, exhaustion, refunds, credit notes, balances,
    lost replies, no replies, a host's transaction, quotes: nothing is found, and all of it was there."""
    assert verify(database, now=NOW, charges=told.moved).findings == ()
    with database.reading() as connection:
        table = schema.instances
        states = Counter(f"{row.machine} {row.state}" for row in connection.execute(select(table)))
    assert set(states) >= {
        *("invoice draft", "invoice open", "invoice paid", "invoice void", "invoice uncollectible"),
        *("order quoted", "order confirmed", "order completed", "order declined", "order expired", "order unknown"),
        *("credit_note issued", "refund refunded", "adjustment made", "subscription ended"),
        *("member invited", "member enabled", "member disabled", "member removed"),
        *("invitation open", "invitation used_up", "invitation revoked", "invitation expired"),
    }


def test_what_was_moved_out_accuses_nobody(database: Database, breaker: Breaker, told: Told) -> None:
    """Postings, invoices, orders and attempts of rows that are in a file stay, and are not missed in the log: whatever
    the day from which the rows are kept, in the middle of an order too."""
    for day in ("2026-06-01 09:01", "2026-06-15 09:00", "2026-07-03", "2026-08-20 09:00", "2026-09-01 09:00"):
        breaker.move_out(utc(day))
        assert verify(database, now=NOW, charges=told.moved).findings == (), day


@pytest.mark.parametrize(("damage", "codes"), DAMAGE.items(), ids=[damage.__name__ for damage in DAMAGE])
def test_damage_is_found_for_what_it_is(
    database: Database, breaker: Breaker, damage: Callable[[Breaker], str], codes: set[str]
) -> None:
    """Each kind of damage has its code, and nothing but what was damaged is accused; a unit stands for its ledger."""
    victim = damage(breaker)
    findings = verify(database, now=NOW).findings
    assert {finding.code for finding in findings} == codes, findings
    assert {finding.root_id for finding in findings if finding.code != "ledger_sum"} == {victim}
    assert {finding.level for finding in findings} == {"error"}


# The gateway's own ledger


def found(database: Database, moved: Sequence[Entry]) -> list[tuple[str, str]]:
    """The codes and levels of what is found with this ledger of the gateway's."""
    return [(finding.code, finding.level) for finding in verify(database, charges=moved).findings]


def test_a_charge_that_the_gateway_does_not_know(database: Database, told: Told) -> None:
    """We say that it has succeeded; the gateway says that it declined it, or nothing."""
    first, *others = told.moved
    assert (first.kind, first.status) == ("charge", "succeeded")
    assert found(database, others) == [("charge_missing", "error")]
    assert found(database, [replace(first, status="declined"), *others]) == [("charge_missing", "error")]


def test_a_charge_of_another_amount(database: Database, told: Told) -> None:
    """The gateway took a cent more, or another currency."""
    first, *others = told.moved
    for other in (replace(first, amount=first.amount + 1), replace(first, currency="EUR")):
        assert found(database, [other, *others]) == [("charge_content", "error")]


def test_a_charge_that_came_twice(database: Database, told: Told) -> None:
    """A key was sent again after the gateway had forgotten it."""
    assert found(database, [*told.moved, told.moved[0]]) == [("charge_repeated", "error")]


def test_a_charge_that_nobody_heard_of(database: Database, breaker: Breaker, told: Told) -> None:
    """It is a warning while a message still asks for it, and an error where the invoice waits no longer, where no
    message will ask any more, or where there is no such invoice."""
    asked, void = breaker.one("waits", "invoice", "open"), breaker.one("refused", "invoice")
    number = breaker.read(schema.instances, {"id": asked})["facts"]["attempt"]
    unheard = replace(told.moved[0], key=f"{asked}:{number}")
    assert found(database, [*told.moved, unheard]) == [("charge_unheard", "warning")]
    for key in (f"{void}:1", f"{asked}:{number + 1}", "inv_x:1", "x"):
        assert found(database, [*told.moved, replace(unheard, key=key)]) == [("charge_unheard", "error")]
    breaker.run(f"UPDATE lifecycle_outbox SET wake_at = NULL, status = 'dead' WHERE instance_id = '{asked}'")  # noqa: S608
    assert found(database, [*told.moved, unheard]) == [("charge_unheard", "error")]


def test_a_success_is_looked_for_once_more(database: Database, breaker: Breaker, told: Told) -> None:
    """What is taken down between the reading of our attempts and that of the gateway's ledger accuses nobody."""
    key = told.moved[0].key
    made = breaker.read(schema.attempts, {"key": key})
    breaker.remove(schema.attempts, key=key)

    class Late:
        """A gateway that we hear from as it gives its ledger."""

        def ledger(self) -> Iterator[Entry]:
            breaker.add(schema.attempts, **made)
            yield from told.moved

    findings = verify(database, charges=ledger_of(Late())).findings
    assert [finding.code for finding in findings] == ["paid_unproved"]


def test_the_nightly_job_compares_the_gateway(database: Database, told: Told) -> None:
    """What the gateway took and nobody knows of breaks history."""

    @dataclass(frozen=True)
    class Host:
        """As much of a `Lifecycle` as the job asks for."""

        database: Database
        clock: VirtualClock
        gateway: object

    class Gateway:
        """One that has taken more than it was asked for."""

        def ledger(self) -> list[Entry]:
            return [*told.moved, replace(told.moved[0], key="inv_x:1")]

    with capture_logs() as logged:
        verify_history(Host(database, VirtualClock(NOW), Gateway()))
    assert [(line["event"], line["code"]) for line in logged] == [("history_broken", "charge_unheard")]


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """The command line sets up logging for its process, which here is that of all tests."""
    root, settings = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.configure(**settings)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("logging_as_it_was")
def test_the_command_line_compares_the_sandbox(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One charge more in the sandbox than we know of: the exit code is 1. By the real clock the shop's is overdue."""
    shop = Shop(f"sqlite:///{tmp_path / 'lifecycle.db'}", tmp_path)
    shop.buy("buyer", "kept")
    words = ["--config", str(tmp_path / "config.yaml"), "verify", "--json"]
    assert main(words) == 0
    (attempt,) = shop.lifecycle.invoices.attempts(shop.of("buyer", "invoice")[0])
    charge = Charge("inv_x:1", 500, "USD", shop.lifecycle.gateway.customer(attempt.account_id), "", "inv_x", "")
    card = shop.lifecycle.payment_methods.list("buyer")[0].token
    shop.lifecycle.gateway.charge(replace(charge, method=card, account=attempt.account_id))
    shop.close()
    capsys.readouterr()
    assert main(words) == 1
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert [finding["code"] for finding in findings if finding["level"] == "error"] == ["charge_unheard"]


def test_a_gateway_without_a_ledger_is_not_compared() -> None:
    """Not all give one."""
    assert ledger_of(object()) is None


def test_a_finding_of_money_says_where_it_is(database: Database, breaker: Breaker) -> None:
    """The root, the invoice and the row's number lead to the place."""
    row = breaker.row_of(breaker.one("lost_reply", "subscription"), "cycle_starts")
    breaker.remove(schema.ledger, root_id=row["root_id"], seq=row["seq"])
    (finding,) = verify(database).findings
    assert [effect["effect"] for effect in row["effects"]] == ["bill", "post"]
    told = "Its effect 1 is not in the ledger."
    assert finding == Finding("posting_missing", row["root_id"], row["instance_id"], row["seq"], told)
