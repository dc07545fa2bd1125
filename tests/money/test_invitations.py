"""Invitations by the API, on both databases: who joins by a code, who does not, and what is counted meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from lifecycle.domain import codes
from lifecycle.errors import NotFound
from lifecycle.store import schema
from tests.contract.threads import at_once
from tests.money.desk import Desk
from tests.money.shop import Shop, code

pytestmark = [pytest.mark.usefixtures("whole"), pytest.mark.sampled]

CODE = "Spring-2026"


@pytest.fixture
def team(shop: Shop) -> str:
    """A subscription with three seats."""
    return shop.bought("ann", "team")


def join(shop: Shop, email: str, typed: str = CODE, **told: Any) -> str:
    """The code of what somebody is answered; `done` for whoever has joined."""
    return code(shop.lifecycle.invitations.join, typed, email, **told)


def events(shop: Shop, machine: str) -> list[str]:
    """What happened to instances of a machine, in order."""
    return [step.event for step in shop.lifecycle.log() if step.machine == machine]


def test_a_code_makes_a_member_with_a_seat(shop: Shop, team: str) -> None:
    """On 1 June bob joins: enabled, a plain member whatever he says, seated; the administrator is told (A9, F4)."""
    opened = shop.lifecycle.invitations.open(team, code=CODE, limit=2, by="operator")
    assert (opened.state, opened.used, opened.limit, opened.expires_at) == ("open", 0, 2, None)
    told: dict[str, Any] = {"role": "admin", "first_name": "Bob"}
    joined = shop.lifecycle.invitations.join("spring 2026", "Bob@example.com", **told)
    assert (joined.member.state, joined.member.role, joined.member.first_name) == ("enabled", "member", "Bob")
    assert (joined.member.subscriptions, joined.used) == ((team,), True)
    assert shop.lifecycle.invitations.get("SPRING2026").used == 1
    steps = shop.lifecycle.log(instance=opened.id)
    assert [step.event for step in steps] == ["opened", "used"]
    assert steps[1].arguments == {"member": joined.member.id}
    assert steps[1].effects == [{"effect": "notice", "kind": "invitation_used"}]
    assert steps[1].actor == "Bob@example.com"


def test_nothing_of_a_code_or_a_person_is_in_the_log(shop: Shop, team: str) -> None:
    """Rows, answers and digests of callers name nobody, and no code (A2)."""
    shop.lifecycle.invitations.open(team, code=CODE, by="operator", key="one")
    shop.lifecycle.invitations.join(CODE, "bob@example.com", caller="192.0.2.7", key="two")
    tables = (schema.log, schema.answers, schema.instances, schema.code_attempts)
    with shop.lifecycle.database.reading() as connection:
        written = " ".join(str(row) for table in tables for row in connection.execute(select(table)).all())
    assert not [name for name in ("bob", "pring", "192.0.2.7") if name in written]


def test_a_generated_code_can_be_typed_as_people_type(shop: Shop, team: str) -> None:
    """28 letters out of 30 in groups; small, with spaces or without dashes it is the same (A9)."""
    made = shop.lifecycle.invitations.open(team, by="operator").code
    assert len(codes.plain(made)) == 28
    assert {len(group) for group in made.split("-")} == {4}
    assert not set(made) & set("ILOU01")
    assert join(shop, "bob@example.com", f" {made.lower().replace('-', ' ')} ") == "done"


@pytest.mark.parametrize(("chosen", "answered"), [("abc", "invalid"), ("- - -a", "invalid"), ("a" * 65, "invalid")])
def test_a_code_that_is_too_short_or_long_is_refused(shop: Shop, team: str, chosen: str, answered: str) -> None:
    """4 to 64 printable characters (A9)."""
    assert code(shop.lifecycle.invitations.open, team, code=chosen, by="operator") == answered
    assert code(shop.lifecycle.invitations.open, team, code="ab\ncd", by="operator") == answered


def test_a_code_is_given_out_once(shop: Shop, team: str) -> None:
    """Nobody has it again, also after it was revoked, however it is written (X96)."""
    shop.lifecycle.invitations.open(team, code=CODE, by="operator")
    shop.lifecycle.invitations.revoke(CODE, by="operator")
    other = shop.bought("eve", "team")
    assert code(shop.lifecycle.invitations.open, other, code="SPRING 2026", by="operator") == "code_taken"


def test_each_end_of_an_invitation_has_its_refusal(shop: Shop, team: str) -> None:
    """Used up, revoked, expired and expired just now, unknown: each says so, and nothing is used (F4, H2)."""
    invitations = shop.lifecycle.invitations
    invitations.open(team, code="used-up", limit=1, by="operator")
    invitations.open(team, code="revoked", by="operator")
    invitations.open(team, code="expires", expires="14d", by="operator")
    assert join(shop, "bob@example.com", "used-up") == "done"
    invitations.revoke("revoked", by="operator")
    assert code(invitations.revoke, "revoked", by="operator") == "invitation_revoked"
    assert join(shop, "cid@example.com", "used-up") == "invitation_used_up"
    assert join(shop, "cid@example.com", "revoked") == "invitation_revoked"
    assert join(shop, "cid@example.com", "nothing") == "invitation_unknown"
    shop.clock.move_to(shop.clock.now() + timedelta(days=14))  # nothing has fired yet
    assert invitations.get("expires").state == "open"
    assert join(shop, "cid@example.com", "expires") == "invitation_expired"
    shop.catch_up()
    assert invitations.get("expires").state == "expired"
    assert join(shop, "cid@example.com", "expires") == "invitation_expired"
    assert [one.email for one in shop.lifecycle.members.list("ann")] == ["ann@example.com", "bob@example.com"]


def test_an_expiry_lies_ahead(shop: Shop, team: str) -> None:
    """An instant, a date or a length of time, later than now (C2)."""
    opened = shop.lifecycle.invitations.open
    assert code(opened, team, expires="2026-06-01", by="operator") == "date_in_past"
    assert code(opened, team, expires="0d", by="operator") == "date_in_past"
    assert code(opened, team, expires="some day", by="operator") == "invalid"
    ways = [opened(team, expires=way, by="operator").expires_at for way in ("2026-06-15T09:00", "14d", "+2 weeks")]
    assert [f"{at:%m-%d %H:%M}" for at in ways if at] == ["06-15 09:00"] * 3


def test_the_end_of_the_subscription_revokes_its_invitations(shop: Shop, team: str) -> None:
    """In the same transaction, by the end itself; to join after it is refused (B8, I25)."""
    shop.lifecycle.invitations.open(team, code=CODE, by="operator")
    shop.lifecycle.subscriptions.cancel(team, when="now", by="operator")
    assert shop.lifecycle.invitations.get(CODE).state == "revoked"
    assert join(shop, "bob@example.com") == "invitation_revoked"
    assert code(shop.lifecycle.invitations.open, team, by="operator") == "ended"


def test_an_end_by_itself_revokes_them_too(shop: Shop, team: str) -> None:
    """On 1 July the end date arrives, and whoever has a seat already hears the same (B8)."""
    shop.lifecycle.invitations.open(team, code=CODE, expires="2026-07-01T09:00", by="operator")
    assert join(shop, "bob@example.com") == "done"
    shop.lifecycle.subscriptions.cancel(team, by="operator")
    shop.on("2026-07-01 09:00")
    assert shop.lifecycle.subscriptions.get(team).state == "ended"
    assert events(shop, "invitation") == ["opened", "used", "revoked"]
    assert join(shop, "bob@example.com") == "invitation_revoked"


def test_whoever_has_a_seat_joins_again_harmlessly(shop: Shop, team: str) -> None:
    """Nothing is used up, not even where their use was the last (X97)."""
    shop.lifecycle.invitations.open(team, code=CODE, limit=1, by="operator")
    first = shop.lifecycle.invitations.join(CODE, "bob@example.com")
    again = shop.lifecycle.invitations.join(CODE, "BOB@example.com")
    assert (again.member, again.used) == (first.member, False)
    assert events(shop, "invitation") == ["opened", "used"]
    assert join(shop, "cid@example.com") == "invitation_used_up"


def test_somebody_invited_is_enabled_and_somebody_disabled_is_not(shop: Shop, team: str) -> None:
    """They act themselves: bob, invited before, is enabled; cid, disabled, is refused, and nothing is used (A9)."""
    members = shop.lifecycle.members
    for name in ("bob", "cid"):
        members.add("ann", f"{name}@example.com", by="operator")
    members.disable("ann", "cid@example.com", by="operator")
    shop.lifecycle.invitations.open(team, code=CODE, by="operator")
    assert join(shop, "bob@example.com") == "done"
    assert join(shop, "cid@example.com") == "member_disabled"
    assert members.get("ann", "bob@example.com").state == "enabled"
    assert shop.lifecycle.invitations.get(CODE).used == 1


def test_the_first_administrator_joins_too(shop: Shop, team: str) -> None:
    """They had no instance of their own until now."""
    shop.lifecycle.invitations.open(team, code=CODE, by="operator")
    assert join(shop, "ann@example.com") == "done"
    assert [one.member.role for one in shop.lifecycle.members.beneficiaries(team)] == ["admin"]


def test_without_a_free_seat_nothing_is_used(shop: Shop, team: str) -> None:
    """Three seats: the fourth is refused, and the invitation is as it was, and so are the members (F4, I25)."""
    shop.lifecycle.invitations.open(team, code=CODE, by="operator")
    assert [join(shop, f"{name}@example.com") for name in "bcd"] == ["done"] * 3
    assert join(shop, "e@example.com") == "no_free_seat"
    assert shop.lifecycle.invitations.get(CODE).used == 3
    assert len(shop.lifecycle.members.list("ann")) == 4


def test_attempts_are_limited_by_caller(shop: Shop, team: str) -> None:
    """Ten within a quarter of an hour, whatever is tried; a success is none of them, and others are not concerned
    (F4)."""
    shop.lifecycle.invitations.open(team, code=CODE, by="operator")
    tried = [join(shop, "bob@example.com", f"guess-{number}", caller="192.0.2.7") for number in range(9)]
    assert tried == ["invitation_unknown"] * 9
    assert join(shop, "bob@example.com", caller="192.0.2.7") == "done"
    assert join(shop, "cid@example.com", "guess", caller="192.0.2.7") == "invitation_unknown"
    assert join(shop, "cid@example.com", caller="192.0.2.7") == "too_many_attempts"
    assert join(shop, "cid@example.com", caller="192.0.2.8") == "done"
    assert counts(shop) == [0, 10]
    shop.wait(minutes=15)
    assert join(shop, "dan@example.com", caller="192.0.2.7") == "done"
    assert counts(shop) == [0]


def test_sixteen_attempts_at_once(shop: Shop) -> None:
    """Ten of them are heard, whoever counts at the same moment (F4)."""
    told = at_once(16, lambda: join(shop, "bob@example.com", "guess", caller="192.0.2.7"))
    assert Counter(told) == {"invitation_unknown": 10, "too_many_attempts": 6}


def test_an_invitation_on_a_named_clock(shop: Shop, tmp_path: Path) -> None:
    """It expires by its clock, and goes with it (X86)."""
    desk = Desk(shop, tmp_path)
    desk.clocks.create("qa", "2026-01-31 09:00")
    team, invitations = desk.bought("ann", "team"), desk.lifecycle.invitations
    invitations.open(team, code=CODE, expires="14d", by="operator")
    assert code(invitations.join, CODE, "bob@example.com") == "done"
    desk.clocks.advance("qa", "2026-02-14 09:00")
    assert invitations.get(CODE).state == "expired"
    assert code(invitations.join, CODE, "cid@example.com") == "invitation_expired"
    assert desk.wrong() == []
    desk.clocks.delete("qa")
    assert code(invitations.join, CODE, "cid@example.com") == "invitation_unknown"
    desk.close()


def test_a_forecast_tells_when_an_invitation_expires(shop: Shop, team: str) -> None:
    """What would happen by July: it expires, and the subscription renews (X90)."""
    shop.lifecycle.invitations.open(team, code=CODE, expires="14d", by="operator")
    assert join(shop, "bob@example.com") == "done"
    steps = shop.lifecycle.forecast(team, until="2026-07-01T09:00").steps
    assert [(f"{one.at:%m-%d}", one.event) for one in steps][:2] == [("06-15", "expired"), ("07-01", "cycle_starts")]
    assert shop.lifecycle.invitations.get(CODE).state == "open"


def test_without_a_caller_the_address_counts(shop: Shop) -> None:
    """However it is written (F4)."""
    tried = {join(shop, f"{name}@example.com", "guess") for name in ["bob", "BOB"] * 5}
    assert tried == {"invitation_unknown"}
    assert join(shop, "bob@example.com", "guess") == "too_many_attempts"


def test_a_key_gets_the_first_answer_again(shop: Shop, team: str) -> None:
    """Also after the code was used up or revoked; with another address it is a conflict (B10, I14)."""
    invitations = shop.lifecycle.invitations
    opened = invitations.open(team, limit=1, by="operator", key="one")
    assert invitations.open(team, limit=1, by="operator", key="one") == opened
    joined = invitations.join(opened.code, "bob@example.com", key="two")
    shop.lifecycle.subscriptions.cancel(team, when="now", by="operator")
    assert invitations.join(opened.code, "bob@example.com", key="two") == joined
    assert join(shop, "cid@example.com", opened.code, key="two") == "idempotency_conflict"


def test_rights(shop: Shop, team: str) -> None:
    """Members open and revoke nothing; whoever holds the code joins (F4)."""
    invitations = shop.lifecycle.invitations
    invitations.open(team, code=CODE, by="ann@example.com")
    assert join(shop, "bob@example.com") == "done"
    assert code(invitations.open, team, by="bob@example.com") == "not_admin"
    assert code(invitations.revoke, CODE, by="bob@example.com") == "not_admin"


def test_what_is_not_there_is_not_found(shop: Shop, team: str) -> None:
    """By code, id, account and subscription; both lists name what is there."""
    invitations = shop.lifecycle.invitations
    one = invitations.open(team, by="operator")
    assert invitations.get(one.id) == one
    assert invitations.list(account="ann") == invitations.list(subscription=team) == [one]
    for ask in (lambda: invitations.get("nothing"), lambda: invitations.list(subscription="sub_0")):
        with pytest.raises(NotFound):
            ask()
    with pytest.raises(NotFound):
        invitations.open("sub_0", by="operator")


def test_a_quote_outlives_invitations_and_not_a_change(shop: Shop, team: str) -> None:
    """Opened, used, revoked, expired: none of it makes a quote stale (I24)."""
    quote = shop.lifecycle.quotes.add_seats(team, 1, by="operator").id
    shop.lifecycle.invitations.open(team, code=CODE, by="operator")
    shop.lifecycle.invitations.open(team, code="minutes", expires="5m", by="operator")
    assert join(shop, "bob@example.com") == "done"
    shop.lifecycle.invitations.revoke(CODE, by="operator")
    shop.wait(minutes=10)
    assert shop.lifecycle.quotes.confirm(quote, by="operator").seats == 4


def test_an_invoice_that_is_opened_makes_a_quote_stale(shop: Shop) -> None:
    """Its event has the name of an invitation's (I24)."""
    team = shop.bought("ann", "team")
    shop.on("2026-07-01 08:59")
    quote = shop.lifecycle.quotes.cancel(team, when="now", by="operator").id
    shop.on("2026-07-01 09:00")
    assert code(shop.lifecycle.quotes.confirm, quote, by="operator") == "quote_stale"


