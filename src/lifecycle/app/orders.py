"""Orders: how a command that costs money is quoted, confirmed and charged.

A direct command is a quote that is confirmed at once. What is to be charged is decided under the lock of its root and
kept in the order; it takes effect with the outcome of the charge, as it was decided (rules D1, D2, B9).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lifecycle.app.context import Context
from lifecycle.domain import order as orders
from lifecycle.domain.machine import Decision, Json, Stimulus
from lifecycle.domain.order import Order
from lifecycle.domain.quoting import bill_of, quote
from lifecycle.domain.refusals import refused
from lifecycle.domain.subscription import Subscription
from lifecycle.domain.surroundings import Surroundings
from lifecycle.engine.commands import Answer, Beginning
from lifecycle.engine.hand import Because, Hand, Held
from lifecycle.engine.work import Work
from lifecycle.errors import Refused
from lifecycle.store import members
from lifecycle.store.transaction import SqlTransaction

PURCHASES = frozenset({"subscribed", "activate", "change_now", "add_seats", "buy_tokens"})
"""The commands whose invoice is that of an order; what others bring about is charged like a renewal."""
CREDITING = {"change_now": "change_takes_effect", "cancel_now": "end_date_arrives"}
"""The commands that give unused time back, each with what waits for the answer of a renewal's charge as it does."""
NAMED = 10
"""How many members a refusal names at most."""
OrderWork = Work[SqlTransaction]


@dataclass(frozen=True, slots=True)
class Subject:
    """What a command is about, in hand: a subscription that is there, or one that is still to be made; then
    `being_bought` are the live keys of the account's first purchases that are being charged."""

    hand: Hand
    held: Held
    around: Surroundings
    owner_id: str
    being_bought: frozenset[str | None] = frozenset()

    @property
    def facts(self) -> Subscription | None:
        """Its facts, if it is there."""
        facts: Subscription | None = self.held.facts
        return facts


@dataclass(frozen=True, slots=True)
class Asked:
    """A command and its arguments, by whom and why."""

    event: str
    actor: str
    arguments: Json = field(default_factory=dict)
    reason: str | None = None


