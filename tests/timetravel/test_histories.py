"""One story, one history: travelled in one journey, day by day, or with a daemon that is down mostly (rule C4).

With money: what is bought, renewed and changed is charged on the way, on cards that can be charged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifecycle.config import Config, load_config
from lifecycle.errors import Refused
from lifecycle.store.queries import Step
from lifecycle.testing.traveller import Traveller, journey
from lifecycle.verify import verify
from tests.conftest import is_whole
from tests.unit.machine_world import utc

ROOT = Path(__file__).parents[2]
START = utc("2026-01-31T09:00")
PLANS = """
zone: Europe/Paris
catalog:
  currency: EUR
  plans:
    basic: {rank: 10, prices: {month: "50.00", year: "500.00"}, trial: {days: 14}}
    team:
      rank: 20
      prices: {month: "100.00"}
      seats: {included: 3, max: 9, price: {month: "20.00"}}
      credits: {grant: 10, at_renewal: carry_over}
    back:
      rank: 15
      prices: {week: "9.99"}
      policies: {proration: {excess: balance}, cancel: {refund: balance}}
"""
ID = re.compile(r"\b[a-z]+_[0-9A-Z]{26}\b")
NOMINAL = ("seq", "machine", "event", "source", "target", "cause", "actor", "at", "arguments", "changes", "effects")
ACCOUNTS = ("Europe/Paris", "America/New_York", "Pacific/Apia")
"""Each is named by its zone."""
TRIES_ONLY = "Pacific/Apia"
"""The one without a card: whatever it takes ends with its trial."""
LATER = {"change": "next_cycle", "cancel": "period_end"}
"""The commands that say when, and what they say without a date."""
Go = Callable[[Traveller, timedelta], object]
"""A way to let so much time pass, with all that is due by then fired and charged at the end."""


@dataclass(frozen=True)
class Act:
    """What is done so many hours after the act before: one of the account of that number."""

    hours: int
    account: int
    command: str
    choice: Mapping[str, Any]
    when: str | int

    def play(self, traveller: Traveller) -> str:
        """Do it now, or take the plan if the account has none; what was answered."""
        subscriptions, account = traveller.lifecycle.subscriptions, ACCOUNTS[self.account]
        owned = subscriptions.list(account=account)
        try:
            if not owned or owned[-1].state == "ended":
                return subscriptions.create(account, **self.choice, by="ann").state
            wanted = self.choice if self.command == "change" else {}
            said = {"when": self._when(traveller.now)} if self.command in LATER else {}
            return str(getattr(subscriptions, self.command)(owned[-1].id, **wanted, **said, by="ann").state)
        except Refused as refused:
            return refused.code

    def _when(self, now: datetime) -> str:
        """Now, later, or in so many days."""
        if isinstance(self.when, int):
            return (now + timedelta(days=self.when)).isoformat()
        return LATER[self.command] if self.when == "later" else self.when


OFFERS = (
    {"plan": "basic"},
    {"plan": "basic", "interval": "year"},
    {"plan": "team"},
    {"plan": "team", "seats": 5},
    {"plan": "back", "interval": "week"},
)
acts = st.builds(
    Act,
    hours=st.sampled_from([0, 1, 24, 24 * 9]) | st.integers(0, 24 * 40),
    account=st.integers(0, len(ACCOUNTS) - 1),
    command=st.sampled_from(
        ["change", "change", "cancel", "cancel", "withdraw_change", "withdraw_cancellation", "activate"]
    ),
    choice=st.sampled_from(OFFERS),
    when=st.sampled_from(["now", "later", 3, 40]),
)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The plans."""
    file = tmp_path_factory.mktemp("histories") / "config.yaml"
    file.write_text(PLANS)
    return load_config(file, {})


def history(config: Config, plot: Sequence[Act], go: Go) -> tuple[list[str], list[Step]]:
    """What was answered, and the log after the plot and two months more."""
    with journey(config, START) as traveller:
        for name in ACCOUNTS:
            has_card = name != TRIES_ONLY
            traveller.lifecycle.accounts.create(name, email="ann@acme.test", zone=name, payment_method=has_card)
        answers = []
        for act in plot:
            go(traveller, timedelta(hours=act.hours))
            answers.append(act.play(traveller))
        go(traveller, timedelta(days=60))
        assert verify(traveller.lifecycle.database, now=traveller.now).findings == ()
        return answers, sorted(traveller.lifecycle.log(), key=lambda step: (step.root_id, step.seq))


def but_for_instants(steps: Sequence[Step]) -> list[str]:
    """The history without what a downtime may change: identifiers, which hold the instant of their making, and when
    the gateway answered (rule C5)."""
    names: dict[str, str] = {}
    told = []
    for step in steps:
        row = {name: getattr(step, name) for name in NOMINAL}
        if step.cause == "outcome":
            row["at"], row["changes"] = None, {**step.changes, "paid_at": None, "at": None}
        text = json.dumps(row, sort_keys=True, default=str)
        told.append(ID.sub(lambda found: names.setdefault(found[0], f"#{len(names)}"), text))
    return told


def at_once(traveller: Traveller, length: timedelta) -> None:
    """In one journey."""
    traveller.travel_to(traveller.now + length)


def day_by_day(traveller: Traveller, length: timedelta) -> None:
    """Each day, until it is time."""
    until = traveller.now + length
    while traveller.now < until:
        traveller.travel_to(min(until, traveller.now + timedelta(days=1)))


def with_downtime(days: Sequence[int]) -> Go:
    """Down for so many days, up for a moment, down again; and up when it is time."""
    lengths = iter(days)

    def go(traveller: Traveller, length: timedelta) -> None:
        until = traveller.now + length
        while traveller.now < until:
            traveller.stand_still_until(min(until, traveller.now + timedelta(days=next(lengths, 1000))))
        traveller.stand_still_until(until)

    return go


@settings(max_examples=40 if is_whole() else 4)
@given(plot=st.lists(acts, min_size=3, max_size=8), downtime=st.lists(st.integers(1, 70), max_size=8))
def test_the_history_does_not_depend_on_how_one_came_there(
    config: Config, plot: list[Act], downtime: list[int]
) -> None:
    """Day by day it is the same to the last byte; with downtime it is but for what C4 leaves out."""
    answers, told = history(config, plot, at_once)
    assert history(config, plot, day_by_day) == (answers, told)
    again, late = history(config, plot, with_downtime(downtime))
    assert (again, but_for_instants(late)) == (answers, but_for_instants(told))
