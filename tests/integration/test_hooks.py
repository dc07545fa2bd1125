"""Hooks: a host's functions that hear of transitions, once they are committed."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from structlog.testing import capture_logs

from lifecycle import Lifecycle, LifecycleError, Refused
from lifecycle.app import hearsay
from lifecycle.engine.clock import SystemClock
from lifecycle.engine.commands import Command, Creation
from lifecycle.store.queries import Step
from tests.contract.threads import wait_until
from tests.contract.world import CONTRACT
from tests.integration.alarms import wind
from tests.integration.host import ANN, Heard, Order, hosting, live, now
from tests.integration.live import PATIENCE
from tests.integration.test_rules import utc
from tests.integration.world import PROJECT

pytestmark = pytest.mark.sampled

IN_MEMORY = "sqlite://"


def test_a_hook_hears_events_states_and_all_by_their_names() -> None:
    """`cancel` by its event, `pending_cancellation` as it is entered and not as its date is moved, `*` everything."""
    with hosting(IN_MEMORY) as (host, _):
        lifecycle, event, state, every = host.lifecycle, Heard(), Heard(), Heard()
        lifecycle.on("subscription.cancel")(event)
        lifecycle.on("subscription.pending_cancellation")(state)
        assert lifecycle.on("subscription.*")(every) is every
        sub = host.subscribe()
        lifecycle.subscriptions.cancel(sub.id, by=ANN)
        lifecycle.subscriptions.cancel(sub.id, when="2026-02-10", by=ANN)
        assert event.rest() == ["cancel", "cancel"]
        assert state.rest() == ["cancel"]
        assert every.rest() == ["subscribed", "cancel", "cancel"]


def test_a_hook_gets_the_step() -> None:
    """What the log says of it; the actor by id, for a name is not read for it."""
    with hosting(IN_MEMORY) as (host, _):
        steps: list[Step] = []
        host.lifecycle.on("subscription.active")(steps.append)
        sub = host.subscribe()
        [step] = steps
        assert (step.instance_id, step.source, step.target, step.seq) == (sub.id, None, "active", 4)
        assert step.at == utc("2026-01-31T09:00")
        assert step.actor == step.actor_id == host.lifecycle.subscriptions.history(sub.id)[0].actor_id


def test_a_machine_of_the_hosts_own_is_heard() -> None:
    """A contract is signed."""
    with hosting(IN_MEMORY, LIFECYCLE_MACHINES=f"[{CONTRACT}]") as (host, _):
        heard = Heard()
        host.lifecycle.on("contract.signed")(heard)
        creation = Creation("contract", "signed", "usr_1", "con", arguments={"party": "x", "days": 30})
        host.lifecycle.engine.attempt(lambda work: work.create(creation))
        assert heard.rest() == ["signed"]


@pytest.mark.parametrize("name", ["subscription", "subscription.foo", "contract.ended", "ended", "*", ""])
def test_a_name_that_nothing_has_is_refused(name: str) -> None:
    """A hook that could never be called is a mistake (X54)."""
    with hosting(IN_MEMORY) as (host, _), pytest.raises(LifecycleError) as error:
        host.lifecycle.on(name)
    assert error.value.code == "hook_unknown"


@pytest.mark.parametrize("name", ["subscription.held", "subscription.migrated", "subscription.trial_ends"])
def test_what_operators_and_the_scheduler_do_can_be_heard(name: str) -> None:
    """Their events have names, too."""
    heard = Heard()
    with hosting(IN_MEMORY) as (host, _):
        assert host.lifecycle.on(name)(heard) is heard


def test_a_hook_that_raises_is_logged_and_stops_no_other() -> None:
    """Hooks are called in the order in which they were added; the second raises, the first and the third hear (X52)."""
    with hosting(IN_MEMORY) as (host, _):
        called: list[str] = []

        @host.lifecycle.on("subscription.active")
        def first(_: Step) -> None:
            called.append("first")

        @host.lifecycle.on("subscription.subscribed")
        def second(_: Step) -> None:
            raise RuntimeError("no bell")

        @host.lifecycle.on("subscription.*")
        def third(_: Step) -> None:
            called.append("third")

        with capture_logs() as lines:
            sub = host.subscribe()
        [line] = [line for line in lines if line["event"] == "hook_failed"]
        assert (line["hook"], line["root"], line["seq"]) == ("subscription.subscribed", sub.id, 4)
        assert line["error"] == "no bell"
        assert called == ["first", "third"]
        assert sub.state == "active"


def test_a_hook_may_command(database_url: str) -> None:
    """It cancels what was just subscribed, and hears of that after it has returned."""
    with hosting(database_url) as (host, _):
        heard: list[str] = []

        @host.lifecycle.on("subscription.*")
        def cancel(step: Step) -> None:
            if step.event == "subscribed":
                host.lifecycle.subscriptions.cancel(step.instance_id, by="system")
            heard.append(step.event)

        sub = host.subscribe()
        assert heard == ["subscribed", "cancel"]
        assert host.lifecycle.subscriptions.get(sub.id).state == "pending_cancellation"


def test_hooks_hear_a_traveller_in_order(database_url: str) -> None:
    """Two cycles start on the way to 3 April, and each is told once."""
    with hosting(database_url) as (host, clock):
        steps: list[Step] = []
        host.lifecycle.on("subscription.cycle_starts")(steps.append)
        host.subscribe()
        host.lifecycle.advance_to(clock.now() + timedelta(days=62))
        assert [step.at for step in steps] == [utc("2026-02-28T09:00"), utc("2026-03-31T09:00")]


def test_what_a_refused_command_fired_before_is_heard(database_url: str) -> None:
    """A cycle was due before the command was refused; nothing is heard of the command."""
    with hosting(database_url) as (host, clock):
        sub, heard = host.subscribe(), Heard()
        host.lifecycle.on("subscription.*")(heard)
        clock.move_to(clock.now() + timedelta(days=30))
        with pytest.raises(Refused):
            host.lifecycle.subscriptions.withdraw_change(sub.id, by=ANN)
        assert heard.rest() == ["reminded", "cycle_starts"]


def test_with_a_scheduler_hooks_run_on_its_thread(database_url: str) -> None:
    """Of commands as of what fires; a hook that takes its time keeps neither from the next."""
    with live(database_url) as host:
        threads: list[threading.Thread] = []
        entered, left = threading.Event(), threading.Event()

        @host.lifecycle.on("alarm.*")
        def slow(_: Step) -> None:
            threads.append(threading.current_thread())
            entered.set()
            assert left.wait(PATIENCE)

        with host.lifecycle.start():
            wind(host.lifecycle.engine, SystemClock().now() + timedelta(seconds=0.3))
            assert entered.wait(PATIENCE)
            wait_until(lambda: len(host.lifecycle.log()) == 2)  # it has rung, while the hook has not returned
            with Session(host.engine) as session, session.begin():
                host.wind(session, (SystemClock().now() + timedelta(seconds=0.3)).isoformat())
            wait_until(lambda: len(host.lifecycle.log()) == 4)  # and so has one of a host's transaction
            left.set()
        assert len(threads) == 4
        assert threading.current_thread() not in threads


def test_what_was_committed_right_before_the_end_is_told(database_url: str) -> None:
    """On leaving the block of `start`, hooks have heard of everything."""
    with live(database_url) as host:
        heard = Heard()
        host.lifecycle.on("alarm.wound")(heard)
        with host.lifecycle.start():
            wind(host.lifecycle.engine, SystemClock().now() + timedelta(hours=1), alarms=3)
        assert heard.rest() == ["wound"] * 3


def test_a_process_without_hooks_keeps_nothing() -> None:
    """What nobody would be told is not kept; a hook that comes later hears of what is then to come."""
    with hosting(IN_MEMORY) as (host, _):
        sub = host.subscribe()
        heard = Heard()
        host.lifecycle.on("subscription.*")(heard)
        host.lifecycle.subscriptions.cancel(sub.id, by=ANN)
        assert heard.rest() == ["cancel"]


# A host's own transactions


def test_a_hosts_commit_is_heard(database_url: str) -> None:
    """Without a scheduler too, and on another thread than the host's, which is done with its commit."""
    with hosting(database_url) as (host, _):
        sub, heard = host.subscribe(), Heard()
        threads: list[threading.Thread] = []
        host.lifecycle.on("subscription.*")(heard)
        host.lifecycle.on("subscription.*")(lambda _: threads.append(threading.current_thread()))
        with Session(host.engine) as session, session.begin():
            subscriptions = host.lifecycle.using(session).subscriptions
            subscriptions.add_seats(sub.id, 1, by=ANN)
            subscriptions.cancel(sub.id, by=ANN)
            assert heard.rest() == []
        assert [heard.next(), heard.next()] == ["add_seats", "cancel"]
        wait_until(lambda: len(threads) == 2)
        assert threading.current_thread() not in threads


