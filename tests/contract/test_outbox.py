"""A message is written with the transition that sends it, and taken out in order, one lease at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lifecycle import Undeliverable
from lifecycle.engine.commands import Command
from lifecycle.engine.ports import WriteFailed
from lifecycle.engine.work import Work
from lifecycle.errors import Refused
from lifecycle.store.transaction import SqlTransaction
from tests.contract.outbox_world import MINUTE, SECOND, Desk, Post
from tests.contract.world import START, counted_again

pytestmark = pytest.mark.sampled

TWO = [["office", "one"], ["crm", "two"]]


@pytest.fixture
def post(url: str) -> Iterator[Post]:
    """Couriers over an empty database."""
    post = Post(url)
    yield post
    post.close()


# Writing


def test_a_message_is_written_with_its_transition(post: Post) -> None:
    """The second row of the log sends; its effects are a notice and two messages, which are due at once."""
    courier = post.hire()
    first, second = post.order(courier, ("office", "one"), ("crm", "two"))
    assert post.message(second) == {
        "id": second,
        "root_id": courier.id,
        "seq": 2,
        "place": 2,
        "instance_id": courier.id,
        "destination": "crm",
        "kind": "two",
        "payload": {"round": 0},
        "status": "waiting",
        "wake_at": START,
        "attempts": 0,
        "fence": 0,
        "created_at": START,
        "finished_at": None,
        "error": None,
        "clock": None,
        "merged_into": None,
    }
    assert first.startswith("out_")
    assert post.log(courier)[1]["effects"][2] == {
        "effect": "send",
        "destination": "crm",
        "kind": "two",
        "payload": {"round": 0},
    }
    assert [row["hash"] for row in post.log(courier)] == counted_again(post.log(courier))


def test_a_deferred_transition_sends_too(post: Post) -> None:
    """Rounds at one and two o'clock: a message for each."""
    courier = post.hire(next="2026-01-01T01:00:00+00:00")
    post.travel("2026-01-01 02:30")
    rows = post.rows("outbox", root_id=courier.id)
    assert [(row["seq"], row["place"], row["payload"]) for row in rows] == [(2, 0, {"round": 1}), (3, 0, {"round": 2})]


def test_a_message_is_taken_back_with_its_transition(post: Post) -> None:
    """A command that sends, and then one that is refused, in one transaction: nothing is sent."""
    courier = post.hire()
    before = post.dump()

    def both(work: Work[SqlTransaction]) -> None:
        work.command(Command(courier.id, "sends", "usr_1", {"messages": TWO}))
        work.command(Command(courier.id, "hired", "usr_1"))

    with pytest.raises(Refused):
        post.engine.attempt(both)
    assert post.dump() == before


def test_what_is_no_message_is_not_written(post: Post) -> None:
    """An effect that calls itself `send` and has no destination: the command fails, and nothing has changed."""
    courier = post.hire()
    before = post.dump()
    with pytest.raises(WriteFailed, match="A message could not be written"):
        post.send(courier, "spoils")
    assert post.dump() == before


def test_a_message_that_can_not_be_written_is_its_roots_trouble_alone(post: Post) -> None:
    """Of two couriers who are due for their rounds one is clumsy: it backs off, and the other has sent."""
    clumsy = post.hire(next="2026-01-01T01:00:00+00:00", clumsy=True)
    other = post.hire(next="2026-01-01T01:00:00+00:00")
    post.wake("2026-01-01 01:00")
    assert [row["root_id"] for row in post.rows("outbox")] == [other.id]
    assert post.root(clumsy)["attempts"] == 1
    assert "A message could not be written" in post.root(clumsy)["error"]


# Leases


def test_a_claim_leases_what_is_due(post: Post) -> None:
    """For a minute, with the first fence; until then nobody else gets it."""
    [message] = post.order(post.hire(), ("office", "one"))
    [leased] = post.outbox.claim(["office"], START, START + MINUTE, 10)
    row = post.message(message)
    assert (leased.id, leased.status, leased.wake_at, leased.fence) == (message, "leased", START + MINUTE, 1)
    assert (row["status"], row["wake_at"], row["fence"]) == ("leased", START + MINUTE, 1)
    assert post.outbox.claim(["office"], START + 59 * SECOND, START + 2 * MINUTE, 10) == []


