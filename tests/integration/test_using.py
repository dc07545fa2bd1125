"""Commands inside a host's own transaction: they take effect with its commit, or not at all."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from lifecycle import NotFound, Refused
from lifecycle.app.parts import Parts
from lifecycle.engine.clock import SystemClock
from lifecycle.engine.commands import Creation
from lifecycle.engine.work import Work
from lifecycle.store.transaction import SqlTransaction
from tests.contract.world import CONTRACT
from tests.integration.host import ANN, Order, hosting, live
from tests.integration.live import PATIENCE

pytestmark = pytest.mark.sampled


def test_a_session_commits_the_command_with_its_own_rows(database_url: str) -> None:
    """Order 1 and the cancellation are there together."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        with Session(host.engine) as session, session.begin():
            session.add(Order(id=1))
            cancelled = host.lifecycle.using(session).subscriptions.cancel(sub.id, by=ANN)
            assert cancelled.state == "pending_cancellation"
            assert host.lifecycle.subscriptions.get(sub.id).state == "active"  # others see nothing yet
        assert host.orders() == [1]
        assert host.events(sub.id) == ["subscribed", "cancel"]


def test_what_is_rolled_back_takes_the_command_with_it(database_url: str) -> None:
    """A session that is closed without a commit leaves neither."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        with Session(host.engine) as session:
            session.add(Order(id=1))
            session.flush()
            host.lifecycle.using(session).subscriptions.cancel(sub.id, by=ANN)
        assert host.orders() == []
        assert host.events(sub.id) == ["subscribed"]


def test_a_commit_that_fails_takes_the_command_with_it(database_url: str) -> None:
    """Two orders of one number are found out when the session flushes, in its commit."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        with Session(host.engine) as session:
            session.execute(text("INSERT INTO orders VALUES (1)"))
            host.lifecycle.using(session).subscriptions.cancel(sub.id, by=ANN)
            session.add(Order(id=1))
            with pytest.raises(IntegrityError):
                session.commit()
        assert host.orders() == []
        assert host.events(sub.id) == ["subscribed"]


def test_a_connection_does_as_well_as_a_session(database_url: str) -> None:
    """With its transaction begun by `begin`, and begun by the command itself and then committed."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        with host.engine.begin() as connection:
            host.lifecycle.using(connection).subscriptions.cancel(sub.id, by=ANN)
        with host.engine.connect() as connection:
            host.lifecycle.using(connection).subscriptions.withdraw_cancellation(sub.id, by=ANN)
            connection.commit()
        with host.engine.connect() as connection:
            host.lifecycle.using(connection).subscriptions.cancel(sub.id, by=ANN)
        assert host.events(sub.id) == ["subscribed", "cancel", "withdraw_cancellation"]  # the last was not committed


def test_a_scoped_session_does_as_well(database_url: str) -> None:
    """The registry of sessions that web frameworks use."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        sessions = scoped_session(sessionmaker(host.engine))
        sessions.add(Order(id=1))
        host.lifecycle.using(sessions).subscriptions.cancel(sub.id, by=ANN)
        sessions.commit()
        sessions.remove()
        assert host.orders() == [1]
        assert host.events(sub.id) == ["subscribed", "cancel"]


def test_a_customer_is_made_in_one_transaction(database_url: str) -> None:
    """Account, card, trial, a change to come and an operator's hold, each seeing what the ones before have done."""
    with hosting(database_url) as (host, _):
        with Session(host.engine) as session, session.begin():
            parts = host.lifecycle.using(session)
            account = parts.accounts.create("acme", email=ANN)
            parts.payment_methods.add("acme", "ok")
            sub = parts.subscriptions.create("acme", plan="basic", by=ANN)
            assert parts.subscriptions.change(sub.id, plan="team", by=ANN).state == "pending_change"
            parts.operations.hold(sub.id, reason="checks")
            assert [each.id for each in parts.subscriptions.list(account="acme")] == [sub.id]
            assert parts.accounts.get(account.id).payment_method
            assert [step.event for step in parts.subscriptions.history(sub.id)] == [
                "subscribed",
                "schedule_change",
                "held",
            ]
            with pytest.raises(NotFound):
                host.lifecycle.subscriptions.get(sub.id)
        assert host.events(sub.id) == ["subscribed", "schedule_change", "held"]