class Orders:
    """Carries out commands inside a transaction; without the machine `order` nothing is charged for them."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def carry_out(self, work: OrderWork, subject: Subject, asked: Asked) -> Answer:
        """Carry out a command: at once where nothing is to be invoiced for it as an order, else as one. Raises Refused.

        The subject's other obstacles have been seen to.
        """
        _see_what_is_paid(subject, asked.event)
        now = work.now()
        stimulus = Stimulus(asked.event, now, asked.arguments)
        decision = _foresee(work, subject, stimulus)
        because = Because("command", asked.actor, work.keep_reason(subject.hand.root.id, asked.reason))
        if not self._is_order(asked.event, decision):
            work.take(subject.hand, subject.held, stimulus, decision, because)
            work.keep(subject.hand)
            return work.snapshot(subject.hand, subject.held)
        facts = replace(self._order(subject, asked, decision, now), **_confirmed(subject, decision, now, because))
        return self._confirm_new(work, subject, facts, because)

    def quote(self, work: OrderWork, subject: Subject, asked: Asked) -> Held:
        """Work out what a command would do and cost, and keep it as an order that can be confirmed. Raises Refused."""
        _see_what_is_paid(subject, asked.event)
        now = work.now()
        decision = _foresee(work, subject, Stimulus(asked.event, now, asked.arguments))
        lifetime, seq = self._context.config.quote_lifetime, subject.hand.root.seq
        facts = replace(
            self._order(subject, asked, decision, now),
            quoted_at=now,
            expires_at=lifetime.after(now, subject.around.account.zone),
            seq=seq,
        )
        because = Because("command", asked.actor, work.keep_reason(subject.hand.root.id, asked.reason))
        held = self._begin(work, subject, "quoted", facts, because)
        work.keep(subject.hand)
        return held

    def confirm(self, work: OrderWork, subject: Subject, quoted: Held, asked: Asked, *, is_stale: bool) -> Answer:
        """Carry out what was quoted, exactly; `asked` says by whom and why. Raises Refused: the state of the
        subscription is judged first, then whether the quote still stands (`quote_expired`, `quote_stale`)."""
        facts: Order = quoted.facts
        _see_what_is_paid(subject, facts.event)
        now, arguments = work.now(), facts.arguments
        if facts.event in PURCHASES:
            arguments = arguments | {"priced_at": str(facts.quoted_at and facts.quoted_at.isoformat())}
        stimulus = Stimulus(facts.event, now, arguments)
        decision = _foresee(work, subject, stimulus)
        if quoted.state == "expired":
            raise refused("quote_expired")
        today = quote(subject.facts, decision, facts.event, subject.around, now)
        same = all(today[name] == facts.quote[name] for name in ("total", "plan", "interval", "seats"))
        if is_stale or not same or today["credit"] < facts.credit:
            raise refused("quote_stale")
        because = Because("command", asked.actor, work.keep_reason(subject.hand.root.id, asked.reason))
        if self._is_order(facts.event, decision):
            changes = replace(facts, arguments=arguments, **_confirmed(subject, decision, now, because))
            self._let_go(subject)
            self._take(work, subject, quoted, changes, because)
        else:
            self._take(work, subject, quoted, replace(facts, total=0, credit=0, confirmed_at=now), because)
            work.take(subject.hand, subject.held, stimulus, decision, because)
        return self._answer(work, subject, quoted.record.id)

    def _take(self, work: OrderWork, subject: Subject, quoted: Held, facts: Order, because: Because) -> None:
        confirmed = Stimulus("confirmed", work.now(), orders.dump(facts))
        work.take(subject.hand, quoted, confirmed, work.foresee(subject.hand, quoted, confirmed), because)

    def _confirm_new(self, work: OrderWork, subject: Subject, facts: Order, because: Because) -> Answer:
        held = self._begin(work, subject, "confirmed", facts, because)
        work.keep(subject.hand)
        return self._answer(work, subject, held.record.id)

    def _begin(self, work: OrderWork, subject: Subject, event: str, facts: Order, because: Because) -> Held:
        self._let_go(subject)
        beginning = Beginning("order", event, orders.dump(facts), subject.owner_id, subject.around)
        return work.add(subject.hand, beginning, because)

    def _let_go(self, subject: Subject) -> None:
        """A subscription that is still to be made is not there before its order has made it."""
        if subject.held.is_new and not subject.held.state:
            subject.hand.held.pop(subject.held.record.id, None)

    def _answer(self, work: OrderWork, subject: Subject, order_id: str) -> Answer:
        """The subscription as the order has left it so far, or as it would begin."""
        held = subject.hand.held.get(subject.held.record.id)
        if held is not None:
            return replace(work.snapshot(subject.hand, held), order=order_id)
        facts: Order = subject.hand.held[order_id].facts
        decided: Json = (facts.decision or {}).get("facts", {})
        root = subject.hand.root
        return Answer(subject.held.record.id, "new", decided, root.seq, order=order_id, clock=root.clock)

    def _order(self, subject: Subject, asked: Asked, decision: Decision[Any], now: datetime) -> Order:
        shown = quote(subject.facts, decision, asked.event, subject.around, now)
        return Order(
            account=subject.owner_id,
            subscription=subject.held.record.id,
            event=asked.event,
            arguments=asked.arguments,
            currency=subject.around.account.currency,
            total=shown["total"],
            credit=shown["credit"],
            quote=shown,
        )

    def _is_order(self, event: str, decision: Decision[Any]) -> bool:
        """Whether it is for an order to charge what is decided."""
        runs = {"order", "invoice"} <= {*self._context.registry.kinds}
        return runs and event in PURCHASES and bill_of(decision.effects) is not None


class SeatsAssigned(Refused):
    """Fewer seats than members who have one (code `seats_assigned`), in the order in which they were assigned."""

    def __init__(self, members: Sequence[str]) -> None:
        code, shown = "seats_assigned", ", ".join(members[:NAMED])
        more = f" and {len(members) - NAMED} more" if len(members) > NAMED else ""
        refusal = refused(code)
        super().__init__(code, f"{refusal} Assigned are: {shown}{more}.", instead=refusal.instead)
        self.members = tuple(members)


def _foresee(work: OrderWork, subject: Subject, stimulus: Stimulus) -> Decision[Any]:
    """What a command would decide. Raises Refused; who is in the way of fewer seats is named (rule D9)."""
    try:
        return work.foresee(subject.hand, subject.held, stimulus)
    except Refused as refusal:
        if refusal.code != "seats_assigned":
            raise
        seated = members.seated(work.transaction.connection, subject.held.record.id)
        raise SeatsAssigned([one.email for one, _ in seated]) from refusal


def _see_what_is_paid(subject: Subject, event: str) -> None:
    """What is given back follows from what is paid (rule D7), which nobody knows while a renewal's charge is without an
    answer. Raises Refused (`order_in_progress`): whoever hears it drives that charge, and asks again (rule B4)."""
    if event in CREDITING and subject.hand.waits(subject.held.record.id, CREDITING[event]):
        raise refused("order_in_progress")


def _confirmed(subject: Subject, decision: Decision[Any], now: datetime, because: Because) -> dict[str, Any]:
    """What an order needs from its confirmation on: the decision, in the form in which it is applied."""
    bill = bill_of(decision.effects)
    dumped = subject.held.definition.dump(decision.facts)
    facts = {name: value for name, value in dumped.items() if value is not None}
    return {
        "confirmed_at": now,
        "actor": because.actor,
        "reason_id": because.reason_id,
        "decision": {"state": decision.state, "facts": facts, "effects": [one.as_json() for one in decision.effects]},
        "bill": None if bill is None else bill.arguments,
        "key": f"{subject.owner_id}/{decision.facts.family}" if subject.facts is None else None,
    }
