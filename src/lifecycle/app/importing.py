"""Customers from a CSV file: accounts and the plans they take, checked whole, then written all or not at all.

Files come as people have them: with a byte order mark, with semicolons, with blank lines. A row whose account
already has that plan's family live is left as it is, so that a file can be imported twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lifecycle.app import arguments
from lifecycle.app.accounts import Accounts
from lifecycle.app.context import Context
from lifecycle.app.csv_files import ImportFailed, RowError, rows
from lifecycle.app.subscriptions import Said, Subscriptions
from lifecycle.domain.account import Account
from lifecycle.domain.machine import Json
from lifecycle.engine.work import Work
from lifecycle.errors import Refused
from lifecycle.store.accounts import find_account
from lifecycle.store.money import PaymentMethod
from lifecycle.store.transaction import SqlTransaction

COLUMNS = ("account", "email", "name", "zone", "currency", "payment_method", "plan", "interval", "seats", "trial")
REQUIRED = ("account", "email", "plan", "interval")
_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Imported:
    """How many accounts and subscriptions were new, and how many subscriptions were there before."""

    accounts: int
    subscriptions: int
    already_there: int


@dataclass(frozen=True, slots=True)
class _Customer:
    line: int
    account: Account
    method: PaymentMethod | None
    asked: Json


class Importer:
    """Reads a file of customers and subscribes them, on behalf of `by`."""

    def __init__(self, context: Context, accounts: Accounts, subscriptions: Subscriptions) -> None:
        self._context = context
        self._accounts = accounts
        self._subscriptions = subscriptions

    def run(self, path: Path, said: Said) -> Imported:
        """Import all of it in one transaction. Raises ImportFailed with every line that is wrong."""
        customers, errors = self._read(path)
        if errors:
            raise ImportFailed(path, tuple(errors))

        def job(work: Work[SqlTransaction]) -> tuple[int, int]:
            accounts = sum(self._open_account(work, customer) for customer in customers)
            return accounts, sum(self._subscribe(work, customer, said, path) for customer in customers)

        accounts, subscribed = self._context.carry_out(job)
        return Imported(accounts, subscribed, len(customers) - subscribed)

    def _open_account(self, work: Work[SqlTransaction], customer: _Customer) -> bool:
        """Write the customer's account; False where it is there."""
        if find_account(work.transaction.connection, customer.account.reference):
            return False
        self._accounts.write(work.transaction, customer.account, customer.method)
        return True

    def _subscribe(self, work: Work[SqlTransaction], customer: _Customer, said: Said, path: Path) -> bool:
        """Subscribe the customer; False where it already is."""
        try:
            self._subscriptions.open(work, customer.account.reference, customer.asked, said)
        except Refused as refusal:
            if refusal.code == "already_subscribed":
                return False
            raise ImportFailed(path, (RowError(customer.line, refusal.code, str(refusal)),)) from refusal
        return True

    def _read(self, path: Path) -> tuple[list[_Customer], list[RowError]]:
        customers: list[_Customer] = []
        errors: list[RowError] = []
        for line, row in rows(path, COLUMNS, REQUIRED):
            try:
                customers.append(self._customer(line, row))
            except Refused as refusal:
                errors.append(RowError(line, refusal.code, str(refusal)))
        return customers, errors

    def _customer(self, line: int, row: dict[str, str]) -> _Customer:
        missing = [column for column in REQUIRED if not row[column]]
        if missing:
            raise arguments.invalid(f"There is no {', '.join(missing)}.")
        account, method = self._accounts.prepared(
            row["account"],
            email=row["email"],
            name=row["name"] or None,
            zone=row["zone"] or None,
            currency=row["currency"] or None,
            payment_method=_method(row["payment_method"]),
        )
        seats = row["seats"]
        if seats and not seats.isdecimal():
            raise arguments.invalid(f"seats must be a whole number, not {seats!r}.")
        trial = _yes(row["trial"])
        asked = arguments.choice(row["plan"], row["interval"], int(seats) if seats else None)
        return _Customer(line, account, method, asked if trial is None else asked | {"trial": trial})


def _method(word: str) -> bool | str:
    """Yes or no, or what the gateway calls the payment method."""
    return _WORDS.get(word.lower(), word) if word else False


def _yes(word: str) -> bool | None:
    if not word:
        return None
    try:
        return _WORDS[word.lower()]
    except KeyError:
        raise arguments.invalid(f"{word!r} is neither yes nor no.") from None
