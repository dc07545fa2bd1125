"""Members by the public API: lists and files, seats that come with their price, tokens, keys and versions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from lifecycle import Lifecycle, VirtualClock
from lifecycle.app.csv_files import ImportFailed
from lifecycle.app.people import exported, person, template
from lifecycle.domain.people import MemberRole, Person
from lifecycle.errors import LifecycleError, NotFound, Refused
from lifecycle.store import migrate, schema
from lifecycle.verify import verify
from tests.integration.world import travelling
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled

ANN, BOB, CY, DOT = (f"{name}@acme.test" for name in ("ann", "bob", "cy", "dot"))


@dataclass(frozen=True, slots=True)
class Shop:
    """Acme, of which Ann is the administrator, with team: three seats are included."""

    lifecycle: Lifecycle
    clock: VirtualClock
    sub: str

    def refusal(self, call: str, *arguments: object, **given: object) -> str:
        """The code with which a call of `members` is refused."""
        with pytest.raises(LifecycleError) as refused:
            getattr(self.lifecycle.members, call)(*arguments, **given)
        return refused.value.code

    def seated(self) -> list[str]:
        """Who has a seat."""
        return [one.member.email for one in self.lifecycle.members.beneficiaries(self.sub)]


@pytest.fixture
def shop(database_url: str) -> Iterator[Shop]:
    """On the first of June."""
    with travelling(database_url, "2026-06-01T00:00:00+00:00") as (lifecycle, clock):
        lifecycle.accounts.create("acme", email=ANN, payment_method=True)
        yield Shop(lifecycle, clock, lifecycle.subscriptions.create("acme", plan="team", trial=False, by=ANN).id)
        assert verify(lifecycle.database, now=clock.now()).findings == ()


def test_an_account_begins_with_its_administrator(shop: Shop) -> None:
    """Without a row in the log, until something happens to her (rules A1, I13)."""
    [ann] = shop.lifecycle.members.list("acme")
    assert (ann.email, ann.role, ann.state, ann.subscriptions) == (ANN, "admin", "enabled", ())
    assert shop.lifecycle.log(account="acme")[0].machine == "order"
    shop.lifecycle.members.edit("acme", ANN, first_name="Ann", by=ANN)
    rows = [step for step in shop.lifecycle.log(account="acme") if step.machine == "member"]
    assert [(row.instance_id, row.event, row.actor) for row in rows] == [
        (ann.id, "enabled", "system"),
        (ann.id, "edited", ANN),
    ]


def test_nothing_personal_is_in_the_log(shop: Shop) -> None:
    """Nor in facts, nor in what is remembered with a key (rule A2)."""
    shop.lifecycle.members.add(
        "acme", BOB, first_name="Robert", position="Chief", subscription=shop.sub, by=ANN, key="k"
    )
    with shop.lifecycle.database.reading() as connection:
        tables = (schema.log, schema.instances, schema.answers, schema.outbox)
        kept = "".join(str(connection.execute(select(table)).all()) for table in tables)
    assert not {word for word in ("Robert", "Chief", "bob", "acme.test") if word in kept}


def test_who_somebody_is_can_be_edited(shop: Shop) -> None:
    """Names, a position, a role, an address; what would change nothing is refused, and an address that is taken
    (rule A3)."""
    members = shop.lifecycle.members
    bob = members.add("acme", BOB, role="member", by=ANN)
    edited = members.edit("acme", BOB, email="Rob@acme.test", last_name=" Ro  Bertson ", role="admin", by=ANN)
    assert (edited.id, edited.email, edited.last_name, edited.role) == (bob.id, "Rob@acme.test", "Ro Bertson", "admin")
    assert shop.refusal("edit", "acme", "rob@acme.test", role="admin", by=ANN) == "no_change"
    assert shop.refusal("edit", "acme", bob.id, email=ANN.upper(), by=ANN) == "member_exists"
    assert shop.refusal("edit", "acme", bob.id, email="nobody", by=ANN) == "invalid"
    members.enable("acme", bob.id, by=ANN)
    members.edit("acme", ANN, role="member", by=bob.id)  # there is another administrator now
    assert shop.refusal("edit", "acme", bob.id, role="member", by=bob.id) == "last_admin"


@pytest.mark.parametrize("role", ["owner", ""])
def test_there_are_two_roles(shop: Shop, role: MemberRole) -> None:
    """Another one is invalid."""
    assert shop.refusal("add", "acme", BOB, role=role, by=ANN) == "invalid"


def test_a_list_is_all_or_nobody(shop: Shop) -> None:
    """Four for three seats: the refusal tells how many are missing, and nobody is in (rule F2)."""
    with pytest.raises(Refused) as refused:
        shop.lifecycle.members.add_all("acme", [BOB, CY, DOT, "eli@acme.test"], subscription=shop.sub, by=ANN)
    assert (refused.value.code, getattr(refused.value, "missing", None)) == ("no_free_seat", 1)
    assert [one.email for one in shop.lifecycle.members.list("acme")] == [ANN]
    with pytest.raises(ImportFailed) as failed:
        shop.lifecycle.members.add_all("acme", [BOB, "cy", "@"], subscription=shop.sub, by=ANN)
    assert [error.line for error in failed.value.errors] == [2, 3]
    with pytest.raises(ImportFailed):  # whoever makes a Person has not had it checked
        shop.lifecycle.members.add_all("acme", [Person(BOB, first_name="\0")], by=ANN)
    assert shop.seated() == []


def test_a_preview_tells_of_each_row(shop: Shop, tmp_path: Path) -> None:
    """Who is new, there, named again, or wrong and why, with the line; nobody is taken in (rules F2, F3)."""
    shop.lifecycle.members.add("acme", BOB, subscription=shop.sub, by=ANN)
    file = tmp_path / "people.csv"
    file.write_text("email,first_name\nbob@acme.test,Bob\ncy@acme.test,Cy\n\nCY@acme.test,\nnobody,\n")
    seen = shop.lifecycle.members.preview("acme", file, subscription=shop.sub, grow=True, by=ANN)
    assert [(row.line, row.outcome) for row in seen.rows] == [(2, "there"), (3, "new"), (5, "again"), (6, "wrong")]
    assert (seen.wrong[0].code, seen.rows[2].message) == ("invalid", "As in line 3.")
    assert (seen.new, seen.assigned, seen.free, seen.missing, seen.quote) == (1, 1, 2, 0, None)
    assert shop.refusal("add_all", "acme", file, by=ANN) == "import_failed"
    assert shop.seated() == [BOB]


def test_a_file_can_be_exported_and_imported_again(shop: Shop, tmp_path: Path) -> None:
    """A name that a spreadsheet would take for a formula comes back as it was; the template can be filled in
    (rule F3)."""
    members, file = shop.lifecycle.members, tmp_path / "people.csv"
    members.add_all("acme", [person(BOB, first_name="=1+1", position="@home"), CY], by=ANN)
    file.write_text(exported(members.list("acme")))
    assert "'=1+1,,'@home" in file.read_text()
    shop.lifecycle.accounts.create("globex", email="hank@globex.test")
    assert members.add_all("globex", file, by="operator").added == 3
    assert members.get("globex", BOB).first_name == "=1+1"
    file.write_text(template())
    assert members.add_all("globex", file, by="operator").added == 1


def test_seats_and_people_come_with_the_money(shop: Shop) -> None:
    """Five people for three seats on the 15th: 2 × 20.00 × 15/30 are quoted, and confirming takes everybody in
    (rules F2, D9)."""
    shop.lifecycle.advance_to(shop.clock.now() + timedelta(days=14))
    team = [f"p{n}@acme.test" for n in range(5)]
    seen = shop.lifecycle.members.preview("acme", team, subscription=shop.sub, grow=True, by=ANN)
    assert seen.quote is not None
    assert (seen.missing, seen.quote.due_now, shop.seated()) == (2, 2000, [])
    view = shop.lifecycle.quotes.confirm(seen.quote.id, by=ANN)
    assert (view.seats, view.free_seats, shop.seated()) == (5, 0, team)
    assert shop.lifecycle.quotes.confirm(seen.quote.id, by=ANN).seats == 5  # the first answer again
    with shop.lifecycle.database.reading() as connection:
        assert connection.execute(select(schema.imports)).all() == []


def test_nobody_comes_without_the_money(shop: Shop) -> None:
    """Declined: as before. Without an answer: nobody yet, and nobody once it is given up (rules F2, B9)."""
    team, members = [BOB, CY, DOT, "eli@acme.test"], shop.lifecycle.members
    shop.lifecycle.payment_methods.add("acme", "declines")
    assert shop.refusal("add_all", "acme", team, subscription=shop.sub, grow=True, by=ANN) == "payment_declined"
    assert (shop.seated(), len(members.list("acme"))) == ([], 1)
    shop.lifecycle.payment_methods.add("acme", "declines")
    keyed: dict[str, Any] = {"subscription": shop.sub, "grow": True, "by": ANN, "key": "once"}
    charges = len(shop.lifecycle.invoices.list(account="acme", drafts=True))
    assert {shop.refusal("add_all", "acme", team, **keyed) for _ in range(2)} == {"payment_declined"}
    assert len(shop.lifecycle.invoices.list(account="acme", drafts=True)) == charges + 1  # a decline is an answer (B10)
    shop.lifecycle.payment_methods.add("acme", "times_out")
    taken = members.add_all("acme", team, subscription=shop.sub, grow=True, by=ANN)
    assert taken.order is not None
    assert (taken.order.state, taken.members, shop.seated()) == ("confirmed", (), [])
    assert shop.refusal("assign", shop.sub, ANN, by=ANN) == "order_in_progress"
    shop.lifecycle.advance_to(shop.clock.now() + timedelta(minutes=10))
    assert (shop.seated(), shop.lifecycle.subscriptions.get(shop.sub).seats) == ([], 3)


def test_a_balance_pays_for_seats_and_people_at_once(shop: Shop) -> None:
    """Nothing is to be charged, so that everybody is in at once (rules F2, I6)."""
    shop.lifecycle.balances.credit("acme", 5000, reason="a present", by="operator")
    team = [BOB, CY, DOT, "eli@acme.test"]
    taken = shop.lifecycle.members.add_all("acme", team, subscription=shop.sub, grow=True, by=ANN)
    assert (taken.assigned, taken.order, shop.seated()) == (4, None, team)
    with shop.lifecycle.database.reading() as connection:
        assert connection.execute(select(schema.imports)).all() == []


def test_a_charge_that_was_taken_and_not_heard_of(shop: Shop) -> None:
    """The reply is lost, the look-up finds the money, and everybody is in (rules I1, F2)."""
    shop.lifecycle.payment_methods.add("acme", "reply_lost")
    team = [BOB, CY, DOT, "eli@acme.test"]
    taken = shop.lifecycle.members.add_all("acme", team, subscription=shop.sub, grow=True, by=ANN)
    shop.lifecycle.advance_to(shop.clock.now() + timedelta(minutes=2))
    assert (shop.seated(), taken.added) == (team, 4)


def test_seats_that_are_missing_in_a_trial_cost_nothing(database_url: str) -> None:
    """They are added with the people, without an order's charge (rules B, F2)."""
    seats = 'seats: {included: 1, price: {month: "5.00"}}'
    plans = f'{{team: {{name: Team, prices: {{month: "10.00"}}, trial: {{days: 14}}, {seats}}}}}'
    config = {"LIFECYCLE_CATALOG__PLANS": plans}
    with travelling(database_url, "2026-06-01T00:00:00+00:00", **config) as (lifecycle, _):
        lifecycle.accounts.create("acme", email=ANN)
        sub = lifecycle.subscriptions.create("acme", plan="team", by=ANN).id
        assert lifecycle.members.add_all("acme", [BOB, CY], subscription=sub, grow=True, by=ANN).assigned == 2
        assert (lifecycle.subscriptions.get(sub).seats, lifecycle.invoices.list()) == (2, [])


