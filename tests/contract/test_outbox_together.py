"""A destination that takes several messages in one go: what it delivers is done, and the rest is delivered singly."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

import pytest

from lifecycle.engine.outbox import Message
from lifecycle.engine.relay_ahead import RelayAhead
from tests.contract.outbox_world import MINUTE, TERMS, Desk, Post
from tests.contract.world import START

pytestmark = pytest.mark.sampled
Decided = Callable[[Message], None]


@pytest.fixture
def post(url: str) -> Iterator[Post]:
    """Three couriers have each sent a message to the office: `one`, `two` and `three`."""
    post = Post(url)
    for kind in ("one", "two", "three"):
        post.order(post.hire(), ("office", kind))
    yield post
    post.close()


class Counter:
    """Is told of all but `three`, and delivers `one`, unless it is to raise; `then` comes before it returns."""

    def __init__(self, error: Exception | None = None, then: Callable[[], None] = lambda: None) -> None:
        self._error = error
        self._then = then
        self.asked = False

    def __call__(self, messages: Sequence[Message], decided: Decided) -> Collection[str]:
        self.asked = True
        for message in messages:
            if message.kind != "three":
                decided(message)
        self._then()
        if self._error is not None:
            raise self._error
        return [message.id for message in messages if message.kind == "one"]


def take(post: Post, desk: Desk, together: Counter) -> int:
    """All that is there goes to the counter, and what is left over to the desk; how much was taken out."""
    relay = RelayAhead(post.outbox, post.clock, {"office": desk}, TERMS, lambda: 1.0, together={"office": together})
    return relay.travel(post.clock.now())


def states(post: Post) -> list[tuple[object, ...]]:
    """How the messages stand."""
    return sorted((row["kind"], row["status"], row["attempts"], row["fence"]) for row in post.rows("outbox"))


def test_what_is_left_over_is_delivered_singly(post: Post) -> None:
    """What was begun in one go comes as taken out before, what was not begun comes as new (D2)."""
    desk = Desk()
    assert take(post, desk, Counter()) == 3
    assert [(message.kind, message.again) for message in desk.taken] == [("two", True), ("three", False)]
    rows = [(row["status"], row["attempts"], row["wake_at"], row["finished_at"]) for row in post.rows("outbox")]
    assert rows == [("delivered", 1, None, START)] * 3


def test_where_one_go_fails_each_is_delivered_singly(post: Post) -> None:
    """So that the trouble of one is its own; whatever was begun comes as taken out before (D2)."""
    desk = Desk(None, OSError("shut"))
    assert take(post, desk, Counter(OSError("a page is missing"))) == 3
    assert [(message.kind, message.again) for message in desk.taken] == [
        ("one", True),
        ("two", True),
        ("three", False),
    ]
    assert states(post) == [
        ("one", "delivered", 1, 1),
        ("three", "delivered", 1, 1),
        ("two", "waiting", 1, 1),
    ]


def test_in_one_go_whose_lease_is_over_nobody_is_heard(post: Post) -> None:
    """Another relay has taken all three meanwhile: what became of them here is not recorded."""

    def others() -> None:
        post.wait(61)
        post.outbox.claim(["office"], post.clock.now(), post.clock.now() + MINUTE, 10)

    desk = Desk()
    assert take(post, desk, Counter(then=others)) == 3
    assert [row[1:] for row in states(post)] == [("leased", 0, 2)] * 3


def test_what_was_taken_out_before_never_goes_in_one_go(post: Post) -> None:
    """A relay has died with all three: a minute later each is delivered singly, as taken out before (D2)."""
    post.outbox.claim(["office"], START, START + MINUTE, 10)
    post.wait(60)
    desk, counter = Desk(), Counter()
    assert take(post, desk, counter) == 3
    assert not counter.asked
    assert [row[1] for row in states(post)] == ["delivered"] * 3
    assert [message.again for message in desk.taken] == [True] * 3
