"""Payment methods, attempts to move money, balances and numbered documents in the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, insert, or_, select, update

from lifecycle.domain.machine import Json
from lifecycle.store import bulk, schema
from lifecycle.store.among import among
from lifecycle.store.bulk import Rows
from lifecycle.store.transaction import writing_failures

AttemptKind = Literal["charge", "refund"]
AttemptStatus = Literal["asked", "succeeded", "declined", "unknown"]


@dataclass(frozen=True, slots=True)
class PaymentMethod:
    """A payment method of an account; never a card number. `customer` and `token` are the gateway's names."""

    id: str
    account_id: str
    customer: str
    token: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int
    default_of: str | None
    added_at: datetime
    removed_at: datetime | None = None

    @property
    def is_default(self) -> bool:
        """Whether it is what the account is charged on."""
        return self.default_of is not None

    @property
    def card(self) -> str:
        """What people know it by: `Visa •••• 4242`."""
        return f"{self.brand} •••• {self.last4}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to move money, by the key under which the gateway is asked.

    `instance_id` is its invoice or refund; `of` the payment method charged, or the key of the charge given back;
    `tries` how often there was no answer, and `waited` for how many milliseconds while a relay ran.
    """

    key: str
    kind: AttemptKind
    instance_id: str
    account_id: str
    amount: int
    currency: str
    of: str
    status: AttemptStatus
    asked_at: datetime
    reference: str = ""
    reason: str = ""
    answered_at: datetime | None = None
    tries: int = 0
    waited: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice or a credit note as it is stored; `number` is None for a draft, `clock` unless it is a test."""

    id: str
    root_id: str
    account_id: str
    machine: str
    state: str
    facts: Json
    number: str | None
    issued_at: datetime | None
    clock: str | None = None


_METHODS = schema.payment_methods
_ATTEMPTS = schema.attempts
_METHOD_COLUMNS = [_METHODS.c[field.name] for field in fields(PaymentMethod)]
_ATTEMPT_COLUMNS = [_ATTEMPTS.c[field.name] for field in fields(Attempt)]
_METHOD = select(*_METHOD_COLUMNS).where(_METHODS.c.id == bindparam("id"))
_ATTEMPT = select(*_ATTEMPT_COLUMNS).where(_ATTEMPTS.c.key == bindparam("key"))


# Payment methods


def payment_methods(connection: Connection, account_id: str) -> list[PaymentMethod]:
    """Those of an account that are not removed, in the order in which they were added."""
    query = select(*_METHOD_COLUMNS).where(_METHODS.c.account_id == account_id, _METHODS.c.removed_at.is_(None))
    return [PaymentMethod(*row) for row in connection.execute(query.order_by(_METHODS.c.added_at, _METHODS.c.id))]


def payment_method(connection: Connection, method_id: str) -> PaymentMethod | None:
    """One, removed or not."""
    row = connection.execute(_METHOD, {"id": method_id}).first()
    return PaymentMethod(*row) if row else None


def customer_of(connection: Connection, account_id: str) -> str | None:
    """The gateway's name of an account, as any of its methods has it, removed or not."""
    query = select(_METHODS.c.customer).where(_METHODS.c.account_id == account_id)
    return connection.scalar(query.order_by(_METHODS.c.added_at).limit(1))


def account_of(connection: Connection, customer: str) -> str | None:
    """The account that the gateway calls so."""
    return connection.scalar(select(_METHODS.c.account_id).where(_METHODS.c.customer == customer).limit(1))


def methods_by_id(connection: Connection, ids: Collection[str]) -> Mapping[str, PaymentMethod]:
    """These, removed or not."""
    rows = connection.execute(select(*_METHOD_COLUMNS).where(among(_METHODS.c.id)), {"ids": list(ids)})
    return {row.id: PaymentMethod(*row) for row in rows}


def add_payment_method(connection: Connection, method: PaymentMethod) -> None:
    """Write a new one. Raises WriteFailed."""
    with writing_failures():
        connection.execute(insert(_METHODS), [asdict(method)])


def make_default(connection: Connection, account_id: str, method_id: str | None) -> None:
    """Have an account be charged on this one and no other; on none, if None."""
    ours = update(_METHODS).where(_METHODS.c.account_id == account_id)
    connection.execute(ours.where(_METHODS.c.default_of.is_not(None)).values(default_of=None))
    if method_id is not None:
        connection.execute(ours.where(_METHODS.c.id == method_id).values(default_of=account_id))


def remove_payment_method(connection: Connection, method_id: str, at: datetime) -> None:
    """Take it out of use; its row stays, for the invoices that it has paid."""
    gone = update(_METHODS).where(_METHODS.c.id == method_id)
    connection.execute(gone.values(default_of=None, removed_at=at))


# Attempts


def attempt(connection: Connection, key: str) -> Attempt | None:
    """The attempt of this key."""
    row = connection.execute(_ATTEMPT, {"key": key}).first()
    return Attempt(*row) if row else None


def attempts(connection: Connection, **where: object) -> list[Attempt]:
    """Attempts by the values of columns, in the order in which they were first asked for."""
    return [Attempt(*row) for row in connection.execute(_attempts_by(tuple(where)), where)]


@cache
def _attempts_by(names: tuple[str, ...]) -> Select[Any]:
    query = select(*_ATTEMPT_COLUMNS).where(*(_ATTEMPTS.c[name] == bindparam(name) for name in names))
    return query.order_by(_ATTEMPTS.c.asked_at, _ATTEMPTS.c.key)


