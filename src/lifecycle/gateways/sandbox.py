"""A gateway whose cards do what their names say: the default, for trying out, for demonstrations and for tests.

It is a real part: its ledger is durable, safe under any number of processes and threads, and an outcome is committed
before the call returns. Its time is the injected clock's. Like the gateways that take real money it forgets a key after
a day, when a repeat charges again; a look-up forgets nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select

from lifecycle.domain.money import exponent
from lifecycle.engine.clock import Clock
from lifecycle.engine.ids import Ids
from lifecycle.errors import LifecycleError
from lifecycle.gateways.protocol import Charge, GatewayRefused, Method, NoAnswer, Outcome, Refund, SetUp
from lifecycle.gateways.sandbox_cards import describe, is_script
from lifecycle.gateways.sandbox_ledger import Drawer, Ledger
from lifecycle.gateways.sandbox_tables import Tables, cards, customers, entries
from lifecycle.store.database import Database


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the ledger: a charge that was decided, or a refund. Amounts are minor units, never negative."""

    kind: Literal["charge", "refund"]
    key: str
    invoice: str
    account: str
    amount: int
    currency: str
    status: Literal["succeeded", "declined"]
    reference: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Totals:
    """An account's ledger in four numbers: charges counted, then minor units taken (gross) and given back."""

    succeeded: int
    failed: int
    total: int
    refunded: int


def _passing_by(_point: str) -> None:
    """Nobody wants to know."""


class SandboxGateway:
    """The sandbox over the database of `url`, which may be the store's. Where that can't be used it raises NoAnswer.

    It commits by itself, so it is never called inside a transaction of the store's: on SQLite each would wait for the
    other.

    `passing` hears `charge: before`, `charge: taken` (committed, not yet answered), and the same of a `refund`.
    """

    name = "sandbox"

    def __init__(
        self, url: str, clock: Clock, *, ids: Ids | None = None, passing: Callable[[str], None] = _passing_by
    ) -> None:
        """Raises LifecycleError (`database_unsupported`)."""
        self._database = Database(url)
        self._tables = Tables(self._database)
        self._clock = clock
        self._ids = ids or Ids(clock)
        self._passing = passing

    def at(self, clock: Clock) -> SandboxGateway:
        """The same ledger, kept by another clock; it is closed with this one."""
        other = copy(self)
        other._clock = clock
        return other

    def close(self) -> None:
        """Close every connection."""
        self._database.dispose()

    def before_fork(self) -> None:
        """As `Database`'s, like the next two."""
        self._database.before_fork()

    def after_fork_in_parent(self) -> None:
        self._database.after_fork_in_parent()

    def after_fork(self) -> None:
        self._database.after_fork()
        self._ids.after_fork()

    def customer(self, account: str) -> str:
        with self._tables.writing() as connection:
            known = connection.scalar(select(customers.c.id).where(customers.c.account == account))
            if known is not None:
                return str(known)
            made = self._ids.new("cus")
            connection.execute(insert(customers).values(id=made, account=account, made_at=self._clock.now()))
            return made

    def start_setup(self, customer: str) -> SetUp:
        """There is no page to enter a card on: the script's name is the token that `method` takes."""
        with self._tables.reading() as connection:
            _must_know(connection, customer)
        made = self._ids.new("seti")
        return SetUp(made, f"{made}_secret")

    def method(self, customer: str, token: str) -> Method:
        """Describe a card; where the token is a script's name, a new one with that script."""
        with self._tables.writing() as connection:
            if not is_script(token):
                card = _card(connection, customer, token)
                return describe(card.token, card.script, card.made_at)
            _must_know(connection, customer)
            made, now = self._ids.new("card"), self._clock.now()
            row = {"token": made, "customer": customer, "script": token, "uses": 0, "made_at": now}
            connection.execute(insert(cards).values(row))
            return describe(made, token, now)

    def charge(self, charge: Charge) -> Outcome:
        [outcome] = self._charge([charge], lambda _place: None)
        if isinstance(outcome, Outcome):
            return outcome
        raise outcome

    def charge_many(
        self, charges: Sequence[Charge], deciding: Callable[[int], None]
    ) -> Sequence[Outcome | LifecycleError]:
        """What becomes of each, in order, or what `charge` raises for it; all are committed together. `deciding` hears
        the place of each before it is decided. Raises NoAnswer where none was."""
        return self._charge(charges, deciding)

    def _charge(self, charges: Sequence[Charge], deciding: Callable[[int], None]) -> Sequence[Outcome | LifecycleError]:
        self._passing("charge: before")
        with self._tables.writing() as connection:
            ledger = Ledger(connection, "charge", [charge.key for charge in charges], self._clock, self._ids)
            drawer = Drawer(connection, [charge.method for charge in charges])
            answers: list[Outcome | LifecycleError] = []
            for place, charge in enumerate(charges):
                deciding(place)
                answers.append(_charged(ledger, drawer, charge))
            ledger.write()
            drawer.write()
        if ledger.new:
            self._passing("charge: taken")
        return answers

    def refund(self, refund: Refund) -> Outcome:
        self._passing("refund: before")
        _must_be_money(refund)
        asked = {name: getattr(refund, name) for name in ("amount", "currency", "payment")}
        with self._tables.writing() as connection:
            ledger = Ledger(connection, "refund", [refund.key], self._clock, self._ids)
            if (known := ledger.remembered(refund, asked)) is not None:
                return known
            paid = _refundable(connection, refund)
            copied = {name: getattr(paid, name) for name in ("customer", "method", "invoice")}
            outcome = ledger.enter(refund, reason="", **asked, **copied)
            ledger.write()
        self._passing("refund: taken")
        return outcome

    def find_charge(self, charge: Charge) -> Outcome | None:
        return self._find("charge", charge.key)

    def find_refund(self, refund: Refund) -> Outcome | None:
        return self._find("refund", refund.key)

    def ledger(self, account: str | None = None) -> list[Entry]:
        """What was decided, of one account or of all, oldest first."""
        columns = [entries.c[name] for name in Entry.__dataclass_fields__]
        query = select(*columns).order_by(entries.c.place)
        with self._tables.reading() as connection:
            rows = connection.execute(query if account is None else query.where(entries.c.account == account))
            return [Entry(*row) for row in rows]

    def totals(self, account: str) -> Totals:
        """The sums of an account's ledger; it has one currency."""
        rows = self.ledger(account)
        taken = [row.amount for row in rows if row.kind == "charge" and row.status == "succeeded"]
        failed = sum(row.status == "declined" for row in rows)
        return Totals(len(taken), failed, sum(taken), sum(row.amount for row in rows if row.kind == "refund"))

    def rehearsal(self, accounts: Collection[str], clock: Clock) -> SandboxGateway:
        """What there is of these accounts once more, in memory and by another clock, to try out what would become of
        it; to be closed by whoever asked."""
        tried = SandboxGateway("sqlite://", clock, ids=self._ids)
        theirs = select(customers.c.id).where(customers.c.account.in_(accounts))
        with self._tables.reading() as connection:
            found = {
                customers: select(customers).where(customers.c.account.in_(accounts)),
                cards: select(cards).where(cards.c.customer.in_(theirs)),
                # refunds come after the charges that they name
                entries: select(entries).where(entries.c.account.in_(accounts)).order_by(entries.c.place),
            }
            rows = {table: [dict(row._mapping) for row in connection.execute(query)] for table, query in found.items()}
        with tried._tables.writing() as connection:
            for table, several in rows.items():
                if several:
                    connection.execute(insert(table), several)
        return tried

    def forget(self, accounts: Collection[str]) -> None:
        """Remove all that there is of these accounts, as if they had never been."""
        theirs = select(customers.c.id).where(customers.c.account.in_(accounts))
        with self._tables.writing() as connection:
            for kind in ("refund", "charge"):  # a refund names its charge
                connection.execute(delete(entries).where(entries.c.account.in_(accounts), entries.c.kind == kind))
            connection.execute(delete(cards).where(cards.c.customer.in_(theirs)))
            connection.execute(delete(customers).where(customers.c.account.in_(accounts)))

    def _find(self, kind: str, key: str) -> Outcome | None:
        """The one that succeeded, else the latest decline."""
        best_first = (entries.c.status == "succeeded").desc(), entries.c.place.desc()
        query = select(entries).where(*_with_key(kind, key)).order_by(*best_first).limit(1)
        with self._tables.reading() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Outcome(row.status, row.reference, row.amount, row.at, row.reason)