def test_a_token_for_a_password_works_once_and_expires(shop: Shop) -> None:
    """Three days, unless configured; a second one is as good as the first, until one is used (rule A3)."""
    members = shop.lifecycle.members
    members.add("acme", BOB, by=ANN)
    first, second = (members.resend_password_email("acme", BOB, by=ANN) for _ in range(2))
    with shop.lifecycle.database.reading() as connection:
        stored = str(connection.execute(select(schema.password_tokens)).all())
    assert first.token not in stored
    assert first.expires_at - shop.clock.now() == timedelta(days=3)
    assert members.redeem(second.token).state == "enabled"
    assert {shop.refusal("redeem", token) for token in (first.token, second.token, "none")} == {"token_unknown"}
    third = members.resend_password_email("acme", BOB, by=ANN)
    shop.lifecycle.advance_to(third.expires_at)
    assert shop.refusal("redeem", third.token) == "token_unknown"
    members.disable("acme", BOB, by=ANN)
    assert shop.refusal("resend_password_email", "acme", BOB, by=ANN) == "member_disabled"


def test_keys_and_versions(shop: Shop) -> None:
    """The same command with its key answers the same, another one is a conflict; a version that has passed is one too
    (rule B10)."""
    members = shop.lifecycle.members
    first = members.add_all("acme", [BOB], subscription=shop.sub, by=ANN, key="k")
    assert members.add_all("acme", [BOB], subscription=shop.sub, by=ANN, key="k") == first
    assert shop.refusal("add_all", "acme", [CY], subscription=shop.sub, by=ANN, key="k") == "idempotency_conflict"
    grown: dict[str, Any] = {"subscription": shop.sub, "grow": True, "by": ANN, "key": "g"}
    assert members.add_all("acme", [f"p{n}@acme.test" for n in range(4)], **grown).assigned == 4
    assert members.add_all("acme", [f"p{n}@acme.test" for n in range(4)], **grown).assigned == 4  # the first answer
    assert shop.lifecycle.subscriptions.get(shop.sub).seats == 5
    members.remove("acme", "p3@acme.test", by=ANN)
    version = shop.lifecycle.subscriptions.get(shop.sub).version
    assert shop.refusal("assign", shop.sub, ANN, by=ANN, version=version - 1) == "version_conflict"
    assert members.assign(shop.sub, ANN, by=ANN, version=version).subscriptions == (shop.sub,)


