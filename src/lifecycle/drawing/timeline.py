"""A life in time: stretches of one state each, cycles, what happened, now, and what is to come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Protocol

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
UNITS = (MINUTE / 60, MINUTE / 4, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY)
LONGER = (DAY, 2 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, 84 * DAY, 365 * DAY, 3650 * DAY)


class Leads(Protocol):
    """A step from a state to a state."""

    @property
    def source(self) -> str | None: ...
    @property
    def target(self) -> str: ...


class Happened(Leads, Protocol):
    """A transition, as the log tells it."""

    @property
    def at(self) -> datetime: ...
    @property
    def event(self) -> str: ...
    @property
    def actor(self) -> str: ...
    @property
    def changes(self) -> Mapping[str, Any]: ...


def way(step: Leads) -> str:
    """From which state to which."""
    return step.target if step.source in (None, step.target) else f"{step.source} → {step.target}"


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened, or is to come. `number` counts them from 1; 0: a cycle's start, which shows in the bar
    itself. `cycle`: with it a cycle started. `who` did it, or that it is to come or overdue."""

    number: int
    at: datetime
    event: str
    way: str
    who: str
    to_come: bool = False
    cycle: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in one state."""

    state: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Timeline:
    """A life from `start` to `end`, which is the last that is known of it, in nominal time.

    `states` are those it was in, in order of their first time.
    """

    start: datetime
    end: datetime
    now: datetime
    stretches: tuple[Stretch, ...]
    moments: tuple[Moment, ...]

    @property
    def states(self) -> tuple[str, ...]:
        """Each state once."""
        return tuple(dict.fromkeys(stretch.state for stretch in self.stretches))


def timeline(steps: Iterable[Happened], coming: Sequence[tuple[datetime, str]], now: datetime) -> Timeline:
    """The life that these transitions tell, in nominal order, with the deferred ones that are to come. Raises
    ValueError where nothing has happened."""
    moments: list[Moment] = []
    numbers = count(1)
    changes: list[tuple[datetime, str]] = []
    for step in steps:
        started = bool(step.changes.get("cycle"))
        number = 0 if step.event == "cycle_starts" and started else next(numbers)
        moments.append(Moment(number, step.at, step.event, way(step), step.actor, cycle=started))
        if not changes or changes[-1][1] != step.target:
            changes.append((step.at, step.target))
    if not moments:
        raise ValueError("Nothing has happened yet.")
    for due_at, event in sorted(coming):
        who = "to come" if due_at > now else "overdue"
        moments.append(Moment(next(numbers), due_at, event, "", who, to_come=True))
    last = max(moment.at for moment in moments)
    end = max(last, now) if coming else last
    ends = [at for at, _ in changes[1:]] + [end]
    stretches = tuple(Stretch(state, at, until) for (at, state), until in zip(changes, ends, strict=True))
    return Timeline(moments[0].at, end, now, stretches, tuple(moments))


def unit_of(life: Timeline, columns: int, rows: int) -> timedelta:
    """How long one of so many columns lasts: the whole in one row if a day is not too short for that, else in several,
    of days, weeks or more."""
    span = life.end - life.start
    for unit in UNITS:
        if span < unit * columns:
            return unit
    return next((unit for unit in LONGER if span < unit * columns * rows), LONGER[-1])
