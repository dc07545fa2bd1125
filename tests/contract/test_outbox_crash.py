"""Relays that are killed, and relays that work at the same time: nothing is lost, and nothing is delivered in vain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from lifecycle.engine.clock import stopwatch
from lifecycle.engine.commands import Command, Creation
from lifecycle.engine.outbox import Message
from lifecycle.engine.relay import Relayed
from tests.contract import outbox_dying
from tests.contract.outbox_world import Desk, Post
from tests.contract.threads import at_once, wait_until

pytestmark = pytest.mark.sampled


@pytest.fixture
def post(url: str) -> Iterator[Post]:
    """Couriers over an empty database."""
    post = Post(url)
    yield post
    post.close()


def killed(post: Post, when: str) -> str:
    """What a process says before it kills itself; the database has noticed that it is dead."""
    done = subprocess.run(
        [sys.executable, "-m", outbox_dying.__name__, post.database.url.render_as_string(hide_password=False), when],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == -signal.SIGKILL
    wait_until(lambda: post.database.is_sqlite or not _still_open(post))
    return done.stdout.strip()


def _still_open(post: Post) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL"
    with post.database.reading() as connection:
        return bool(connection.scalar(text(query)) != 1)


def test_a_process_that_dies_before_its_commit_has_sent_nothing(post: Post) -> None:
    """A round was due, and all of it was written but for the commit. The next process sends it, once."""
    post.hire(next="2026-01-01T01:00:00+00:00")
    before = post.dump()
    killed(post, "committing")
    assert post.dump() == before
    post.wake("2026-01-01 01:00")
    assert [row["kind"] for row in post.rows("outbox")] == ["round"]


def test_a_delivery_that_was_not_recorded_is_repeated_with_the_same_id(post: Post) -> None:
    """A relay dies between the two. While its lease runs nobody touches the message; then it is delivered again."""
    [message] = post.order(post.hire(), ("office", "one"))
    assert killed(post, "delivering") == message
    desk = Desk()
    relay = post.relay(office=desk)
    assert relay.run() == Relayed()
    post.wait(60)
    assert relay.run() == Relayed(delivered=1)
    assert [(taken.id, taken.attempt) for taken in desk.taken] == [(message, 1)]
    assert post.message(message)["fence"] == 2


def test_relays_at_the_same_time_deliver_each_message_once_and_in_order(post: Post) -> None:
    """Four relays, each with connections of its own, share 300 messages of 30 roots to two destinations."""
    _fill(post, roots=30, each=[("office", n) for n in range(5)] + [("crm", n) for n in range(5)])
    taken: list[Message] = []
    deadline = stopwatch() + 60

    def relay() -> Relayed:
        own = Post(post.database.url.render_as_string(hide_password=False))
        done = Relayed()
        while (
            len(taken) < 300 and stopwatch() < deadline
        ):  # one that finds nothing to lease waits for those who have the heads of the lines
            own.relay(office=taken.append, crm=taken.append).run_once(done, 5)
        own.close()
        return done

    done = at_once(4, relay)
    assert sum(one.delivered for one in done) == 300
    assert Counter(message.id for message in taken) == Counter(row["id"] for row in post.rows("outbox"))
    lines: dict[tuple[str, str], list[str]] = {}
    for message in taken:
        lines.setdefault((message.root_id, message.destination), []).append(message.kind)
    assert len(lines) == 60
    assert {tuple(line) for line in lines.values()} == {("0", "1", "2", "3", "4")}


def test_a_long_outbox_drains(post: Post) -> None:
    """600 messages of 30 roots, twenty to a line."""
    _fill(post, roots=30, each=[("office", n) for n in range(20)])
    desk = Desk()
    assert post.relay(office=desk).run() == Relayed(delivered=600)
    assert len({message.id for message in desk.taken}) == 600


def _fill(post: Post, roots: int, each: list[tuple[str, int]]) -> None:
    """So many couriers, each of whom sends these messages."""
    with post.engine.work() as work:
        creations = [Creation("courier", "hired", "usr_1", "cou", None, None, {}) for _ in range(roots)]
        couriers = [work.create(creation).id for creation in creations]
    with post.engine.work() as work:
        for courier in couriers:
            messages = [[destination, str(number)] for destination, number in each]
            work.command(Command(courier, "sends", "usr_1", {"messages": messages}))
