"""Named clocks beside a running shop, on both databases: testers have time pass there, and nobody else notices."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from lifecycle.engine.outbox import Message
from lifecycle.errors import NotFound, Refused
from lifecycle.store import clocks, schema
from lifecycle.store.database import Database
from lifecycle.store.transaction import SqlTransaction
from tests.money.desk import Desk, told
from tests.money.shop import Shop, code
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled


@pytest.fixture
def tester(shop: Shop, tmp_path: Path) -> Iterator[Desk]:
    """A tester with the clock `qa`, which stands at 31 January 2026."""
    tester = Desk(shop, tmp_path)
    tester.clocks.create("qa", "2026-01-31 09:00")
    yield tester
    tester.close()


def test_time_passes_on_a_clock_and_nowhere_else(shop: Shop, tester: Desk) -> None:
    """X80, X81: two months pass on the clock; what a customer bought on 1 June stays as it was, and so does the shop's
    time."""
    real, test = shop.bought("real", "basic"), tester.bought("test")

    steps = tester.clocks.advance("qa", "2026-03-31 09:00")

    assert [told(step) for step in steps] == [
        ("2026-02-28 09:00:00", "subscription", "cycle_starts", "active"),
        ("2026-02-28 09:00:00", "invoice", "opened", "open"),
        ("2026-02-28 09:00:00", "invoice", "charged", "paid"),
        ("2026-03-31 09:00:00", "subscription", "cycle_starts", "active"),
        ("2026-03-31 09:00:00", "invoice", "opened", "open"),
        ("2026-03-31 09:00:00", "invoice", "charged", "paid"),
    ]
    assert {step.clock for step in steps} == {"qa"}
    assert tester.lifecycle.subscriptions.get(test).period_start == utc("2026-03-31 09:00")
    assert (shop.get(real).cycle, shop.clock.now()) == (1, utc("2026-06-01 09:00"))
    assert tester.wrong() == []


def test_the_shop_leaves_clocks_alone(shop: Shop, tester: Desk) -> None:
    """X80: the shop lives through a year, and the same account on a clock through nothing."""
    test = tester.bought("test")
    shop.bought("real", "basic")

    shop.on("2027-06-01 09:00")

    assert tester.lifecycle.subscriptions.get(test).cycle == 1
    assert len(shop.charged("real")) == 13
    assert [finding.value for finding in shop.lifecycle.health().findings if finding.name == "lag"] == [0.0]
    assert tester.wrong() == []


def test_a_forecast_begins_where_the_clock_stands(shop: Shop, tester: Desk) -> None:
    """X80, X90: from 31 January on the clock, from 1 June for the shop's own; neither is in the other's, and
    that of all leaves tests out."""
    shop.bought("real", "basic")
    test = tester.bought("test")

    foreseen = tester.lifecycle.forecast(test, until="+2 months")

    assert (foreseen.start, foreseen.end) == (utc("2026-01-31 09:00"), utc("2026-03-31 09:00"))
    assert [f"{step.at:%m-%d} {step.event}" for step in foreseen.steps if step.machine == "subscription"] == [
        "02-28 cycle_starts",
        "03-31 cycle_starts",
    ]
    advanced = tester.clocks.advance("qa", "+2 months")
    assert [(step.at, step.event) for step in foreseen.steps] == [(step.at, step.event) for step in advanced]
    everyones = tester.lifecycle.forecast(until="+1 month")
    assert [f"{step.at:%m-%d} {step.event}" for step in everyones.steps if step.machine == "subscription"] == [
        "07-01 cycle_starts"
    ]


def test_a_daemon_goes_on_beside_an_advance(shop: Shop, tester: Desk) -> None:
    """X80: while the scheduler renews what is on no clock, five months pass on one: each is charged by its own time."""
    real, test = shop.bought("real", "basic"), tester.bought("test")
    with shop.lifecycle.start() as scheduler:
        for month in range(7, 12):
            shop.clock.move_to(utc(f"2026-{month:02}-01 09:00"))
            scheduler.wakeup()
            tester.clocks.advance("qa", "next")
            assert scheduler.idle(timeout=60)
            shop.lifecycle.relay_outbox()
    assert [told(step)[2] for step in shop.lifecycle.log(account="real")].count("cycle_starts") == 5
    assert (shop.get(real).cycle, tester.lifecycle.subscriptions.get(test).cycle) == (6, 6)
    assert shop.charged("real")[-1] == "11-01 50.00"
    assert tester.charged("test")[-1] == "06-30 50.00"
    assert tester.wrong() == []


def test_two_clocks_stand_where_each_was_left(tester: Desk) -> None:
    """X80: one account lives in 2026 and the other in 2030."""
    tester.clocks.create("later", "2030-01-01")
    here, there = tester.bought("here"), tester.bought("there", clock="later")
    tester.clocks.advance("later", "+1 month")
    tester.clocks.advance("qa", "next")

    shown = {one.name: (one.now, one.accounts, one.next_at) for one in tester.clocks.list()}
    assert shown == {
        "later": (utc("2030-02-01"), 1, utc("2030-03-01")),
        "qa": (utc("2026-02-28 09:00"), 1, utc("2026-03-31 09:00")),
    }
    assert tester.lifecycle.subscriptions.get(here).period_start == utc("2026-02-28 09:00")
    assert tester.lifecycle.subscriptions.get(there).period_start == utc("2030-02-01")


def test_a_year_in_one_advance_is_the_year_of_a_virtual_clock(shop: Shop, tester: Desk) -> None:
    """G4, X81: trial, change, more seats, a decline that a retry pays, a cancellation; nominally the same history."""
    shop.clock.move_to(utc("2026-06-15 09:00"))
    tester.clocks.create("year", shop.clock.now())
    shop.account("real", "declines_after:3")
    tester.account("test", "year", "declines_after:3")
    lives = [(shop.lifecycle, "real"), (tester.lifecycle, "test")]
    subs = [life.subscriptions.create(name, plan="tried", by="host").id for life, name in lives]
    for (life, _), sub in zip(lives, subs, strict=True):
        life.subscriptions.change(sub, plan="team", when="2026-09-10", by="host")
    shop.on("2027-01-01")
    tester.clocks.advance("year", "2027-01-01")
    for (life, name), sub in zip(lives, subs, strict=True):
        if life.subscriptions.get(sub).state != "ended":
            life.payment_methods.add(name, "ok")
            life.subscriptions.cancel(sub, when="2027-05-05", by="host")
    shop.on("2027-06-15")
    tester.clocks.advance("year", "2027-06-15")

    assert tester.told("test") == tester.told("real")
    assert len(tester.told("test")) > 20
    assert tester.charged("test") == shop.charged("real")
    assert tester.wrong() == []


def test_a_clock_goes_forward_only(tester: Desk) -> None:
    """X82: to yesterday is refused, to where it stands is not; lengths and dates are as people write them."""
    with pytest.raises(Refused) as refused:
        tester.clocks.advance("qa", "2026-01-30")
    assert refused.value.code == "clock_forward_only"

    for to, stands in (
        ("2026-01-31 09:00", "2026-01-31 09:00"),
        ("+14d", "2026-02-14 09:00"),
        ("+1 month", "2026-03-14 09:00"),
        ("2026-04-01", "2026-04-01"),
        ("next", "2026-04-01"),
    ):
        assert tester.clocks.advance("qa", to) == []
        assert tester.clocks.get("qa").now == utc(stands)
    assert code(tester.clocks.advance, "qa", "+much") == "invalid"


def test_money_of_a_clock_is_the_sandbox_s(shop: Shop, tester: Desk) -> None:
    """X85: the shop's own gateway is asked nothing; invoices and credit notes have series of their own."""
    sub = tester.bought("test", "back")
    shop.bought("real", "basic")
    tester.clocks.advance("qa", "2026-02-10")
    tester.lifecycle.subscriptions.cancel(sub, when="now", by="host")
    tester.clocks.advance("qa", "2026-02-10")

    papers = tester.lifecycle.invoices.billing_history("test")
    assert [(one.number, one.clock) for one in papers] == [("TEST-000001", "qa"), ("TEST-CN-000001", "qa")]
    assert tester.charged("test") == ["01-31 80.00"]
    assert shop.line.charges == [f"{shop.last('real').id}:1"]
    assert [one.number for one in shop.invoices("real")] == ["INV-000001"]
    assert tester.wrong() == []


