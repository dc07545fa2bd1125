"""Accounts, as hosts and operators use them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Required, TypedDict, Unpack

from lifecycle.app.arguments import email, invalid
from lifecycle.app.context import Context
from lifecycle.app.payment_methods import PaymentMethods
from lifecycle.domain.account import Account
from lifecycle.domain.calendar import known_zone
from lifecycle.domain.money import exponent
from lifecycle.domain.refusals import refused
from lifecycle.errors import NotFound, Refused
from lifecycle.store import accounts as store
from lifecycle.store.money import PaymentMethod, add_payment_method
from lifecycle.store.transaction import SqlTransaction

MAX_LENGTH = 200
GOOD_CARD = "ok"
"""The script of the sandbox's card that can be charged."""


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
    payment_method: bool | str
    """What can be charged, as the gateway calls it; True: the sandbox's good card."""
    address: str
    tax_id: str
    clock: str | None
    """The named clock that it is to be on, for tests."""


class Accounts:
    """Create, read and change accounts. An account is named by its id or by the host's own reference."""

    def __init__(self, context: Context, methods: PaymentMethods) -> None:
        self._context = context
        self._methods = methods

    def create(self, reference: str, **details: Unpack[Details]) -> Account:
        """A new account. Raises Refused (`invalid`, `reference_taken`), and for a `clock` `clocks_not_allowed` and
        NotFound."""
        account, method = self.prepared(reference, **details)
        return self._context.engine.attempt(lambda work: self.write(work.transaction, account, method))

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

    def prepared(self, reference: str, **details: Unpack[Details]) -> tuple[Account, PaymentMethod | None]:
        """An account that is checked but not written, with its payment method. Raises Refused (`invalid`)."""
        clock = details.get("clock")
        if clock is not None and not self._context.config.clocks_allowed:
            raise refused("clocks_not_allowed")
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
        account = Account(
            id=self._context.ids.new("acct"),
            reference=reference,
            name=name,
            email=email(details["email"]),
            currency=currency,
            zone=zone,
            address=address,
            tax_id=tax_id,
            clock=clock,
        )
        token = details.get("payment_method")
        if not token:
            return account, None
        method = self._methods.prepared(account.id, GOOD_CARD if token is True else token, clock=clock)
        return replace(account, payment_method=method.id), method

    def write(self, transaction: SqlTransaction, account: Account, method: PaymentMethod | None = None) -> Account:
        """Write a new account with its payment method. Raises Refused (`reference_taken`)."""
        if store.find_account(transaction.connection, account.reference):
            raise Refused(
                "reference_taken",
                f"There is an account {account.reference!r} already.",
                instead="Use another reference.",
            )
        store.add_account(transaction.connection, account, self._context.now(transaction.connection, account.clock))
        if method is not None:
            add_payment_method(transaction.connection, replace(method, default_of=account.id))
        return account
