"""A dispatcher that fires on several threads while much is due: each transition once, and trouble on one is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from lifecycle.engine.clock import SystemClock
from lifecycle.engine.engine import Batch
from lifecycle.errors import LifecycleError
from lifecycle.scheduler.dispatcher import Dispatcher
from tests.contract.world import World

MANY = 60


@contextmanager
def backlog(url: str) -> Iterator[World]:
    """Sixty beacons, due long ago, of which five fit into a batch."""
    world = World(url, batch=5)
    for _ in range(MANY):
        world.light(until=1)
    world.engine.clock = SystemClock()
    yield world
    world.close()


def fire(world: World, lanes: int) -> None:
    """Have it all fired."""
    dispatcher = Dispatcher(world.engine, lanes=lanes)
    dispatcher.start()
    assert dispatcher.idle(30)
    dispatcher.stop()
    assert dispatcher.ended


def outcome(world: World) -> list[tuple[object, ...]]:
    """Every transition, root by root."""
    return [(row["root_id"], row["seq"], row["event"]) for row in world.rows("log")]


def test_two_lanes_fire_each_once(url: str) -> None:
    """Both threads have had a part in it, and the log has one beat of each beacon."""
    with backlog(url) as world:
        threads = set()
        world.engine.listeners.append(lambda _committed: threads.add(threading.current_thread().name))
        fire(world, 2)
        assert len(outcome(world)) == 2 * MANY
        assert len(set(outcome(world))) == 2 * MANY
        assert any(name.startswith("lifecycle-lane") for name in threads)
        assert len(threads) == 2


def test_one_lane_is_one_thread(url: str) -> None:
    """Nobody fires beside it."""
    with backlog(url) as world:
        threads = set()
        world.engine.listeners.append(lambda _committed: threads.add(threading.current_thread().name))
        fire(world, 1)
        assert len(threads) == 1


def test_what_fails_on_a_lane_is_told_and_tried_again(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first batch beside the main one meets a database that is gone; all has fired in the end, once."""
    with backlog(url) as world:
        fire_batch, failed = world.engine.fire_batch, list[bool]()

        def failing(until: datetime | None = None) -> Batch:
            if threading.current_thread().name.startswith("lifecycle-lane") and not failed:
                failed.append(True)
                raise LifecycleError("gone", code="database_unavailable")
            return fire_batch(until)

        monkeypatch.setattr(world.engine, "fire_batch", failing)
        with capture_logs() as lines:
            fire(world, 2)
        assert [line["error"] for line in lines if line["event"] == "dispatcher_failed"] == ["gone"]
        assert len(outcome(world)) == 2 * MANY
