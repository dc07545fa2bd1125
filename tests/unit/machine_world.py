"""A small catalogue and a story told to the subscription machine: what every test of the machine starts from.

A subscription reaches its state by events that the machine steps, never by facts that a test has written. A story
keeps rule B4: whatever is due by a command's instant fires first, each at its own due instant, the earliest first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from lifecycle.domain.account import Account
from lifecycle.domain.calendar import Duration, Interval
from lifecycle.domain.catalog import Catalog, CreditTerms, Plan, SeatTerms
from lifecycle.domain.effects import Bill, Notice, Reason, Start
from lifecycle.domain.interpreter import Interpreter
from lifecycle.domain.invoicing import Line
from lifecycle.domain.machine import REMINDED, Effect, Stimulus
from lifecycle.domain.money import format_amount
from lifecycle.domain.policies import Policies, Proration, TrialPolicy
from lifecycle.domain.quoting import lines_of
from lifecycle.domain.reminding import reminding
from lifecycle.domain.subscription import Subscription
from lifecycle.domain.surroundings import Surroundings
from lifecycle.errors import Refused
from lifecycle_machines.subscription import SubscriptionMachine

MONTH, YEAR, WEEK = Interval("month", 1), Interval("month", 12), Interval("day", 7)

BASIC = Plan("basic", "Basic", {MONTH: {"USD": 5000}, YEAR: {"USD": 50000}}, rank=10, trial=Duration(14, 0))
TEAM = Plan(
    "team",
    "Team",
    {MONTH: {"USD": 10000}},
    rank=20,
    seats=SeatTerms(included=3, minimum=1, maximum=50, prices={MONTH: {"USD": 2000}}),
    credits=CreditTerms(grant=100),
)
PRO = Plan("pro", "Pro", {MONTH: {"USD": 20000}, WEEK: {"USD": 6000}}, rank=30)
FREE = Plan("free", "Free", {MONTH: {"USD": 0}}, trial=Duration(14, 0))
STORAGE = Plan("storage", "Storage", {MONTH: {"USD": 1000}}, family="storage")
CATALOG = Catalog("USD", {plan.id: plan for plan in (BASIC, TEAM, PRO, FREE, STORAGE)})
KEEP = Policies(proration=Proration(period="keep"))

ACCOUNT = Account(
    id="acct_1",
    reference="acme",
    name="Acme",
    email="ann@acme.example",
    currency="USD",
    zone="UTC",
    payment_method="pm_1",
)
NO_CARD = replace(ACCOUNT, payment_method=None)
SURROUNDINGS = Surroundings(CATALOG, ACCOUNT)
WITHOUT_CARD = Surroundings(CATALOG, NO_CARD)

INTERPRETER = Interpreter(SubscriptionMachine)
MATRIX = INTERPRETER.matrix
LIVE = frozenset(MATRIX.states) - MATRIX.final

Phase = Literal["trial", "paid"]


def utc(text: str) -> datetime:
    """The instant that a date, or a date and time, names in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(text: str) -> str:
    """A date in UTC as a command's argument."""
    return utc(text).isoformat()


def bill(reason: Reason, cycle: int, start: str, end: str, total: int) -> Bill:
    """The bill for these days."""
    return Bill(reason, cycle, utc(start), utc(end), total)


def with_plan(plan: Plan, catalog: Catalog = CATALOG) -> Catalog:
    """The catalogue with this plan in the place of the one of the same id."""
    return replace(catalog, plans={**catalog.plans, plan.id: plan})


def without_plan(plan: str, catalog: Catalog = CATALOG) -> Catalog:
    """The catalogue after a plan has gone."""
    return replace(catalog, plans={name: kept for name, kept in catalog.plans.items() if name != plan})


def with_policies(policies: Policies) -> Catalog:
    """The catalogue with these policies for every plan."""
    plans = {name: replace(plan, policies=policies) for name, plan in CATALOG.plans.items()}
    return replace(CATALOG, plans=plans, policies=policies)