def test_a_refusal_leaves_the_session_usable(database_url: str) -> None:
    """What came before the refusal and what comes after it are committed (X50)."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        with Session(host.engine) as session, session.begin():
            session.add(Order(id=1))
            with pytest.raises(Refused) as refusal:
                host.lifecycle.using(session).subscriptions.withdraw_change(sub.id, by=ANN)
            session.add(Order(id=2))
        assert refusal.value.code == "no_pending_change"
        assert host.orders() == [1, 2]


def test_what_is_due_fires_first_and_stays_when_the_command_is_refused(database_url: str) -> None:
    """B4 in a host's transaction: on 3 April the cycle of 28 February has started before the command is judged. The
    next one waits for its charge (C5), and so the command is refused; what has fired stays."""
    with hosting(database_url) as (host, clock):
        sub = host.subscribe()
        clock.move_to(clock.now() + timedelta(days=62))
        with Session(host.engine) as session, session.begin():
            with pytest.raises(Refused) as refusal:
                host.lifecycle.using(session).subscriptions.withdraw_change(sub.id, by=ANN)
            session.add(Order(id=1))
        assert refusal.value.code == "order_in_progress"
        assert host.events(sub.id) == ["subscribed", "cycle_starts"]
        host.lifecycle.advance_to(clock.now())
        assert host.events(sub.id) == ["subscribed", "cycle_starts", "cycle_starts"]  # 28 February, 31 March
        clock.move_to(clock.now() + timedelta(days=31))
        with Session(host.engine) as session:
            host.lifecycle.using(session).subscriptions.cancel(sub.id, by=ANN)
        assert len(host.events(sub.id)) == 3  # and what fired in a transaction that is not committed has not


def test_the_hosts_own_savepoint_takes_back_what_was_done_in_it(database_url: str) -> None:
    """A cancellation is undone with the savepoint around it; what was done before and after it stays."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        with Session(host.engine) as session, session.begin():
            subscriptions = host.lifecycle.using(session).subscriptions
            subscriptions.add_seats(sub.id, 1, by=ANN)
            savepoint = session.begin_nested()
            subscriptions.cancel(sub.id, by=ANN)
            savepoint.rollback()
            subscriptions.add_seats(sub.id, 1, by=ANN)
        assert host.events(sub.id) == ["subscribed", "add_seats", "add_seats"]
        assert host.lifecycle.subscriptions.get(sub.id).seats == 5


def test_what_using_gave_serves_for_the_sessions_next_transaction(database_url: str) -> None:
    """A session takes another connection after a commit, and the command goes where the session is."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        with Session(host.engine) as session:
            subscriptions = host.lifecycle.using(session).subscriptions
            subscriptions.add_seats(sub.id, 1, by=ANN)
            session.commit()
            session.add(Order(id=1))
            subscriptions.add_seats(sub.id, 1, by=ANN)
            session.commit()
        assert host.orders() == [1]
        assert host.lifecycle.subscriptions.get(sub.id).seats == 5


def test_a_row_that_is_in_the_way_the_first_time_is_met_in_a_savepoint(database_url: str) -> None:
    """One contract per party: the statement that fails is undone alone, the second try is written with the rest."""
    with hosting(database_url, LIFECYCLE_MACHINES=f"[{CONTRACT}]") as (host, _):
        parties = iter(["x", "x", "y"])

        def sign(work: Work[SqlTransaction]) -> str:
            arguments = {"party": next(parties), "days": 30}
            return work.create(Creation("contract", "signed", "usr_1", "con", arguments=arguments)).id

        with Session(host.engine) as session, session.begin():
            session.add(Order(id=1))
            session.flush()
            engine = host.lifecycle.using(session).engine
            signed = [engine.attempt(sign), engine.attempt(sign)]
        assert host.orders() == [1]
        assert next(parties, None) is None
        assert [step.instance_id for step in host.lifecycle.log()] == signed


def test_a_row_that_stays_in_the_way_leaves_the_session_usable(database_url: str) -> None:
    """It is refused the second time, and the host's order is committed nevertheless."""
    with hosting(database_url, LIFECYCLE_MACHINES=f"[{CONTRACT}]") as (host, _):
        creation = Creation("contract", "signed", "usr_1", "con", arguments={"party": "x", "days": 30})
        with Session(host.engine) as session, session.begin():
            engine = host.lifecycle.using(session).engine
            engine.attempt(lambda work: work.create(creation))
            with pytest.raises(Refused, match="name already"):
                engine.attempt(lambda work: work.create(creation))
            session.add(Order(id=1))
        assert host.orders() == [1]
        assert len(host.lifecycle.log()) == 1


