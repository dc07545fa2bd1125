"""What the subscription machine invoices: the lines of each command and each cycle, and the documents they go into.

Only computes; whether something is charged, and when, is the business of orders and invoices.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lifecycle.domain import invoice, invoicing
from lifecycle.domain.credits import Grant, on_change, on_opening
from lifecycle.domain.effects import Bill, Post, Reason, Start
from lifecycle.domain.invoicing import Count, Line, Unpaid, total
from lifecycle.domain.machine import Effect, refusing
from lifecycle.domain.policies import Proration
from lifecycle.domain.subscription import Subscription
from lifecycle_machines.subscription_guards import SubscriptionGuards

Priced = tuple[Subscription, list[Line]]
"""New facts, and the lines that lead to them."""


class SubscriptionBilling(SubscriptionGuards):
    """Prices what a command or a boundary leads to."""

    # What a command leads to

    def priced(self) -> Priced:
        """What the command in hand leads to, and its lines; its guards have seen that it is offered."""
        outcome = self.outcome()
        if outcome is None:
            raise RuntimeError(f"{self.event} was let through without an outcome")
        if self.event == "subscribed":
            return outcome, self.cycle_of(outcome)
        if self.event == "activate":
            facts = outcome.paid_from(self.now)
            return facts, self.cycle_of(facts)
        if self.event == "buy_tokens":
            return outcome, self.pack_line()
        if self.facts.phase == "trial":
            return outcome, []
        return self.changed_inside_cycle(outcome, self.priced_at)

    def changed_inside_cycle(self, changed: Subscription, at: datetime) -> Priced:
        """A change inside a paid cycle, with shares counted at `at`."""
        count = Count(at, self.proration(changed.plan), self.unpaid(), self.context.taxed)
        return invoicing.inside_cycle(self.facts, changed, self.now, count)

    @refusing("payment_method_missing")
    def payable(self) -> bool:
        """A payment method is there, or nothing is to pay."""
        if self.context.account.payment_method is not None or self.outcome() is None:
            return True
        return total(self.priced()[1]) <= self.context.purse.balance

    # Lines

    @property
    def priced_at(self) -> datetime:
        """The instant at which shares are counted: that of the quote, where a quote is confirmed (rule D1)."""
        at = self.arguments.get("priced_at")
        return datetime.fromisoformat(at) if at else self.now

    def proration(self, plan: str) -> Proration:
        """How shares are counted for a plan."""
        return self.context.catalog.policies_of(plan).proration

    def cycle_of(self, facts: Subscription) -> list[Line]:
        """The lines of the running period."""
        return self.context.taxed(invoicing.cycle(facts, self.proration(facts.plan)))

    def pack_line(self) -> list[Line]:
        """The line of a pack of tokens; a pack for nothing has none."""
        price = (self.pack() or {}).get(self.context.account.currency, 0)
        if not price:
            return []
        line = Line("tokens", price, self.now, self.now, 1, price, text=f"{self.arguments['tokens']} tokens")
        return self.context.taxed([line])

    def rest_of_cycle(self, after: Subscription) -> list[Line]:
        """The lines of what a cycle that was cut short has grown by (rule I17)."""
        if after.phase == "trial" or after.period_end <= self.facts.period_end:
            return []
        return self.context.taxed(invoicing.rest_of_cycle(self.facts, after, self.proration(after.plan)))

    def unpaid(self) -> list[Unpaid]:
        """What is still to pay for the running period (rule D7)."""
        invoices = [one.facts for _, one in self.siblings("invoice")]
        return [Unpaid(one.lines, one.due) for one in invoices if one.cycle == self.facts.cycle]

    # Documents

    def bill(
        self, reason: Reason, facts: Subscription, lines: Sequence[Line], notice: str | None = None
    ) -> list[Effect]:
        """The invoice of these lines, or the credit note where they come to less than nothing (rule I7)."""
        if not lines:
            return []
        if total(lines) < 0:
            to = "balance" if self.proration(facts.plan).excess == "balance" else "refund"
            return [self.credit_note(facts, lines, to)]
        sold = [one for one in lines if one.kind in ("plan", "seats")] or lines
        start, end = min(one.start for one in sold), max(one.end for one in sold)
        made = invoice.invoice(
            list(lines),
            account=facts.account,
            subscription=self.instance_id,
            plan=facts.plan,
            zone=facts.zone,
            reason=reason,
            cycle=facts.cycle,
            currency=facts.terms.currency,
            start=start,
            end=end,
            at=self.now,
            notice=notice,
        )
        return [Bill(reason, facts.cycle, start, end, made.total, invoice.dump(made))]

    def credit_note(self, facts: Subscription, lines: Sequence[Line], to: str) -> Start:
        """What is given back, to the balance or as a refund."""
        arguments = {
            "account": facts.account,
            "subscription": self.instance_id,
            "currency": facts.terms.currency,
            "zone": facts.zone,
            "at": self.now.isoformat(),
            "lines": [one.as_json() for one in lines],
            "total": -total(lines),
            "to": to,
        }
        return Start("credit_note", "issued", arguments)

    def refund_of_the_rest(self) -> list[Effect]:
        """What a cancellation gives back, by the plan's policy (rules D12, I8); never for a trial."""
        facts, to = self.facts, self.context.catalog.policies_of(self.facts.plan).cancel.refund
        if to == "none" or facts.phase == "trial":
            return []
        lines = invoicing.unused(facts, Count(self.now, self.proration(facts.plan), self.unpaid()))
        return [self.credit_note(facts, self.context.taxed(lines), to)] if lines else []

    # Credits (rule D10)

    def opened_with_credits(self, facts: Subscription) -> tuple[Subscription, list[Effect]]:
        """A period that has just started, with its grant."""
        before = None if self.event == "subscribed" else self.facts
        return self._granted(facts, on_opening(before, facts, self.context.catalog))

    def changed_with_credits(self, facts: Subscription) -> tuple[Subscription, list[Effect]]:
        """A change now, with what it does to the credits."""
        return self._granted(facts, on_change(self.facts, facts, self.context.catalog))

    def _granted(self, facts: Subscription, grant: Grant) -> tuple[Subscription, list[Effect]]:
        books = {"credits": grant.granted - grant.lost, "granted": -grant.granted, "lost": grant.lost}
        posts: list[Effect] = [Post(facts.account, "credits", books)] if any(books.values()) else []
        return grant.of(facts), posts
