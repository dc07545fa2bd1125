"""The cashier: asks the gateway for money that invoices and refunds want, and takes down what it answers.

It serves two destinations of the outbox. The message is the intent, committed before the gateway is called; the outcome
is committed after it, with what follows from it. A charge that may have been asked for before is looked up first, and
one without an answer is looked up at once; it is never repeated under another key before it is known to be declined.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import structlog

from lifecycle.app.context import Context
from lifecycle.app.seating import Seating
from lifecycle.domain import invoice as invoices
from lifecycle.domain.invoice import Invoice
from lifecycle.domain.machine import Json
from lifecycle.engine.outbox import Message, TryLater, Undeliverable
from lifecycle.engine.work import Work
from lifecycle.gateways.protocol import Charge, Gateway, GatewayRefused, NoAnswer, Outcome
from lifecycle.store import money
from lifecycle.store.money import Attempt, PaymentMethod
from lifecycle.store.transaction import SqlTransaction

GATEWAY, LATE = "gateway", "gateway_late"
CARDLESS = "payment_method_missing"
FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(minutes=1)
LOOKED_UP_FOR = timedelta(days=4)
"""How long a charge that was never answered is looked up."""

log = structlog.get_logger("lifecycle")


class Asked(NamedTuple):
    """What a message asks for, with what is known about it."""

    charge: Charge
    method_id: str
    attempt: Attempt | None
    order_id: str | None
    is_open: bool
    """Whether the invoice still waits for this very answer."""


class Cashier:
    """Charges. Safe to be called twice for one message, at the same time too."""

    def __init__(self, context: Context, gateway: Gateway, timeout: timedelta) -> None:
        self._context = context
        self._gateway = gateway
        self._timeout = timeout
        self._seating = Seating(context)

    # Charges

    def charge(self, message: Message) -> None:
        """Take the money of an invoice. Raises TryLater while there is no answer."""
        if message.payload["method"] is None:
            self._decline_without_card(message.payload)
            return
        asked = self._asked(message)
        again = message.again or asked.attempt is not None
        is_known = asked.attempt is not None and asked.attempt.status != "asked"
        if not asked.is_open and (is_known or not again):
            return
        try:
            outcome = self._outcome(asked, again=again)
        except NoAnswer:
            if later := self._unanswered(asked):
                raise TryLater("The gateway does not answer.", after=later) from None
            return
        if outcome is not None:
            self.take_down(asked, outcome)

    def _decline_without_card(self, told: Json) -> None:
        """There is nothing to charge: a decline, at the instant at which that is seen, as with any other (rule C5)."""

        def job(work: Work[SqlTransaction]) -> None:
            facts: Invoice = work.find(told["invoice"])[1].facts
            if facts.charge != "asked" or facts.attempt != told["attempt"]:
                return
            now = work.now()
            made = Attempt(
                key=key_of(told["invoice"], told["attempt"]),
                kind="charge",
                instance_id=told["invoice"],
                account_id=facts.account,
                amount=told["amount"],
                currency=told["currency"],
                of="",
                status="declined",
                asked_at=now,
                reason=CARDLESS,
                answered_at=now,
            )
            money.put_attempt(work.transaction.connection, made)
            work.record(told["invoice"], "declined", {"attempt": facts.attempt, "reason": CARDLESS})

        self._context.engine.attempt(job)

    def look_up(self, message: Message) -> None:
        """See whether a charge that was never answered has succeeded after all. Raises TryLater as long as the gateway
        does not say, and for some days while it knows of no such charge."""
        asked = self._asked(message)
        age = self._context.clock.now() - message.created_at
        later = max(timedelta(minutes=5), age / 4)
        try:
            outcome = self._look(asked.charge)
        except NoAnswer as error:
            raise TryLater("The gateway does not answer.", after=later) from error
        if outcome is not None:
            self.take_down(asked, outcome)
        elif age < LOOKED_UP_FOR:
            raise TryLater("The gateway knows of no such charge.", after=later)

    def heard(self, key: str, outcome: Outcome) -> bool:
        """Take down what the gateway tells by itself about a charge; whether the charge is one of ours."""
        invoice_id, _, attempt = key.rpartition(":")
        with self._context.database.reading() as connection:
            stored = money.document(connection, invoice_id)
            made = money.attempt(connection, key)
        facts = None if stored is None else invoices.load(stored.facts)
        if facts is None or not attempt.isdecimal() or not 1 <= int(attempt) <= facts.attempt or facts.method is None:
            return False
        told = {"invoice": invoice_id, "attempt": int(attempt), "method": facts.method if made is None else made.of}
        self.take_down(self._of({**told, "amount": facts.due, "currency": facts.currency}), outcome)
        return True

    def take_down(self, asked: Asked, outcome: Outcome) -> None:
        """Record an outcome with all that follows from it, once, however often it is told."""

        def job(work: Work[SqlTransaction]) -> None:
            _, held = work.find(asked.charge.invoice)
            earlier = money.attempt(work.transaction.connection, asked.charge.key)
            if earlier is not None and earlier.status in ("succeeded", "declined"):
                return
            money.put_attempt(work.transaction.connection, self.answered(work, asked, outcome))
            self.follow(work, asked, outcome, held.facts)

        self._context.engine.attempt(job)

    def follow(self, work: Work[SqlTransaction], asked: Asked, outcome: Outcome, facts: Invoice) -> None:
        """What an outcome means for its invoice, or its order."""
        key, invoice_id = asked.charge.key, asked.charge.invoice
        hand, held = work.find(invoice_id)
        succeeded = outcome.status == "succeeded"
        told: Json = {"attempt": _number(key), "reference": outcome.reference}
        if not succeeded:
            told = {"attempt": _number(key), "reason": outcome.reason}
        waits = facts.charge in ("asked", "unknown") and key_of(invoice_id, facts.attempt) == key
        if held.state in ("open", "uncollectible") and (waits or succeeded):  # whichever attempt pays it first
            work.record(invoice_id, "charged" if succeeded else "declined", told)
        elif held.state == "draft" and waits and facts.order:
            told |= {"amount": outcome.amount, "charge": key} if succeeded else {}
            work.record(facts.order, "completed" if succeeded else "declined", told)
            self._seating.complete(work, facts.order)
        elif not succeeded:
            return
        elif facts.order and (order := hand.held.get(facts.order)) and order.state == "unknown":
            work.record(facts.order, "found", {"amount": outcome.amount, "charge": key})
        else:  # paid by another attempt meanwhile
            stray = {"account": facts.account, "currency": facts.currency, "amount": outcome.amount, "charge": key}
            work.begin_on(invoice_id, "refund", "asked", stray | {"cause": invoice_id, "found": True})

    def _outcome(self, asked: Asked, *, again: bool) -> Outcome | None:
        """What becomes of a charge, looked up first if it may have been asked for already. None where it is not wanted
        any more, and was never taken. Raises NoAnswer where nobody knows."""
        found = self._look(asked.charge) if again else None
        if found is not None or not asked.is_open or self._is_paid_unheard(asked):
            return found
        try:
            return self._gateway.charge(asked.charge)
        except GatewayRefused as error:
            log.error("charge_refused", key=asked.charge.key, invoice=asked.charge.invoice, error=str(error))
            return Outcome("declined", "", asked.charge.amount, self._context.clock.now(), "gateway_refused")
        except NoAnswer:
            if (found := self._look(asked.charge)) is None:
                raise
            return found

    def _is_paid_unheard(self, asked: Asked) -> bool:
        """Whether an attempt before this one, of which nobody knew, turns out to have paid: it is taken down, and this
        one is not wanted any more (rule I18). Raises NoAnswer."""
        charge = asked.charge
        if _number(charge.key) == 1:
            return False  # there is none before it
        with self._context.database.reading() as connection:
            unclear = money.attempts(connection, instance_id=charge.invoice, status="unknown")
        for one in unclear:
            if one.key == charge.key:
                continue
            told = {"invoice": charge.invoice, "attempt": _number(one.key), "method": one.of}
            before = self._of({**told, "amount": one.amount, "currency": one.currency})
            outcome = self._look(before.charge)
            if outcome is not None:
                self.take_down(before, outcome)
                if outcome.status == "succeeded":
                    return True
        return False

    def _look(self, charge: Charge) -> Outcome | None:
        """What the gateway knows of a charge; None: it knows of none. Raises NoAnswer, also for a look-up that it
        refuses: that is no word about the charge."""
        try:
            return self._gateway.find_charge(charge)
        except GatewayRefused as error:
            log.error("look_up_refused", key=charge.key, invoice=charge.invoice, error=str(error))
            raise NoAnswer(str(error)) from error

    def _unanswered(self, asked: Asked) -> timedelta | None:
        """Note one more try without an answer: when to try again, or None when it is unknown from now on (rule B9).

        Only time in which a relay tries counts: a pause longer than the planned one is cut to that.
        """
        now, before = self._context.clock.now(), asked.attempt
        tries = 1 if before is None else before.tries + 1
        waited = timedelta() if before is None else timedelta(milliseconds=before.waited)
        if before is not None:
            waited += min(now - before.asked_at, _delay(before.tries))
        is_over = waited >= self._timeout

        def job(work: Work[SqlTransaction]) -> None:
            held = work.find(asked.charge.invoice)[1]
            facts: Invoice = held.facts
            if facts.charge != "asked" or key_of(asked.charge.invoice, facts.attempt) != asked.charge.key:
                return
            made = self._attempt(asked, "unknown" if is_over else "asked", now)
            milliseconds = waited // timedelta(milliseconds=1)
            money.put_attempt(work.transaction.connection, replace(made, tries=tries, waited=milliseconds))
            if is_over:
                work.record(facts.order or asked.charge.invoice, "unknown", {"attempt": facts.attempt})

        self._context.engine.attempt(job)
        if is_over:
            log.error("charge_unknown", key=asked.charge.key, invoice=asked.charge.invoice)
            return None
        return min(_delay(tries), self._timeout - waited)

    def _asked(self, message: Message) -> Asked:
        """What a message asks for, as things stand. Raises Undeliverable for what can't be."""
        return self._of(message.payload)

    def _of(self, told: Json) -> Asked:
        with self._context.database.reading() as connection:
            stored = money.document(connection, told["invoice"])
            method = money.payment_method(connection, told["method"])
            attempt = money.attempt(connection, key_of(told["invoice"], told["attempt"]))
        if stored is None or method is None:
            raise Undeliverable(f"The invoice {told['invoice']} or its payment method is not there.")
        return asked_for(told, invoices.load(stored.facts), stored.account_id, method, attempt)

    def answered(self, work: Work[SqlTransaction], asked: Asked, outcome: Outcome) -> Attempt:
        """The attempt, with its outcome, as of now."""
        now = work.now()
        made = self._attempt(asked, outcome.status, now)
        return replace(made, reference=outcome.reference, reason=outcome.reason, answered_at=now)

    def _attempt(self, asked: Asked, status: money.AttemptStatus, now: datetime) -> Attempt:
        charge, before = asked.charge, asked.attempt
        return Attempt(
            key=charge.key,
            kind="charge",
            instance_id=charge.invoice,
            account_id=charge.account,
            amount=charge.amount,
            currency=charge.currency,
            of=asked.method_id,
            status=status,
            asked_at=now,
            tries=0 if before is None else before.tries,
            waited=0 if before is None else before.waited,
        )


def asked_for(told: Json, facts: Invoice, account_id: str, method: PaymentMethod, attempt: Attempt | None) -> Asked:
    """What a message tells, with what is stored about it."""
    charge = Charge(
        key=key_of(told["invoice"], told["attempt"]),
        amount=told["amount"],
        currency=told["currency"],
        customer=method.customer,
        method=method.token,
        invoice=told["invoice"],
        account=account_id,
    )
    is_open = facts.charge == "asked" and facts.attempt == told["attempt"]
    return Asked(charge, method.id, attempt, facts.order, is_open)


def key_of(invoice_id: str, attempt: int) -> str:
    """The key under which an attempt is known to the gateway (rule E2)."""
    return f"{invoice_id}:{attempt}"


def _number(key: str) -> int:
    """The number of the attempt that has this key."""
    return int(key.rpartition(":")[2])


def _delay(tries: int) -> timedelta:
    """How long to wait after so many tries without an answer."""
    return min(FIRST_DELAY * (1 << min(tries - 1, 10)), LONGEST_DELAY)
