"""Accounts, as hosts and operators use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Required, TypedDict, Unpack

from lifecycle.app import arguments
from lifecycle.app.arguments import email, invalid
from lifecycle.app.closing import Closing, Deleted
from lifecycle.app.context import Context
from lifecycle.app.payment_methods import PaymentMethods
from lifecycle.app.subscriptions import Said
from lifecycle.domain.account import Account
from lifecycle.domain.calendar import known_zone
from lifecycle.domain.money import exponent
from lifecycle.domain.refusals import refused
from lifecycle.engine.ports import WriteFailed
from lifecycle.errors import Refused
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
    language: str | None
    """What it is written to in, such as `de`; the configuration's, unless given."""
    clock: str | None
    """The named clock that it is to be on, for tests."""


class Changed(Said, total=False):
    """What is to be another one, and on whose behalf."""

    reference: str
    name: str
    email: str
    address: str
    tax_id: str
    language: str
    """Empty: the configuration's."""


EDITABLE = ("reference", "name", "email", "address", "tax_id", "language")


class Accounts:
    """Create, read and change accounts. An account is named by its id or by the host's own reference."""

    def __init__(self, context: Context, methods: PaymentMethods) -> None:
        self._context = context
        self._methods = methods
        self._closing = Closing(context)

    def create(self, reference: str, **details: Unpack[Details]) -> Account:
        """A new account. Raises Refused (`invalid`, `reference_taken`), and for a `clock` `clocks_not_allowed` and
        NotFound."""
        account, method = self.prepared(reference, **details)
        return self._context.engine.attempt(lambda work: self.write(work.transaction, account, method))

    def edit(self, account: str, **changed: Unpack[Changed]) -> Account:
        """Change an account's name, e-mail address (which is its first administrator's), postal address, tax id,
        language or reference. Raises NotFound, Refused (`invalid`, `reference_taken`, `no_change`,
        `account_closed`)."""
        found = self.get(account)
        values = {name: str(changed[name]) for name in EDITABLE if name in changed}  # type: ignore[literal-required]
        language = {"language": arguments.language(values.pop("language"))} if "language" in values else {}
        if "email" in values:
            values["email"] = email(values["email"])
        _see_texts({name: text for name, text in values.items() if name != "email"})
        try:
            self._closing.change(found.id, values | language, changed)
        except WriteFailed as error:
            raise _taken(values.get("reference", "")) from error
        return self.get(found.id)

    def close(self, account: str, **said: Unpack[Said]) -> Account:
        """Close it: from then on it can only be read. Tokens that are left go with it. Refused `subscription_live`,
        `order_in_progress`, `invoice_open`, `refund_pending`, `balance_left`, naming them; `account_closed`."""
        found = self.get(account)
        self._closing.close(found.id, said)
        return self.get(found.id)

    def delete(self, account: str, **said: Unpack[Said]) -> Deleted:
        """Erase what is personal of a closed account, by an operator: names, addresses, codes, reasons, cards. The log
        and the books stay, with ids and amounts. Harmless when repeated. Refused `not_closed`."""
        return self._closing.delete(account, said)

    def get(self, account: str) -> Account:
        """The account with this id or reference. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            return store.the_account(connection, account)

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
        _see_texts({"reference": reference, "name": name, "address": address, "tax_id": tax_id})
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
            language=arguments.language(details.get("language")),
        )
        token = details.get("payment_method")
        if not token:
            return account, None
        method = self._methods.prepared(account.id, GOOD_CARD if token is True else token, clock=clock)
        return replace(account, payment_method=method.id), method

    def write(self, transaction: SqlTransaction, account: Account, method: PaymentMethod | None = None) -> Account:
        """Write a new account with its payment method. Raises Refused (`reference_taken`)."""
        if store.find_account(transaction.connection, account.reference):
            raise _taken(account.reference)
        store.add_account(transaction.connection, account, self._context.now(transaction.connection, account.clock))
        if method is not None:
            add_payment_method(transaction.connection, replace(method, default_of=account.id))
        return account


def _see_texts(texts: Mapping[str, str]) -> None:
    """Raises Refused (`invalid`)."""
    for what, text in texts.items():
        if len(text) > MAX_LENGTH or "\0" in text:
            raise invalid(f"The {what.replace('_', ' ')} is longer than {MAX_LENGTH} characters, or not text.")
    if not texts.get("reference", "there").strip():
        raise invalid("The reference is empty.")


def _taken(reference: str) -> Refused:
    return Refused("reference_taken", f"There is an account {reference!r} already.", instead="Use another reference.")
