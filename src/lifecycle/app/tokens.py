"""Tokens: bought in packs on plans that sell them, used by the account whatever plan follows (rule D11)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Unpack

from sqlalchemy import Connection

from lifecycle.app import arguments
from lifecycle.app.context import Context, SqlWork
from lifecycle.app.seating import open_account
from lifecycle.app.subscriptions import Judged
from lifecycle.domain.account import Account
from lifecycle.domain.machine import Stimulus
from lifecycle.engine.commands import Answer
from lifecycle.engine.hand import Because
from lifecycle.engine.keys import fingerprint
from lifecycle.errors import NotFound
from lifecycle.store import accounts, money, queries

WALLET = "wallet"


@dataclass(frozen=True, slots=True)
class TokenBalance:
    """How many tokens an account has bought and used, and has left."""

    account: str
    bought: int
    used: int

    @property
    def left(self) -> int:
        """Those that can be used."""
        return self.bought - self.used


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """Tokens that came (more than 0) or were used (less), and how many were left then."""

    at: datetime
    tokens: int
    left: int


@dataclass(frozen=True, slots=True)
class Pack:
    """A pack that a subscription's plan sells today: so many tokens, for a price in minor units."""

    tokens: int
    price: int
    currency: str


class Tokens:
    """An account is named by its id or reference. They are bought by `subscriptions.buy_tokens`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def get(self, account: str) -> TokenBalance:
        """What is there. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            return self._of(connection, accounts.the_account(connection, account))

    def history(self, account: str) -> Sequence[TokenEntry]:
        """What was bought and used, in nominal order; at one instant what was bought first. Raises NotFound."""
        self._context.ready()
        left, told = 0, list[TokenEntry]()
        with self._context.database.reading() as connection:
            entries = money.entries(connection, accounts.the_account(connection, account).id, "tokens")
        for entry in sorted(entries, key=lambda one: (one.at, one.amount < 0)):
            left += entry.amount
            told.append(TokenEntry(entry.at, entry.amount, left))
        return told

    def packs(self, subscription: str) -> Sequence[Pack]:
        """What the plan of a subscription sells today, in the account's currency. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            found = queries.instances(connection, machine="subscription", id=subscription)
            if not found:
                raise NotFound("subscription", subscription)
            currency = accounts.the_account(connection, found[0].owner_id or "").currency
        plan = self._context.config.catalog.plan(found[0].facts["plan"])
        sold = {} if plan is None else plan.token_packs
        return [Pack(count, prices[currency], currency) for count, prices in sorted(sold.items()) if currency in prices]

    def use(self, account: str, tokens: int, **said: Unpack[Judged]) -> TokenBalance:
        """Take so many. Refused `tokens_exhausted` where fewer are left, `account_closed`."""
        count = arguments.count(tokens, "tokens")

        def job(work: SqlWork) -> Answer:
            connection = work.transaction.connection
            owner = accounts.the_account(connection, account)
            work.stand_by(owner.clock)
            self._context.see_right(connection, owner.id, said["by"], "command")
            key, mark = said.get("key"), fingerprint(owner.id, "tokens.use", {"tokens": count})
            if earlier := work.earlier(owner.id, key, mark):
                return earlier
            work.lock([owner.id])
            hand = work.hands[owner.id]
            work.make_way(hand, None, said.get("version"))
            open_account(accounts.the_account(connection, owner.id))
            around = replace(
                self._context.surroundings(work.transaction, owner), tokens=self._of(connection, owner).left
            )
            identifier = _wallet(owner)
            held = hand.held.get(identifier) or work.begin_at(hand, WALLET, identifier, owner.id, around)
            work.surround(identifier, around)
            used = Stimulus("used", work.now(), {"tokens": count})
            decision = work.foresee(hand, held, used)
            with self._context.actor(work.transaction, said["by"]) as actor:
                because = Because("command", actor, work.keep_reason(hand.root.id, said.get("reason")))
                work.take(hand, held, used, decision, because)
            return work.answer(owner.id, key, mark, work.snapshot(hand, held))

        self._context.carry_out(job)
        return self.get(account)

    def _of(self, connection: Connection, account: Account) -> TokenBalance:
        """What was bought, by the ledger, and used, by the wallet: purchases are few, and uses are many."""
        bought = -sum(one.amount for one in money.entries(connection, account.id, "tokens_sold"))
        wallet = queries.instances(connection, machine=WALLET, id=_wallet(account))
        return TokenBalance(account.id, bought, wallet[0].facts["used"] if wallet else 0)


def _wallet(account: Account) -> str:
    return f"{WALLET}_{account.id.partition('_')[2]}"
