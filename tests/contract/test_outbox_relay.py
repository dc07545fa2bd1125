"""What a relay makes of what a destination does: delivered, tried again, put off, given up; and who is not heard."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from lifecycle import TryLater, Undeliverable
from lifecycle.engine.outbox import Message
from lifecycle.engine.relay import LONGEST_ERROR, Relayed, Terms
from tests.contract.outbox_world import MINUTE, SECOND, Desk, Post
from tests.contract.world import START

pytestmark = pytest.mark.sampled

HOUR = timedelta(hours=1)


@pytest.fixture
def post(url: str) -> Iterator[Post]:
    """Couriers over an empty database."""
    post = Post(url)
    yield post
    post.close()


@pytest.fixture
def message(post: Post) -> str:
    """A message to the office."""
    [message] = post.order(post.hire(), ("office", "one"))
    return message


# Delivered


def test_a_destination_is_given_the_message(post: Post) -> None:
    """Its id, what it is about, the number of the attempt, and whether it has been taken out before."""
    courier = post.hire()
    [sent] = post.order(courier, ("office", "one"))
    desk = Desk(OSError("shut"))
    relay = post.relay(office=desk)
    relay.run()
    post.wait(10)
    relay.run()
    given = Message(sent, "office", "one", {"round": 0}, courier.id, courier.id, START, 1)
    assert desk.taken == [given, replace(given, attempt=2, again=True)]


def test_what_is_delivered_is_done(post: Post, message: str) -> None:
    """It has its end, no error, and is not delivered again."""
    desk = Desk(OSError("shut"))
    relay = post.relay(office=desk)
    relay.run()
    post.wait(10)
    assert relay.run() == Relayed(delivered=1)
    post.wait(3600)
    assert relay.run() == Relayed()
    row = post.message(message)
    assert (row["status"], row["attempts"], row["wake_at"]) == ("delivered", 2, None)
    assert (row["finished_at"], row["error"]) == (START + 10 * SECOND, None)


# Tried again


def test_a_failure_is_tried_again_after_a_delay_that_doubles_up_to_the_longest(post: Post, message: str) -> None:
    """10, 20, then 30 and not 40 seconds, by the relay's clock; the fourth failure is the last."""
    desk = Desk(*(OSError("shut") for _ in range(9)))
    relay = post.relay(office=desk)
    tried = []
    for second in range(100):
        if relay.run() != Relayed():
            tried.append(second)
        post.wait(1)
    assert tried == [0, 10, 30, 60]
    assert len(desk.taken) == 4
    assert post.message(message)["status"] == "dead"


def test_a_failure_is_kept_with_the_message(post: Post, message: str) -> None:
    """What was raised, when it is tried again, and how often it was."""
    post.relay(office=Desk(OSError("shut"))).run()
    row = post.message(message)
    assert (row["status"], row["attempts"], row["error"]) == ("waiting", 1, "OSError: shut")
    assert (row["wake_at"], row["finished_at"]) == (START + 10 * SECOND, None)


def test_jitter_takes_up_to_half_of_the_delay(post: Post, message: str) -> None:
    """With the smallest chance a delay of 10 seconds is 5."""
    post.relay(chance=0.0, office=Desk(OSError("shut"))).run()
    assert post.message(message)["wake_at"] == START + 5 * SECOND


@given(attempts=st.integers(1, 1000), chance=st.floats(0, 1))
def test_a_delay_lies_between_half_and_all_of_what_is_doubled(attempts: int, chance: float) -> None:
    """For whatever chance and attempt; and it never passes the longest."""
    whole = min(5 * SECOND * 2 ** min(attempts - 1, 30), HOUR)
    assert whole / 2 <= Terms().retry_after(attempts, chance) <= whole


def test_the_delays_by_default() -> None:
    """5 seconds, 10, 20, …, 2560, then an hour; with the least chance half of that."""
    terms = Terms()
    longest = [terms.retry_after(attempts, 1.0) / SECOND for attempts in range(1, 13)]
    assert longest == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert terms.retry_after(3, 0.0) == 10 * SECOND
    assert terms.retry_after(3, 0.5) == 15 * SECOND


def test_a_destination_that_raises_stops_no_other_message(post: Post) -> None:
    """Whatever it raises."""
    for _ in range(3):
        post.order(post.hire(), ("office", "one"))
    office = Desk(ZeroDivisionError(), None, Unspeakable())
    assert post.relay(office=office).run() == Relayed(delivered=1, failed=2)