def test_what_is_sent_on_a_clock_becomes_a_file(tester: Desk, tmp_path: Path) -> None:
    """X85: a message to the host's own destination is not the host's to get, but a file that says from which clock."""
    got: list[Message] = []
    tester.lifecycle.destination("mail")(got.append)
    sub = tester.bought("test")
    _send(tester, sub, "crm")
    tester.lifecycle.relay_outbox()
    assert not (tmp_path / "mail").exists()

    tester.clocks.advance("qa", "2026-01-31 09:00")

    messages = [json.loads(file.read_text()) for file in sorted((tmp_path / "mail").glob("*.json"))]
    assert [(message["kind"], message["clock"]) for message in messages] == [("hello", "qa")]
    [notice] = (tmp_path / "mail").glob("*.eml")
    assert b"X-Lifecycle-Clock: qa\r\n" in notice.read_bytes()
    assert got == []


def test_one_at_a_time(tester: Desk) -> None:
    """X83: while somebody has the clock a second one is refused; after a minute without a sign it is free."""
    _take(tester, "somebody")
    for act in (lambda: tester.clocks.advance("qa", "+1d"), lambda: tester.clocks.delete("qa")):
        assert code(act) == "clock_busy"
    assert tester.clocks.get("qa").busy

    tester.real.move_to(tester.real.now() + timedelta(minutes=1))

    assert tester.clocks.advance("qa", "+1d") == []
    assert not tester.clocks.get("qa").busy