def _with_key(kind: str, key: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return entries.c.kind == kind, entries.c.key == key


def _must_know(connection: Connection, customer: str) -> None:
    if connection.scalar(select(customers.c.id).where(customers.c.id == customer)) is None:
        raise GatewayRefused(f"The sandbox has no customer {customer!r}.")


def _card(connection: Connection, customer: str, token: str) -> Row[Any]:
    """The customer's card with this token. Raises GatewayRefused."""
    row = connection.execute(select(cards).where(cards.c.token == token, cards.c.customer == customer)).one_or_none()
    if row is None:
        raise GatewayRefused(f"The customer {customer!r} has no card {token!r} in the sandbox.")
    return row


def _charged(ledger: Ledger, drawer: Drawer, charge: Charge) -> Outcome | LifecycleError:
    """What becomes of one charge."""
    asked = {name: getattr(charge, name) for name in ("amount", "currency", "customer", "method", "invoice")}
    try:
        _must_be_money(charge)
        if (known := ledger.remembered(charge, asked)) is not None:
            return known
        verdict = drawer.decide(charge)
    except GatewayRefused as error:
        return error
    if not verdict.reached:
        return NoAnswer(f"The sandbox did not answer to the charge {charge.key}.")
    outcome = ledger.enter(charge, reason=verdict.reason, payment=None, **asked)
    return outcome if verdict.answered else NoAnswer(f"The sandbox's answer to the charge {charge.key} was lost.")


def _must_be_money(asked: Charge | Refund) -> None:
    try:
        exponent(asked.currency)
    except ValueError as error:
        raise GatewayRefused(str(error)) from error
    if asked.amount <= 0:
        raise GatewayRefused(f"{asked.amount} {asked.currency} can't be moved: an amount is more than nothing.")


def _refundable(connection: Connection, refund: Refund) -> Row[Any]:
    """The charge that is to be given back. Raises GatewayRefused where there is none, or too little is left of it."""
    paid = connection.execute(
        select(entries).where(
            entries.c.kind == "charge",
            entries.c.status == "succeeded",
            entries.c.reference == refund.payment,
            entries.c.account == refund.account,
            entries.c.currency == refund.currency,
        )
    ).one_or_none()
    if paid is None:
        raise GatewayRefused(f"The account {refund.account!r} has no payment {refund.payment!r} in {refund.currency}.")
    returned = connection.scalar(select(func.sum(entries.c.amount)).where(entries.c.payment == paid.reference)) or 0
    left = paid.amount - int(returned)
    if refund.amount > left:
        raise GatewayRefused(f"Of the payment {refund.payment} only {left} of {paid.amount} can still be given back.")
    return paid
