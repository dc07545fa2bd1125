"""A journey in strides, in which what lies close together is done together, tells what one instant by instant does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bench.people import settle_in, shop
from bench.travel import A_YEAR_LATER, STRIDE
from bench.world import PROJECT, START
from lifecycle import Lifecycle
from lifecycle.errors import LifecycleError
from lifecycle.gateways.sandbox import SandboxGateway
from lifecycle.verify import ledger_of, verify

DAY = timedelta(days=1)
CARDS = (
    "ok",
    "declines",
    "declines_after:2",
    "declines_first:1",
    "declines_first:2",
    "expired",
    "times_out",
    "reply_lost",
)
HURRIED = {
    "LIFECYCLE_POLICIES__DUNNING__RETRIES": "[1h, 5h, 7h]",
    "LIFECYCLE_CATALOG__PLANS__BASIC__FAMILY": "other",
}
"""A retry comes on the day of the failure, and an account can have two subscriptions."""
Told = list[tuple[object, ...]]


def lived(url: str, stride: timedelta | None, *, watched: bool = False) -> tuple[Told, Told, int]:
    """What happened to eight accounts until 10 February and what their gateway did, without ids; in how many commits.
    `watched`: a hook hears of each instant.

    Each has another sort of card, a monthly and a weekly plan.
    """
    with shop(url, HURRIED) as lifecycle:
        names = come(lifecycle)
        if watched:
            lifecycle.on("subscription.*")(lambda _step: None)
        commits: list[int] = []
        lifecycle.engine.listeners.append(lambda committed: commits.append(len(committed.transitions)))
        steps = lifecycle.advance_to(datetime(2026, 2, 10, tzinfo=UTC), stride)
        assert [step.fired_at for step in steps] == sorted(step.fired_at for step in steps)
        told: Told = [
            (names[one.root_id], one.seq, one.machine, one.event, one.target, one.at, one.fired_at, one.recorded_at)
            for one in steps
        ]
        told += [
            (names[one.root_id], one.seq, one.kind, one.status, f"{one.attempts}", one.created_at, one.finished_at)
            for one in lifecycle.outbox.list()
        ]
        assert isinstance(lifecycle.gateway, SandboxGateway)
        accounts = {account.id: account.reference for account in lifecycle.accounts.list()}
        ledger: Told = [
            (accounts[one.account], one.at, one.key.rpartition(":")[2], one.amount, one.status)
            for one in lifecycle.gateway.ledger()
        ]
        assert (
            verify(lifecycle.database, now=lifecycle.clock.now(), charges=ledger_of(lifecycle.gateway)).findings == ()
        )
        return sorted(told, key=str), sorted(ledger, key=str), sum(number > 0 for number in commits)


def come(lifecycle: Lifecycle) -> dict[str, str]:
    """They come ten minutes apart, and cancel for the morning after the first renewal; what they have, by name.

    What they take on 25 January, in the evening, is renewed on 1 February, too, three hours after the other: a retry
    on the same card comes between.
    """
    start, names = lifecycle.clock.now() + timedelta(hours=18), dict[str, str]()
    for n, _ in enumerate(CARDS):
        lifecycle.advance_to(start + n * timedelta(minutes=10))
        lifecycle.accounts.create(f"a{n:02}", email=f"a{n}@example.com", payment_method=True)
        monthly = lifecycle.subscriptions.create(f"a{n:02}", plan="team", by="system")
        names[monthly.id] = f"a{n:02} by the month"
        lifecycle.subscriptions.cancel(monthly.id, when=datetime(2026, 2, 2, 10, tzinfo=UTC), by="system")
    for n, card in enumerate(CARDS):
        lifecycle.advance_to(start + timedelta(days=24, hours=3) + n * timedelta(minutes=10))
        weekly = lifecycle.subscriptions.create(f"a{n:02}", plan="basic", interval="week", trial=False, by="system")
        names[weekly.id] = f"a{n:02} by the week"
        lifecycle.payment_methods.add(f"a{n:02}", card)
    return names


@pytest.mark.sampled
def test_a_journey_in_strides_tells_the_same(database_url: str) -> None:
    """With cards that decline, hesitate and lose their reply, and retries within the hour: each transition, message and
    charge has the instants that it has instant by instant; in fewer commits (C3, C5, C6, I18)."""
    strides, ledger, few = lived(database_url, DAY)
    moments, ledger_by_moments, many = lived("sqlite://", None, watched=True)
    assert strides == moments
    assert ledger == ledger_by_moments
    assert few < many


def test_ten_and_their_year() -> None:
    """From 1 February to 1 February, by hand. Those of 1, 4, 7 and 10 January renew 12 times each, as those of the 22nd
    and, after a trial to the 30th, of the 16th. The weeks of the 13th go on 52 times, the year of the 19th once. That
    of the 25th renews from February to June, the last time for 20 of 30 days, and ends in July. The last trial ends
    without a card (C1, C6, I17)."""
    with shop() as lifecycle:
        settle_in(lifecycle, 10)
        assert isinstance(lifecycle.gateway, SandboxGateway)
        before = sum(entry.amount for entry in lifecycle.gateway.ledger())
        steps = lifecycle.advance_to(A_YEAR_LATER, STRIDE)
        fired = Counter(step.event for step in steps if step.machine == "subscription")
        assert fired == {"cycle_starts": 6 * 12 + 52 + 1 + 5, "trial_ends": 1, "end_date_arrives": 1}
        assert Counter(step.event for step in steps if step.machine == "invoice") == {"opened": 130, "charged": 130}
        team, trial, weeks, year, ended = 5 * 12 * 100_00, 12 * 50_00, 52 * 12_00, 1000_00, 4 * 100_00 + 66_67
        taken = sum(entry.amount for entry in lifecycle.gateway.ledger()) - before
        assert taken == team + trial + weeks + year + ended
        assert not findings(lifecycle)


WATCHING: dict[str, Callable[[Lifecycle], object]] = {
    "a hook": lambda lifecycle: lifecycle.on("subscription.*")(print),
    "a destination of the host's": lambda lifecycle: lifecycle.destination("crm")(print),
}


@pytest.mark.parametrize("who", WATCHING)
def test_nobody_of_the_hosts_sees_a_clock_go_back(who: str) -> None:
    """Where code of the host's would see it, nothing moves (`stride_watched`); without a stride it does."""
    with shop() as lifecycle:
        WATCHING[who](lifecycle)
        assert who in refused(lifecycle)
        lifecycle.advance_to(START + DAY)


