"""The outbox of a `Lifecycle`: destinations, the file mailbox, the relay beside a scheduler, and operators."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from lifecycle import Lifecycle, Message, NotFound, Refused, Undeliverable, VirtualClock
from lifecycle.app.mailbox import FileMailbox
from lifecycle.app.outbox import Outbox
from lifecycle.engine.commands import Command, Creation
from lifecycle.engine.records import OutboxRecord, Subscriber
from lifecycle.engine.relay import Relayed
from lifecycle.errors import DefinitionError
from lifecycle.store.outbox import SqlOutbox, park, unpark
from lifecycle.store.subscribers import subscribe
from lifecycle.verify import verify
from lifecycle_jobs.relay import relay_outbox
from tests.contract.outbox_world import COURIER, SECOND, Desk
from tests.contract.threads import wait_until
from tests.integration.test_rules import START, utc
from tests.integration.world import PROJECT, travelling

pytestmark = pytest.mark.sampled

World = tuple[Lifecycle, VirtualClock]
NOW = utc(START[:16])
PATIENCE = 20.0


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """Couriers on a virtual clock, and no mailbox."""
    with travelling(database_url, START, LIFECYCLE_MACHINES=f"[{COURIER}]", LIFECYCLE_MAIL__USE="none") as world:
        yield world


def hire(lifecycle: Lifecycle) -> str:
    """A courier."""
    creation = Creation("courier", "hired", "usr_1", "cou", arguments={})
    return lifecycle.engine.attempt(lambda work: work.create(creation)).id


def order(lifecycle: Lifecycle, courier: str, destination: str = "office", kind: str = "one") -> OutboxRecord:
    """Have a courier send one message."""
    lifecycle.engine.command(Command(courier, "sends", "usr_1", {"messages": [[destination, kind]]}))
    return lifecycle.outbox.list()[-1]


def dead(lifecycle: Lifecycle) -> OutboxRecord:
    """A dead letter."""
    sent = order(lifecycle, hire(lifecycle))

    @lifecycle.destination("office")
    def refuse(message: Message) -> None:
        raise Undeliverable(f"{message.kind} is nothing for us")

    lifecycle.relay_outbox()
    return lifecycle.outbox.get(sent.id)


# Destinations


def test_a_host_serves_a_destination_with_a_function(world: World) -> None:
    """It is given what a machine has sent; the relay says what it has done, and the job does the same."""
    lifecycle, _ = world
    desk = Desk()
    assert lifecycle.destination("office")(desk) is desk
    sent = order(lifecycle, hire(lifecycle))
    assert lifecycle.relay_outbox() == Relayed(delivered=1)
    order(lifecycle, hire(lifecycle), kind="two")
    relay_outbox(lifecycle)
    wait_until(lambda: all(message.status == "delivered" for message in lifecycle.outbox.list()))
    assert desk.taken[0].id == sent.id
    assert desk.kinds == ["one", "two"]
    assert verify(lifecycle.database).findings == ()


def test_a_destination_has_one_function(world: World) -> None:
    """A second one is an error of the host's, and so is one that only makes a coroutine."""
    lifecycle, _ = world
    lifecycle.destination("office")(Desk())
    with pytest.raises(DefinitionError, match="has a function already"):
        lifecycle.destination("office")(Desk())

    async def later(message: Message) -> None:
        del message

    with pytest.raises(DefinitionError, match="needs a plain function"):
        lifecycle.destination("crm")(later)


def test_time_travel_and_the_outbox(world: World) -> None:
    """A failure is tried again when the travelled clock says so: 5 seconds later at the latest."""
    lifecycle, clock = world
    desk = Desk(OSError("shut"))
    lifecycle.destination("office")(desk)
    order(lifecycle, hire(lifecycle))
    assert lifecycle.relay_outbox() == Relayed(failed=1)
    clock.move_to(NOW + 2 * SECOND)
    assert lifecycle.relay_outbox() == Relayed()
    lifecycle.advance_to(NOW + 5 * SECOND)  # which delivers, too
    assert desk.kinds == ["one", "one"]
    assert lifecycle.relay_outbox() == Relayed()


