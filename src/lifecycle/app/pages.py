"""What a customer sees of their account, in one look (rule G1).

The plans with the one they have, when it renews and for how much, seats, credits and tokens, what is to change, when it
ends, what can be done now and why not, how it is paid, and the bills.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.app.balances import Balance, Balances
from lifecycle.app.context import Context
from lifecycle.app.invoices import Invoices, InvoiceView
from lifecycle.app.operations import Operations
from lifecycle.app.payment_methods import PaymentMethods
from lifecycle.app.quotes import NextInvoice
from lifecycle.app.standing import StandingView
from lifecycle.app.subjects import KIND
from lifecycle.app.subscriptions import Subscriptions
from lifecycle.app.tokens import Tokens
from lifecycle.app.views import SubscriptionView
from lifecycle.domain.account import Account
from lifecycle.domain.quoting import next_invoice
from lifecycle.domain.subscription import Subscription
from lifecycle.store import accounts
from lifecycle.store.members import count_members
from lifecycle.store.money import PaymentMethod


@dataclass(frozen=True, slots=True)
class Offer:
    """A plan that can be chosen: its prices by interval, in minor units of the account's currency; `current`: the
    account has it."""

    plan: str
    name: str
    family: str
    prices: Mapping[str, int]
    current: bool


@dataclass(frozen=True, slots=True)
class SubscriptionPage:
    """A subscription as its customer sees it. `renews` is the next invoice, and what it comes to; `ends_at` the date of
    the banner; `possible` has for each command None, or the code with which it would be refused now."""

    subscription: SubscriptionView
    standing: StandingView
    renews: NextInvoice | None
    ends_at: datetime | None
    seats_used: int
    possible: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class AccountPage:
    """All of it; without a subscription `subscriptions` is empty, and `plans` are what there is to choose from."""

    account: Account
    plans: Sequence[Offer]
    subscriptions: Sequence[SubscriptionPage]
    balance: Balance
    tokens: int
    members: int
    payment_methods: Sequence[PaymentMethod]
    billing: Sequence[InvoiceView]


class Pages:
    """Pages, for those who may read them."""

    def __init__(  # noqa: PLR0917  # what it is made of
        self,
        context: Context,
        subscriptions: Subscriptions,
        invoices: Invoices,
        balances: Balances,
        methods: PaymentMethods,
        operations: Operations,
        tokens: Tokens,
    ) -> None:
        self._context = context
        self._subscriptions = subscriptions
        self._invoices = invoices
        self._balances = balances
        self._methods = methods
        self._operations = operations
        self._tokens = tokens

    def account(self, account: str, *, by: str) -> AccountPage:
        """The page of an account, for an administrator of it or an operator. Raises NotFound, Refused (`not_admin`)."""
        self._context.ready()
        with self._context.database.reading() as connection:
            found = accounts.the_account(connection, account)
            self._context.see_right(connection, found.id, by, "read")
            members = count_members(connection, found.id)
        live = [one for one in self._subscriptions.list(account=found.id) if one.state != "ended"]
        return AccountPage(
            account=found,
            plans=self._offers(found, {one.plan for one in live}),
            subscriptions=[self._page(one) for one in live],
            balance=self._balances.get(found.id),
            tokens=self._tokens.get(found.id).left,
            members=members,
            payment_methods=self._methods.list(found.id),
            billing=self._invoices.billing_history(found.id),
        )

    def _offers(self, account: Account, current: set[str]) -> list[Offer]:
        told = []
        for plan in self._context.config.catalog.plans.values():
            prices = {
                str(interval): by[account.currency] for interval, by in plan.prices.items() if account.currency in by
            }
            if prices:
                told.append(Offer(plan.id, plan.name, plan.family, prices, plan.id in current))
        return told

    def _page(self, view: SubscriptionView) -> SubscriptionPage:
        explained = self._operations.explain(view.id)
        refused = None if explained.obstacle is None else explained.obstacle.code
        facts, renews = self._coming(view)
        deferred = self._context.registry.newest(KIND).deferred
        return SubscriptionPage(
            subscription=view,
            standing=self._subscriptions.standing(view.id),
            renews=renews,
            ends_at=view.ends_at,
            seats_used=facts.assigned,
            possible={one.event: refused or one.code for one in explained.events if one.event not in deferred},
        )

    def _coming(self, view: SubscriptionView) -> tuple[Subscription, NextInvoice | None]:
        """Its facts, and the next invoice that comes by itself."""
        with self._context.engine.look() as work:
            _, held = work.look(view.id)
            account = accounts.the_account(work.transaction.connection, view.account_id)
            coming = next_invoice(held.facts, self._context.surroundings(work.transaction, account))
            return held.facts, None if coming is None else NextInvoice(*coming)