def test_an_advance_waits_for_what_somebody_has_in_hand(shop: Shop, tester: Desk) -> None:
    """X82: another process holds the subscription's lock for a moment; nothing is left out, and nothing is late."""
    sub, taken, enough = tester.bought("test"), threading.Event(), threading.Event()

    def hold() -> None:
        with shop.lifecycle.database.writing() as connection:
            SqlTransaction(connection).lock([sub])
            taken.set()
            enough.wait(20)

    holder, timer = threading.Thread(target=hold), threading.Timer(0.3, enough.set)
    holder.start()
    assert taken.wait(20)
    timer.start()
    steps = tester.clocks.advance("qa", "+2 months")
    holder.join()

    assert [step.event for step in steps] == ["cycle_starts", "opened", "charged"] * 2
    assert all(step.at == step.fired_at for step in steps)


def test_in_a_host_s_transaction_commands_go_by_the_clock(shop: Shop, tester: Desk) -> None:
    """X50, X81: a purchase in a session is made at the clock's instant, and charged with the next advance."""
    tester.account("test")
    with shop.host() as engine, Session(engine) as session:
        view = tester.lifecycle.using(session).subscriptions.create("test", plan="basic", trial=False, by="host")
        session.commit()
    assert (view.state, view.clock) == ("new", "qa")
    shop.on("2026-06-02")
    assert tester.charged("test") == []

    tester.clocks.advance("qa", "2026-01-31 09:00")

    sub = tester.lifecycle.subscriptions.get(view.id)
    assert (sub.state, sub.anchor) == ("active", utc("2026-01-31 09:00"))
    assert tester.charged("test") == ["01-31 50.00"]


