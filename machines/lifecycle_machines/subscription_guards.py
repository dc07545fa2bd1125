"""What the subscription machine asks: guards that choose a transition, guards that refuse with a stable code.

All are pure questions about the facts, the request and the surroundings; none raises, any may run many times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from lifecycle.domain import subscription, wanted
from lifecycle.domain.calendar import Duration
from lifecycle.domain.catalog import ChangeRefusal, Plan
from lifecycle.domain.change import Change
from lifecycle.domain.machine import Decision, Json, Machine, refusing
from lifecycle.domain.policies import ChangeWhen
from lifecycle.domain.refusals import refused
from lifecycle.domain.reminding import reminding
from lifecycle.domain.subscription import Subscription
from lifecycle.domain.surroundings import Surroundings
from lifecycle.domain.wanted import Request
from lifecycle.errors import Refused


class SubscriptionGuards(Machine[Subscription, Surroundings]):
    """The facts' form and schedule, what a command asks for, and every guard."""

    @classmethod
    def load(cls, stored: Json) -> Subscription:
        """The facts from their JSON form."""
        return subscription.load(stored)

    @classmethod
    def dump(cls, facts: Subscription) -> Json:
        """The facts' JSON form."""
        return subscription.dump(facts)

    @classmethod
    def fresh(cls, facts: Subscription) -> Subscription:
        """Frozen, so safe as they are."""
        return facts

    @classmethod
    def schedule(cls, state: str, facts: Subscription) -> Mapping[str, datetime]:
        """What the facts demand of the future."""
        del state
        return facts.schedule()

    @classmethod
    def skip(
        cls, state: str, facts: Subscription, event: str, context: Surroundings | None
    ) -> Decision[Subscription] | None:
        """What an operator may pass over. A reminder is planned as if it had taken effect; one that is late stays."""
        expiry = None if context is None else context.expiry
        after = facts.skipping(event, expiry.card if expiry else None)
        if after is None:
            return None
        if context is not None:
            due_at = facts.schedule()[event]
            now = min(due_at, facts.remind_at or due_at)
            after = reminding(after, context.catalog, now, expiry)
        dropped = state == "pending_change" and after.pending is None
        return Decision(("trial" if after.phase == "trial" else "active") if dropped else state, after, ())

    @classmethod
    def live_key(cls, facts: Subscription) -> str:
        """One live subscription per account and plan family (rule A5)."""
        return f"{facts.account}/{facts.family}"

    def refusal(self, code: str) -> Refused:
        """A change rule refuses with a code and a message of its own."""
        by_rule = code == "when_not_allowed" and self.event in ("activate", "change_now", "schedule_change")
        rule = self.change_refusal() if by_rule else None
        return refused(rule.code, message=rule.message) if rule else super().refusal(code)

    # What the command in hand asks for

    @property
    def event(self) -> str:
        """The event in hand."""
        return self.model.stimulus.event

    def request(self) -> Request:
        """The plan, interval and seats that are asked for."""
        return Request.of(self.arguments)

    def plan_asked_for(self) -> Plan | None:
        """The catalogue's plan of that name."""
        return self.context.catalog.plan(self.request().plan or "")

    def trial_length(self) -> Duration | None:
        """How long the plan's trial is."""
        plan = self.plan_asked_for()
        return None if plan is None else plan.trial

    def trial_unused(self) -> bool:
        """Whether the account has had no trial in the plan's family."""
        plan = self.plan_asked_for()
        return plan is None or plan.family not in self.context.trial_families

    def instant_asked_for(self) -> datetime:
        """From when the command is to hold: `at` in the arguments, a cycle's or period's end, or now."""
        at = self.arguments.get("at")
        if at is None:
            return self.now
        if at in ("next_cycle", "period_end"):
            return self.facts.boundary if at == "next_cycle" else self.facts.period_end
        return datetime.fromisoformat(at)

    def pending_as_asked(self) -> Change | None:
        """The request, merged into the change that is pending."""
        return wanted.merged(self.facts, self.request(), self.context.catalog, self.instant_asked_for())

    def outcome(self) -> Subscription | None:
        """What plan, interval and seats the command would lead to; None where that is not offered."""
        if self.event == "subscribed":
            return wanted.first_choice(self.request(), self.context, self.now)
        if self.event == "buy_tokens":
            return self.facts
        if self.event == "add_seats":
            return replace(self.facts, seats=self.facts.seats + self.arguments.get("seats", 1))
        if self.event == "activate":
            return wanted.activation(self.with_due_change(), self.request(), self.context.catalog, self.now)
        facts = replace(self.facts, pending=None) if self.event == "change_now" else self.facts
        return wanted.outcome(facts, self.request(), self.context.catalog, self.now)

    def pack(self) -> Mapping[str, int] | None:
        """The prices of the pack of tokens that is asked for, by currency."""
        plan = self.context.catalog.plan(self.facts.plan)
        return None if plan is None else plan.token_packs.get(self.arguments.get("tokens", 0))

    def members_named(self) -> Sequence[str]:
        """The members that the command is about, by their ids."""
        members: Sequence[str] = self.arguments.get("members", [])
        return members

    def still_possible(self) -> Subscription:
        """The facts, without a pending change that is due but has become impossible (rule B7)."""
        facts = self.facts
        if not self.change_due() or wanted.possible(facts, self.context.catalog):
            return facts
        return replace(facts, pending=None)

    def with_due_change(self) -> Subscription:
        """The facts with the change applied that is due by the boundary, if it is still possible."""
        facts = self.still_possible()
        return facts.changed() if self.change_due() else facts

    def seats_refusal(self) -> str | None:
        """Why the number of seats that would come out can't be had."""
        outcome = self.outcome()
        if outcome is None:
            return None
        return wanted.seats_refusal(self.context.catalog, outcome.plan, outcome.terms, outcome.seats)

    def change_refusal(self) -> ChangeRefusal | None:
        """The plan's rule against going there at that time."""
        outcome = self.outcome()
        if outcome is None:
            return None
        # a change that is activated with the trial was judged when it was scheduled
        facts = self.with_due_change() if self.event == "activate" else self.facts
        when: ChangeWhen = "now"
        if self.event == "schedule_change":
            when = "next_cycle" if self.facts.on_boundary(self.instant_asked_for()) else "date"
        return wanted.change_refusal(facts, outcome, when, self.context.catalog)

    # Guards that choose

    def in_trial(self) -> bool:
        """The phase is trial."""
        return self.facts.phase == "trial"

    def takes_trial(self) -> bool:
        """The plan has a trial that this account has not had, and it is not declined."""
        declined = self.arguments.get("trial") is False
        return not declined and self.trial_length() is not None and self.trial_unused()

    def change_pending(self) -> bool:
        """A change is pending, held back or not."""
        return self.facts.pending is not None

    def change_due(self) -> bool:
        """The pending change is due by the next boundary, and before the end date."""
        return self.facts.change_due(self.facts.boundary)

    def converts(self) -> bool:
        """At the trial's end a payment method is there, or nothing is due."""
        return self.context.account.payment_method is not None or self.with_due_change().price == 0

    def exhaustion_ends(self) -> bool:
        """The policy ends a subscription whose payment is exhausted."""
        return self.context.catalog.policies_of(self.facts.plan).dunning.exhausted == "end"

    # Guards that refuse

    @refusing("account_closed")
    def account_open(self) -> bool:
        """The account is open."""
        return not self.context.account.closed

    @refusing("plan_unknown")
    def plan_known(self) -> bool:
        """The plan asked for is in the catalogue."""
        return self.request().plan is None or self.plan_asked_for() is not None

    @refusing("not_offered")
    def plan_offered(self) -> bool:
        """The choice is offered, in this interval, currency and family."""
        return self.outcome() is not None

    @refusing("not_offered")
    def seats_offered(self) -> bool:
        """One seat, or a plan that sells seats."""
        return self.seats_refusal() != "not_offered"

    @refusing("seats_limit")
    def seats_within(self) -> bool:
        """The number of seats is within the plan's minimum and maximum."""
        return self.seats_refusal() != "seats_limit"

    @refusing("seats_assigned")
    def seats_enough(self) -> bool:
        """All who are assigned to a seat keep one."""
        outcome = self.outcome()
        return outcome is None or outcome.seats >= outcome.assigned

    @refusing("no_free_seat")
    def seats_free(self) -> bool:
        """There is a seat for each of these members."""
        return self.facts.free_seats >= len(self.members_named())

    @refusing("no_change")
    def seats_taken(self) -> bool:
        """So many members have a seat."""
        return self.facts.assigned >= len(self.members_named())

    @refusing("already_subscribed")
    def family_free(self) -> bool:
        """The account has no other live subscription in the plan's family."""
        plan = self.plan_asked_for()
        return plan is None or plan.family not in self.context.live_families

    @refusing("not_offered")
    def trial_offered(self) -> bool:
        """The plan has a trial, if one is insisted on."""
        return self.arguments.get("trial") is not True or self.trial_length() is not None

    @refusing("trial_used")
    def trial_not_used(self) -> bool:
        """The account has not had a trial in the family, if one is insisted on."""
        return self.arguments.get("trial") is not True or self.trial_unused()

    @refusing("date_in_past")
    def date_ahead(self) -> bool:
        """The date is later than now."""
        return self.instant_asked_for() > self.now

    @refusing("no_change")
    def differs(self) -> bool:
        """The request differs from what is in hand and from what is pending."""
        facts = self.facts
        if not self.request().differs_from(facts):
            return False
        asked = self.pending_as_asked()
        if facts.pending is None or asked is None:
            return True
        return asked.due_at != facts.pending.due_at or replace(facts, pending=asked).changed() != facts.changed()

    @refusing("no_change")
    def end_moves(self) -> bool:
        """The end date is another one."""
        return self.instant_asked_for() != self.facts.ends_at

    @refusing("when_not_allowed")
    def allowed_then(self) -> bool:
        """The plan's rules allow the change at that time; a rule may refuse it with a code of its own."""
        return self.change_refusal() is None

    @refusing("when_not_allowed")
    def cancel_allowed(self) -> bool:
        """The plan's policy allows to cancel at that time."""
        if self.event == "cancel_now":
            when = "now"
        else:
            when = "period_end" if self.instant_asked_for() == self.facts.period_end else "date"
        return when in self.context.catalog.policies_of(self.facts.plan).cancel.when

    @refusing("credits_exhausted")
    def credits_enough(self) -> bool:
        """So many credits are left."""
        wanted: int = self.arguments.get("credits", 1)
        return self.facts.credits >= wanted

    @refusing("tokens_not_sold")
    def pack_sold(self) -> bool:
        """The plan sells such a pack of tokens today."""
        return self.pack() is not None

    @refusing("not_offered")
    def pack_priced(self) -> bool:
        """It does so in the account's currency."""
        return self.context.account.currency in (self.pack() or {})

    @refusing("past_due")
    def settled(self) -> bool:
        """No invoice waits for money that was asked for in vain."""
        return not any(one.state == "open" and one.facts.failed_at for _, one in self.siblings("invoice"))
