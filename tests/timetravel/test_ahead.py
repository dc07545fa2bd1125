"""A journey on which nobody looks at each instant is written in as few commits as can be, and tells the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench.people import shop
from bench.world import START
from lifecycle import Lifecycle
from lifecycle.app.handlers import Transition
from tests.mails import AWAY
from tests.timetravel.test_strides import lived
from tests.torture.cards import NOTHING_IS_CHARGED

A_YEAR_LATER = START.replace(year=2027)
TOLD_BY_MAIL = {"LIFECYCLE_MAIL__USE": "file", **AWAY}


def commits_of(lifecycle: Lifecycle, until: datetime) -> list[int]:
    """How many transitions each commit of a journey has written."""
    commits: list[int] = []
    lifecycle.engine.listeners.append(lambda committed: commits.append(len(committed.transitions)))
    lifecycle.advance_to(until)
    return [number for number in commits if number]


@pytest.mark.sampled
def test_who_is_not_watched_tells_the_same(database_url: str) -> None:
    """Cards that decline, hesitate and lose their reply, retries within the hour: each transition, message and charge
    is as it is when a hook hears of each instant (C3, C6)."""
    alone, ledger, _ = lived(database_url, None)
    seen, ledger_by_moments, _ = lived("sqlite://", None, watched=True)
    assert alone == seen
    assert ledger == ledger_by_moments


def test_a_year_in_which_nothing_is_sent_is_one_commit() -> None:
    """Twelve cycles and twelve reminders, each recorded as of its own instant."""
    with shop("sqlite://", NOTHING_IS_CHARGED) as lifecycle:
        subscribe(lifecycle)
        assert commits_of(lifecycle, A_YEAR_LATER) == [24]
        rows = lifecycle.log(last=24, reminders=True)
        assert [row.event for row in rows] == ["reminded", "cycle_starts"] * 12
        assert [row.recorded_at for row in rows] == [row.at for row in rows]
        assert lifecycle.clock.now() == A_YEAR_LATER


def test_where_a_hook_hears_of_each_instant_each_is_a_commit() -> None:
    """The clock stands at it when the hook is called."""
    with shop("sqlite://", NOTHING_IS_CHARGED) as lifecycle:
        subscribe(lifecycle)
        heard: list[tuple[datetime, datetime]] = []
        lifecycle.on("subscription.*")(lambda step: heard.append((step.at, lifecycle.clock.now())))
        assert commits_of(lifecycle, A_YEAR_LATER) == [1] * 24
        assert len(heard) == 24
        assert all(at == now for at, now in heard)


def test_what_is_told_is_told_at_its_own_instant() -> None:
    """Mails and handlers hear before anything else happens: a journey stops where anybody is told (G2)."""
    with shop("sqlite://", TOLD_BY_MAIL) as lifecycle:
        heard: list[tuple[str, datetime]] = []
        clock = lifecycle.clock

        @lifecycle.handler("subscription.cycle_starts", name="crm")
        def crm(step: Transition) -> None:
            heard.append((step.event, clock.now()))

        subscribe(lifecycle)
        lifecycle.advance_to(datetime(2026, 3, 15, tzinfo=UTC))
        assert heard == [("cycle_starts", START.replace(month=month)) for month in (2, 3)]
        sent = [message for message in lifecycle.outbox.list() if message.destination == "mail"]
        assert [(message.kind, f"{message.finished_at:%m-%d}") for message in sent] == [
            ("subscribed", "01-01"),
            ("renewal_ahead", "01-25"),
            ("renewed", "02-01"),
            ("renewal_ahead", "02-22"),
            ("renewed", "03-01"),
        ]


def subscribe(lifecycle: Lifecycle) -> None:
    """To the plan `team`, by the month."""
    lifecycle.accounts.create("acme", email="ann@acme.test", payment_method=True)
    lifecycle.subscriptions.create("acme", plan="team", by="system")
