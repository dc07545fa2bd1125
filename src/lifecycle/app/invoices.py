"""Invoices and credit notes, as customers and operators see them; and paying one by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Unpack

from lifecycle.app.context import Context, SqlWork
from lifecycle.app.subscriptions import Judged
from lifecycle.documents.model import Party, Printed, PrintedLine
from lifecycle.domain import invoice as invoices
from lifecycle.domain.account import Account
from lifecycle.domain.calendar import local
from lifecycle.domain.catalog import Catalog
from lifecycle.domain.invoicing import Line, line
from lifecycle.domain.refusals import refused
from lifecycle.engine.commands import Command
from lifecycle.errors import NotFound
from lifecycle.store import accounts, money
from lifecycle.store.money import Attempt, Document

OPENED = ("open", "paid", "uncollectible")
"""What a customer has got: drafts, and what came of declined orders, are not among it (rule I22)."""


@dataclass(frozen=True, slots=True)
class InvoiceView:
    """An invoice or a credit note. Amounts are minor units, instants aware and in UTC.

    `kind` is `invoice` or `credit_note`. `start` and `end` are its nominal period, `issued_at` is when it was opened.
    `total` is `credit` (from the balance) and `due`. `charge` says how the last attempt stands: `asked`, `declined`,
    `unknown`, or None; `retry_at` when the next one is due. `clock` is the named clock that it is on: it is a test.
    """

    id: str
    number: str | None
    kind: str
    account_id: str
    subscription: str
    status: str
    reason: str
    plan: str
    currency: str
    zone: str
    start: datetime
    end: datetime
    issued_at: datetime | None
    lines: tuple[Line, ...]
    total: int
    credit: int
    due: int
    charge: str | None = None
    failures: int = 0
    failed_at: datetime | None = None
    decline: str | None = None
    retry_at: datetime | None = None
    paid_at: datetime | None = None
    method: str | None = None
    clock: str | None = None


class Invoices:
    """An invoice is named by its number or its id."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, invoice: str) -> InvoiceView:
        """One of them, or a credit note. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            return _view(self._found(money.document(connection, invoice), invoice))

    def list(
        self, *, account: str | None = None, subscription: str | None = None, drafts: bool = False
    ) -> Sequence[InvoiceView]:
        """Invoices, oldest first; `drafts`: also those that were never opened. Raises NotFound."""
        return self._list("invoice", () if drafts else OPENED, account, subscription)

    def credit_notes(self, *, account: str | None = None, subscription: str | None = None) -> Sequence[InvoiceView]:
        """Credit notes, oldest first. Raises NotFound."""
        return self._list("credit_note", ("issued",), account, subscription)

    def billing_history(self, account: str) -> Sequence[InvoiceView]:
        """What an account has got: invoices and credit notes, in the order in which they were issued."""
        both = [*self.list(account=account), *self.credit_notes(account=account)]
        return sorted(both, key=lambda one: (one.issued_at or one.start, one.id))

    def attempts(self, invoice: str) -> Sequence[Attempt]:
        """The attempts to charge it, as the gateway answered them. Raises NotFound."""
        found = self.get(invoice)
        with self._context.database.reading() as connection:
            return money.attempts(connection, instance_id=found.id)

    def pay(self, invoice: str, **said: Unpack[Judged]) -> InvoiceView:
        """Try now to charge what is owed. Raises NotFound, and Refused (`already_paid`, `order_in_progress` while an
        attempt is without an answer, `payment_method_missing`, `payment_declined`)."""
        found = self.get(invoice)

        def job(work: SqlWork) -> None:
            self._context.see_right(work.transaction.connection, found.account_id, said["by"], "command")
            with self._context.actor(work.transaction, said["by"]) as actor:
                work.command(
                    Command(
                        instance_id=found.id,
                        event="pay",
                        actor=actor,
                        reason=said.get("reason"),
                        key=said.get("key"),
                        scope=found.account_id,
                        expected_version=said.get("version"),
                    )
                )

        self._context.carry_out(job)
        after = self.get(found.id)
        if after.charge == "declined":
            raise refused("payment_declined", message=f"The payment was declined: {after.decline}.")
        return after

    def printed(self, invoice: str) -> Printed:
        """What a printed invoice or credit note says, for `documents`. Raises NotFound; Refused for a draft."""
        found = self.get(invoice)
        if found.number is None or found.issued_at is None:
            raise refused("not_found", message="A draft has no number yet, so that it can't be printed.")
        with self._context.database.reading() as connection:
            account = accounts.find_account(connection, found.account_id)
            method = money.payment_method(connection, found.method) if found.method else None
        card = "" if method is None else method.card
        seller = self._context.config.seller
        return Printed(
            kind="credit_note" if found.kind == "credit_note" else "invoice",
            number=found.number,
            status=found.status,
            issued=local(found.issued_at, found.zone).date(),
            currency=found.currency,
            zone=found.zone,
            seller=Party(seller.name, seller.address, seller.tax_id, seller.email),
            buyer=_buyer(account),
            lines=tuple(self._line(one, found.zone) for one in found.lines),
            total=found.total,
            credit=found.credit,
            due=found.due,
            paid_on=local(found.paid_at, found.zone).date() if found.paid_at else None,
            method=card if found.paid_at and found.due else "",
            reference=found.subscription,
            is_test=found.clock is not None,
        )

    def _line(self, one: Line, zone: str) -> PrintedLine:
        return PrintedLine(
            kind=one.kind,
            description=described(one, self._context.config.catalog),
            start=local(one.start, zone).date(),
            end=local(one.end, zone).date(),
            quantity=one.quantity,
            unit_price=one.unit_price,
            amount=one.amount,
            formula=one.formula,
        )

    def _list(
        self, machine: str, states: Sequence[str], account: str | None, subscription: str | None
    ) -> Sequence[InvoiceView]:
        self._context.ready()
        with self._context.database.reading() as connection:
            owner = accounts.find_account(connection, account) if account else None
            if account and owner is None:
                raise NotFound("account", account)
            owner_id = None if owner is None else owner.id
            found = money.documents(connection, machine, account_id=owner_id, root_id=subscription, states=states)
        return [_view(one) for one in found]

    def _found(self, document: Document | None, name: str) -> Document:
        if document is None:
            raise NotFound("invoice", name)
        return document


_WORDS = {
    "plan": "{name}",
    "seats": "{name}, more seats",
    "tokens": "Tokens",
    "unused": "{name}, unused time",
    "forfeited": "Unused time, forfeited",
    "to_balance": "To your balance",
    "to_refund": "To be refunded",
    "tax": "{name}",
}


def described(one: Line, catalog: Catalog) -> str:
    """What a line is for, in the words that customers read: `Team, unused time`."""
    plan = catalog.plan(one.text)
    return _WORDS[one.kind].format(name=one.text if plan is None else plan.name)


def _buyer(account: Account | None) -> Party:
    if account is None:
        return Party("")
    return Party(account.name, account.address, account.tax_id, account.email)


def _view(stored: Document) -> InvoiceView:
    return _note(stored) if stored.machine == "credit_note" else _invoice(stored)


def _invoice(stored: Document) -> InvoiceView:
    facts = invoices.load(stored.facts)
    return InvoiceView(
        id=stored.id,
        number=stored.number,
        kind="invoice",
        account_id=facts.account,
        subscription=facts.subscription,
        status=stored.state,
        reason=facts.reason,
        plan=facts.plan,
        currency=facts.currency,
        zone=facts.zone,
        start=facts.start,
        end=facts.end,
        issued_at=stored.issued_at,
        lines=facts.lines,
        total=facts.total,
        credit=facts.credit,
        due=facts.due,
        charge=facts.charge,
        failures=facts.failures,
        failed_at=facts.failed_at,
        decline=facts.decline,
        retry_at=facts.retry_at,
        paid_at=facts.paid_at,
        method=facts.method,
        clock=stored.clock,
    )


def _note(stored: Document) -> InvoiceView:
    facts = stored.facts
    lines = tuple(line(one) for one in facts["lines"])
    total, to_balance = facts["total"], facts["to"] == "balance"
    return InvoiceView(
        id=stored.id,
        number=stored.number,
        kind="credit_note",
        account_id=facts["account"],
        subscription=facts["subscription"],
        status=stored.state,
        reason="credit_note",
        plan=lines[0].text,
        currency=facts["currency"],
        zone=facts["zone"],
        start=min(one.start for one in lines),
        end=max(one.end for one in lines),
        issued_at=stored.issued_at,
        lines=lines,
        total=total,
        credit=total if to_balance else 0,
        due=0 if to_balance else total,
        clock=stored.clock,
    )