def test_no_scheduler_sees_a_clock_go_back() -> None:
    """While one runs, nothing moves (`stride_watched`); once it has stopped, it does."""
    with shop() as lifecycle:
        with lifecycle.start():
            assert "a running scheduler" in refused(lifecycle)
        lifecycle.advance_to(START + DAY, DAY)


def test_only_the_sandbox_sees_a_clock_go_back() -> None:
    """Another gateway may ask what time it is: nothing moves (`stride_watched`)."""
    with shop("sqlite://", {"LIFECYCLE_GATEWAY__USE": "tests.money.till:open_till"}) as lifecycle:
        assert "a gateway other than the sandbox" in refused(lifecycle)


def refused(lifecycle: Lifecycle) -> str:
    """Why there is no stride; it is still 1 January."""
    with pytest.raises(LifecycleError) as error:
        lifecycle.advance_to(START + DAY, DAY)
    assert error.value.code == "stride_watched"
    assert lifecycle.clock.now() == START
    return str(error.value)


def test_a_real_clock_has_no_strides() -> None:
    """As without a stride: `clock_is_real`."""
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", environ={"LIFECYCLE_DATABASE__URL": "sqlite://"})
    lifecycle.upgrade_schema()
    with pytest.raises(LifecycleError) as error:
        lifecycle.advance_to(START, DAY)
    assert error.value.code == "clock_is_real"
    lifecycle.close()


def test_named_clocks_and_forecasts_know_no_strides() -> None:
    """Forty days in strides of a week leave what is on a named clock alone (X80). That clock is then advanced, and what
    comes for the other foreseen, from instant to instant as ever (X90)."""
    with shop("sqlite://", {"LIFECYCLE_CLOCKS__ALLOWED": "true"}) as lifecycle:
        lifecycle.clocks.create("qa", START)
        bought = {}
        for clock in (None, "qa"):
            name = clock or "real"
            lifecycle.accounts.create(name, email=f"{name}@example.com", clock=clock)
            lifecycle.payment_methods.add(name, "ok")
            bought[name] = lifecycle.subscriptions.create(name, plan="team", by="system").id
        lifecycle.advance_to(START + 40 * DAY, 7 * DAY)
        assert [lifecycle.subscriptions.get(bought[name]).cycle for name in ("real", "qa")] == [2, 1]
        assert len(lifecycle.forecast(bought["real"], until="+2 months").steps) == 2 * 3
        advanced = lifecycle.clocks.advance("qa", START + 60 * DAY)
        assert [(step.event, f"{step.at:%m-%d}") for step in advanced] == [
            (event, date) for date in ("02-01", "03-01") for event in ("cycle_starts", "opened", "charged")
        ]
        assert [step.fired_at for step in advanced] == [step.at for step in advanced]
        assert not findings(lifecycle)


def findings(lifecycle: Lifecycle) -> tuple[object, ...]:
    """What is wrong with the history, or with what the gateway says of it."""
    return verify(lifecycle.database, now=lifecycle.clock.now(), charges=ledger_of(lifecycle.gateway)).findings