def test_log_lines_of_a_hosts_transaction_come_after_its_commit(database_url: str) -> None:
    """Not one while it is open; then one for each transition, in order (X51)."""
    with hosting(database_url) as (host, _):
        sub = host.subscribe()
        with capture_logs() as lines:
            with Session(host.engine) as session, session.begin():
                host.lifecycle.using(session).subscriptions.add_seats(sub.id, 1, by=ANN)
                host.lifecycle.using(session).subscriptions.cancel(sub.id, by=ANN)
                host.lifecycle.close()
                assert lines == []
            host.lifecycle.close()
            assert [line["transition"] for line in lines] == ["add_seats", "cancel"]


def test_nothing_is_told_of_what_was_rolled_back(database_url: str) -> None:
    """Neither of a transaction, nor of a savepoint, though its transaction is committed, nor of a commit that fails."""
    with hosting(database_url) as (host, _):
        sub, heard = host.subscribe(), Heard()
        host.lifecycle.on("subscription.*")(heard)
        with capture_logs() as lines:
            with Session(host.engine) as session:
                host.lifecycle.using(session).subscriptions.cancel(sub.id, by=ANN)
                session.rollback()
            with Session(host.engine) as session, session.begin():
                with session.begin_nested() as savepoint:
                    host.lifecycle.using(session).subscriptions.cancel(sub.id, by=ANN)
                    savepoint.rollback()
                session.add(Order(id=1))
            with host.engine.connect() as connection:
                host.lifecycle.using(connection).subscriptions.cancel(sub.id, by=ANN)
            host.lifecycle.subscriptions.add_seats(sub.id, 1, by=ANN)
            host.lifecycle.close()
        assert [line["transition"] for line in lines] == ["add_seats"]
        assert heard.rest() == ["add_seats"]


