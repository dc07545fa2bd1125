"""What the owner of a plan decides: proration, changes, seats, cancellation, trials, dunning, notices.

The defaults here are the product's; the configuration may override any of them, for every plan or for one.
Policies are read live: unlike prices, they are never part of a subscription's snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lifecycle.domain.calendar import Duration, Interval

ProrationUnit = Literal["day", "second", "fixed_30", "none"]
ChangeDay = Literal["used", "unused"]
Excess = Literal["forfeit", "balance", "refund"]
ProrationPeriod = Literal["reset", "keep"]
ChangeWhen = Literal["now", "next_cycle", "date"]
Direction = Literal["upgrade", "downgrade", "same"]
SeatsDecrease = Literal["next_cycle", "now", "refuse"]
CancelWhen = Literal["period_end", "date", "now"]
CancelRefund = Literal["none", "balance", "refund"]
TrialConverts = Literal["with_payment_method"]
Exhausted = Literal["end", "keep"]

ANY = "*"


@dataclass(frozen=True, slots=True)
class Proration:
    """How unused time is counted and where an excess goes (rules D4 to D6)."""

    unit: ProrationUnit = "day"
    change_day: ChangeDay = "used"
    excess: Excess = "forfeit"
    period: ProrationPeriod = "reset"


@dataclass(frozen=True, slots=True)
class ChangeRule:
    """One line of the ordered `change` policy (rule D3): what it matches, and what it then decides.

    It matches on plan ids (or `*`), on the direction and on the intervals, None meaning any. It decides a
    refusal (the code `refuse`, with `message`) or, where `refuse` is empty, the times at which it is allowed.
    """

    source: str = ANY
    target: str = ANY
    direction: Direction | None = None
    interval_from: Interval | None = None
    interval_to: Interval | None = None
    when: tuple[ChangeWhen, ...] = ()
    refuse: str = ""
    message: str = ""

    def matches(
        self,
        source: str,
        target: str,
        direction: Direction | None,
        interval_from: Interval | None,
        interval_to: Interval | None,
    ) -> bool:
        """Whether this rule is about that change; with `*` or None for a part: about every such change."""
        return (
            self.source in (ANY, source)
            and self.target in (ANY, target)
            and self.direction in (None, direction)
            and self.interval_from in (None, interval_from)
            and self.interval_to in (None, interval_to)
        )

    def covers(self, other: ChangeRule) -> bool:
        """Whether this rule matches all that `other` matches, so that a later `other` never decides."""
        return self.matches(other.source, other.target, other.direction, other.interval_from, other.interval_to)


@dataclass(frozen=True, slots=True)
class CancelPolicy:
    """When a customer may cancel, and what becomes of the unused part (rule D12)."""

    when: tuple[CancelWhen, ...] = ("period_end", "date", "now")
    refund: CancelRefund = "none"


@dataclass(frozen=True, slots=True)
class TrialPolicy:
    """How a trial becomes paid, and how long before its end the reminder goes (rule D8)."""

    converts: TrialConverts = "with_payment_method"
    reminder: Duration = Duration(days=3, seconds=0)


@dataclass(frozen=True, slots=True)
class Dunning:
    """The delays between attempts, the grace in which access remains, what exhaustion does (rules E5, E6)."""

    retries: tuple[Duration, ...] = (Duration(3, 0), Duration(5, 0), Duration(7, 0))
    grace: Duration = Duration(days=14, seconds=0)
    exhausted: Exhausted = "end"


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies of one plan, or the defaults of all plans."""

    proration: Proration = field(default_factory=Proration)
    change: tuple[ChangeRule, ...] = ()
    seats_decrease: SeatsDecrease = "next_cycle"
    cancel: CancelPolicy = field(default_factory=CancelPolicy)
    trial: TrialPolicy = field(default_factory=TrialPolicy)
    dunning: Dunning = field(default_factory=Dunning)
    renewal_notice: Duration = Duration(days=7, seconds=0)
