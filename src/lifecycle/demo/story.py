"""The demo's plot: who comes when, who does what when, and when the daemon is down. Pure: it plans, and does nothing.

The same customers, start and end give the same story. Nothing in it knows what will become of a move: whether it is
refused is for the engine to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import cycle, islice
from random import Random
from zoneinfo import ZoneInfo

from lifecycle.demo.habits import FAREWELL, HABITS, SCRIPTED, Habit, Move

DAY = timedelta(days=1)
OPENING = timedelta(hours=9)
TRIAL_OVER = 30
"""From this day of theirs on, customers differ by some days in when they do what they have in common."""

LOTS: Sequence[tuple[str, int, int]] = (
    ("day", 0, 6),
    ("day", 4, 4),
    ("day", 9, 4),
    ("date", 17, 2),  # their trials end on a 31st
    ("date", 29, 2),
    ("date", 30, 2),
    ("date", 31, 2),
    *(("day", day, 2) for day in (66, 85, 110, 135, 160, 190, 220, 250, 280)),
    *(("day", day, 1) for day in (310, 335, 354, 359)),
)
"""How the file of customers comes in: on which day of the story, or on the first such date in a month of 31 days, and
how many at once."""


@dataclass(frozen=True, slots=True)
class Customer:
    """What the plot must know of a line of the file."""

    account: str
    zone: str
    plan: str
    has_card: bool

    @property
    def kind(self) -> str:
        """Whose habits it has."""
        return self.plan if self.has_card or self.plan != "basic" else "basic without a card"


@dataclass(frozen=True, slots=True)
class Arrival:
    """Customers who are imported together; `accounts` are their references."""

    at: datetime
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody of an account gives a command of the API, at that instant."""

    at: datetime
    account: str
    do: str
    arguments: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Story:
    """All that is planned, in order. Instants are in UTC; between the two of `outage` no daemon runs. At `farewell`,
    just after the story's end, a subscription is to end."""

    start: datetime
    end: datetime
    outage: tuple[datetime, datetime]
    farewell: datetime
    happenings: tuple[Arrival | Act, ...]


def plot(customers: Sequence[Customer], start: datetime, end: datetime, random: Random) -> Story:
    """The story of these customers, in the order of their arrival, from a midnight to `end`."""
    arrivals = list(_arrivals(customers, start))
    arrived = {account: arrival.at for arrival in arrivals for account in arrival.accounts}
    acts = [
        act
        for customer, habit in _with_habits(customers, random)
        if customer.account in arrived
        for act in _acts(customer, habit, arrived[customer.account], end, random)
    ]
    planned: list[Arrival | Act] = [*arrivals, *acts]
    happenings = sorted((one for one in planned if one.at < end), key=lambda one: one.at)
    farewell = (end + timedelta(minutes=3)).replace(second=0, microsecond=0)
    goodbye = Act(end, FAREWELL, "cancel", {"when": farewell, "reason": "Moving on. Thank you!"})
    return Story(start, end, _outage(start, end), farewell, (*happenings, goodbye))


def _arrivals(customers: Sequence[Customer], start: datetime) -> Iterator[Arrival]:
    coming = iter(customers)
    for kind, number, size in LOTS:
        day = start + number * DAY if kind == "day" else _first_of(start, number)
        yield Arrival(day + OPENING, tuple(customer.account for customer in islice(coming, size)))


def _first_of(start: datetime, number: int) -> datetime:
    """From `start`, the first such date in a month of 31 days."""
    day = start
    while day.day != number or (day.replace(day=28) + 3 * DAY).day != 31:
        day += DAY
    return day


def _with_habits(customers: Sequence[Customer], random: Random) -> Iterator[tuple[Customer, Habit]]:
    """Each customer with a habit; those of a kind have its habits in turn, so that each is seen."""
    turns = {kind: cycle(random.sample(habits, len(habits))) for kind, habits in HABITS.items()}
    for customer in customers:
        yield customer, SCRIPTED[customer.account] if customer.account in SCRIPTED else next(turns[customer.kind])


def _acts(customer: Customer, habit: Habit, arrived: datetime, end: datetime, random: Random) -> Iterator[Act]:
    zone = ZoneInfo(customer.zone)
    delay = 0 if customer.account in SCRIPTED else random.randrange(10)
    for index, move in enumerate(habit):
        since = arrived + (0 if move.day < TRIAL_OVER else delay) * DAY
        day = (move.day * DAY + (end if move.day < 0 else since)).astimezone(zone).date()
        hour = 9 + index  # the moves of one day stay in order
        at = datetime.combine(day, time(hour, random.randrange(60)), zone).astimezone(UTC)
        if at > arrived:
            yield Act(at, customer.account, move.do, _dated(move, day))


def _dated(move: Move, day: date) -> Mapping[str, object]:
    when = move.arguments.get("when")
    if not isinstance(when, int):
        return move.arguments
    return {**move.arguments, "when": (day + when * DAY).isoformat()}


def _outage(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """A week around a turn of the month in the second half, when most is due."""
    turn = start + (end - start) * 0.55
    while turn.day != 1:
        turn += DAY
    turn = turn.replace(hour=0, minute=0, second=0, microsecond=0)
    return turn - 5 * DAY, turn + 2 * DAY