# The mailbox


def test_a_file_mailbox_takes_what_is_sent_to_mail(database_url: str, tmp_path: Path) -> None:
    """One file for each message, named by its id, and nothing else: JSON, unless it is a notice."""
    mail = {"LIFECYCLE_MAIL__PATH": str(tmp_path / "mail"), "LIFECYCLE_SELLER__EMAIL": "desk@example.test"}
    with travelling(database_url, START, LIFECYCLE_MACHINES=f"[{COURIER}]", **mail) as (lifecycle, _):
        courier = hire(lifecycle)
        sent = order(lifecycle, courier, "mail", "renewed")
        assert lifecycle.relay_outbox() == Relayed(delivered=2)
    [notice, file] = sorted((tmp_path / "mail").iterdir())
    assert notice.suffix == ".eml"
    assert file.name == f"{sent.id}.json"
    assert json.loads(file.read_text("utf-8")) == {
        "id": sent.id,
        "destination": "mail",
        "kind": "renewed",
        "payload": {"round": 0},
        "root_id": courier,
        "instance_id": courier,
        "created_at": "2026-01-31T09:00:00Z",
        "attempt": 1,
        "again": False,
    }


def test_a_repeat_overwrites_itself(tmp_path: Path) -> None:
    """A second delivery of one message is the same file."""
    mailbox = FileMailbox(tmp_path)
    for attempt in (1, 2):
        mailbox(Message("out_1", "mail", "renewed", {}, "sub_1", "sub_1", NOW, attempt))
    [file] = tmp_path.iterdir()
    assert json.loads(file.read_text("utf-8"))["attempt"] == 2


def test_a_host_may_serve_mail_itself(database_url: str, tmp_path: Path) -> None:
    """Its own function takes the place of the mailbox."""
    mail = {"LIFECYCLE_MAIL__PATH": str(tmp_path / "mail")}
    with travelling(database_url, START, LIFECYCLE_MACHINES=f"[{COURIER}]", **mail) as (lifecycle, _):
        desk = Desk()
        lifecycle.destination("mail")(desk)
        order(lifecycle, hire(lifecycle), "mail")
        lifecycle.relay_outbox()
    assert desk.kinds == ["changed", "one"]  # a notice, and what was sent
    assert not (tmp_path / "mail").exists()


# Beside a scheduler


def test_a_commit_that_sends_has_the_relay_run_at_once(database_url: str) -> None:
    """Long before the calendar job's next run, each time, and not on the thread that commits."""
    jobs = '{relay_outbox: {run: "lifecycle_jobs.relay:relay_outbox", every: 10d}}'
    environ = {"LIFECYCLE_DATABASE__URL": database_url, "LIFECYCLE_MACHINES": f"[{COURIER}]", "LIFECYCLE_JOBS": jobs}
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", environ=environ | {"LIFECYCLE_MAIL__USE": "none"})
    lifecycle.upgrade_schema()
    taken: SimpleQueue[tuple[str, int]] = SimpleQueue()
    lifecycle.destination("office")(lambda message: taken.put((message.kind, threading.get_ident())))
    before = list(lifecycle.engine.listeners)
    try:
        with capture_logs(), lifecycle.start():
            courier = hire(lifecycle)
            for kind in ("one", "two", "three"):
                lifecycle.engine.command(Command(courier, "sends", "usr_1", {"messages": [["office", kind]]}))
                delivered, thread = taken.get(timeout=PATIENCE)
                assert delivered == kind
                assert thread != threading.get_ident()
        assert lifecycle.engine.listeners == before
    finally:
        lifecycle.close()