def test_a_commit_that_fails_is_not_believed(database_url: str) -> None:
    """A constraint that is checked in the COMMIT itself: SQLAlchemy has told of the commit by then."""
    with hosting(database_url) as (host, _):
        sub, heard = host.subscribe(), Heard()
        host.lifecycle.on("subscription.*")(heard)
        with host.engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE parents (id integer PRIMARY KEY)")
            connection.exec_driver_sql(
                "CREATE TABLE children (parent integer REFERENCES parents DEFERRABLE INITIALLY DEFERRED)"
            )
        with capture_logs() as lines, Session(host.engine) as session:
            host.lifecycle.using(session).subscriptions.cancel(sub.id, by=ANN)
            session.connection().exec_driver_sql("INSERT INTO children VALUES (1)")
            with pytest.raises(Exception, match=r"(?i)foreign key"):
                session.commit()
            host.lifecycle.close()
        assert lines == []
        assert heard.rest() == []
        assert host.lifecycle.subscriptions.get(sub.id).state == "active"


def test_a_root_that_fails_inside_a_hosts_transaction_is_told_after_its_commit(database_url: str) -> None:
    """A broken alarm is due when it is moved, which is refused: its failure is told once that is committed."""
    machines = "[tests.integration.alarms:Alarm]"
    with hosting(database_url, LIFECYCLE_MACHINES=machines) as (host, clock):
        [alarm] = wind(host.lifecycle.engine, clock.now() + timedelta(hours=1), broken=True)
        clock.move_to(clock.now() + timedelta(hours=2))
        moved = Command(alarm, "moved", "tester", {"at": "2027-01-01T00:00:00+00:00"})

        def fail(session: Session) -> None:
            with pytest.raises(Refused):
                host.lifecycle.using(session).engine.command(moved)

        with capture_logs() as lines:
            with Session(host.engine) as session:  # rolled back
                fail(session)
            with Session(host.engine) as session, session.begin():
                savepoint = session.begin_nested()
                fail(session)
                savepoint.rollback()
            host.lifecycle.close()
            assert lines == []
            with Session(host.engine) as session, session.begin():
                fail(session)
            host.lifecycle.close()
        assert [(line["event"], line["attempts"]) for line in lines] == [("root_failed", 1)]


