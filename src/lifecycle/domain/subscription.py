"""The facts of a subscription, and what each step makes of them: pure, with every instant in UTC.

A paid period runs from boundary to boundary; a boundary is counted from the anchor by the calendar of the account's
zone (`elapsed` units from the anchor to the start of the period). A known end date cuts `period_end`, never `boundary`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from lifecycle.domain.account import Account
from lifecycle.domain.calendar import Duration, Interval, is_boundary, shift
from lifecycle.domain.catalog import Plan, Terms
from lifecycle.domain.change import Change
from lifecycle.domain.copying import but
from lifecycle.domain.machine import REMINDED, Json
from lifecycle.domain.proration import Period

Phase = Literal["trial", "paid"]


@dataclass(frozen=True)
class Subscription:
    """One account on one plan, interval and number of seats. `ends_at` is the pending end, or the end that was.

    `skipped`: an operator passed over the start of the running cycle, so nobody has paid for it. `assigned` is how many
    of the seats have somebody on them. `remind_at`: when the reminder of what comes at the period's end is due;
    `reminded`: it has gone. `card_at`: when that of the card's expiry is due, and `card_told` the last card that was
    told of.
    """

    account: str
    zone: str
    family: str
    plan: str
    interval: Interval
    seats: int
    terms: Terms
    phase: Phase
    anchor: datetime
    elapsed: int
    cycle: int
    period_start: datetime
    period_end: datetime
    boundary: datetime
    trial_end: datetime | None = None
    pending: Change | None = None
    ends_at: datetime | None = None
    credits: int = 0
    skipped: bool = False
    assigned: int = 0
    remind_at: datetime | None = None
    reminded: bool = False
    card_at: datetime | None = None
    card_told: str | None = None

    @property
    def price(self) -> int:
        """What one whole cycle costs, in minor units."""
        return self.terms.total(self.seats)

    @property
    def extra_seats(self) -> int:
        """The seats beyond those that the price of the plan includes."""
        return max(0, self.seats - self.terms.seats_included)

    @property
    def free_seats(self) -> int:
        """How many more people can be assigned: while seats are to decrease, the lower number counts (rule B7)."""
        return min(self.seats, self.changed().seats) - self.assigned

    @property
    def period(self) -> Period:
        """The running period, for counting shares of it."""
        return Period(self.period_start, self.period_end, self.boundary, self.interval, self.zone)

    @property
    def shelved(self) -> bool:
        """Whether the pending change is held back: it would come at or after the end date."""
        return self.pending is not None and self.ends_at is not None and self.pending.due_at >= self.ends_at

    def change_due(self, instant: datetime) -> bool:
        """Whether the pending change is due at or before `instant`, and not held back by an end date."""
        return self.pending is not None and not self.shelved and self.pending.due_at <= instant

    def on_boundary(self, instant: datetime) -> bool:
        """Whether a cycle starts at `instant`, as far as can be seen today; a trial's end counts as one."""
        if instant == self.boundary:
            return True
        if self.phase == "trial":
            anchor, start = self.boundary, 0
        else:
            anchor, start = self.anchor, self.elapsed
        return is_boundary(instant, anchor, self.interval.unit, start, self.interval.count, self.zone)

    def schedule(self) -> Mapping[str, datetime]:
        """The deferred transitions that these facts demand (rules A10, B6)."""
        due: dict[str, datetime] = {}
        if self.ends_at is not None:
            due["end_date_arrives"] = self.ends_at
        if self.ends_at is None or self.boundary < self.ends_at:
            due["trial_ends" if self.phase == "trial" else "cycle_starts"] = self.boundary
        if self.pending and not self.shelved and not self.on_boundary(self.pending.due_at):
            due["change_takes_effect"] = self.pending.due_at
        reminders = [instant for instant in (self.remind_at, self.card_at) if instant is not None]
        if reminders:
            due[REMINDED] = min(reminders)
        return due

    # What steps make of the facts

    def paid_from(self, start: datetime) -> Subscription:
        """A new anchor and the first cycle counted from it, at `start`."""
        return replace(self, phase="paid").reopened(start)

    def next_cycle(self) -> Subscription:
        """The cycle that starts at the boundary, with the change that is due by then.

        The anchor stays, unless the interval goes from months to days or back (rule I3).
        """
        start, units = self.boundary, self.elapsed + self.interval.count
        changed = self.changed() if self.change_due(start) else self
        if changed.interval.unit == self.interval.unit:
            return changed._opened(start, units)
        return changed.reopened(start)

    def skipping(self, event: str, card: str | None = None) -> Subscription | None:
        """An operator passes over what is due (rule G3): a cycle moves to the next boundary, and a change that would
        have come with it waits for that; a change inside a cycle is dropped. The rest can't be passed over."""
        if event == "cycle_starts":
            moved = replace(self, pending=None).next_cycle()
            pending = self.pending
            if pending is not None and pending.due_at <= self.boundary:
                pending = replace(pending, due_at=moved.boundary)
            return replace(moved, pending=pending, skipped=True, remind_at=None, card_at=None)
        if event == "change_takes_effect":
            return replace(self, pending=None)
        return self.reminding_of(self.schedule()[REMINDED], card) if event == REMINDED else None

    def reminding_of(self, instant: datetime, card: str | None) -> Subscription:
        """What was to be reminded of by this instant has been, the expiry of this card with it, if it is known."""
        facts = self
        if self.remind_at is not None and self.remind_at <= instant:
            facts = replace(facts, reminded=True, remind_at=None)
        if self.card_at is not None and self.card_at <= instant:
            facts = replace(facts, card_told=card or "unknown", card_at=None)
        return facts

    def changed(self) -> Subscription:
        """The pending change applied, in the period that runs.

        Who goes to another plan without naming a number of seats, and has bought none beyond those included,
        gets those that the new plan includes.
        """
        change = self.pending
        if change is None:
            return self
        plan, seats = change.plan or self.plan, change.seats
        if seats is None:
            follows = plan != self.plan and self.seats <= self.terms.seats_included
            seats = change.terms.seats_included if follows else self.seats
        interval = change.interval or self.interval
        return replace(self, plan=plan, interval=interval, seats=seats, terms=change.terms, pending=None)

    def reopened(self, start: datetime) -> Subscription:
        """A new period that starts at `start`, with it as the anchor, in the middle of another."""
        return replace(self, anchor=start)._opened(start, 0)

    def ended(self, instant: datetime) -> Subscription:
        """Over, at `instant`; the last period and the trial's end stay on view (rule I16)."""
        return replace(self, ends_at=instant, pending=None)

    def ending(self, instant: datetime | None) -> Subscription:
        """To end at `instant`, or not to end; a cycle that an earlier end date had cut short grows back."""
        uncut = self.boundary if instant is None else min(self.boundary, max(instant, self.period_end))
        return replace(self, ends_at=instant, period_end=uncut)

    def _opened(self, start: datetime, elapsed: int) -> Subscription:
        boundary = shift(self.anchor, self.interval.unit, elapsed + self.interval.count, self.zone)
        return but(
            self,
            elapsed=elapsed,
            cycle=self.cycle + 1,
            period_start=start,
            boundary=boundary,
            period_end=boundary if self.ends_at is None else min(boundary, self.ends_at),
            skipped=False,
            reminded=False,
        )