class Unspeakable(Exception):
    """An error that can't even say what it is."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("said", "stored"),
    [
        ("no ann@acme.test here", "OSError: no …@… here"),
        ("nothing\0at all", "OSError: nothing\ufffdat all"),
        ("half a \ud800 letter", "OSError: half a ? letter"),
        ("x" * 1000, "OSError: " + "x" * (LONGEST_ERROR - 9)),
    ],
)
def test_an_error_is_stored_as_harmless_text(post: Post, message: str, said: str, stored: str) -> None:
    """Without addresses, without what databases do not take, and not too long (A2)."""
    post.relay(office=Desk(OSError(said))).run()
    assert post.message(message)["error"] == stored


# Put off, and given up


def test_what_is_undeliverable_is_dead_at_once(post: Post, message: str) -> None:
    """At the first attempt (X21)."""
    done = post.relay(office=Desk(Undeliverable("no such office"))).run()
    row = post.message(message)
    assert done == Relayed(dead=1)
    assert (row["status"], row["attempts"], row["wake_at"], row["finished_at"]) == ("dead", 1, None, START)
    assert row["error"] == "lifecycle.engine.outbox.Undeliverable: no such office"


@pytest.mark.parametrize(
    ("later", "wake_at"),
    [
        (TryLater("closed", after=HOUR), START + HOUR),
        (TryLater("closed", at=START + 2 * HOUR), START + 2 * HOUR),
        (TryLater("closed", at=START - HOUR), START + 10 * SECOND),
        (TryLater("closed", after=timedelta(0)), START + 10 * SECOND),
    ],
)
def test_a_destination_says_when_to_try_again(post: Post, message: str, later: TryLater, wake_at: object) -> None:
    """That counts as no attempt, and is never sooner than a first retry (X22)."""
    assert post.relay(office=Desk(later)).run() == Relayed(postponed=1)
    row = post.message(message)
    assert (row["status"], row["attempts"], row["wake_at"]) == ("waiting", 0, wake_at)


@pytest.mark.parametrize(
    "when", [{}, {"at": START, "after": HOUR}, {"at": START.replace(tzinfo=None)}], ids=["never", "twice", "naive"]
)
def test_a_destination_says_so_in_one_way(when: dict[str, object]) -> None:
    """An aware instant, or a while."""
    with pytest.raises(ValueError, match="Say when"):
        TryLater("closed", **when)  # type: ignore[arg-type]  # that is what is wrong


# Who is not heard


def test_a_stale_worker_is_not_heard(post: Post, message: str) -> None:
    """A first worker's lease runs out, and so does a second's (X20): the first, who says that it is delivered, changes
    nothing; the second, whom nobody has followed, is heard, and once only."""
    [first] = post.outbox.claim(["office"], START, START + MINUTE, 10)
    [second] = post.outbox.claim(["office"], START + MINUTE, START + 2 * MINUTE, 10)
    post.wait(3600)
    before = post.message(message)
    assert post.outbox.settle(replace(first, status="delivered", wake_at=None)) is False
    assert post.message(message) == before
    assert post.outbox.settle(replace(second, status="delivered", wake_at=None)) is True
    assert post.outbox.settle(replace(second, status="waiting", wake_at=START)) is False
    assert post.message(message)["status"] == "delivered"


def test_the_fence_goes_on_rising(post: Post, message: str) -> None:
    """Through failures and leases that ran out: no two leases of a message ever have the same."""
    relay = post.relay(office=Desk(OSError("shut"), TryLater("closed", after=10 * SECOND)))
    fences = []
    for _ in range(3):
        relay.run()
        fences.append(post.message(message)["fence"])
        post.wait(10)
    assert fences == [1, 2, 3]


@pytest.mark.parametrize("answer", [None, OSError("shut"), Undeliverable("gone"), TryLater("closed", after=HOUR)])
def test_a_relay_that_was_too_slow_says_so_and_changes_nothing(
    post: Post, message: str, answer: Exception | None
) -> None:
    """Its delivery takes longer than its lease; meanwhile another relay delivers."""
    quick = Desk()

    def dawdle() -> None:
        post.wait(60)
        post.relay(office=quick).run()

    with capture_logs() as lines:
        done = post.relay(office=Desk(answer, then=dawdle)).run()
    assert done == Relayed(stale=1)
    assert post.message(message)["status"] == "delivered"
    assert [(line["event"], line["fence"]) for line in lines] == [("delivered", 2), ("stale_lease", 1)]
    assert lines[1]["delivered"] is (answer is None)


def test_a_message_whose_lease_is_over_before_its_turn_is_left(post: Post) -> None:
    """Two are leased together; the first takes as long as the lease: the second is not begun on that lease. The first
    is heard all the same, for nobody has followed."""
    for _ in range(2):
        post.order(post.hire(), ("office", "one"))
    office = Desk(then=lambda: post.wait(60))
    relay, done = post.relay(office=office), Relayed()
    relay.run_once(done)
    assert done == Relayed(delivered=1, stale=1)
    assert len(office.taken) == 1


# When to stop


def test_a_relay_that_is_stopped_gives_back_what_it_has_not_begun(post: Post) -> None:
    """Of three that are leased one is delivered; the others are due at once, for anybody."""
    messages = [post.order(post.hire(), ("office", "one"))[0] for _ in range(3)]
    office = Desk()
    relay, done = post.relay(office=office), Relayed()
    assert relay.run_once(done, more=lambda: not office.taken) == 3
    assert post.statuses(messages) == ["delivered", "waiting", "waiting"]
    assert {post.message(message)["wake_at"] for message in messages[1:]} == {START}


def test_a_relay_without_time_does_nothing(post: Post, message: str) -> None:
    """Its time is up before it begins."""
    desk = Desk()
    assert post.relay(office=desk).run(within=timedelta(0)) == Relayed()
    assert (desk.taken, post.message(message)["fence"]) == ([], 0)
