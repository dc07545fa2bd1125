"""The order's state machine: quoted, confirmed, and then completed by its charge, declined, or lost sight of.

What was decided when it was confirmed is kept in its facts, and takes effect as it was decided (rules B9, D2).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from statemachine import State

from lifecycle.domain import order
from lifecycle.domain.effects import Apply, Start, Tell
from lifecycle.domain.machine import EVERYTHING, Effect, Json, Machine
from lifecycle.domain.order import Order
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.shapes import OrderShape

KIND = "subscription"


class OrderMachine(Machine[Order, Surroundings]):
    """From the quote to what it came to. Its arguments are the new facts, as they were worked out."""

    kind = "order"
    prefix = "ord"
    shape = OrderShape
    deferred = ("expired",)
    final_codes = {"expired": "quote_expired"}  # noqa: RUF012  # a constant of the class

    new = State(initial=True)
    quoted = State()
    confirmed = State()
    unknown = State()
    completed = State(final=True)
    declined = State(final=True)
    expired = State(final=True)
    returned = State(final=True)

    # Events, several of which have the name of the state that they lead to

    new.to(quoted, event="quoted", on="show")

    new.to(completed, event="confirmed", cond="nothing_due", on="complete_at_once")
    new.to(confirmed, event="confirmed", cond="not nothing_due", on="start_charging")
    quoted.to(completed, event="confirmed", cond="nothing_due", on="complete_at_once")
    quoted.to(confirmed, event="confirmed", cond="not nothing_due", on="start_charging")

    confirmed.to(completed, event="completed", cond="still_there", on="complete")
    confirmed.to(returned, event="completed", cond="not still_there", on="come_too_late")
    confirmed.to(declined, event="declined", on="give_way")
    confirmed.to(unknown, event="unknown", on="lose_sight")
    unknown.to(returned, event="found", on="give_back")

    # Deferred

    quoted.to(expired, event="expired", on="keep_as_it_is")

    # Facts

    @classmethod
    def load(cls, stored: Json) -> Order:
        """The facts from their JSON form."""
        return order.load(stored)

    @classmethod
    def dump(cls, facts: Order) -> Json:
        """The facts' JSON form."""
        return order.dump(facts)

    @classmethod
    def fresh(cls, facts: Order) -> Order:
        """Nothing changes what they hold."""
        return facts

    @classmethod
    def schedule(cls, state: str, facts: Order) -> Mapping[str, datetime]:
        """A quote expires."""
        return {"expired": facts.expires_at} if state == "quoted" and facts.expires_at else {}

    @classmethod
    def live_key(cls, facts: Order) -> str | None:
        """One first purchase of an account and plan family at a time."""
        return facts.key

    @classmethod
    def holds_back(cls, state: str, facts: Order) -> Collection[str]:
        """Nothing else happens to its root while it is being charged (rule B9)."""
        del facts
        return EVERYTHING if state == "confirmed" else ()

    # Guards

    def nothing_due(self) -> bool:
        """There is nothing to charge."""
        return self._asked().due == 0

    def still_there(self) -> bool:
        """What was bought can still take effect: a subscription that has ended meanwhile takes nothing more."""
        return self.facts.event == "subscribed" or any(self.siblings("subscription"))

    # Actions

    def show(self) -> None:
        """Quoted, for as long as quotes live."""
        self.become(self._asked())

    def complete_at_once(self) -> None:
        """Confirmed, and nothing is to be charged: what was decided takes effect now."""
        facts = self._asked()
        applied = [self._apply(facts)] if facts.decision else []
        bill = [Start("invoice", "opened", facts.bill)] if facts.bill else []
        self.become(self._done(facts), *applied, *bill)

    def start_charging(self) -> None:
        """Confirmed: the invoice is drafted, and with it the charge is asked for."""
        facts = self._asked()
        bill = {**(facts.bill or {}), "order": self.instance_id, "credit": facts.credit}
        self.become(facts, Start("invoice", "drafted", bill))

    def complete(self) -> None:
        """The charge has succeeded: what was decided takes effect as it was decided, and the invoice is paid."""
        facts, invoice = self.facts, self._invoice()
        charged = Tell(invoice, "charged", dict(self.arguments))
        self.become(self._done(facts), self._apply(facts), Tell(invoice, "opened"), charged)

    def give_way(self) -> None:
        """Declined: the subscription stays as it is, and no number is burnt."""
        facts = replace(self._done(self.facts), decline=str(self.arguments.get("reason", "")))
        self.become(facts, Tell(self._invoice(), "voided"))

    def lose_sight(self) -> None:
        """Without an answer for too long: the subscription goes on unchanged, and the charge is looked up for days."""
        late = Tell(self._invoice(), "voided", {"unknown": True})
        self.become(self._done(self.facts), late)

    def come_too_late(self) -> None:
        """The money is there, and the subscription has ended: it goes back, and no number is burnt."""
        self.become(self._done(self.facts), Tell(self._invoice(), "voided"), self._refund())

    def give_back(self) -> None:
        """Money was found after all: it goes back, and nothing is applied (rule B9)."""
        self.become(self.facts, self._refund())

    def keep_as_it_is(self) -> None:
        """Nothing but the state changes."""

    # What actions share

    def _refund(self) -> Start:
        """Money that nothing was sold for goes back."""
        back = {
            "account": self.facts.account,
            "currency": self.facts.currency,
            "amount": self.arguments["amount"],
            "cause": self.instance_id,
            "charge": self.arguments["charge"],
            "found": True,
        }
        return Start("refund", "asked", back)

    def _asked(self) -> Order:
        """The facts that it is to have: those in hand, and over them what was worked out for the event."""
        in_hand: Order | None = self.model.facts
        stored = {} if in_hand is None else order.dump(in_hand)
        return order.load({**stored, **self.arguments})

    def _done(self, facts: Order) -> Order:
        """Without what it only needed until now."""
        return replace(facts, decision=None, bill=None, key=None)

    def _apply(self, facts: Order) -> Effect:
        made: Json = facts.decision or {}
        at = facts.confirmed_at or self.now
        return Apply(
            instance=facts.subscription,
            machine=KIND,
            event=facts.event,
            arguments=facts.arguments,
            at=at,
            state=made["state"],
            facts=made["facts"],
            effects=made["effects"],
            actor=facts.actor or "system",
            reason_id=facts.reason_id,
        )

    def _invoice(self) -> str:
        return next(id for id, one in self.siblings("invoice") if one.facts.order == self.instance_id)
