"""Quotes: what a command would do and cost, shown before it is confirmed; then confirmed, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from lifecycle.app import arguments
from lifecycle.app.arguments import When
from lifecycle.app.context import Context, SqlWork
from lifecycle.app.orders import Asked, Orders, Subject
from lifecycle.app.seating import Seating
from lifecycle.app.subjects import Subjects
from lifecycle.app.subscriptions import Judged, Said
from lifecycle.app.views import SubscriptionView
from lifecycle.domain.invoicing import Line, line
from lifecycle.domain.machine import Json
from lifecycle.domain.order import Order
from lifecycle.engine.commands import Answer
from lifecycle.engine.hand import Held
from lifecycle.engine.keys import fingerprint
from lifecycle.errors import NotFound
from lifecycle.store import queries


@dataclass(frozen=True, slots=True)
class NextInvoice:
    """The next invoice that comes by itself: when, and what it comes to before any balance is used."""

    date: datetime
    total: int


@dataclass(frozen=True, slots=True)
class Quote:
    """What a command would do (rules D1, H3). Amounts are minor units of `currency`, instants aware and in UTC.

    `due_now` is what would be charged: `total` less the `credit` that the balance pays. `trial_given_up` are days.
    """

    id: str
    subscription: str
    account: str
    command: str
    state: str
    plan: str
    interval: str
    seats: int
    currency: str
    lines: tuple[Line, ...]
    total: int
    credit: int
    due_now: int
    unused: int
    forfeited: int
    to_balance: int
    to_refund: int
    credits_carried: int
    credits_lost: int
    trial_given_up: int
    effective_at: datetime
    next_invoice: NextInvoice | None
    warnings: tuple[str, ...]
    expires_at: datetime


class Quotes:
    """A method for each command, with its arguments; it answers with a `Quote`, or raises what the command would."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._subjects = Subjects(context)
        self._orders = Orders(context)
        self._seating = Seating(context)

    def create(
        self,
        account: str,
        *,
        plan: str,
        interval: str = "month",
        seats: int | None = None,
        trial: bool | None = None,
        **said: Unpack[Said],
    ) -> Quote:
        """A new subscription."""
        asked = arguments.choice(plan, interval, seats) | ({} if trial is None else {"trial": trial})

        def job(work: SqlWork) -> Held:
            subject = self._subjects.beginning(work, account)
            self._subjects.see_right(work, subject, said["by"])
            self._subjects.see_that_none_is_bought(subject, plan)
            return self._quote(work, subject, "subscribed", asked, said)

        return _shown(self._context.carry_out(job))

    def activate(
        self,
        subscription: str,
        *,
        plan: str | None = None,
        interval: str | None = None,
        seats: int | None = None,
        **said: Unpack[Judged],
    ) -> Quote:
        """To pay before the trial ends."""
        return self._command(subscription, "activate", arguments.choice(plan, interval, seats), said)

    def change(
        self,
        subscription: str,
        *,
        plan: str | None = None,
        interval: str | None = None,
        seats: int | None = None,
        when: When = "next_cycle",
        **said: Unpack[Judged],
    ) -> Quote:
        """Another plan, interval or number of seats: `now`, at the `next_cycle`, or on a date."""
        event, asked = self._subjects.change_asked(subscription, plan, interval, seats, when)
        return self._command(subscription, event, asked, said)

    def add_seats(self, subscription: str, seats: int, **said: Unpack[Judged]) -> Quote:
        """So many more seats, now."""
        return self._command(subscription, "add_seats", {"seats": arguments.count(seats, "seats")}, said)

    def buy_tokens(self, subscription: str, tokens: int, **said: Unpack[Judged]) -> Quote:
        """A pack of so many tokens."""
        return self._command(subscription, "buy_tokens", {"tokens": arguments.count(tokens, "tokens")}, said)

    def withdraw_change(self, subscription: str, **said: Unpack[Judged]) -> Quote:
        """Without the pending change."""
        return self._command(subscription, "withdraw_change", {}, said)

    def cancel(self, subscription: str, *, when: When = "period_end", **said: Unpack[Judged]) -> Quote:
        """An end, at the `period_end`, on a date, or `now`."""
        event, asked = self._subjects.cancel_asked(subscription, when)
        return self._command(subscription, event, asked, said)

    def withdraw_cancellation(self, subscription: str, **said: Unpack[Judged]) -> Quote:
        """Without the pending end."""
        return self._command(subscription, "withdraw_cancellation", {}, said)

    def get(self, quote: str) -> Quote:
        """A quote as it was shown. Raises NotFound."""
        with self._context.engine.look() as work:
            return _shown(self._held(work, quote))

    def confirm(self, quote: str, **said: Unpack[Judged]) -> SubscriptionView:
        """Do exactly what was quoted. A second time gives the first answer again.

        Raises NotFound, and Refused: `quote_expired`, `quote_stale`, `payment_declined`, or what the command would.
        """

        def job(work: SqlWork) -> Answer:
            if known.event == "subscribed":
                self._subjects.lock_live(work, known.account, root)
            work.lock([root])
            held = self._held(work, quote)
            facts: Order = held.facts
            self._context.see_right(work.transaction.connection, facts.account, said["by"], "command")
            if earlier := work.earlier(facts.account, key, mark):
                return earlier
            if held.state not in ("quoted", "expired"):
                return self._first_answer(work, facts, held)
            was, rows = facts.seq, self._rows(work, root, facts.seq)
            subject = self._subject(work, held, root)
            work.make_way(subject.hand, subject.held, said.get("version"))
            held = subject.hand.held[quote]
            rows += sum((row.machine, row.event) in HARMLESS for row in subject.hand.log)
            is_stale = subject.hand.root.seq - was != rows
            with self._context.actor(work.transaction, said["by"]) as actor:
                asked = Asked(facts.event, actor, {}, said.get("reason"))
                is_stale |= not self._seating.suffices(work, quote, subject)  # before any money is taken
                answer = self._orders.confirm(work, subject, held, asked, is_stale=is_stale)
                self._seating.complete(work, quote)
                return work.answer(facts.account, key, mark, answer)

        key, mark = said.get("key"), fingerprint(quote, "confirm", {})
        root, known = self._context.engine.read(lambda work: self._known(work, quote))
        return self._subjects.settled(self._context.carry_out(job, root))

    # What they share

    def _command(self, subscription: str, event: str, asked: Json, said: Judged) -> Quote:
        def job(work: SqlWork) -> Held:
            subject = self._subjects.existing(work, subscription)
            self._subjects.see_right(work, subject, said["by"])
            work.make_way(subject.hand, subject.held, said.get("version"))
            return self._quote(work, subject, event, asked, said)

        return _shown(self._context.carry_out(job, subscription))

    def _quote(self, work: SqlWork, subject: Subject, event: str, asked: Json, said: Said) -> Held:
        with self._context.actor(work.transaction, said["by"]) as actor:
            return self._orders.quote(work, subject, Asked(event, actor, asked, said.get("reason")))

    def _subject(self, work: SqlWork, quoted: Held, root_id: str) -> Subject:
        """What was quoted about: the subscription, or the place where it is to be made."""
        facts: Order = quoted.facts
        if facts.event != "subscribed":
            return self._subjects.existing(work, facts.subscription)
        subject = self._subjects.beginning(work, facts.account, work.hands[root_id], facts.subscription)
        self._subjects.see_that_none_is_bought(subject, facts.arguments["plan"])
        return subject

    def _first_answer(self, work: SqlWork, facts: Order, held: Held) -> Answer:
        order = held.record.id
        if held.state == "completed" or facts.event != "subscribed":
            answer = work.snapshot(*work.find(facts.subscription))
            return Answer(answer.id, answer.state, answer.facts, answer.version, order=order, clock=answer.clock)
        decision = facts.decision or self._decided(work, order)
        root = work.hands[held.record.root_id].root
        return Answer(facts.subscription, "new", decision.get("facts", {}), root.seq, order=order, clock=root.clock)

    def _decided(self, work: SqlWork, order: str) -> Json:
        """What would have taken effect with an order that came to nothing: only the log still says it."""
        confirmed = queries.steps(work.transaction.connection, instance_id=order, events=("confirmed",))
        return (confirmed[0].arguments.get("decision") or {}) if confirmed else {}

    def _rows(self, work: SqlWork, root_id: str, since: int) -> int:
        """How many rows since the quote leave it as it is: those of other quotes, of reminders, of uses of credits."""
        return queries.rows_since(work.transaction.connection, root_id, since, HARMLESS)

    def _known(self, work: SqlWork, quote: str) -> tuple[str, Order]:
        """The root of a quote, and its facts as they are before anything is locked."""
        held = self._held(work, quote)
        return held.record.root_id, held.facts

    def _held(self, work: SqlWork, quote: str) -> Held:
        root = work.transaction.root_of(quote)
        held = None if root is None else (work.find(quote) if root in work.hands else work.look(quote))[1]
        if held is None or held.machine != "order":
            raise NotFound("quote", quote)
        return held


HARMLESS = frozenset(
    (machine, event)
    for machine, events in (
        ("order", ("quoted", "expired")),
        ("subscription", ("reminded", "use_credits", "seats_assigned", "seats_unassigned")),
        ("invitation", ("opened", "used", "revoked", "expired")),
    )
    for event in events
)
"""The events of a root, each with its machine, that leave its quotes as they are (rule I24)."""


def _shown(held: Held) -> Quote:
    facts: Order = held.facts
    shown: dict[str, Any] = dict(facts.quote)
    coming = shown.pop("next_invoice", None)
    lines = tuple(line(one) for one in shown.pop("lines"))
    warnings, effective_at = tuple(shown.pop("warnings")), datetime.fromisoformat(shown.pop("effective_at"))
    return Quote(
        id=held.record.id,
        subscription=facts.subscription,
        account=facts.account,
        command=facts.event,
        state=held.state,
        currency=facts.currency,
        lines=lines,
        effective_at=effective_at,
        next_invoice=None if coming is None else NextInvoice(datetime.fromisoformat(coming["date"]), coming["total"]),
        warnings=warnings,
        expires_at=facts.expires_at or effective_at,
        **shown,
    )