QUIET = with_policies(
    Policies(trial=TrialPolicy(reminder=Duration(0, 0)), renewal_notice=Duration(0, 0)),
)
"""The catalogue without reminders, for stories in which nothing but what changes something is to be counted."""


def ruled_by(policies: Policies) -> Surroundings:
    """A catalogue with these policies for every plan."""
    return Surroundings(with_policies(policies), ACCOUNT)


class Story:
    """One subscription and what happens to it.

    Whatever is sent, a story checks that asking why not foretells the answer, and what must hold of a decision.
    """

    def __init__(self, surroundings: Surroundings = SURROUNDINGS) -> None:
        self.surroundings = surroundings
        self.state = MATRIX.initial
        self.log: list[str] = []
        self._facts: Subscription | None = None
        self._effects: tuple[Effect, ...] = ()
        self._refused: Refused | None = None

    @property
    def facts(self) -> Subscription:
        """The facts now."""
        assert self._facts is not None, "the story has not begun"
        return self._facts

    @property
    def all_due(self) -> Mapping[str, datetime]:
        """What the facts demand of the future; in a final state nothing does."""
        return SubscriptionMachine.schedule(self.state, self.facts) if self.state in LIVE else {}

    @property
    def due(self) -> Mapping[str, datetime]:
        """The same without its reminder (rule I12)."""
        return {event: due for event, due in self.all_due.items() if event != REMINDED}

    @property
    def notices(self) -> list[str]:
        """The kinds of the last step's notices."""
        return [effect.kind for effect in self._effects if isinstance(effect, Notice)]

    @property
    def bills(self) -> list[Bill]:
        """What the last step wants to be invoiced, without the facts of the invoice."""
        return [replace(effect, arguments={}) for effect in self._effects if isinstance(effect, Bill)]

    @property
    def effects(self) -> tuple[Effect, ...]:
        """All that follows from the last step."""
        return self._effects

    @property
    def lines(self) -> list[Line]:
        """The lines of the invoice or the credit note that the last step makes."""
        notes = [one for one in self._effects if isinstance(one, Start) and one.machine == "credit_note"]
        documents = [one for one in self._effects if isinstance(one, Bill)] + notes
        return [line for one in documents for line in lines_of(one)]

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """The same lines as kind, amount and formula."""
        return [(one.kind, format_amount(one.amount, self.facts.terms.currency), one.formula) for one in self.lines]

    def earliest(self) -> tuple[datetime, str] | None:
        """The next deferral; of several at one instant, the one that the machine puts first (rule C6)."""
        order = SubscriptionMachine.deferred.index
        return min(
            ((due, event) for event, due in self.all_due.items()), key=lambda d: (d[0], order(d[1])), default=None
        )

    def answer(self, event: str, now: datetime, /, **arguments: object) -> str:
        """Send it: the target where it is taken, `!` and a code where it is refused, `-` where it does nothing."""
        stimulus = Stimulus(event, now, arguments)
        foretold = INTERPRETER.why_not(self.state, self._facts, stimulus, self.surroundings)
        self._refused = None
        try:
            decision = INTERPRETER.step(self.state, self._facts, stimulus, self.surroundings)
        except Refused as refused:
            self._refused, decision = refused, None
        if self._refused:
            assert repr(foretold) == repr(self._refused)
            assert foretold is not None
            assert (foretold.code, foretold.instead) == (self._refused.code, self._refused.instead)
            return f"!{foretold.code}"
        if decision is None:
            assert foretold is not None
            assert foretold.code == "does_nothing"
            return "-"
        assert foretold is None
        deferral = self.earliest()
        on_time = deferral is None or now <= deferral[0]
        self.state, self._facts, self._effects = decision.state, decision.facts, decision.effects
        self.log.append(event)
        self._check(now if on_time else None)
        return self.state

    def meanwhile(self, *, catalog: Catalog | None = None, account: Account | None = None) -> None:
        """Another catalogue or another account from here on."""
        here = self.surroundings
        self.surroundings = replace(here, catalog=catalog or here.catalog, account=account or here.account)

    def restored(self, facts: Subscription) -> None:
        """Go on from these facts, as from a row that was stored."""
        self._facts = facts

    def replan(self, now: datetime) -> None:
        """Plan the reminder by the policies of today, as the next transition would."""
        self._facts = reminding(self.facts, self.surroundings.catalog, now)

    def fire(self) -> datetime:
        """Fire what comes next at its due instant, with the reminder before it, and return that."""
        while (deferral := self.earliest()) and deferral[1] == REMINDED:
            self.fire_one()
        return self.fire_one()

    def fire_one(self) -> datetime:
        """Fire the next deferral at its due instant, be it a reminder, and return that."""
        deferral = self.earliest()
        assert deferral is not None, "nothing is due"
        instant, event = deferral
        assert self.answer(event, instant) in MATRIX.states, f"{event} was demanded for {instant} and did nothing"
        assert deferral != self.earliest(), f"{event} is demanded again for the instant at which it fired"
        return instant

    def until(self, instant: datetime) -> None:
        """Fire everything that is due by then."""
        while (deferral := self.earliest()) and deferral[0] <= instant:
            self.fire_one()

    def travel(self, day: str) -> None:
        """Fire everything that is due by that day."""
        self.until(utc(day))

    def do(self, event: str, day: str, /, **arguments: object) -> None:
        """Command it on that day."""
        self.until(utc(day))
        answer = self.answer(event, utc(day), **arguments)
        assert answer in MATRIX.states, f"{event} was answered {answer}"

    def refusal(self, event: str, day: str, /, **arguments: object) -> Refused:
        """Command on that day what is to be refused."""
        self.until(utc(day))
        answer = self.answer(event, utc(day), **arguments)
        assert self._refused is not None
        assert answer == f"!{self._refused.code}", f"{event} was not refused: {answer}"
        return self._refused

    def _check(self, now: datetime | None) -> None:
        """The state is the one the facts speak of, the facts survive the store, and the schedule goes on from now."""
        stored = SubscriptionMachine.dump(self.facts)
        assert SubscriptionMachine.load(stored) == self.facts
        assert None not in [*stored.values(), *stored.get("pending", {}).values()], "a key without a value"
        if self.state not in LIVE:
            assert (self.facts.ends_at is not None, self.facts.pending) == (True, None)
            return
        assert self.state == state_by_facts(self.facts)
        assert self.due, f"nothing will ever happen in {self.state}"
        assert now is None or min(self.all_due.values()) >= now, "the schedule lies in the past"


