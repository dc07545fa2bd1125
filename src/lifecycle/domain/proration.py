"""Proration: how much of a period is left, counted as the policy says, and what that comes to. Pure (rules D4 to D6).

A share is a fraction of whole units of time, such as 15/30 days. It is taken of a price once per line, half a minor
unit up on the magnitude. Days are differences of local dates, so that they do not depend on the machine's zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from lifecycle.domain.calendar import Interval, local
from lifecycle.domain.policies import Proration


@dataclass(frozen=True, slots=True)
class Share:
    """`part` of `whole` units: 0 ≤ part ≤ whole, and whole is at least 1."""

    part: int
    whole: int
    unit: str = "days"

    def of(self, amount: int) -> int:
        """This share of an amount in minor units, rounded half up on the magnitude."""
        magnitude = (2 * abs(amount) * self.part + self.whole) // (2 * self.whole)
        return magnitude if amount >= 0 else -magnitude

    @property
    def rest(self) -> Share:
        """What this share leaves of the whole."""
        return Share(self.whole - self.part, self.whole, self.unit)

    @property
    def is_whole(self) -> bool:
        """Whether it is all of it."""
        return self.part == self.whole

    def __str__(self) -> str:
        """`15/30 days`."""
        return f"{self.part}/{self.whole} {self.unit}"


WHOLE = Share(1, 1, "cycle")


@dataclass(frozen=True, slots=True)
class Period:
    """A cycle from `start` to `boundary`, of which `start` to `end` runs: a known end date cuts it short (rule C2)."""

    start: datetime
    end: datetime
    boundary: datetime
    interval: Interval
    zone: str


def left(period: Period, at: datetime, policy: Proration) -> Share:
    """The share of the cycle that is unused at `at`; the day of `at` counts as the policy's `change_day` says.

    With `unit: none` nothing is ever left.
    """
    if policy.unit == "none":
        return Share(0, 1)
    used = _count(period, at, policy)
    if policy.unit != "second" and policy.change_day == "used":
        used += 1
    return _share(period, used, period.end, policy)


def between(period: Period, start: datetime, end: datetime, policy: Proration) -> Share:
    """The share of the cycle from `start` to `end`, which is not counted itself (rule I17).

    With `unit: none` a cycle that is cut costs the whole, and nothing is missing afterwards.
    """
    if policy.unit == "none":
        return WHOLE if start == period.start else Share(0, 1)
    return _share(period, _count(period, start, policy), end, policy)


def _share(period: Period, used: int, end: datetime, policy: Proration) -> Share:
    whole = max(1, _count(period, period.boundary, policy))
    upto = min(whole, max(0, _count(period, end, policy)))
    return Share(max(0, upto - max(0, used)), whole, "seconds" if policy.unit == "second" else "days")


def _count(period: Period, until: datetime, policy: Proration) -> int:
    """How many units there are from the start of the period, perhaps fewer than none."""
    if policy.unit == "second":
        return (until - period.start) // timedelta(seconds=1)
    first, last = local(period.start, period.zone).date(), local(until, period.zone).date()
    if policy.unit == "fixed_30" and period.interval.unit == "month":
        return _thirties(first, last)
    return (last - first).days


def _thirties(first: date, last: date) -> int:
    """Days by the European 30/360 count: the 31st counts as the 30th, February's days are as they are (rule I21)."""
    years, months = last.year - first.year, last.month - first.month
    return 360 * years + 30 * months + min(last.day, 30) - min(first.day, 30)
