"""Balances: what an account has to its credit, which its next invoices use; and the books that it stands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Unpack

from lifecycle.app.arguments import invalid
from lifecycle.app.context import Context, SqlWork
from lifecycle.app.operations import Given
from lifecycle.domain.account import Account
from lifecycle.domain.refusals import refused
from lifecycle.engine.commands import Beginning
from lifecycle.engine.hand import Because
from lifecycle.errors import Refused
from lifecycle.store import accounts, money
from lifecycle.store.money import Entry


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has to its credit, in minor units of its currency."""

    account: str
    currency: str
    amount: int


class Balances:
    """Amounts are minor units of the account's currency. What operators do needs a reason, and is a row of the log."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, account: str) -> Balance:
        """What is there now. Raises NotFound."""
        found = self._account(account)
        with self._context.database.reading() as connection:
            amounts = money.balances(connection, [found.id])
        return Balance(found.id, found.currency, amounts.get((found.id, found.currency), 0))

    def entries(self, account: str, book: str | None = None) -> Sequence[Entry]:
        """The entries of the account's books, or of one of them, in nominal order. Raises NotFound."""
        found = self._account(account)
        with self._context.database.reading() as connection:
            return money.entries(connection, found.id, book)

    def credit(self, account: str, amount: int, **given: Unpack[Given]) -> Balance:
        """Add to it, as a present. Raises NotFound, Refused (`invalid`)."""
        return self._adjust(account, "credited", amount, given)

    def write_off(self, account: str, amount: int, **given: Unpack[Given]) -> Balance:
        """Take from it what will not be used. Raises NotFound, Refused (`invalid`, `balance_too_low`)."""
        return self._adjust(account, "written_off", amount, given)

    def pay_out(self, account: str, amount: int, **given: Unpack[Given]) -> Balance:
        """Give it back through the gateway, to the charges that were paid last. Raises as `write_off`."""
        return self._adjust(account, "paid_out", amount, given)

    def _adjust(self, account: str, event: str, amount: int, given: Given) -> Balance:
        if type(amount) is not int or amount <= 0:
            raise invalid(f"The amount must be a whole number of minor units, more than 0, not {amount!r}.")
        if not given.get("reason", "").strip():
            raise Refused("invalid", "An operator's act needs a reason.", instead="Say why.")
        found = self._account(account)

        def job(work: SqlWork) -> None:
            by = given.get("by", "operator")
            self._context.see_right(work.transaction.connection, found.id, by, "operate")
            [hand] = work.lock([found.id]) or [work.hands[found.id]]
            if accounts.the_account(work.transaction.connection, found.id).closed:
                raise refused("account_closed")
            around = self._context.surroundings(work.transaction, found)
            facts = {"account": found.id, "currency": found.currency, "amount": amount}
            with self._context.actor(work.transaction, by) as actor:
                because = Because("operator", actor, work.keep_reason(found.id, given["reason"]))
                work.add(hand, Beginning("adjustment", event, facts, found.id, around), because)

        self._context.carry_out(job)
        return self.get(account)

    def _account(self, account: str) -> Account:
        self._context.ready()
        with self._context.database.reading() as connection:
            return accounts.the_account(connection, account)
