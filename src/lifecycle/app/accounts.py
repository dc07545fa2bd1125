"""Accounts, as hosts and operators use them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Required, TypedDict, Unpack

from lifecycle.app.arguments import invalid
from lifecycle.app.context import Context
from lifecycle.domain.account import Account
from lifecycle.domain.calendar import known_zone
from lifecycle.domain.money import exponent
from lifecycle.errors import NotFound, Refused
from lifecycle.store import accounts as store
from lifecycle.store.transaction import SqlTransaction

MAX_LENGTH = 200


class Details(TypedDict, total=False):
    """What is said of an account besides its reference."""

    email: Required[str]
    """The first administrator's."""
    name: str | None
    """The reference, unless given."""
    zone: str | None
    """The IANA zone of its calendar; the configuration's, unless given."""
    currency: str | None
    """ISO 4217; the catalogue's, unless given."""
    payment_method: bool
    """Whether something can be charged."""
    address: str
    tax_id: str


class Accounts:
    """Create, read and change accounts. An account is named by its id or by the host's own reference."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def create(self, reference: str, **details: Unpack[Details]) -> Account:
        """A new account. Raises Refused (`invalid`, `reference_taken`)."""
        account = self.prepared(reference, **details)
        return self._context.engine.attempt(lambda work: self.add(work.transaction, account))

    def get(self, account: str) -> Account:
        """The account with this id or reference. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            found = store.find_account(connection, account)
        if found is None:
            raise NotFound("account", account)
        return found

    def list(self) -> Sequence[Account]:
        """Every account, in order of reference."""
        self._context.ready()
        with self._context.database.reading() as connection:
            return store.all_accounts(connection)

    def set_payment_method(self, account: str, present: bool) -> Account:
        """Say whether a payment method is there; without one nothing that costs money is bought or renewed."""
        found = self.get(account)

        def job(transaction: SqlTransaction) -> Account:
            transaction.lock([found.id])
            store.change_account(transaction.connection, found.id, {"payment_method": present})
            return replace(found, payment_method=present)

        return self._context.engine.attempt(lambda work: job(work.transaction))

    def prepared(self, reference: str, **details: Unpack[Details]) -> Account:
        """An account that is checked but not written. Raises Refused (`invalid`)."""
        zone = details.get("zone") or self._context.config.zone
        currency = details.get("currency") or self._context.config.catalog.currency
        name = details.get("name") or reference
        address, tax_id = details.get("address", ""), details.get("tax_id", "")
        if not known_zone(zone):
            raise invalid(f"{zone!r} is not an IANA time zone, such as Europe/Paris.")
        try:
            exponent(currency)
        except ValueError as error:
            raise invalid(str(error)) from error
        texts = {"reference": reference, "name": name, "address": address, "tax id": tax_id}
        for what, text in texts.items():
            if len(text) > MAX_LENGTH or "\0" in text:
                raise invalid(f"The {what} is longer than {MAX_LENGTH} characters, or not text.")
        if not reference.strip():
            raise invalid("The reference is empty.")
        return Account(
            id=self._context.ids.new("acct"),
            reference=reference,
            name=name,
            email=_email(details["email"]),
            currency=currency,
            zone=zone,
            payment_method=details.get("payment_method", False),
            address=address,
            tax_id=tax_id,
        )

    def add(self, transaction: SqlTransaction, account: Account) -> Account:
        """Write a new account. Raises Refused (`reference_taken`)."""
        if store.find_account(transaction.connection, account.reference):
            raise Refused(
                "reference_taken",
                f"There is an account {account.reference!r} already.",
                instead="Use another reference.",
            )
        store.add_account(transaction.connection, account, self._context.clock.now())
        return account


def _email(text: str) -> str:
    """The address, normalised; whether it can be reached is not asked."""
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415  # dear to import

    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise invalid(f"{text!r} is not an e-mail address: {error}") from error
