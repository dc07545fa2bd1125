"""64 clients want different things of one subscription: one gets its way, and each other one is told why not; also
while a live daemon catches up with a long downtime."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import quantiles
from threading import Event

import pytest
from rich.progress import track
from sqlalchemy import func, select

from lifecycle import Lifecycle
from lifecycle.engine.clock import stopwatch
from lifecycle.store import schema
from tests.forking import Forker, forker
from tests.torture import crowd, daemon
from tests.torture.conftest import Tell
from tests.torture.crowd import PROCESSES, THREADS, Answered
from tests.torture.judge import assert_whole
from tests.torture.shop import lifecycle_on, open_shop
from tests.torture.size import SIZE

pytestmark = pytest.mark.sampled

LOSERS = {"anything": "version_conflict", "change": "no_change", "end": "ended"}
"""What is wished for, and the code that all are told but the first."""
PATIENCE = 600
"""Seconds in which the daemon catches up."""
CYCLES_EACH = 65
"""Of the shop's old subscriptions, on average."""


def test_of_64_clients_one_wins(database_url: str) -> None:
    """63 are told one stable code, with a sentence; the log has one row more than before."""
    with forker(crowd.__name__, database_url) as clients, lifecycle_on(database_url) as lifecycle:
        for wish, code in list(LOSERS.items())[: None if SIZE.is_long else 1]:
            subscription = bought(lifecycle, f"acme-{wish}")
            answers = asked(clients, wish, subscription)
            assert Counter(answer.code for answer in answers) == {"done": 1, code: 63}
            assert all(answer.sentence for answer in answers if answer.code != "done")
            assert [step.seq for step in lifecycle.subscriptions.history(subscription)] == [1, 2]
    assert_whole(database_url)


def test_of_64_clients_one_wins_while_a_daemon_catches_up(database_url: str, tmp_path: Path, tell: Tell) -> None:
    """The daemon has thousands of cycles to fire. Every client is answered: nobody hears that the database is
    unavailable, as SQLite says to whom it has kept waiting for too long. In the end each cycle has fired once."""
    open_shop(database_url, max(20, SIZE.backlog // CYCLES_EACH // 20 * 20 + 20))
    answers: list[Answered] = []
    with (
        forker(daemon.__name__, database_url, str(tmp_path / "diary")) as lives,
        forker(crowd.__name__, database_url) as clients,
        lifecycle_on(database_url, batch=500) as lifecycle,
    ):
        before = _logged(lifecycle)
        lives.tell("1 / alone / 0")
        _, pid = lives.hear().split()
        began = stopwatch()
        for number in track(range(1, SIZE.crowds + 1), "conflicts"):
            wish = list(LOSERS)[number % 3]
            assert not _caught_up(lifecycle), "nothing was due any more"
            subscription = bought(lifecycle, f"acme-{number}")
            told = asked(clients, wish, subscription)
            assert Counter(answer.code for answer in told) == {"done": 1, LOSERS[wish]: 63}
            answers += told
        meanwhile, seconds = _logged(lifecycle) - before, stopwatch() - began
        while not _caught_up(lifecycle):
            assert stopwatch() - began < PATIENCE
            Event().wait(0.1)
        os.kill(int(pid), signal.SIGKILL)
        assert lives.hear() == "killed"
        assert_whole(database_url)
        waits = sorted(answer.seconds for answer in answers)
        fired = _logged(lifecycle) - before
    work = {"transitions meanwhile": meanwhile, "in seconds": round(seconds), "transitions in all": fired}
    tell("waits in seconds", _figures(waits) | work)


def bought(lifecycle: Lifecycle, account: str) -> str:
    """A subscription of version 1."""
    lifecycle.accounts.create(account, email=f"{account}@shop.test", payment_method=True)
    return lifecycle.subscriptions.create(account, plan="basic", trial=False, by="system").id


def asked(clients: Forker, wish: str, subscription: str) -> Sequence[Answered]:
    """What the 64 are answered."""
    clients.tell(f"{wish} / {subscription}")
    answers = [Answered(**json.loads(clients.hear())) for _ in range(PROCESSES * THREADS)]
    assert clients.hear() == "done"
    return answers


def _logged(lifecycle: Lifecycle) -> int:
    """How many transitions there have been."""
    with lifecycle.database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(schema.log)) or 0


def _caught_up(lifecycle: Lifecycle) -> bool:
    """Whether nothing is due."""
    return not lifecycle.due(until=lifecycle.clock.now(), limit=1)


def _figures(waits: Sequence[float]) -> dict[str, object]:
    hundredths = quantiles(waits, n=100)
    return {"p50": f"{hundredths[49]:.3f}", "p99": f"{hundredths[98]:.3f}", "max": f"{waits[-1]:.3f}"}
