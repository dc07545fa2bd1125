"""Forks and reloads: a child goes on where its parent was, and neither loses anything to the other."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from lifecycle import Lifecycle, LifecycleError
from lifecycle.store.door import Door
from tests.contract.threads import at_once, wait_until
from tests.integration.alarms import wind
from tests.integration.host import ANN, live
from tests.integration.live import PATIENCE
from tests.integration.test_rules import utc
from tests.integration.world import PROJECT

pytestmark = pytest.mark.sampled


def said(scenario: str, url: str) -> Sequence[str]:
    """What a process that forks has said, the last of them having ended."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "tests.integration.forking", scenario, url]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=3 * PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_child_goes_on_and_so_does_its_parent(database_url: str) -> None:
    """It reads, commands and has its own scheduler, also after the parent has closed the database: on SQLite what it
    writes then would be lost if anything had been open in the moment of the fork (X53)."""
    assert said("busy", database_url) == ["child reads 4", "parent True", "child 0", "seats 7"]


def test_the_workers_of_a_pre_forking_server_lose_nothing(database_url: str) -> None:
    """Four children with ten customers each, all of whom are there, with ids of their own."""
    assert said("pre_fork", database_url) == ["workers [0, 0, 0, 0]", "subscriptions 40", "accounts 40"]


def test_a_child_that_leaves_its_parents_block_stops_nothing(database_url: str) -> None:
    """It can start a scheduler of its own, and ends; the parent's goes on."""
    assert said("unwinding", database_url) == ["2 then 4", "child 0", "parent True"]


def test_a_childs_ids_are_its_own() -> None:
    """A parent and its child count on within one millisecond, from different places."""
    first, childs, parents = said("ids", "")
    assert len({first, childs, parents}) == 3
    assert parents > first


def test_a_scheduler_is_started_once_at_a_time(database_url: str) -> None:
    """A second start is refused while the first runs; after it has stopped, a new one fires what is due."""
    with live(database_url) as host:
        lifecycle = host.lifecycle
        with lifecycle.start(), pytest.raises(LifecycleError) as error, lifecycle.start():
            pass
        assert error.value.code == "already_started"
        with lifecycle.start() as scheduler:
            wind(lifecycle.engine, utc("2026-01-01"))
            wait_until(lambda: len(lifecycle.log()) == 2)
            assert scheduler.alive


def test_a_start_that_fails_can_be_tried_again(tmp_path: Path) -> None:
    """There was no schema yet."""
    url = f"sqlite:///{tmp_path / 'lifecycle.db'}"
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", environ={"LIFECYCLE_DATABASE__URL": url})
    with pytest.raises(LifecycleError, match="lifecycle db upgrade"), lifecycle.start():
        pass
    lifecycle.upgrade_schema()
    with lifecycle.start() as scheduler:
        assert scheduler.alive
    lifecycle.close()


def test_threads_that_use_it_first_at_one_moment_share_one_engine(database_url: str) -> None:
    """One engine, and so one place where commits are heard and ids are counted."""
    with live(database_url) as host:
        assert len(set(map(id, at_once(20, lambda: host.lifecycle.engine)))) == 1


def test_a_hosts_module_can_be_loaded_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each time with a `Lifecycle`, an engine and a hook of its own; what each of them does is told once."""
    (tmp_path / "reloaded_host.py").write_text(
        "from sqlalchemy import create_engine\n"
        "from lifecycle import Lifecycle\n"
        f"lifecycle = Lifecycle.from_config({str(PROJECT / 'config.yaml')!r}, "
        f"environ={{'LIFECYCLE_DATABASE__URL': 'sqlite:///{tmp_path}/lifecycle.db'}})\n"
        f"engine = create_engine('sqlite:///{tmp_path}/lifecycle.db')\n"
        "lifecycle.prepare(engine)\n"
        "heard = []\n"
        "lifecycle.on('subscription.*')(heard.append)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    host = importlib.import_module("reloaded_host")
    first, first_engine, first_heard = host.lifecycle, host.engine, host.heard
    first.upgrade_schema()
    with first.start():
        importlib.reload(host)
        with host.lifecycle.start(), Session(host.engine) as session, session.begin():
            parts = host.lifecycle.using(session)
            parts.accounts.create("acme", email=ANN, payment_method=True)
            parts.subscriptions.create("acme", plan="basic", by=ANN)
    assert [step.event for step in host.heard] == ["subscribed"]
    assert first_heard == []
    for engine, lifecycle in ((first_engine, first), (host.engine, host.lifecycle)):
        engine.dispose()
        lifecycle.close()


# The door


def _begin(job: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=job)
    thread.start()
    return thread


def test_a_door_that_is_shut_waits_for_those_inside_and_keeps_the_others_out() -> None:
    """Who is inside may come in again meanwhile; who comes later gets in once it is open again."""
    door, order = Door(), list[str]()

    def come() -> None:
        with door.passed():
            order.append("came in")

    def shut() -> None:
        door.shut(PATIENCE)
        order.append("shut")

    with door.passed():
        shutting = _begin(shut)
        wait_until(lambda: not door._open)
        coming = _begin(come)
        with door.passed():
            order.append("was inside")
    shutting.join()
    order.append("reopened")
    door.reopen()
    coming.join()
    assert order == ["was inside", "shut", "reopened", "came in"]


def test_who_shuts_a_door_from_inside_does_not_wait_for_themselves() -> None:
    """A thread may fork inside a transaction of its own."""
    door = Door()
    with door.passed():
        door.shut(PATIENCE)
        door.reopen()


def test_a_door_does_not_wait_for_ever() -> None:
    """Whoever stays inside is passed over in the end."""
    door = Door()
    with door.passed():
        shutting = _begin(lambda: door.shut(0.01))
        shutting.join(PATIENCE)
        assert not shutting.is_alive()
