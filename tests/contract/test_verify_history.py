"""The nightly job says in the log whether history is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lifecycle.engine.clock import Clock
from lifecycle.store.database import Database
from lifecycle_jobs.verify import verify_history
from tests.contract.verify_vandal import Vandal
from tests.contract.verify_world import World


@dataclass(frozen=True)
class Host:
    """As much of a `Lifecycle` as the job asks for."""

    database: Database
    clock: Clock
    gateway: object = None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """One subscription since 31 January 2026."""
    world = World(f"sqlite:///{tmp_path / 'lifecycle.db'}")
    world.subscribe("acct_1", "team")
    yield world
    world.database.dispose()


def told(world: World) -> list[dict[str, object]]:
    """The lines that the job logs."""
    with capture_logs() as lines:
        verify_history(Host(world.database, world.clock))
    return [dict(line) for line in lines]


def test_a_whole_history_is_one_line(world: World) -> None:
    """With how much was read: a root for the account, and one for the subscription."""
    assert told(world) == [{"event": "history_verified", "log_level": "info", "roots": 2, "rows": 1, "warnings": 0}]


def test_what_is_overdue_breaks_no_history(world: World) -> None:
    """A dispatcher that is late is counted as a warning."""
    world.clock.move_to(world.clock.now().replace(month=3))
    assert [(line["event"], line.get("warnings")) for line in told(world)] == [("history_verified", 1)]


def test_a_broken_history_is_a_line_for_each_finding(world: World) -> None:
    """An error with the code and the ids, and nothing of the content."""
    vandal = Vandal(world.database.url.render_as_string(), {})
    subscription = world.subscribe("acct_2", "pro")
    vandal.root(subscription, head=bytes(32))
    vandal.instance(subscription, owner_id="ann@acme.example")
    vandal.leave()
    line = {"event": "history_broken", "log_level": "error", "root": subscription, "seq": None, "findings": 2}
    assert told(world) == [
        line | {"code": "head", "instance": None},
        line | {"code": "owner", "instance": subscription},
    ]


def test_twenty_findings_are_enough(world: World) -> None:
    """A log is no place for thousands of lines; each tells how many there are."""
    vandal = Vandal(world.database.url.render_as_string(), {})
    for number in range(21):
        vandal.root(world.subscribe(f"acct_late_{number}", "pro"), wake_at=None)
    vandal.leave()
    lines = told(world)
    assert [line["findings"] for line in lines] == [21] * 20