def test_what_is_not_there(shop: Shop) -> None:
    """An account, a member, a subscription, one of somebody else's."""
    shop.lifecycle.accounts.create("globex", email="hank@globex.test", payment_method=True)
    other = shop.lifecycle.subscriptions.create("globex", plan="team", by="operator").id
    assert shop.refusal("add", "nobody", BOB, by=ANN) == "not_found"
    assert shop.refusal("enable", "acme", BOB, by=ANN) == "not_found"
    assert shop.refusal("assign", "sub_none", BOB, by=ANN) == "not_found"
    assert shop.refusal("add", "acme", BOB, subscription=other, by=ANN) == "not_found"
    with pytest.raises(NotFound):
        shop.lifecycle.members.get("acme", BOB)


def test_a_removed_member_can_only_be_read(shop: Shop) -> None:
    """By id; every command on them says so (rule F1)."""
    bob = shop.lifecycle.members.add("acme", BOB, by=ANN)
    shop.lifecycle.members.remove("acme", BOB, by=ANN)
    assert shop.refusal("enable", "acme", bob.id, by=ANN) == "removed"
    assert shop.lifecycle.members.get("acme", bob.id).state == "removed"
    assert [one.state for one in shop.lifecycle.members.list("acme", removed=True)] == ["enabled", "removed"]


