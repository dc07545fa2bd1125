"""Accounts edited, closed and deleted: afterwards nobody's name is left, in rows or in bytes, and history is whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from lifecycle import Lifecycle, VirtualClock
from lifecycle.app.people import person
from lifecycle.errors import LifecycleError, NotFound
from lifecycle.store import database as database_module
from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.verify import verify
from tests.integration.world import travelling

ANN, BOB = "ann.private@acme.test", "bob.hidden@acme.test"
PERSONAL = (
    *("private", "hidden", "Robertson", "Boss-of-all", "Private Street", "DE-4711", "Acme Holding"),
    *("very-private-code", "because-of-mrs-smith", "acme-ref"),
)
"""Everything that was ever said of anybody."""


@dataclass(frozen=True, slots=True)
class Shop:
    """An account that has lived, and has nothing going on."""

    lifecycle: Lifecycle
    clock: VirtualClock
    account: str

    def refusal(self, call: str, *arguments: object, **given: object) -> str:
        """Why something can't be done to an account."""
        with pytest.raises(LifecycleError) as refused:
            getattr(self.lifecycle.accounts, call)(*arguments, **given)
        return refused.value.code


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """Bought, with people, a code, an import that nobody has confirmed, addresses that have changed, and an end."""
    with travelling(database_url, "2026-06-01T00:00:00+00:00") as (lifecycle, clock):
        address = {"address": "1 Private Street", "tax_id": "DE-4711", "name": "Acme Holding"}
        account = lifecycle.accounts.create("acme-ref", email="old.private@acme.test", payment_method=True, **address)
        lifecycle.accounts.edit("acme-ref", email=ANN, by="old.private@acme.test", reason="because-of-mrs-smith")
        sub = lifecycle.subscriptions.create(
            "acme-ref", plan="team", trial=False, by=ANN, reason="because-of-mrs-smith"
        ).id
        members = lifecycle.members
        members.add_all(
            "acme-ref",
            [person("first.hidden@acme.test", last_name="Robertson")],
            subscription=sub,
            by=ANN,
            key="hidden-key",
        )
        members.edit("acme-ref", "first.hidden@acme.test", email=BOB, position="Boss-of-all", role="admin", by=ANN)
        members.redeem(members.resend_password_email("acme-ref", BOB, by=ANN).token)
        members.edit("acme-ref", BOB, first_name="Bob", by=BOB)
        members.resend_password_email("acme-ref", BOB, by=ANN)
        crowd = [f"p{n}.hidden@acme.test" for n in range(5)]
        members.preview("acme-ref", crowd, grow=True, subscription=sub, by=ANN)
        lifecycle.invitations.open(sub, code="very-private-code", by=ANN)
        lifecycle.invitations.join("very-private-code", "joined.hidden@acme.test")
        lifecycle.subscriptions.cancel(sub, when="now", by=BOB, reason="because-of-mrs-smith")
        lifecycle.accounts.close("acme-ref", by=ANN, reason="because-of-mrs-smith")
        yield Shop(lifecycle, clock, account.id)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom a reader keeps waiting gives up soon."""
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.1)


def rows(lifecycle: Lifecycle) -> str:
    """All that the tables of a database hold."""
    with lifecycle.database.reading() as connection:
        return "".join(str(connection.execute(select(table)).all()) for table in schema.metadata.sorted_tables)


def test_nothing_personal_is_left(shop: Shop) -> None:
    """In no row of no table, and history is whole (rule A2)."""
    before = rows(shop.lifecycle)
    assert [word for word in PERSONAL if word not in before] == []
    gone = shop.lifecycle.accounts.delete("acme-ref", by="operator")
    after = rows(shop.lifecycle)
    assert [word for word in PERSONAL if word in after] == []
    assert gone.account == shop.account
    assert gone.customers
    assert verify(shop.lifecycle.database, now=shop.clock.now()).findings == ()
    kept = shop.lifecycle.accounts.get(shop.account)
    assert (kept.closed, kept.reference, kept.email) == (True, shop.account, "")
    assert [one.total for one in shop.lifecycle.invoices.list(account=shop.account)] == [10000]
    with pytest.raises(NotFound):
        shop.lifecycle.accounts.get("acme-ref")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_personal_is_left_in_the_bytes(shop: Shop, tmp_path: Path) -> None:
    """Neither in SQLite's file nor in its WAL, free pages and cells included (rule A2)."""
    assert shop.lifecycle.accounts.delete("acme-ref", by="operator").left == ()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    found = {(file.name, word) for file in files for word in PERSONAL if word.encode() in file.read_bytes()}
    assert found == set()
    assert {file.name for file in files} >= {"lifecycle.db"}


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_reader_keeps_the_wal_and_that_is_told(shop: Shop) -> None:
    """Whoever reads what was before holds it; once they are gone, deleting again finishes it (rule A2)."""
    reader = Database(shop.lifecycle.database.url.render_as_string(hide_password=False))
    with closing(reader.engine.raw_connection()) as connection:
        connection.cursor().execute("BEGIN").execute("SELECT count(*) FROM lifecycle_roots").fetchone()
        [left] = shop.lifecycle.accounts.delete("acme-ref", by="operator").left
        assert "repeat lifecycle account delete" in left
    reader.dispose()
    again = shop.lifecycle.accounts.delete(shop.account, by="operator")
    assert (again.left, again.customers) == ((), ())


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_daemon_empties_the_wal_that_somebody_left(shop: Shop, tmp_path: Path) -> None:
    """Whoever erased an account could not do it, and is gone: the next daemon does, before anything else (rule A2)."""
    reader = Database(shop.lifecycle.database.url.render_as_string(hide_password=False))
    with closing(reader.engine.raw_connection()) as connection:
        connection.cursor().execute("BEGIN").execute("SELECT count(*) FROM lifecycle_roots").fetchone()
        assert shop.lifecycle.accounts.delete("acme-ref", by="operator").left
    reader.dispose()
    there = [file for file in tmp_path.iterdir() if any(word.encode() in file.read_bytes() for word in PERSONAL)]
    assert there
    with shop.lifecycle.start():
        pass
    assert not any(word.encode() in file.read_bytes() for file in there for word in PERSONAL)