def test_an_idempotency_key_holds_in_a_hosts_transaction(database_url: str) -> None:
    """The same command with the same key, here and outside, has one effect."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        with Session(host.engine) as session, session.begin():
            first = host.lifecycle.using(session).subscriptions.add_seats(sub.id, 1, by=ANN, key="k")
        assert host.lifecycle.subscriptions.add_seats(sub.id, 1, by=ANN, key="k") == first
        assert host.events(sub.id) == ["subscribed", "add_seats"]


def test_fifty_seats_at_once_lose_none(database_url: str) -> None:
    """47 sessions each add a seat to the 3 that are included, of 50 that the plan allows."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()

        def add(number: int) -> None:
            with Session(host.engine) as session, session.begin():
                host.lifecycle.using(session).subscriptions.add_seats(sub.id, 1, by=ANN)  # it reads, then it writes
                session.add(Order(id=number))

        with ThreadPoolExecutor(10) as threads:
            list(threads.map(add, range(47)))
        assert host.lifecycle.subscriptions.get(sub.id).seats == 50
        assert host.orders() == list(range(47))


def test_a_lock_that_a_host_holds_keeps_its_root_alone_waiting(database_url: str) -> None:
    """A host's open transaction holds one of two alarms that are due. On PostgreSQL the daemon fires the other one
    meanwhile; on SQLite it waits, as every writer does. Either way both have rung in the end."""
    with live(database_url) as host:
        lifecycle, at = host.lifecycle, (SystemClock().now() + timedelta(seconds=0.5)).isoformat()
        with Session(host.engine) as session, session.begin():
            held, free = host.wind(session, at, times=1), host.wind(session, at, times=1)
        with Session(host.engine) as session, session.begin():
            lifecycle.using(session).engine.attempt(lambda work: work.lock([held]))
            with lifecycle.start() as scheduler:
                if not lifecycle.database.is_sqlite:
                    while "rings" not in [step.event for step in lifecycle.log() if step.instance_id == free]:
                        threading.Event().wait(0.01)
                assert [step.event for step in lifecycle.log() if step.instance_id == held] == ["wound"]
                session.commit()
                while len(lifecycle.log()) < 4:
                    threading.Event().wait(0.01)
                assert scheduler.idle(PATIENCE)
        assert sorted((step.instance_id, step.event) for step in lifecycle.log()) == sorted(
            [(held, "wound"), (held, "rings"), (free, "wound"), (free, "rings")]
        )


def test_a_session_that_only_reads_waits_for_no_writer(database_url: str) -> None:
    """With `lifecycle_reads_only`, it reads while another one writes; on SQLite the write lock is not free then."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        reader = host.engine.execution_options(lifecycle_reads_only=True)
        with Session(host.engine) as writer, writer.begin():
            host.lifecycle.using(writer).subscriptions.cancel(sub.id, by=ANN)
            with Session(reader) as session:
                assert host.lifecycle.using(session).subscriptions.get(sub.id).state == "active"
                assert session.scalars(select(Order.id)).all() == []


def test_a_reader_that_writes_after_all_loses_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On SQLite, with `lifecycle_reads_only`: what has changed since it read keeps it from writing."""
    url = f"sqlite:///{tmp_path_factory.mktemp('reader') / 'lifecycle.db'}"
    with hosting(url) as (host, _):
        sub = host.subscribe()
        with Session(host.engine.execution_options(lifecycle_reads_only=True)) as session:
            parts: Parts = host.lifecycle.using(session)
            assert parts.subscriptions.get(sub.id).seats == 3
            host.lifecycle.subscriptions.add_seats(sub.id, 1, by=ANN)
            with pytest.raises(OperationalError, match="locked"):
                parts.subscriptions.add_seats(sub.id, 1, by=ANN)
        assert host.lifecycle.subscriptions.get(sub.id).seats == 4
