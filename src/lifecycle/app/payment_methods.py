"""Payment methods of accounts: added, made the default, removed. Stored is the gateway's token, never a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from lifecycle.app.context import Context, SqlWork
from lifecycle.domain import subscription
from lifecycle.domain.account import Account, Expiry
from lifecycle.domain.refusals import refused
from lifecycle.engine.hand import Because
from lifecycle.errors import NotFound, Refused
from lifecycle.gateways.protocol import GatewayRefused, Method, SetUp
from lifecycle.store import accounts, money, queries
from lifecycle.store.money import PaymentMethod
from lifecycle.store.transaction import SqlTransaction

SYSTEM = Because("command", "system")
OWED = ("open", "uncollectible")
"""The states of invoices that a new payment method is tried on."""


class PaymentMethods:
    """Each names an account by its id or reference; `by` is on whose behalf. A method that is made the default is what
    the account is charged on, and what is owed is tried with it at once (rule E5)."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def start_setup(self, account: str, *, by: str = "operator") -> SetUp:
        """Begin a payment method that a person is to enter on the host's page. Raises NotFound."""
        found = self._open(account, by)
        return self._context.on(found.clock).gateway.start_setup(self._customer(found))

    def add(self, account: str, token: str, *, default: bool = True, by: str = "operator") -> PaymentMethod:
        """Add what the gateway calls `token`; with the sandbox, a card by its script, such as `ok`.

        Raises NotFound, Refused (`invalid`: the gateway can't charge it) and LifecycleError (`gateway_no_answer`).
        """
        found = self._open(account, by)
        added = self.prepared(found.id, token, self._customer(found), clock=found.clock)

        def job(work: SqlWork) -> PaymentMethod:
            self._lock(work, found)
            methods = money.payment_methods(work.transaction.connection, found.id)
            same = next((one for one in methods if one.token == added.token), None)
            if same is None:
                money.add_payment_method(work.transaction.connection, added)
            kept = same or added
            if default or not any(one.is_default for one in methods):
                self._make_default(work, found, kept)
                return replace(kept, default_of=found.id)
            return kept

        return self._context.carry_out(job)

    def prepared(
        self, account_id: str, token: str, customer: str | None = None, *, clock: str | None = None
    ) -> PaymentMethod:
        """A method that the gateway knows and nobody has written yet; of an account on this named clock the sandbox.
        Raises Refused (`invalid`)."""
        context = self._context.on(clock)
        gateway = context.gateway
        customer = customer or gateway.customer(account_id)
        try:
            method = gateway.method(customer, token)
        except GatewayRefused as error:
            raise Refused("invalid", str(error), instead="Give another one.") from error
        return self._new(account_id, customer, method, context.clock.now())

    def list(self, account: str) -> Sequence[PaymentMethod]:
        """Those of an account, in the order in which they were added. Raises NotFound."""
        found = self._account(account)
        with self._context.database.reading() as connection:
            return money.payment_methods(connection, found.id)

    def make_default(self, account: str, method: str, *, by: str = "operator") -> PaymentMethod:
        """Charge the account on this one from now on. Raises NotFound."""
        found = self._open(account, by)

        def job(work: SqlWork) -> PaymentMethod:
            self._lock(work, found)
            chosen = self._method(work.transaction, found, method)
            self._make_default(work, found, chosen)
            return replace(chosen, default_of=found.id)

        return self._context.carry_out(job)

    def remove(self, account: str, method: str, *, by: str = "operator") -> PaymentMethod:
        """Take one out of use; the one added last takes its place as the default. Raises NotFound, and Refused
        (`payment_method_needed`) for the only one while something is to be paid with it."""
        found = self._open(account, by)

        def job(work: SqlWork) -> PaymentMethod:
            self._lock(work, found)
            connection, now = work.transaction.connection, work.now()
            gone = self._method(work.transaction, found, method)
            others = [one for one in money.payment_methods(connection, found.id) if one.id != gone.id]
            if not others and self._is_needed(work, found):
                raise refused("payment_method_needed")
            money.remove_payment_method(connection, gone.id, now)
            if gone.is_default and others:
                self._make_default(work, found, others[-1])
            elif gone.is_default:
                self._plan_anew(work, _paying_with(found, None))
            return replace(gone, default_of=None, removed_at=now)

        return self._context.carry_out(job)

    def _make_default(self, work: SqlWork, account: Account, method: PaymentMethod) -> None:
        """Charge on this one, and try with it what is owed, all in one transaction. The roots are in hand."""
        if method.is_default:
            return
        money.make_default(work.transaction.connection, account.id, method.id)
        account = _paying_with(account, method)
        self._plan_anew(work, account)
        for record in list(work.owned(account.id)):
            owed = record.machine == "invoice" and record.state in OWED
            if owed and record.facts.get("charge") != "asked":
                self._pay(work, record.id, account)

    def _plan_anew(self, work: SqlWork, account: Account) -> None:
        """Have subscriptions plan anew that are to be told in this period of the card before, or of this one."""
        expiry = self._context.expiry(account)
        for record in list(work.owned(account.id)):
            if record.machine == "subscription" and record.state != "ended":
                facts = subscription.load(record.facts)
                if _told_inside(expiry, facts, work.now()) != facts.card_at:
                    work.surround(record.id, self._context.surroundings(work.transaction, account))
                    work.record(record.id, "card_changed", {})

    def _pay(self, work: SqlWork, invoice: str, account: Account) -> None:
        work.surround(invoice, self._context.surroundings(work.transaction, account))
        work.tell(invoice, "pay", SYSTEM)

    def _lock(self, work: SqlWork, account: Account) -> None:
        """Take what the account owes in hand, then the account: roots of subscriptions come first."""
        owing = money.documents(work.transaction.connection, "invoice", account_id=account.id, states=OWED)
        work.stand_by(account.clock)
        reminded = queries.instances(work.transaction.connection, machine="subscription", owner_id=account.id)
        live = {one.root_id for one in reminded if one.state != "ended"}
        work.lock(sorted({one.root_id for one in owing} | live))
        work.transaction.lock([account.id])
        if accounts.the_account(work.transaction.connection, account.id).closed:  # meanwhile
            raise refused("account_closed")

    def _is_needed(self, work: SqlWork, account: Account) -> bool:
        """Whether a renewal needs a payment method, or something is owed."""
        connection = work.transaction.connection
        if money.documents(connection, "invoice", account_id=account.id, states=("open",)):
            return True
        ours = queries.instances(connection, machine="subscription", owner_id=account.id)
        return any(one.state != "ended" and _renews(subscription.load(one.facts)) for one in ours)

    def _customer(self, account: Account) -> str:
        """The gateway's name of the account, the one that it was given first."""
        with self._context.database.reading() as connection:
            known = money.customer_of(connection, account.id)
        return known or self._context.on(account.clock).gateway.customer(account.id)

    def _new(self, account_id: str, customer: str, method: Method, now: datetime) -> PaymentMethod:
        return PaymentMethod(
            id=self._context.ids.new("pm"),
            account_id=account_id,
            customer=customer,
            token=method.token,
            brand=method.brand,
            last4=method.last4,
            exp_month=method.exp_month,
            exp_year=method.exp_year,
            default_of=None,
            added_at=now,
        )

    def _method(self, transaction: SqlTransaction, account: Account, method: str) -> PaymentMethod:
        for one in money.payment_methods(transaction.connection, account.id):
            if method in (one.id, one.last4):
                return one
        raise NotFound("payment method", method)

    def _account(self, account: str, by: str = "operator") -> Account:
        """The account, of which `by` may command. Raises NotFound, Refused (`not_admin`)."""
        self._context.ready()
        with self._context.database.reading() as connection:
            found = accounts.the_account(connection, account)
            self._context.see_right(connection, found.id, by, "command")
        return found

    def _open(self, account: str, by: str) -> Account:
        """The account, where it is open. Raises as `_account`, and Refused (`account_closed`)."""
        found = self._account(account, by)
        if found.closed:
            raise refused("account_closed")
        return found


def _paying_with(account: Account, method: PaymentMethod | None) -> Account:
    """The account with this as its default payment method."""
    if method is None:
        return replace(account, payment_method=None, card_year=None, card_month=None)
    return replace(account, payment_method=method.id, card_year=method.exp_year, card_month=method.exp_month)


def _told_inside(expiry: Expiry | None, facts: subscription.Subscription, now: datetime) -> datetime | None:
    """When the card's expiry would be told of in the rest of the period; None where it would not, or has been."""
    if expiry is None or expiry.card == facts.card_told:
        return None
    return expiry.told_at if now <= expiry.told_at < facts.boundary else None


def _renews(facts: subscription.Subscription) -> bool:
    """Whether something is still to be paid for."""
    return facts.phase == "paid" and facts.ends_at is None and (facts.price > 0 or facts.changed().price > 0)