def test_what_is_told_to_a_destination_that_is_paused_is_parked(world: World) -> None:
    """It is written as ever, no relay looks at it, and it is delivered in order once the destination goes on; what
    somebody is to deliver himself is not among it."""
    lifecycle, clock = world
    paused = Subscriber("crm", ("courier.*",), paused=True)
    with lifecycle.database.writing() as connection:
        subscribe(connection, Subscriber("crm", ("*",)))
    courier = hire(lifecycle)
    with lifecycle.database.writing() as connection:
        subscribe(connection, paused)
        park(connection, "crm")
    order(lifecycle, courier)
    desk = Desk()
    lifecycle.destination("crm")(desk)
    assert [(one.kind, one.status, one.wake_at) for one in lifecycle.outbox.list(destination="crm")] == [
        ("courier.hired", "parked", None),
        ("courier.sends", "parked", None),
    ]
    assert lifecycle.relay_outbox() == Relayed()
    assert verify(lifecycle.database).findings == ()
    clock.move_to(NOW + SECOND)
    with lifecycle.database.writing() as connection:
        unpark(connection, "crm", clock.now())
    assert lifecycle.relay_outbox() == Relayed(delivered=2)
    assert desk.kinds == ["courier.hired", "courier.sends"]


def test_a_mail_has_attempts_of_its_own(database_url: str) -> None:
    """A mail server may be away for days; what goes elsewhere is given up sooner."""
    attempts = {"LIFECYCLE_OUTBOX__ATTEMPTS": "1", "LIFECYCLE_MAIL__ATTEMPTS": "2"}
    with travelling(database_url, START, LIFECYCLE_MACHINES=f"[{COURIER}]", **attempts) as (lifecycle, clock):
        for name in ("mail", "office"):
            lifecycle.destination(name)(Desk(*[OSError("away")] * 3))
        order(lifecycle, hire(lifecycle))  # with its notice
        assert lifecycle.relay_outbox() == Relayed(failed=1, dead=1)
        clock.move_to(NOW + 10 * SECOND)
        assert lifecycle.relay_outbox() == Relayed(dead=1)


# Operators


def test_an_operator_retries_a_dead_letter(world: World) -> None:
    """It is due at once with all its attempts, its fence goes on, and the log says who did it and why (X23)."""
    lifecycle, clock = world
    message = dead(lifecycle)
    clock.move_to(NOW + SECOND)
    retried = lifecycle.outbox.retry(message.id, reason="the office is back", by="op@acme.test")
    assert (retried.status, retried.wake_at, retried.finished_at) == ("waiting", NOW + SECOND, None)
    assert (message.attempts, retried.attempts, retried.fence) == (1, 0, 1)
    assert lifecycle.outbox.get(message.id) == retried
    row = lifecycle.log()[-1]
    assert (row.event, row.cause, row.actor, row.reason) == (
        "outbox_retried",
        "operator",
        "op@acme.test",
        "the office is back",
    )
    assert (row.source, row.target, row.arguments, row.changes) == ("at_work", "at_work", {"message": message.id}, {})
    lifecycle.relay_outbox()
    assert lifecycle.outbox.get(message.id).fence == 2
    assert verify(lifecycle.database).findings == ()


def test_an_operator_retries_what_backs_off(world: World) -> None:
    """At once, instead of later."""
    lifecycle, _ = world
    desk = Desk(OSError("shut"))
    lifecycle.destination("office")(desk)
    message = order(lifecycle, hire(lifecycle))
    lifecycle.relay_outbox()
    lifecycle.outbox.retry(message.id, reason="now")
    assert lifecycle.relay_outbox() == Relayed(delivered=1)


def test_an_operator_drops_a_message(world: World) -> None:
    """It is never sent, those after it go on, and the log says so (X23)."""
    lifecycle, clock = world
    courier = hire(lifecycle)
    first, second = order(lifecycle, courier), order(lifecycle, courier, kind="two")
    dropped = lifecycle.outbox.drop(first.id, reason="told them by phone")
    assert (dropped.status, dropped.wake_at, dropped.finished_at) == ("dropped", None, NOW)
    desk = Desk()
    lifecycle.destination("office")(desk)
    clock.move_to(NOW + 3600 * SECOND)
    lifecycle.relay_outbox()
    assert desk.kinds == ["two"]
    assert [lifecycle.outbox.get(message.id).status for message in (first, second)] == ["dropped", "delivered"]
    assert (lifecycle.log()[-1].event, lifecycle.log()[-1].actor) == ("outbox_dropped", "operator")
    assert verify(lifecycle.database).findings == ()


