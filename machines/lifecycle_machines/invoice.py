"""The invoice's state machine: opened by a cycle, or drafted for an order; charged, retried, paid or given up.

A charge is asked for by a message to the gateway, written with the transition, and answered by an event. Dunning is
the invoice's own deferred transition (rule E5): the delays count from when a decline was really heard (rule C5).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from statemachine import State

from lifecycle.domain import invoice
from lifecycle.domain.copying import but
from lifecycle.domain.effects import Notice, Number, Post, Send, Start, Tell
from lifecycle.domain.invoice import Invoice
from lifecycle.domain.invoicing import sum_of
from lifecycle.domain.machine import REMINDED, Effect, Json, Machine, refusing
from lifecycle.domain.policies import Dunning
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.shapes import InvoiceShape

GATEWAY = "gateway"
"""The destination that asks the gateway for money."""
LATE = "gateway_late"
"""The destination that looks up, seldom and for days, what was never answered: it stands in no other's way."""


class InvoiceMachine(Machine[Invoice, Surroundings]):
    """From the draft or the opening to the money, or to giving it up."""

    kind = "invoice"
    prefix = "inv"
    shape = InvoiceShape
    deferred = ("opened", "retry_due")
    alone = ("opened",)
    final_codes = {"paid": "already_paid"}  # noqa: RUF012  # a constant of the class
    keeps_key = True

    new = State(initial=True)
    draft = State()
    open = State()
    uncollectible = State()
    paid = State(final=True)
    void = State(final=True)

    drafted = new.to(draft, on="draft_for_order")

    opened = (
        new.to(draft, cond="must_wait", on="draft_it")
        | new.to(paid, cond=["not must_wait", "covered"], on="open_and_settle")
        | new.to(open, cond=["not must_wait", "not covered"], on="open_and_ask")
        | draft.to(open, cond="of_order", on="open_for_order")
        | draft.to(paid, cond=["not of_order", "covered"], on="open_and_settle")
        | draft.to(open, cond=["not of_order", "not covered"], on="open_and_ask")
    )

    pay = open.to(open, cond=["not_asked", "card_there"], on="ask_by_hand") | uncollectible.to(
        uncollectible, cond=["not_asked", "card_there"], on="ask_by_hand"
    )

    charged = open.to(paid, on="settle") | uncollectible.to(paid, on="settle")

    declined = open.to(open, on="take_decline") | uncollectible.to(uncollectible, on="take_decline")

    unknown = open.to(open, on="lose_sight") | uncollectible.to(uncollectible, on="lose_sight")

    exhausted = open.to(uncollectible, on="give_up")

    voided = draft.to(void, on="give_back")

    # Deferred

    retry_due = open.to(open, on="ask_again")

    # Facts

    @classmethod
    def load(cls, stored: Json) -> Invoice:
        """The facts from their JSON form."""
        return invoice.load(stored)

    @classmethod
    def dump(cls, facts: Invoice) -> Json:
        """The facts' JSON form."""
        return invoice.dump(facts)

    @classmethod
    def fresh(cls, facts: Invoice) -> Invoice:
        """Frozen, so safe as they are."""
        return facts

    @classmethod
    def schedule(cls, state: str, facts: Invoice) -> Mapping[str, datetime]:
        """A draft without an order is opened at once, in a transaction of its own; a decline is tried again."""
        if state == "draft" and facts.order is None:
            return {"opened": facts.at}
        waits = state == "open" and facts.charge == "declined"  # what nobody knows is not tried under another key
        return {"retry_due": facts.retry_at} if waits and facts.retry_at else {}

    @classmethod
    def live_key(cls, facts: Invoice) -> str | None:
        """One invoice of a subscription for each cycle that starts by itself (rule E3)."""
        by_itself = facts.order is None and facts.reason in ("renewal", "purchase")
        return f"{facts.subscription}/{facts.cycle}" if by_itself else None

    @classmethod
    def holds_back(cls, state: str, facts: Invoice) -> Collection[str]:
        """What comes next of its subscription waits while the charge is without an answer, or is still to be asked for:
        a later cycle and its reminder, a change or an end, which are worked out from what is paid (rules C5, D7)."""
        waits = facts.charge == "asked" if state == "open" else state == "draft" and facts.order is None
        return ("cycle_starts", "change_takes_effect", "end_date_arrives", REMINDED) if waits else ()

    # Guards

    def must_wait(self) -> bool:
        """The transaction is a part of a host's, where nothing is numbered (rule E4)."""
        return self.context.within_host

    def of_order(self) -> bool:
        """It is the invoice of an order."""
        return self.facts.order is not None

    def covered(self) -> bool:
        """Nothing is left to charge once the balance is used."""
        return self._credited().due == 0

    @refusing("order_in_progress")
    def not_asked(self) -> bool:
        """No charge is without an answer."""
        return self.facts.charge != "asked"

    @refusing("payment_method_missing")
    def card_there(self) -> bool:
        """A payment method is there."""
        return self.context.account.payment_method is not None

    # Actions

    def draft_it(self) -> None:
        """Written as it is, to be opened in a transaction of its own."""
        self.become(self._in_hand())

    def draft_for_order(self) -> None:
        """Written with its order, whose charge it waits for; what the balance pays, as confirmed, is set aside."""
        facts = self._in_hand()
        aside = self._post({"balance": facts.credit, "reserved": -facts.credit})
        facts = replace(facts, attempt=1, method=self.context.account.payment_method, charge="asked")
        self.become(facts, *aside, self._charge(facts, handed=not self.context.within_host))

    def open_and_settle(self) -> None:
        """Opened, and nothing is to be charged (rule I6)."""
        facts = replace(self._credited(), paid_at=self.now)
        self.become(facts, *self._opening(facts), *self._said(facts.notice))

    def open_and_ask(self) -> None:
        """Opened, and the charge is on its way; without a payment method the answer will be a decline (rule C5)."""
        facts = self._credited()
        self._ask(facts, *self._opening(facts))

    def open_for_order(self) -> None:
        """Its order's charge has succeeded."""
        self.become(self.facts, *self._opening(self.facts, aside="reserved"))

    def ask_by_hand(self) -> None:
        """A new card, or somebody who wants it tried: the planned retry stays planned."""
        facts = self.facts
        unclear = facts.charge == "unknown" and facts.method == self.context.account.payment_method
        attempt = facts.attempt if unclear else facts.attempt + 1
        facts = replace(
            facts, attempt=attempt, method=self.context.account.payment_method, charge="asked", by_hand=True
        )
        self.become(facts, self._charge(facts, handed=not self.context.within_host))

    def ask_again(self) -> None:
        """The next attempt, under a key of its own."""
        self._ask(replace(self.facts, retry_at=None))

    def settle(self) -> None:
        """The money is there."""
        facts = replace(self.facts, charge=None, retry_at=None, paid_at=self.now)
        owed = "receivable" if self.model.state == "open" else "bad_debt"
        self.become(facts, self._posted({"cash": facts.due, owed: -facts.due}), *self._said(self._news(facts)))

    def take_decline(self) -> None:
        """The gateway has declined."""
        facts, effects = self._declined(self.facts, str(self.arguments.get("reason", "")))
        self.become(facts, *effects)

    def lose_sight(self) -> None:
        """There was no answer for too long: an operator's business, and looked up for some days (rule I18)."""
        late = Send(LATE, "look_up", self._payload(self.facts))
        self.become(replace(self.facts, charge="unknown"), late)

    def give_up(self) -> None:
        """The last retry has failed."""
        facts = replace(self.facts, charge=None, retry_at=None)
        told = Tell(facts.subscription, "payment_exhausted")
        self.become(facts, self._posted({"bad_debt": facts.due, "receivable": -facts.due}), told)

    def give_back(self) -> None:
        """Its order has come to nothing: no number is burnt, and what was set aside goes back. A charge that was never
        answered is looked up for some days."""
        facts = replace(self.facts, charge=None)
        late = [Send(LATE, "look_up", self._payload(facts))] if self.arguments.get("unknown") else []
        self.become(facts, *self._post({"balance": -facts.credit, "reserved": facts.credit}), *late)

    # What actions share

    def _credited(self) -> Invoice:
        """The facts in hand or asked for, with what the balance pays of them."""
        if "credited" not in self.model.memo:
            facts = self._in_hand()
            credit = max(0, min(facts.total, self.context.purse.balance))
            self.model.memo["credited"] = but(facts, credit=credit)
        credited: Invoice = self.model.memo["credited"]
        return credited

    def _in_hand(self) -> Invoice:
        """The facts, or those that it is to begin with."""
        facts: Invoice | None = self.model.facts
        if facts is not None:
            return facts
        if "begins_with" not in self.model.memo:
            self.model.memo["begins_with"] = invoice.load(dict(self.arguments))
        begins_with: Invoice = self.model.memo["begins_with"]
        return begins_with

    def _opening(self, facts: Invoice, aside: str = "balance") -> list[Effect]:
        """The number, the postings, and the refund that is one of the lines."""
        posts = [*self._post(facts.books), *self._post({aside: facts.credit, "receivable": -facts.credit})]
        refund = sum_of(facts.lines, "to_refund")
        back = {"account": facts.account, "currency": facts.currency, "amount": refund, "cause": self.instance_id}
        return [
            Number(self.context.series.invoices),
            *posts,
            *([Start("refund", "asked", back)] if refund else []),
        ]

    def _ask(self, facts: Invoice, *effects: Effect) -> None:
        method = self.context.account.payment_method
        facts = but(facts, attempt=facts.attempt + 1, method=method, charge="asked", by_hand=False)
        self.become(facts, *effects, self._charge(facts))

    def _charge(self, facts: Invoice, *, handed: bool = False) -> Send:
        return Send(GATEWAY, "charge", self._payload(facts), handed)

    def _payload(self, facts: Invoice) -> Json:
        return {
            "invoice": self.instance_id,
            "attempt": facts.attempt,
            "amount": facts.due,
            "currency": facts.currency,
            "method": facts.method,
        }

    def _declined(self, facts: Invoice, reason: str) -> tuple[Invoice, list[Effect]]:
        """After a decline: the next retry, or none is left. Who tried by hand before a planned retry uses none up."""
        facts = replace(facts, charge="declined", decline=reason)
        if self.model.state == "uncollectible":
            return facts, []
        if facts.by_hand and facts.retry_at is not None:
            return replace(facts, retry_at=max(facts.retry_at, self.now)), []
        delays, failures = self._dunning(facts).retries, facts.failures + 1
        first: list[Effect] = [Notice("payment_failed")] if facts.failed_at is None else []
        facts = replace(facts, failures=failures, failed_at=facts.failed_at or self.now)
        if failures > len(delays):
            return facts, [*first, Tell(self.instance_id, "exhausted")]
        return replace(facts, retry_at=delays[failures - 1].after(self.now, facts.zone)), first

    def _dunning(self, facts: Invoice) -> Dunning:
        return self.context.catalog.policies_of(facts.plan).dunning

    def _news(self, facts: Invoice) -> str | None:
        return "payment_recovered" if facts.failed_at else facts.notice

    def _said(self, notice: str | None) -> list[Notice]:
        return [Notice(notice)] if notice else []

    def _post(self, entries: Mapping[str, int]) -> list[Effect]:
        return [self._posted(entries)] if any(entries.values()) else []

    def _posted(self, entries: Mapping[str, int]) -> Post:
        facts = self._in_hand()
        return Post(facts.account, facts.currency, entries)
