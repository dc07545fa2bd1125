"""A daemon that was down writes the history of one that never was (rule C4), and each transition is nominal (C3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.timetravel.shop import Shop, open_shop
from tests.unit.machine_world import MATRIX, at, utc

NOMINAL = (
    *("seq", "machine", "version", "event", "source", "target", "cause", "actor", "due_at"),
    *("arguments", "changes", "effects"),
)
"""All of a row but its ids, its hash, and when it was fired and recorded."""


def test_a_week_of_downtime(database_url: str) -> None:
    """Down from 10 to 17 February, a trial that ended on the 15th became a month that is counted from the 15th."""
    with open_shop(utc("2026-02-01"), database_url) as shop:
        shop.subscribe("ann", "basic")
        shop.clock.move_to(utc("2026-02-17T09:00"))
        assert [row.event for row in shop.catch_up()] == ["trial_ends"]
        (_, row) = shop.logged("event", "due_at", "fired_at", "changes")
        event, due_at, fired_at, changes = row
        assert (event, due_at, fired_at) == ("trial_ends", utc("2026-02-15"), utc("2026-02-17T09:00"))
        assert isinstance(changes, dict)
        assert (changes["anchor"], changes["period_end"]) == (at("2026-02-15"), at("2026-03-15"))
        assert shop.engine.store.next_wake_at() == utc("2026-03-15")


def test_three_months_of_downtime(database_url: str) -> None:
    """Down from 1 February to 1 May: all that was missed fires in nominal order, each for its own instant."""
    with open_shop(utc("2026-01-31"), database_url) as shop:
        shop.subscribe("ann", "team")
        shop.subscribe("bob", "basic")
        shop.subscribe("eve", "team")
        shop.command("bob", "schedule_change", plan="pro", at="next_cycle")
        shop.command("eve", "schedule_change", plan="pro", at=at("2026-03-10"))
        shop.command("eve", "cancel", at=at("2026-04-15T12:00"))
        shop.clock.move_to(utc("2026-05-01T09:00"))
        happened = shop.catch_up()
        names = {subscription: name for name, subscription in shop.ids.items()}
        assert [(names[row.instance_id], row.event, f"{row.due_at:%m-%d %H:%M}", row.target) for row in happened] == [
            ("bob", "trial_ends", "02-14 00:00", "active"),
            ("ann", "cycle_starts", "02-28 00:00", "active"),
            ("eve", "cycle_starts", "02-28 00:00", "pending_cancellation"),
            ("eve", "change_takes_effect", "03-10 00:00", "pending_cancellation"),
            ("bob", "cycle_starts", "03-14 00:00", "active"),
            ("ann", "cycle_starts", "03-31 00:00", "active"),
            ("eve", "cycle_starts", "04-10 00:00", "pending_cancellation"),
            ("bob", "cycle_starts", "04-14 00:00", "active"),
            ("eve", "end_date_arrives", "04-15 12:00", "ended"),
            ("ann", "cycle_starts", "04-30 00:00", "active"),
        ]
        assert {row.fired_at for row in happened} == {utc("2026-05-01T09:00")}
        assert shop.engine.store.next_wake_at() == utc("2026-05-14")


# Any story


@dataclass(frozen=True)
class Act:
    """What is done so many hours after the act before: `subscribe`, or a command to the subscription of that number."""

    hours: int
    event: str
    number: int
    arguments: Mapping[str, object]
    days: int

    def play(self, shop: Shop) -> str | None:
        """Do it now; what was answered."""
        if self.event == "subscribe":
            shop.subscribe(f"acct_{len(shop.ids)}", **self.arguments)  # type: ignore[arg-type]  # as drawn below
            return None
        name = f"acct_{self.number % len(shop.ids)}"
        date = {"at": (shop.clock.now() + timedelta(days=self.days)).isoformat()} if self.days else {}
        return shop.command(name, self.event, **(date | dict(self.arguments)))


Go = Callable[[Shop, datetime], object]
"""A way to get to an instant with everything fired that is due by then."""

hours = st.sampled_from([0, 1, 24, 24 * 9]) | st.integers(0, 24 * 60)
OFFERS = (
    {"plan": "basic"},
    {"plan": "basic", "card": False},
    {"plan": "basic", "interval": "year"},
    {"plan": "team"},
    {"plan": "team", "seats": 5},
    {"plan": "pro", "interval": "week"},
)
WISHES = ("schedule_change", "schedule_change", "change_now", "cancel", "cancel", "withdraw_cancellation")
purchases = st.builds(
    Act,
    hours=hours,
    event=st.just("subscribe"),
    number=st.just(0),
    arguments=st.builds(
        lambda offer, zone: {**offer, "zone": zone},
        st.sampled_from(OFFERS),
        st.sampled_from(["UTC", "Europe/Paris", "America/New_York", "Pacific/Apia"]),
    ),
    days=st.just(0),
)
commands = st.builds(
    Act,
    hours=hours,
    event=st.sampled_from([*MATRIX.commands, *["schedule_change", "cancel", "withdraw_cancellation"] * 3]),
    number=st.integers(0, 5),
    arguments=st.sampled_from([{}, {"plan": "team"}, {"plan": "pro"}, {"plan": "basic"}, {"plan": "team", "seats": 5}]),
    days=st.integers(0, 90),
)
plots = st.builds(
    lambda bought, commanded: [*bought, *commanded],
    st.lists(purchases, min_size=1, max_size=4),
    st.lists(commands, min_size=2, max_size=12),
)


def history(plot: Sequence[Act], go: Go) -> tuple[list[str | None], Sequence[tuple[object, ...]]]:
    """What was answered, and what the log says after the plot and four months more."""
    with open_shop(utc("2026-01-31"), batch=3) as shop:
        answers = []
        for act in plot:
            go(shop, shop.clock.now() + timedelta(hours=act.hours))
            answers.append(act.play(shop))
        go(shop, shop.clock.now() + timedelta(days=120))
        for due_at, fired_at in shop.logged("due_at", "fired_at"):
            assert isinstance(due_at, datetime)
            assert isinstance(fired_at, datetime)
            assert due_at <= fired_at <= shop.clock.now()
        assert (shop.engine.store.next_wake_at() or utc("9999-01-01")) > shop.clock.now()
        return answers, shop.logged(*NOMINAL)


def at_once(shop: Shop, instant: datetime) -> None:
    """In one journey."""
    shop.engine.advance_to(instant)


def day_by_day(shop: Shop, instant: datetime) -> None:
    """Each day, until it is time."""
    day = shop.clock.now()
    while (day := day + timedelta(days=1)) < instant:
        shop.engine.advance_to(day)
    shop.engine.advance_to(instant)


def with_downtime(days: Sequence[int]) -> Go:
    """Down for so many days, up for a moment, down again; and up when it is time."""
    lengths = iter(days)

    def go(shop: Shop, instant: datetime) -> None:
        up = shop.clock.now()
        while (up := up + timedelta(days=next(lengths, 1000))) < instant:
            shop.clock.move_to(up)
            shop.catch_up()
        shop.clock.move_to(instant)
        shop.catch_up()

    return go


@settings(max_examples=10)
@given(plots, st.lists(st.integers(1, 100), max_size=10))
def test_the_history_does_not_depend_on_when_the_daemon_was_up(plot: list[Act], downtime: list[int]) -> None:
    """Whoever travels in one journey, day by day, or with a daemon that is down most of the time, finds the same."""
    told = history(plot, at_once)
    assert history(plot, day_by_day) == told
    assert history(plot, with_downtime(downtime)) == told
