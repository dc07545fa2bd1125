"""What the subscription machine does: each action makes new facts of the facts in hand and appends effects.

No action does I/O, none raises for what a guard has let through.
"""

from __future__ import annotations

from dataclasses import replace

from lifecycle.domain import subscription
from lifecycle.domain.calendar import Duration
from lifecycle.domain.effects import Notice
from lifecycle.domain.subscription import Subscription
from lifecycle_machines.subscription_guards import SubscriptionGuards


class SubscriptionActions(SubscriptionGuards):
    """The actions, by the names that the transitions give."""

    def start_trial(self) -> None:
        """Begin the plan's trial."""
        length = self.trial_length() or Duration(0, 0)
        self.become(subscription.on_trial(self.chosen(), length, self.now), Notice("trial_started"))

    def start_paid(self) -> None:
        """Begin the first paid cycle."""
        facts = self.chosen()
        self.become(facts, *facts.bill("purchase"), Notice("subscribed"))

    def activate_now(self) -> None:
        """Give up the rest of the trial: period and anchor start now, and the trial's end is now (rule D8)."""
        facts = replace(self.chosen().paid_from(self.now), trial_end=self.now)
        self.become(facts, *facts.bill("purchase"), *self.failures(), Notice("trial_converted"))

    def change_in_trial(self) -> None:
        """Swap the plan; the trial goes on, to the same end."""
        self.change_kept(self.chosen())

    def change_paid(self) -> None:
        """Swap the plan now."""
        self.change_inside_cycle(self.chosen())

    def schedule_it(self) -> None:
        """Merge the request into the pending change; the newer instant wins (rule B5)."""
        self.become(replace(self.facts, pending=self.pending_as_asked()), Notice("change_scheduled"))

    def forget_change(self) -> None:
        """Undo the pending change."""
        self.become(replace(self.facts, pending=None), Notice("change_withdrawn"))

    def take_seats(self) -> None:
        """More seats, now; a pending change is kept."""
        self.become(replace(self.facts, seats=self.chosen().seats), Notice("seats_changed"))

    def set_end(self) -> None:
        """Set or move the end date; a cycle that was cut shorter than that grows (rule I17)."""
        facts = self.facts.ending(self.instant_asked_for())
        self.become(facts, *facts.bill_rest(self.facts), Notice("cancellation_scheduled"))

    def unset_end(self) -> None:
        """As if the cancellation had not been asked for."""
        facts = self.facts.ending(None)
        self.become(facts, *facts.bill_rest(self.facts), Notice("cancellation_withdrawn"))

    def end_now(self) -> None:
        """Over, at the nominal instant."""
        self.become(self.facts.ended(self.now), Notice("ended"))

    def convert(self) -> None:
        """The trial is over and the first paid cycle starts at its end, with the change that is due by then."""
        facts = self.with_due_change().paid_from(self.facts.boundary)
        self.become(facts, *facts.bill("purchase"), *self.failures(), Notice("trial_converted"))

    def renew(self) -> None:
        """The next cycle starts, with the change that is due by then."""
        possible = self.still_possible()
        facts = possible.next_cycle()
        changed = possible.change_due(self.facts.boundary)
        self.become(facts, *facts.bill("renewal"), *self.failures(), Notice("changed" if changed else "renewed"))

    def take_change(self) -> None:
        """A change on a date inside a cycle; in a trial without a charge."""
        possible = self.still_possible()
        if possible.pending is None:
            self.become(possible, *self.failures())
        elif self.in_trial():
            self.change_kept(possible.changed())
        else:
            self.change_inside_cycle(possible.changed())

    # What actions share

    def chosen(self) -> Subscription:
        """What the command leads to; its guards have seen that it is offered."""
        outcome = self.outcome()
        if outcome is None:
            raise RuntimeError(f"{self.event} was let through without an outcome")
        return outcome

    def change_inside_cycle(self, changed: Subscription) -> None:
        """A change inside a paid cycle. Another plan starts a new period and anchor now, or keeps the running period,
        by its policy; another interval always starts one (rules D4, D6), the number of seats never (I4, I20)."""
        keep = self.context.catalog.policies_of(changed.plan).proration.period == "keep"
        if changed.interval == self.facts.interval and (keep or changed.plan == self.facts.plan):
            self.change_kept(changed)
            return
        facts = changed.reopened(self.now)
        self.become(facts, *facts.bill("purchase"), Notice("changed"))

    def change_kept(self, changed: Subscription) -> None:
        """A change in the period that runs."""
        same = (changed.plan, changed.interval) == (self.facts.plan, self.facts.interval)
        self.become(changed, Notice("seats_changed" if same else "changed"))

    def failures(self) -> list[Notice]:
        """The notice for a change that is withdrawn because it has become impossible."""
        return [] if self.still_possible() == self.facts else [Notice("change_failed")]