def purchased(
    account: Account, plan: Plan, *, interval: Interval, seats: int, terms: Terms, now: datetime
) -> Subscription:
    """A subscription that is paid for from `now`."""
    return Subscription(
        account=account.id,
        zone=account.zone,
        family=plan.family,
        plan=plan.id,
        interval=interval,
        seats=seats,
        terms=terms,
        phase="paid",
        anchor=now,
        elapsed=0,
        cycle=0,
        period_start=now,
        period_end=now,
        boundary=now,
    ).reopened(now)


def on_trial(choice: Subscription, length: Duration, now: datetime) -> Subscription:
    """The same choice with a trial before the first cycle: no cycle yet, and a period that is the trial."""
    end = length.after(now, choice.zone)
    return replace(choice, phase="trial", cycle=0, period_end=end, boundary=end, trial_end=end)


def load(stored: Json) -> Subscription:
    """The facts from their JSON form."""
    pending = stored.get("pending")
    return Subscription(
        account=stored["account"],
        zone=stored["zone"],
        family=stored["family"],
        plan=stored["plan"],
        interval=Interval.parse(stored["interval"]),
        seats=stored["seats"],
        terms=Terms.from_json(stored["terms"]),
        phase=stored["phase"],
        anchor=_instant(stored["anchor"]),
        elapsed=stored["elapsed"],
        cycle=stored["cycle"],
        period_start=_instant(stored["period_start"]),
        period_end=_instant(stored["period_end"]),
        boundary=_instant(stored["boundary"]),
        trial_end=_instant(stored["trial_end"]) if "trial_end" in stored else None,
        pending=Change.from_json(pending) if pending else None,
        ends_at=_instant(stored["ends_at"]) if "ends_at" in stored else None,
        credits=stored.get("credits", 0),
        skipped=stored.get("skipped", False),
        assigned=stored.get("assigned", 0),
        remind_at=_instant(stored["remind_at"]) if "remind_at" in stored else None,
        reminded=stored.get("reminded", False),
        card_at=_instant(stored["card_at"]) if "card_at" in stored else None,
        card_told=stored.get("card_told"),
    )


def dump(facts: Subscription) -> Json:
    """The facts' JSON form: instants in ISO 8601, amounts in minor units, no key without a value."""
    stored: Json = {
        "account": facts.account,
        "zone": facts.zone,
        "family": facts.family,
        "plan": facts.plan,
        "interval": str(facts.interval),
        "seats": facts.seats,
        "terms": facts.terms.as_json(),
        "phase": facts.phase,
        "anchor": facts.anchor.isoformat(),
        "elapsed": facts.elapsed,
        "cycle": facts.cycle,
        "period_start": facts.period_start.isoformat(),
        "period_end": facts.period_end.isoformat(),
        "boundary": facts.boundary.isoformat(),
    }
    if facts.trial_end:
        stored["trial_end"] = facts.trial_end.isoformat()
    if facts.pending:
        stored["pending"] = facts.pending.as_json()
    if facts.ends_at:
        stored["ends_at"] = facts.ends_at.isoformat()
    if facts.credits:
        stored["credits"] = facts.credits
    if facts.skipped:
        stored["skipped"] = True
    if facts.assigned:
        stored["assigned"] = facts.assigned
    if facts.remind_at:
        stored["remind_at"] = facts.remind_at.isoformat()
    if facts.reminded:
        stored["reminded"] = True
    if facts.card_at:
        stored["card_at"] = facts.card_at.isoformat()
    if facts.card_told:
        stored["card_told"] = facts.card_told
    return stored


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
