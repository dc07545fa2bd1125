"""Refunds: money goes back to the charges that it came from, the newest first; what can't goes to the balance."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from lifecycle.app.context import Context
from lifecycle.engine.outbox import Message, TryLater
from lifecycle.engine.work import Work
from lifecycle.gateways.protocol import Gateway, GatewayRefused, NoAnswer, Outcome, Refund
from lifecycle.store import money
from lifecycle.store.money import Attempt
from lifecycle.store.transaction import SqlTransaction

LONGEST_DELAY = timedelta(hours=1)


class Refunding:
    """Gives money back. The parts are planned and written before the gateway is asked for any of them."""

    def __init__(self, context: Context, gateway: Gateway) -> None:
        self._context = context
        self._gateway = gateway

    def refund(self, message: Message) -> None:
        """Give back what a refund wants. Raises TryLater until every part is answered."""
        refund_id = message.payload["refund"]
        for part in self._parts(message):
            if part.status == "asked":
                self._give(part, message)
        with self._context.database.reading() as connection:
            parts = money.attempts(connection, instance_id=refund_id)
        back = sum(part.amount for part in parts if part.status == "succeeded")

        def job(work: Work[SqlTransaction]) -> None:
            if work.find(refund_id)[1].state == "asked":
                work.record(refund_id, "refunded", {"amount": back})

        self._context.engine.attempt(job)

    def _give(self, part: Attempt, message: Message) -> None:
        asked = self._request(part)
        try:
            outcome = self._gateway.find_refund(asked) or self._gateway.refund(asked)
        except GatewayRefused:
            outcome = Outcome("declined", "", part.amount, self._context.clock.now(), "gateway_refused")
        except NoAnswer as error:
            age = self._context.clock.now() - message.created_at
            raise TryLater("The gateway does not answer.", after=min(age / 2, LONGEST_DELAY)) from error
        answered = replace(
            part,
            status=outcome.status,
            reference=outcome.reference,
            reason=outcome.reason,
            answered_at=self._context.clock.now(),
        )

        def job(work: Work[SqlTransaction]) -> None:
            work.find(part.instance_id)
            money.put_attempt(work.transaction.connection, answered)

        self._context.engine.attempt(job)

    def _request(self, part: Attempt) -> Refund:
        with self._context.database.reading() as connection:
            charge = money.attempt(connection, part.of)
        reference = "" if charge is None else charge.reference
        return Refund(part.key, part.amount, part.currency, reference, part.account_id)

    def _parts(self, message: Message) -> list[Attempt]:
        """The parts of a refund, planned the first time under the lock of the account."""

        def job(work: Work[SqlTransaction]) -> list[Attempt]:
            refund = work.find(message.payload["refund"])[1].record
            connection = work.transaction.connection
            parts = money.attempts(connection, instance_id=refund.id)
            if not parts:
                work.transaction.lock([refund.owner_id or ""])
                parts = self._plan(work, message, str(refund.owner_id))
                for part in parts:
                    money.put_attempt(connection, part)
            return parts

        return self._context.engine.attempt(job)

    def _plan(self, work: Work[SqlTransaction], message: Message, account_id: str) -> list[Attempt]:
        told, connection = message.payload, work.transaction.connection
        taken = money.attempts(connection, account_id=account_id, kind="charge", currency=told["currency"])
        given = money.attempts(connection, account_id=account_id, kind="refund", currency=told["currency"])
        left, parts = told["amount"], list[Attempt]()
        for charge in reversed(taken):
            usable = charge.status == "succeeded" and told.get("charge") in (None, charge.key)
            back = sum(one.amount for one in given if one.of == charge.key and one.status in ("asked", "succeeded"))
            amount = min(left, charge.amount - back) if usable else 0
            if amount > 0:
                left -= amount
                key = f"{told['refund']}:{len(parts) + 1}"
                parts.append(
                    Attempt(
                        key=key,
                        kind="refund",
                        instance_id=told["refund"],
                        account_id=account_id,
                        amount=amount,
                        currency=told["currency"],
                        of=charge.key,
                        status="asked",
                        asked_at=work.now(),
                    )
                )
        return parts