def test_accounts_from_before_get_their_administrator(database_url: str) -> None:
    """The migration makes each account's first administrator of its e-mail (rule A1)."""
    with travelling(database_url, "2026-06-01T00:00:00+00:00") as (lifecycle, _):
        account = lifecycle.accounts.create("acme", email="Ann@acme.test")
        before = lifecycle.members.list("acme")
        people = [schema.imports, schema.password_tokens, schema.code_attempts, schema.invitations, schema.seats]
        with lifecycle.database.writing() as connection:
            newer = [schema.deliveries, schema.webhook_secrets, schema.subscribers]
            for table in [*newer, *people, schema.members]:
                table.drop(connection)
            connection.exec_driver_sql("DROP INDEX ix_lifecycle_ledger_tokens")
            connection.exec_driver_sql("DROP INDEX ix_lifecycle_outbox_parked")
            connection.exec_driver_sql("ALTER TABLE lifecycle_outbox DROP COLUMN merged_into")
            connection.exec_driver_sql("ALTER TABLE lifecycle_accounts DROP COLUMN language")
            connection.exec_driver_sql("UPDATE lifecycle_schema SET version_num = '0004'")
        migrate.upgrade(lifecycle.database)
        assert lifecycle.members.list("acme") == before
        assert (
            lifecycle.members.edit("acme", "ANN@acme.test", position="CEO", by="ann@acme.test").account_id == account.id
        )


def test_people_on_a_named_clock_live_by_it_and_go_with_it(database_url: str) -> None:
    """The token counts by that clock, which stands half a year behind; deleting it leaves nobody (rules A3, G4)."""
    with travelling(database_url, "2027-01-01T00:00:00+00:00", LIFECYCLE_CLOCKS__ALLOWED="true") as (lifecycle, _):
        lifecycle.clocks.create("qa", utc("2026-06-01"))
        lifecycle.accounts.create("acme", email=ANN, payment_method=True, clock="qa")
        sub = lifecycle.subscriptions.create("acme", plan="team", trial=False, by=ANN).id
        lifecycle.members.add_all("acme", [BOB, CY, DOT, "eli@acme.test"], subscription=sub, grow=True, by=ANN)
        lifecycle.invitations.open(sub, by=ANN)
        lifecycle.members.preview("acme", ["fay@acme.test"], subscription=sub, grow=True, by=ANN)
        lifecycle.members.resend_password_email("acme", CY, by=ANN)
        token = lifecycle.members.resend_password_email("acme", BOB, by=ANN)
        assert token.expires_at == utc("2026-06-04")
        assert lifecycle.members.redeem(token.token).state == "enabled"
        lifecycle.clocks.delete("qa")
        assert lifecycle.accounts.list() == []
        people = (schema.members, schema.seats, schema.invitations, schema.password_tokens, schema.imports)
        with lifecycle.database.reading() as connection:
            assert [connection.execute(select(table)).all() for table in people] == [[], [], [], [], []]
        assert verify(lifecycle.database).findings == ()