def test_a_message_that_is_dropped_while_it_is_delivered_stays_dropped(world: World) -> None:
    """What the relay reports is not heard."""
    lifecycle, _ = world
    message = order(lifecycle, hire(lifecycle))
    lifecycle.destination("office")(Desk(then=lambda: lifecycle.outbox.drop(message.id, reason="too late")))
    assert lifecycle.relay_outbox() == Relayed(stale=1)
    assert lifecycle.outbox.get(message.id).status == "dropped"


def test_a_retry_while_a_relay_has_it_is_refused(world: World) -> None:
    """`in_delivery`, up to the end of the lease; after it the message is anybody's (X23)."""
    lifecycle, clock = world
    message = order(lifecycle, hire(lifecycle))
    SqlOutbox(lifecycle.database).claim(["office"], NOW, NOW + 60 * SECOND, 1)
    clock.move_to(NOW + 59 * SECOND)
    with pytest.raises(Refused) as refused:
        lifecycle.outbox.retry(message.id, reason="faster")
    assert refused.value.code == "in_delivery"
    clock.move_to(NOW + 60 * SECOND)
    assert lifecycle.outbox.retry(message.id, reason="nobody has it").status == "waiting"


Act = Callable[[Outbox, str], object]


@pytest.mark.parametrize(
    "act",
    [
        lambda outbox, message: outbox.retry(message, reason="x"),
        lambda outbox, message: outbox.drop(message, reason="x"),
    ],
    ids=["retry", "drop"],
)
@pytest.mark.parametrize("status", ["delivered", "dropped"])
def test_what_is_done_stays_done(world: World, act: Act, status: str) -> None:
    """Neither is retried or dropped, and nothing is logged (X23)."""
    lifecycle, _ = world
    message = order(lifecycle, hire(lifecycle))
    with lifecycle.database.writing() as connection:
        connection.execute(text("UPDATE lifecycle_outbox SET status = :status"), {"status": status})
    before = lifecycle.outbox.get(message.id), lifecycle.log()
    with pytest.raises(Refused) as refused:
        act(lifecycle.outbox, message.id)
    assert refused.value.code == f"already_{status}"
    assert (lifecycle.outbox.get(message.id), lifecycle.log()) == before


def test_an_act_needs_a_message_and_a_reason(world: World) -> None:
    """`not_found`, and `invalid`."""
    lifecycle, _ = world
    message = order(lifecycle, hire(lifecycle))
    for act in (lifecycle.outbox.retry, lifecycle.outbox.drop):
        with pytest.raises(NotFound):
            act("out_none", reason="x")
        with pytest.raises(Refused) as refused:
            act(message.id, reason=" ")
        assert refused.value.code == "invalid"
    with pytest.raises(NotFound):
        lifecycle.outbox.get("out_none")
    assert lifecycle.outbox.list() == [message]


def test_messages_are_listed_by_status_and_destination(world: World) -> None:
    """Oldest first; of a limit, the newest."""
    lifecycle, clock = world
    courier = hire(lifecycle)
    sent = []
    for destination in ("office", "crm", "office"):
        sent.append(order(lifecycle, courier, destination))
        clock.move_to(clock.now() + SECOND)
    dropped = lifecycle.outbox.drop(sent[0].id, reason="x")
    assert lifecycle.outbox.list() == [dropped, *sent[1:]]
    assert lifecycle.outbox.list(limit=2) == sent[1:]
    assert lifecycle.outbox.list(destination="office") == [dropped, sent[2]]
    assert lifecycle.outbox.list(destination="office", status="waiting") == [sent[2]]