def state_by_facts(facts: Subscription) -> str:
    """The live state that the facts speak of."""
    if facts.ends_at is not None:
        return "pending_cancellation"
    if facts.pending is not None:
        return "pending_change"
    return "trial" if facts.phase == "trial" else "active"


def subscribed(plan: str, day: str, /, surroundings: Surroundings = SURROUNDINGS, **more: object) -> Story:
    """A story that begins with a purchase by the month, or a trial where the plan has one and `trial` is not False."""
    story = Story(surroundings)
    story.do("subscribed", day, **{"plan": plan, "interval": "month", **more})
    return story


def in_state(state: str, phase: Phase, plan: str = "team") -> Story:
    """A subscription to this plan in this state, since 1 June 2026.

    A trial ends on 15 June, a paid cycle on 1 July. A pending change is one to `pro` at the next cycle, a pending
    cancellation one for 15 August, and what has ended did so on 10 June.
    """
    if phase == "trial":
        story = subscribed("basic", "2026-06-01")
        if plan != "basic":
            story.do("change_now", "2026-06-01", plan=plan)
    else:
        story = subscribed(plan, "2026-06-01", trial=False)
    if state == "pending_change":
        story.do("schedule_change", "2026-06-02", plan="pro", at="next_cycle")
    elif state == "pending_cancellation":
        story.do("cancel", "2026-06-02", at=at("2026-08-15"))
    elif state == "ended":
        story.do("cancel_now", "2026-06-10")
    assert (story.state, story.facts.phase) == (state, phase)
    return story


def in_hand(story: Story) -> tuple[str, int, int]:
    """The plan, the seats, and what a cycle costs."""
    return story.facts.plan, story.facts.seats, story.facts.price