def attempts_by_key(connection: Connection, keys: Collection[str]) -> Mapping[str, Attempt]:
    """Those of these keys that were made."""
    rows = connection.execute(select(*_ATTEMPT_COLUMNS).where(among(_ATTEMPTS.c.key)), {"ids": list(keys)})
    return {row.key: Attempt(*row) for row in rows}


def unclear(connection: Connection, invoice_ids: Collection[str]) -> set[str]:
    """Those of these invoices of which an attempt is unknown."""
    query = select(_ATTEMPTS.c.instance_id).where(_ATTEMPTS.c.status == "unknown")
    return set(connection.scalars(query.where(among(_ATTEMPTS.c.instance_id)), {"ids": list(invoice_ids)}))


def put_attempt(connection: Connection, made: Attempt) -> None:
    """Write how an attempt stands; the caller holds the lock of its root."""
    put_attempts(connection, [made])


def put_attempts(connection: Connection, made: Sequence[Attempt]) -> None:
    """Write how attempts stand; the caller holds the locks of their roots."""
    rows = Rows(_ATTEMPTS, made)
    with writing_failures():
        bulk.delete(connection, rows, ("key",))
        bulk.insert(connection, rows, [column.name for column in _ATTEMPT_COLUMNS])


# Balances

_BALANCES = (
    select(schema.ledger.c.account_id, schema.ledger.c.unit, func.sum(schema.ledger.c.amount))
    .where(among(schema.ledger.c.account_id), schema.ledger.c.book == "balance")
    .group_by(schema.ledger.c.account_id, schema.ledger.c.unit)
)


def balances(connection: Connection, account_ids: Collection[str]) -> Mapping[tuple[str, str], int]:
    """What accounts have on their balance, by account and unit, in minor units; those without are left out."""
    rows = connection.execute(_BALANCES, {"ids": list(account_ids)}).all()
    return {(account, unit): -int(amount) for account, unit, amount in rows if amount}


@dataclass(frozen=True, slots=True)
class Entry:
    """One side of a posting, as the books have it: debits are positive."""

    at: datetime
    root_id: str
    seq: int
    book: str
    unit: str
    amount: int


def entries(connection: Connection, account_id: str, book: str | None = None) -> list[Entry]:
    """The entries of an account, in nominal order."""
    table = schema.ledger
    query = select(*(table.c[field.name] for field in fields(Entry))).where(table.c.account_id == account_id)
    if book is not None:
        query = query.where(table.c.book == book)
    ordered = query.order_by(table.c.at, table.c.root_id, table.c.seq, table.c.place, table.c.book)
    return [Entry(*row) for row in connection.execute(ordered)]


# Documents


def documents(
    connection: Connection,
    machine: str,
    *,
    account_id: str | None = None,
    root_id: str | None = None,
    states: Sequence[str] = (),
) -> list[Document]:
    """Invoices or credit notes, oldest first: also drafts, unless `states` leaves them out."""
    query = _documents().where(schema.instances.c.machine == machine)
    for column, value in ((schema.instances.c.owner_id, account_id), (schema.instances.c.root_id, root_id)):
        if value is not None:
            query = query.where(column == value)
    if states:
        query = query.where(schema.instances.c.state.in_(states))
    return [_document(row) for row in connection.execute(query.order_by(schema.instances.c.id))]


def document(connection: Connection, name: str) -> Document | None:
    """The one with this id or number."""
    row = connection.execute(_document_by_id(), {"id": name}).first()
    if row is not None:
        return _document(row)
    series, query = schema.numbers.c.series, _documents().where(_is_document())
    for digits in range(1, len(name)):
        end = name[-digits:]
        if end.isascii() and end.isdigit() and digits < 16:
            row = connection.execute(query.where(series == name[:-digits], schema.numbers.c.number == int(end))).first()
            if row is not None and name == _document(row).number:
                return _document(row)
    return None


def invoices_by_id(connection: Connection, ids: Collection[str]) -> Mapping[str, tuple[str, Json]]:
    """The account and the facts of these invoices."""
    table = schema.instances
    query = select(table.c.id, table.c.owner_id, table.c.facts).where(table.c.machine == "invoice")
    rows = connection.execute(query.where(among(table.c.id)), {"ids": list(ids)})
    return {row.id: (row.owner_id, row.facts) for row in rows}


def number_text(series: str, number: int) -> str:
    """`INV-000001`."""
    return f"{series}{number:06d}"


@cache
def _document_by_id() -> Select[Any]:
    return _documents().where(_is_document(), schema.instances.c.id == bindparam("id"))


def _is_document() -> ColumnElement[bool]:
    return or_(*(schema.instances.c.machine == machine for machine in ("invoice", "credit_note")))


def _documents() -> Select[Any]:
    table, number = schema.instances, schema.numbers
    columns = (table.c.id, table.c.root_id, table.c.owner_id, table.c.machine, table.c.state, table.c.facts)
    query = select(*columns, number.c.series, number.c.number, number.c.issued_at, schema.roots.c.clock)
    query = query.outerjoin_from(table, number, number.c.instance_id == table.c.id)
    return query.outerjoin(schema.roots, schema.roots.c.id == table.c.root_id)


def _document(row: Any) -> Document:
    number = None if row.number is None else number_text(row.series, row.number)
    whose = (row.id, row.root_id, row.owner_id)
    return Document(*whose, row.machine, row.state, row.facts, number, row.issued_at, row.clock)