def test_messages_in_files_go_too(shop: Shop) -> None:
    """The file mailbox's, by the ids of the account's messages; those of others stay (rule A2)."""
    with shop.lifecycle.database.reading() as connection:
        [sent, *_] = connection.scalars(select(schema.outbox.c.id)).all()
    folder = shop.lifecycle.config.path.parent / shop.lifecycle.config.mail.path
    there = folder.exists()
    folder.mkdir(exist_ok=True)
    mine, other = [folder / f"{sent}.{form}" for form in ("json", "eml")], folder / "out_other.eml"
    try:
        for one in mine:
            one.write_text(ANN)
        other.write_text("another's")
        shop.lifecycle.accounts.delete("acme-ref", by="operator")
        assert [one.exists() for one in (*mine, other)] == [False, False, True]
    finally:
        other.unlink()
        if not there:
            shutil.rmtree(folder)


def test_who_acts_for_two_accounts_keeps_their_name_for_the_other(shop: Shop) -> None:
    """Until that one is deleted as well (rule A2)."""
    shop.lifecycle.accounts.create("globex", email=ANN)
    shop.lifecycle.members.add("globex", "hank@globex.test", by=ANN)
    shop.lifecycle.accounts.delete("acme-ref", by="operator")
    assert shop.lifecycle.log(account="globex")[0].actor == ANN
    shop.lifecycle.accounts.close("globex", by=ANN)
    shop.lifecycle.accounts.delete("globex", by="operator")
    assert "private" not in rows(shop.lifecycle)


def test_an_account_has_the_address_of_its_administrator(database_url: str) -> None:
    """Changed on either side, and another one's when she is gone (rule A1)."""
    with travelling(database_url, "2026-06-01T00:00:00+00:00") as (lifecycle, _):
        accounts, members = lifecycle.accounts, lifecycle.members
        accounts.create("acme", email="ann@acme.test")
        assert accounts.edit("acme", email="anna@acme.test", by="ann@acme.test").email == "anna@acme.test"
        assert [one.email for one in members.list("acme")] == ["anna@acme.test"]
        members.edit("acme", "anna@acme.test", email="a@acme.test", by="anna@acme.test")
        assert accounts.get("acme").email == "a@acme.test"
        bea = members.add("acme", "bea@acme.test", role="admin", by="a@acme.test")
        members.enable("acme", bea.id, by="a@acme.test")
        members.remove("acme", "a@acme.test", by=bea.id)
        assert accounts.get("acme").email == "bea@acme.test"
        members.add("acme", "cy@acme.test", by=bea.id)
        with pytest.raises(LifecycleError) as refused:
            accounts.edit("acme", email="cy@acme.test", by=bea.id)
        assert refused.value.code == "member_exists"


def test_details_are_edited(database_url: str) -> None:
    """What would change nothing, is too long, or is another's reference is refused (rule A1)."""
    with travelling(database_url, "2026-06-01T00:00:00+00:00") as (lifecycle, clock):
        shop = Shop(lifecycle, clock, lifecycle.accounts.create("acme", email="ann@acme.test").id)
        lifecycle.accounts.create("globex", email="hank@globex.test")
        edited = lifecycle.accounts.edit(
            "acme", name="Acme", address="1 Main Street", tax_id="X", reference="a", by="operator"
        )
        assert (edited.name, edited.address, edited.tax_id, edited.reference) == ("Acme", "1 Main Street", "X", "a")
        assert shop.refusal("edit", "a", name="Acme", by="operator") == "no_change"
        assert shop.refusal("edit", "a", by="operator") == "no_change"
        assert shop.refusal("edit", "a", name="x" * 201, by="operator") == "invalid"
        assert shop.refusal("edit", "a", reference=" ", by="operator") == "invalid"
        assert shop.refusal("edit", "a", reference="globex", by="operator") == "reference_taken"
        assert shop.refusal("delete", "a", by="operator") == "not_closed"
        assert [step.event for step in lifecycle.log(account="a")] == ["edited"]