def test_every_refusal_of_a_code_costs_the_same(shop: Shop, team: str) -> None:
    """The same statements, as many and in the same order, for a code that is unknown as for one that is over (X98)."""
    invitations = shop.lifecycle.invitations
    invitations.open(team, code="used-up", limit=1, by="operator")
    invitations.open(team, code="revoked", by="operator")
    invitations.open(team, code="expired", expires="1m", by="operator")
    invitations.open(team, code="expires", expires="5m", by="operator")
    invitations.revoke("revoked", by="operator")
    assert join(shop, "bob@example.com", "used-up") == "done"
    shop.wait(minutes=2)
    shop.clock.move_to(shop.clock.now() + timedelta(days=1))
    asked: dict[str, list[str]] = {}
    for typed in ("nothing", "used-up", "revoked", "expired", "expires"):
        with statements(shop) as asked[typed]:
            assert join(shop, "cid@example.com", typed, caller=typed).startswith("invitation_")
    assert asked["nothing"]
    assert all(one == asked["nothing"] for one in asked.values())
    shop.catch_up()


def test_attempts_inside_a_hosts_transaction(shop: Shop, team: str) -> None:
    """They are counted in it: a refusal does not undo them, and the host's rollback does (F4)."""
    shop.lifecycle.invitations.open(team, code=CODE, by="operator")
    with shop.host() as engine, engine.connect() as connection:
        inside = shop.lifecycle.using(connection).invitations
        assert code(inside.join, "guess", "bob@example.com") == "invitation_unknown"
        connection.commit()
        assert counts(shop) == [1]
        assert code(inside.join, "guess", "cid@example.com") == "invitation_unknown"
        connection.rollback()
        assert counts(shop) == [1]
        assert code(inside.join, CODE, "bob@example.com") == "done"
        connection.commit()
    assert counts(shop) == [1]
    assert shop.lifecycle.invitations.get(CODE).used == 1


def counts(shop: Shop) -> list[int]:
    """How many attempts each caller has had, fewest first."""
    with shop.lifecycle.database.reading() as connection:
        return sorted(connection.scalars(select(schema.code_attempts.c.count)))


@contextmanager
def statements(shop: Shop) -> Iterator[list[str]]:
    """The statements that the database is sent meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    engine = shop.lifecycle.database.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
