"""A subscription with its orders, invoices, credit notes and refunds, in memory, and a gateway that a test speaks for.

It follows what a decision brings about on its root as the engine does, each at the same nominal instant, reads all
facts again after each step, and keeps the books. Whatever happens, it checks that the books sum to zero and say what
the documents say.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lifecycle.domain import order as orders
from lifecycle.domain.effects import Apply, Bill, Notice, Number, Post, Send, Start, Tell, Written
from lifecycle.domain.interpreter import Interpreter
from lifecycle.domain.machine import REMINDED, Decision, Effect, Json, Machine, Place, Stimulus
from lifecycle.domain.order import Order
from lifecycle.domain.policies import Policies
from lifecycle.domain.quoting import bill_of, quote
from lifecycle.domain.surroundings import Purse, Surroundings
from lifecycle_machines.adjustment import AdjustmentMachine
from lifecycle_machines.credit_note import CreditNoteMachine
from lifecycle_machines.invoice import InvoiceMachine
from lifecycle_machines.order import OrderMachine
from lifecycle_machines.refund import RefundMachine
from lifecycle_machines.subscription import SubscriptionMachine
from tests.unit.machine_world import ACCOUNT, CATALOG, utc, with_policies

AnyMachine = type[Machine[Any, Any]]
DEFINITIONS: Mapping[str, AnyMachine] = {
    one.kind: one
    for one in (
        SubscriptionMachine,
        InvoiceMachine,
        OrderMachine,
        CreditNoteMachine,
        RefundMachine,
        AdjustmentMachine,
    )
}
INTERPRETERS = {kind: Interpreter(definition) for kind, definition in DEFINITIONS.items()}
PURCHASES = frozenset({"subscribed", "activate", "change_now", "add_seats"})
REMINDERS = frozenset({"trial_ending", "renewal_ahead"})
SUB = "sub_1"


@dataclass
class One:
    """An instance of the root."""

    machine: str
    state: str
    facts: Any
    stored: Json

    @property
    def definition(self) -> AnyMachine:
        """Its machine."""
        return DEFINITIONS[self.machine]

    @property
    def over(self) -> bool:
        """Whether it is in a final state."""
        return self.state in INTERPRETERS[self.machine].matrix.final


class Root:
    """One subscription and all that concerns its money."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.around = replace(surroundings, purse=Purse(surroundings.purse.balance))
        self.present = surroundings.purse.balance
        self.instances: dict[str, One] = {}
        self.log: list[tuple[str, str]] = []
        self.happened: dict[str, datetime] = {}
        self.effects: list[Effect] = []
        self.notices: list[str] = []
        self.asked: list[Json] = []
        self.refunds: list[Json] = []
        self.late: list[Json] = []
        self.numbers: list[str] = []
        self.posts: list[Post] = []
        self.now = utc("2000-01-01")

    # What is there

    @property
    def subscription(self) -> One:
        """The subscription."""
        return self.instances[SUB]

    def all(self, machine: str) -> dict[str, One]:
        """The instances of that machine, in the order in which they began."""
        return {id: one for id, one in self.instances.items() if one.machine == machine}

    def newest(self, machine: str) -> One:
        """The one of that machine that began last."""
        return list(self.all(machine).values())[-1]

    @property
    def invoice(self) -> One:
        """The newest invoice."""
        return self.newest("invoice")

    def book(self, name: str, unit: str = "USD") -> int:
        """What a book stands at; debits are positive."""
        return self.books[unit, name]

    @property
    def books(self) -> Counter[tuple[str, str]]:
        """All books, by unit and name."""
        books: Counter[tuple[str, str]] = Counter()
        for post in self.posts:
            for name, amount in post.entries.items():
                books[post.unit, name] += amount
        return books

    # What happens

    def command(self, event: str, day: str | datetime, /, **arguments: object) -> None:
        """Command it on that day, after all that is due by then; an order where something is to be invoiced for it."""
        now = utc(day) if isinstance(day, str) else day
        self.until(now)
        self.now = now
        here = self.instances.get(SUB)
        facts = None if here is None else here.facts
        around = self.around
        decision = self._decided(SUB, event, now, arguments)
        shown = quote(facts, decision, event, around, now)
        bill = bill_of(decision.effects)
        if event in PURCHASES and bill is not None:
            made = Order(
                account=ACCOUNT.id,
                subscription=SUB,
                event=event,
                arguments=dict(arguments),
                currency=around.account.currency,
                total=shown["total"],
                credit=shown["credit"],
                quote=shown,
                confirmed_at=now,
                bill=bill.arguments,
                decision={
                    "state": decision.state,
                    "facts": SubscriptionMachine.dump(decision.facts),
                    "effects": [one.as_json() for one in decision.effects],
                },
            )
            self.begin("order", "confirmed", now, orders.dump(made))
        else:
            self.take(SUB, "subscription", Stimulus(event, now, arguments), decision)
        self.check()

    def tell(self, id: str, event: str, day: str | datetime, /, **arguments: object) -> None:
        """An event for an instance, after all that is due by then."""
        now = utc(day) if isinstance(day, str) else day
        self.until(now)
        self.now = now
        self.take(id, self.instances[id].machine, Stimulus(event, now, arguments))
        self.check()

    def begin(self, machine: str, event: str, now: datetime, arguments: Json) -> str:
        """A new instance of a machine."""
        id = f"{DEFINITIONS[machine].prefix}_{len(self.all(machine)) + 1}"
        self.take(id, machine, Stimulus(event, now, arguments))
        return id

    def answer(self, outcome: str, day: str | datetime | None = None, *, reason: str = "card_declined") -> None:
        """The oldest charge that waits is answered: `charged`, `declined` or `unknown`; declined without a method."""
        now = self.now if day is None else utc(day) if isinstance(day, str) else day
        self.until(now)
        self.now = now
        charge = self.asked.pop(0)
        invoice = self.instances[charge["invoice"]]
        assert invoice.facts.attempt == charge["attempt"]
        if charge["method"] is None:
            outcome, reason = "declined", "payment_method_missing"
        arguments: Json = {"reason": reason} if outcome == "declined" else {}
        if outcome == "charged":
            arguments = {"amount": charge["amount"], "charge": f"{charge['invoice']}:{charge['attempt']}"}
        if invoice.state == "draft":
            told = {"charged": "completed"}.get(outcome, outcome)
            self.tell(invoice.facts.order, told, now, **arguments)
        else:
            self.tell(charge["invoice"], outcome, now, **arguments)

    def give_back(self, share: int = 1) -> None:
        """The gateway answers all refunds: it gives back what was asked for, or the whole divided by `share`."""
        while self.refunds:
            asked = self.refunds.pop(0)
            self.tell(asked["refund"], "refunded", self.now, amount=asked["amount"] // share)

    def until(self, instant: datetime, outcome: str | None = None) -> None:
        """Fire all that is due by then; every charge that waits is answered so."""
        while True:
            while outcome and self.asked:
                self.answer(outcome, self.now)
            due = self._earliest()
            if due is None or due[0] > instant:
                return
            self.now = due[0]
            self.take(due[2], self.instances[due[2]].machine, Stimulus(due[3], due[0], {}))
            self.check()

    def travel(self, day: str, outcome: str | None = "charged") -> None:
        """Fire all that is due by that day, and answer what is asked."""
        self.until(utc(day), outcome)
        self.now = utc(day)

    def next(self) -> tuple[datetime, str] | None:
        """What is due next, and when; but a reminder."""
        due = self._earliest(but=REMINDED)
        return None if due is None else (due[0], due[3])

    def card(self, method: str | None) -> None:
        """Another payment method from here on."""
        self.around = replace(self.around, account=replace(self.around.account, payment_method=method))

    # How the engine does it

    def _earliest(self, but: str = "") -> tuple[datetime, int, str, str] | None:
        """What is due first, `but` this event; where that waits for another instance, what comes after waits, too."""
        first = min((due for due in self._due() if due[3] != but), default=None)
        if first is None or any(first[3] in self._held_back(id) for id in self.instances if id != first[2]):
            return None
        return first

    def _due(self) -> Iterator[tuple[datetime, int, str, str]]:
        for id, one in self.instances.items():
            if one.over:
                continue
            alone = one.definition.alone if self.around.within_host else ()
            for event, instant in one.definition.schedule(one.state, one.facts).items():
                if event not in alone:
                    rank = [*DEFINITIONS].index(one.machine) * 10 + one.definition.deferred.index(event)
                    yield instant, rank, id, event

    def _held_back(self, id: str) -> frozenset[str]:
        one = self.instances[id]
        held = frozenset() if one.over else frozenset(one.definition.holds_back(one.state, one.facts))
        everything = frozenset(event for definition in DEFINITIONS.values() for event in definition.deferred)
        return everything if "*" in held else held

    def _decided(self, id: str, event: str, now: datetime, arguments: Mapping[str, Any]) -> Decision[Any]:
        decision = self._step(id, "subscription", Stimulus(event, now, arguments))
        assert decision is not None, f"{event} does nothing"
        return decision

    def _step(self, id: str, machine: str, stimulus: Stimulus) -> Decision[Any] | None:
        one, interpreter = self.instances.get(id), INTERPRETERS[machine]
        state = interpreter.matrix.initial if one is None else one.state
        place = Place(id, {name: other for name, other in self.instances.items() if not other.over})
        return interpreter.step(state, None if one is None else one.facts, stimulus, self.around, place)

    def take(self, id: str, machine: str, stimulus: Stimulus, decision: Decision[Any] | None = None) -> None:
        """Step an instance, or take in a decision, with all that follows from it."""
        if decision is None:
            decision = self._step(id, machine, stimulus)
        if decision is None:
            return
        definition = DEFINITIONS[machine]
        stored = json.loads(json.dumps(definition.dump(decision.facts)))
        assert None not in stored.values(), "a key without a value"
        self.instances[id] = One(machine, decision.state, definition.load(stored), stored)
        self.log.append((id, stimulus.event))
        self.happened[stimulus.event] = stimulus.now
        self.around.heed(decision.effects)
        for effect in decision.effects:
            json.dumps(effect.as_json())
            self._note(effect)
        for effect in decision.effects:
            self._follow(stimulus, effect)

    def _note(self, effect: Effect) -> None:
        self.effects.append(effect)
        match effect:
            case Written():
                self._note_written(effect.effect)
            case Notice():
                self._told(effect.kind)
            case Number():
                self.numbers.append(effect.series)
            case Post():
                self.posts.append(effect)
            case Send() if effect.destination == "gateway_late":
                self.late.append(effect.payload)
            case Send() if effect.kind == "refund":
                self.refunds.append(effect.payload)
            case Send():
                self.asked.append(effect.payload)
            case _:
                pass

    def _note_written(self, effect: Json) -> None:
        """What a decision that has waited brings with it: the engine posts and tells it by its JSON form."""
        if effect["effect"] == "notice":
            self._told(effect["kind"])
        elif effect["effect"] == "post":
            self.posts.append(Post(effect["account"], effect["unit"], effect["entries"]))

    def _told(self, kind: str) -> None:
        """Keep a notice, unless it only reminds: those have stories of their own."""
        if kind not in REMINDERS:
            self.notices.append(kind)

    def _follow(self, stimulus: Stimulus, effect: Effect) -> None:
        match effect:
            case Start() | Bill():
                self.begin(effect.machine, effect.event, stimulus.now, effect.arguments)
            case Tell():
                told = Stimulus(effect.event, stimulus.now, effect.arguments)
                self.take(effect.instance, self.instances[effect.instance].machine, told)
            case Apply():
                facts = DEFINITIONS[effect.machine].load(effect.facts)
                effects = tuple(Written(one) for one in effect.effects)
                made = Decision(effect.state, facts, effects)
                self.take(effect.instance, effect.machine, Stimulus(effect.event, effect.at, effect.arguments), made)
            case _:
                pass

    # What always holds

    def check(self) -> None:
        """The books sum to zero and say what the documents say (rule E7)."""
        books = self.books
        for unit in {unit for unit, _ in books}:
            assert sum(amount for (of, _), amount in books.items() if of == unit) == 0
        currency, invoices = self.around.account.currency, self.all("invoice").values()
        assert all(one.facts.total >= 0 and one.facts.due >= 0 for one in invoices)
        aside = sum(one.facts.credit for one in invoices if one.state == "draft" and one.facts.order)
        for book, state in (("receivable", "open"), ("bad_debt", "uncollectible")):
            assert books[currency, book] == sum(one.facts.due for one in invoices if one.state == state)
        assert books[currency, "reserved"] == -aside
        assert books[currency, "balance"] == self.present - self.around.purse.balance
        assert self.around.purse.balance >= 0
        if SUB in self.instances and not self.subscription.over:
            assert books["credits", "credits"] == self.subscription.facts.credits


def root(policies: Policies | None = None, *, balance: int = 0, **around: Any) -> Root:
    """A root under these policies, with so much on the balance."""
    catalog = CATALOG if policies is None else with_policies(policies)
    return Root(Surroundings(**{"catalog": catalog, "account": ACCOUNT, "purse": Purse(balance), **around}))


def bought(plan: str, day: str, policies: Policies | None = None, *, balance: int = 0, **more: object) -> Root:
    """A subscription by the month that was bought on that day and paid."""
    here = root(policies, balance=balance)
    here.command("subscribed", day, **{"plan": plan, "interval": "month", "trial": False, **more})
    if here.asked:
        here.answer("charged")
    return here