def test_a_hosts_commit_wakes_the_scheduler(database_url: str) -> None:
    """An alarm of a host's transaction rings half a second later, long before the heartbeat; what was rolled
    back rings nowhere."""
    with live(database_url) as host:
        heard = Heard()
        host.lifecycle.on("alarm.rings")(heard)
        with host.lifecycle.start() as scheduler:
            with Session(host.engine) as session:
                host.wind(session, now())
                session.rollback()
            assert scheduler.idle(PATIENCE)
            assert scheduler.armed_at is None
            with Session(host.engine) as session, session.begin():
                host.wind(session, (SystemClock().now() + timedelta(seconds=0.5)).isoformat())
            assert heard.next() == "rings"
        [_, rang] = host.lifecycle.log()
        assert rang.fired_at - rang.at < timedelta(seconds=10)


def test_a_hook_may_fire_what_is_due(database_url: str) -> None:
    """Also one that hears of a host's commit: what that has left to look for is looked for again, and nobody waits."""
    with hosting(database_url) as (host, _):
        sub, fired = host.subscribe(), Heard()

        @host.lifecycle.on("subscription.add_seats")
        def fire(step: Step) -> None:
            host.lifecycle.fire_due()
            fired(step)

        with Session(host.engine) as session, session.begin():
            host.lifecycle.using(session).subscriptions.add_seats(sub.id, 1, by=ANN)
        assert fired.next() == "add_seats"


def test_hearsay_is_settled_before_a_traveller_goes_on(database_url: str) -> None:
    """What was committed before the journey is heard before what fires on it."""
    with hosting(database_url) as (host, clock):
        sub, heard = host.subscribe(), Heard()
        host.lifecycle.on("subscription.*")(heard)
        with Session(host.engine) as session, session.begin():
            host.lifecycle.using(session).subscriptions.add_seats(sub.id, 1, by=ANN)
        host.lifecycle.advance_to(clock.now() + timedelta(days=30))
        assert heard.rest() == ["add_seats", "reminded", "cycle_starts"]


def test_what_can_not_be_asked_now_is_asked_again(tmp_path: Path) -> None:
    """The database is away from where the configuration says while the host commits; the hook hears when it is back."""
    (tmp_path / "real").mkdir()
    with hosting(f"sqlite:///{tmp_path}/real/lifecycle.db") as (host, _):
        sub, heard = host.subscribe(), Heard()
        environ = {"LIFECYCLE_DATABASE__URL": f"sqlite:///{tmp_path}/back/lifecycle.db"}
        away = Lifecycle.from_config(PROJECT / "config.yaml", environ=environ, clock=host.lifecycle.clock)
        away.on("subscription.*")(heard)
        with Session(host.engine) as session, session.begin():
            away.using(session).subscriptions.cancel(sub.id, by=ANN)
        assert heard.rest() == []
        (tmp_path / "back").symlink_to(tmp_path / "real")
        assert heard.next() == "cancel"
        away.close()


def test_what_does_not_come_is_forgotten(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread that looks for it ends, once it has been patient enough."""
    monkeypatch.setattr(hearsay, "PATIENCE", 0.1)
    with hosting(database_url) as (host, _):
        sub, heard = host.subscribe(), Heard()
        host.lifecycle.on("subscription.*")(heard)
        with Session(host.engine) as session, session.begin():
            savepoint = session.begin_nested()
            host.lifecycle.using(session).subscriptions.cancel(sub.id, by=ANN)
            savepoint.rollback()
        looking = [thread for thread in threading.enumerate() if thread.name == "lifecycle-hearsay"]
        for thread in looking:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in looking)
        assert heard.rest() == []


def test_a_connection_that_is_cut_off_leaves_nothing(postgres_copy: str) -> None:
    """PostgreSQL ends the host's connection in the middle: its rollback goes as usual, and nothing is told."""
    with hosting(postgres_copy) as (host, _):
        sub, heard = host.subscribe(), Heard()
        host.lifecycle.on("subscription.*")(heard)
        with Session(host.engine) as session:
            host.lifecycle.using(session).subscriptions.cancel(sub.id, by=ANN)
            pid = session.scalar(text("SELECT pg_backend_pid()"))
            with host.engine.connect() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            with pytest.raises(DBAPIError):
                session.execute(text("SELECT 1"))
            session.rollback()
            host.lifecycle.using(session).subscriptions.add_seats(sub.id, 1, by=ANN)
            session.commit()
        assert heard.next() == "add_seats"
        host.lifecycle.close()
        assert heard.rest() == []