def test_a_lease_that_has_run_out_passes_to_the_next(post: Post) -> None:
    """With a higher fence."""
    [message] = post.order(post.hire(), ("office", "one"))
    post.outbox.claim(["office"], START, START + MINUTE, 10)
    [again] = post.outbox.claim(["office"], START + MINUTE, START + 2 * MINUTE, 10)
    assert (again.id, again.fence) == (message, 2)


def test_a_claim_takes_no_more_than_its_limit_the_longest_waiting_first(post: Post) -> None:
    """Three couriers send one after the other: two, then one."""
    sent = []
    for courier in [post.hire(), post.hire(), post.hire()]:
        sent += post.order(courier, ("office", "one"))
        post.wait(1)
    now = post.clock.now()
    first = post.outbox.claim(["office"], now, now + MINUTE, 2)
    then = post.outbox.claim(["office"], now, now + MINUTE, 2)
    assert [[message.id for message in claimed] for claimed in (first, then)] == [sent[:2], sent[2:]]


def test_a_destination_that_is_not_served_is_left_alone(post: Post) -> None:
    """Another process may serve it."""
    [message] = post.order(post.hire(), ("crm", "one"))
    desk = Desk()
    post.relay(office=desk).run()
    post.relay().run()
    assert desk.taken == []
    assert (post.message(message)["status"], post.message(message)["fence"]) == ("waiting", 0)


# Order


def test_messages_of_a_root_to_a_destination_go_in_the_order_of_the_log(post: Post) -> None:
    """Two transitions with two messages each; one claim has one of them at a time."""
    courier = post.hire()
    post.order(courier, ("office", "b"), ("office", "a"))
    post.order(courier, ("office", "d"), ("office", "c"))
    now = post.clock.now()
    assert [message.kind for message in post.outbox.claim(["office"], now, now + MINUTE, 10)] == ["b"]
    post.wait(60)
    desk = Desk()
    post.relay(office=desk).run()
    assert desk.kinds == ["b", "a", "d", "c"]


def test_a_message_waits_for_the_one_before_and_for_no_other(post: Post) -> None:
    """While the first to the office is tried again, the second waits; the crm's and another courier's go on."""
    courier, other = post.hire(), post.hire()
    post.order(courier, ("office", "first"), ("crm", "beside"), ("office", "second"))
    post.order(other, ("crm", "before"))
    post.order(other, ("office", "another"))  # at a later place in its log than any of the first courier's
    office, crm = Desk(OSError("shut")), Desk()
    relay = post.relay(office=office, crm=crm)
    relay.run()
    assert sorted(office.kinds) == ["another", "first"]
    assert sorted(crm.kinds) == ["before", "beside"]
    post.wait(10)
    relay.run()
    assert office.kinds[2:] == ["first", "second"]


def test_a_message_that_is_leased_holds_back_the_next(post: Post) -> None:
    """One relay has the first in hand; another gets nothing, also after its lease has run out: it gets the first."""
    first, second = post.order(post.hire(), ("office", "first"), ("office", "second"))
    post.outbox.claim(["office"], START, START + MINUTE, 10)
    assert post.outbox.claim(["office"], START, START + MINUTE, 10) == []
    assert [message.id for message in post.outbox.claim(["office"], START + MINUTE, START + 2 * MINUTE, 10)] == [first]
    assert post.statuses([first, second]) == ["leased", "waiting"]


def test_a_dead_letter_holds_nothing_back(post: Post) -> None:
    """The second goes on."""
    first, second = post.order(post.hire(), ("office", "first"), ("office", "second"))
    office = Desk(Undeliverable("no such office"))
    post.relay(office=office).run()
    assert office.kinds == ["first", "second"]
    assert post.statuses([first, second]) == ["dead", "delivered"]
