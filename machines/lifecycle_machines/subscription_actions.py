"""What the subscription machine does: each action makes new facts of the facts in hand and appends effects.

No action does I/O, none raises for what a guard has let through.
"""

from __future__ import annotations

from dataclasses import replace

from lifecycle.domain import subscription
from lifecycle.domain.calendar import Duration
from lifecycle.domain.effects import Assign, Notice, Post, Reason, Tell, Unassign
from lifecycle.domain.machine import Effect
from lifecycle.domain.reminding import reminding
from lifecycle.domain.subscription import Subscription
from lifecycle_machines.subscription_billing import SubscriptionBilling


class SubscriptionActions(SubscriptionBilling):
    """The actions, by the names that the transitions give."""

    def start_trial(self) -> None:
        """Begin the plan's trial."""
        length = self.trial_length() or Duration(0, 0)
        facts, credits = self.opened_with_credits(subscription.on_trial(self.chosen(), length, self.now))
        self.become(facts, *credits, Notice("trial_started"))

    def start_paid(self) -> None:
        """Begin the first paid cycle."""
        priced, lines = self.priced()
        facts, credits = self.opened_with_credits(priced)
        self.become(facts, *self.bill("purchase", facts, lines), *credits, Notice("subscribed"))

    def activate_now(self) -> None:
        """Give up the rest of the trial: period and anchor start now, and the trial's end is now (rule D8)."""
        priced, lines = self.priced()
        facts, credits = self.opened_with_credits(replace(priced, trial_end=self.now))
        bill = self.bill("purchase", facts, lines)
        self.become(facts, *bill, *credits, *self.failures(), Notice("trial_converted"))

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
        facts, lines = self.priced()
        self.become(facts, *self.bill("change", facts, lines), Notice("seats_changed"))

    def use_credits_up(self) -> None:
        """Take from the credits."""
        used = self.arguments.get("credits", 1)
        post = Post(self.facts.account, "credits", {"credits": -used, "used": used})
        self.become(replace(self.facts, credits=self.facts.credits - used), post)

    def assign(self) -> None:
        """Seats for these members."""
        members = self.members_named()
        self.become(replace(self.facts, assigned=self.facts.assigned + len(members)), Assign(members))

    def unassign(self) -> None:
        """These members leave their seats."""
        members = self.members_named()
        self.become(replace(self.facts, assigned=self.facts.assigned - len(members)), Unassign(members))

    def take_tokens(self) -> None:
        """A pack of tokens for the account; about the subscription nothing changes."""
        facts, lines = self.priced()
        count = self.arguments["tokens"]
        post = Post(facts.account, "tokens", {"tokens": count, "tokens_sold": -count})
        self.become(facts, *self.bill("purchase", facts, lines), post, Notice("tokens_bought"))

    def set_end(self) -> None:
        """Set or move the end date; a cycle that was cut shorter than that grows (rule I17)."""
        facts = self.facts.ending(self.instant_asked_for())
        self.become(facts, *self.bill_rest(facts), Notice("cancellation_scheduled"))

    def unset_end(self) -> None:
        """As if the cancellation had not been asked for."""
        facts = self.facts.ending(None)
        self.become(facts, *self.bill_rest(facts), Notice("cancellation_withdrawn"))

    def end_now(self) -> None:
        """Over, at the nominal instant."""
        self.become(self.facts.ended(self.now), *self.invitations_revoked(), Notice("ended"))

    def end_and_refund(self) -> None:
        """Over, at the customer's wish."""
        refund = self.refund_of_the_rest()
        self.become(self.facts.ended(self.now), *refund, *self.invitations_revoked(), Notice("ended"))

    def convert(self) -> None:
        """The trial is over and the first paid cycle starts at its end, with the change that is due by then."""
        facts, credits = self.opened_with_credits(self.with_due_change().paid_from(self.facts.boundary))
        bill = self.bill("purchase", facts, self.cycle_of(facts))
        self.become(facts, *bill, *credits, *self.failures(), Notice("trial_converted"))

    def renew(self) -> None:
        """The next cycle starts, with the change that is due by then; `renewed` is said when it is paid (rule I26)."""
        possible = self.still_possible()
        facts, credits = self.opened_with_credits(possible.next_cycle())
        changed, lines = possible.change_due(self.facts.boundary), self.cycle_of(facts)
        notices = [Notice("changed")] if changed else [] if lines else [Notice("renewed")]
        bill = self.bill("renewal", facts, lines, None if changed else "renewed")
        self.become(facts, *bill, *credits, *self.failures(), *notices)

    def take_change(self) -> None:
        """A change on a date inside a cycle; in a trial without a charge."""
        possible = self.still_possible()
        if possible.pending is None:
            self.become(possible, *self.failures())
        elif self.in_trial():
            self.change_kept(possible.changed())
        else:
            self.change_inside_cycle(possible.changed())

    def remind(self) -> None:
        """Say what comes at the end of the period, once a period, and that the card expires, once for each card."""
        ahead, card = self.facts.remind_at, self.facts.card_at
        kinds = ["trial_ending" if self.in_trial() else "renewal_ahead"] if ahead and ahead <= self.now else []
        expiry = self.context.expiry
        kinds += ["card_expiring"] if card and card <= self.now else []
        self.become(self.facts.reminding_of(self.now, expiry.card if expiry else None), *map(Notice, kinds))

    def plan_anew(self) -> None:
        """Another card will be charged: its reminder takes the place of the other's."""
        self.become(self.facts)

    # What actions share

    def become(self, facts: Subscription, *effects: Effect) -> None:
        """The new facts, with the reminder that they ask for."""
        super().become(reminding(facts, self.context.catalog, self.now, self.context.expiry), *effects)

    def chosen(self) -> Subscription:
        """What the command leads to; its guards have seen that it is offered."""
        outcome = self.outcome()
        if outcome is None:
            raise RuntimeError(f"{self.event} was let through without an outcome")
        return outcome

    def change_inside_cycle(self, changed: Subscription) -> None:
        """A change inside a paid cycle, which may start a new one."""
        priced, lines = self.changed_inside_cycle(changed, self.priced_at)
        facts, credits = self.changed_with_credits(priced)
        reason: Reason = "change" if facts.cycle == self.facts.cycle else "purchase"
        self.become(facts, *self.bill(reason, facts, lines), *credits, Notice(self._told(facts)))

    def change_kept(self, changed: Subscription) -> None:
        """A change in the period that runs, without a charge."""
        facts, credits = self.changed_with_credits(changed)
        self.become(facts, *credits, Notice(self._told(facts)))

    def bill_rest(self, facts: Subscription) -> list[Effect]:
        """The invoice for what a cycle that was cut short has grown by."""
        return self.bill("rest_of_cycle", facts, self.rest_of_cycle(facts))

    def invitations_revoked(self) -> list[Tell]:
        """Nobody joins what has ended (rule B8)."""
        return [Tell(id, "revoked") for id, _ in self.siblings("invitation")]

    def failures(self) -> list[Notice]:
        """The notice for a change that is withdrawn because it has become impossible."""
        return [] if self.still_possible() == self.facts else [Notice("change_failed")]

    def _told(self, facts: Subscription) -> str:
        same = (facts.plan, facts.interval) == (self.facts.plan, self.facts.interval)
        return "seats_changed" if same else "changed"