def test_a_deleted_clock_leaves_nothing_behind(shop: Shop, tester: Desk) -> None:
    """X86: all tables are as they were before it, but for how far its series have got; the verifier knows why numbers
    are missing."""
    shop.bought("real", "basic")
    tester.clocks.create("other", "2026-01-31")
    tester.bought("kept", clock="other")
    before, ledger = tester.rows(), len(tester.sandbox.ledger())
    sub = tester.bought("test", "back")
    tester.lifecycle.quotes.change(sub, plan="back_less", when="now", by="host")
    tester.clocks.advance("qa", "+2 months")
    tester.lifecycle.subscriptions.cancel(sub, when="now", by="host", key="k", reason="too dear")

    assert tester.clocks.delete("qa").accounts == 1

    with pytest.raises(NotFound):
        tester.clocks.get("qa")
    gone = {"lifecycle_clocks": 1, "lifecycle_series": -1}  # the clock itself; and credit notes had no series before
    assert tester.rows() == {name: count - gone.get(name, 0) for name, count in before.items()}
    assert len(tester.sandbox.ledger()) == ledger
    assert tester.wrong() == []
    _add_number(tester)
    assert "number_gap" in tester.wrong()


def test_a_dry_run_says_what_would_be(tester: Desk) -> None:
    """X88: the steps of the advance that follows, declines by the card's script too; and nothing has changed."""
    tester.bought("test", card="declines_after:1")
    rows, ledger = tester.rows(), tester.sandbox.ledger()

    foreseen = [told(step) for step in tester.clocks.advance("qa", "+6 months", dry_run=True)]

    assert (tester.rows(), tester.sandbox.ledger()) == (rows, ledger)
    assert tester.clocks.get("qa").now == utc("2026-01-31 09:00")
    assert foreseen == [told(step) for step in tester.clocks.advance("qa", "+6 months")]
    assert foreseen[-1][2] in ("payment_exhausted", "exhausted")


def test_where_clocks_are_not_allowed_nothing_is_possible(shop: Shop) -> None:
    """X87: every command is refused, with what to do instead."""
    named = shop.lifecycle.clocks
    for act in (
        lambda: named.create("qa", "2026-01-31"),
        named.list,
        lambda: named.get("qa"),
        lambda: named.advance("qa", "next"),
        lambda: named.delete("qa"),
        lambda: shop.lifecycle.accounts.create("test", email="test@example.com", clock="qa"),
    ):
        with pytest.raises(Refused) as refused:
            act()
        assert (refused.value.code, "clocks.allowed: true" in refused.value.instead) == ("clocks_not_allowed", True)


def test_names_and_unknown_clocks(tester: Desk) -> None:
    """X81: names are short words, each taken once; an account is put on a clock that is there."""
    assert code(tester.clocks.create, "QA 1", "2026-01-31") == "invalid"
    assert code(tester.clocks.create, "q" * 41, "2026-01-31") == "invalid"
    assert code(tester.clocks.create, "qa", "2026-01-31") == "clock_taken"
    for card in (None, True):
        with pytest.raises(NotFound):
            tester.lifecycle.accounts.create("a", email="a@example.com", clock="nobody_s", payment_method=card or False)


def _send(tester: Desk, sub: str, destination: str) -> None:
    """A message of a host's own, as if a machine of its had sent it."""
    with tester.lifecycle.database.writing() as connection:
        row = {"id": "out_1", "root_id": sub, "seq": 10**6, "place": 0, "instance_id": sub, "destination": destination}
        told = {"kind": "hello", "payload": {}, "status": "waiting", "attempts": 0, "fence": 0, "clock": "qa"}
        at = {"created_at": utc("2026-01-31 09:00"), "wake_at": utc("2026-01-31 09:00")}
        connection.execute(schema.outbox.insert(), [row | told | at])


def _take(tester: Desk, who: str) -> None:
    with tester.lifecycle.database.writing() as connection:
        now = tester.real.now()
        assert clocks.lease(connection, "qa", who, now, now + timedelta(minutes=1))


def _add_number(tester: Desk) -> None:
    database: Database = tester.lifecycle.database
    with database.writing() as connection:
        table = schema.series
        connection.execute(table.update().where(table.c.series == "TEST-").values(last=table.c.last + 1))
