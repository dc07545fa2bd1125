"""The same parts for a host's AsyncSession or AsyncConnection: each method is awaited."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import update_wrapper
from typing import Concatenate, Generic, ParamSpec, Protocol, TypeVar

from lifecycle.app.accounts import Accounts
from lifecycle.app.balances import Balances
from lifecycle.app.invitations import Invitations
from lifecycle.app.invoices import Invoices
from lifecycle.app.members import Members
from lifecycle.app.operations import Operations
from lifecycle.app.pages import Pages
from lifecycle.app.parts import Parts
from lifecycle.app.payment_methods import PaymentMethods
from lifecycle.app.quotes import Quotes
from lifecycle.app.subscriptions import Subscriptions
from lifecycle.app.tokens import Tokens

Part = TypeVar("Part")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class Run(Protocol):
    """Calls a function with the parts inside the host's transaction, where it may wait for the database."""

    async def __call__(self, job: Callable[[Parts], Result], /) -> Result: ...


class Awaited(Generic[Part]):
    """One part, named by its attribute of `Parts`."""

    def __init__(self, run: Run, name: str) -> None:
        self._run = run
        self._name = name


def _awaited(
    method: Callable[Concatenate[Part, Arguments], Result],
) -> Callable[Concatenate[Awaited[Part], Arguments], Awaitable[Result]]:
    async def call(self: Awaited[Part], /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        return await self._run(lambda parts: method(getattr(parts, self._name), *args, **kwargs))

    update_wrapper(call, method)
    return call


class AsyncAccounts(Awaited[Accounts]):
    """`Accounts`, awaited."""

    create = _awaited(Accounts.create)
    edit = _awaited(Accounts.edit)
    close = _awaited(Accounts.close)
    delete = _awaited(Accounts.delete)
    get = _awaited(Accounts.get)
    list = _awaited(Accounts.list)


class AsyncSubscriptions(Awaited[Subscriptions]):
    """`Subscriptions`, awaited."""

    create = _awaited(Subscriptions.create)
    activate = _awaited(Subscriptions.activate)
    change = _awaited(Subscriptions.change)
    withdraw_change = _awaited(Subscriptions.withdraw_change)
    add_seats = _awaited(Subscriptions.add_seats)
    buy_tokens = _awaited(Subscriptions.buy_tokens)
    cancel = _awaited(Subscriptions.cancel)
    withdraw_cancellation = _awaited(Subscriptions.withdraw_cancellation)
    use_credits = _awaited(Subscriptions.use_credits)
    get = _awaited(Subscriptions.get)
    list = _awaited(Subscriptions.list)
    standing = _awaited(Subscriptions.standing)
    history = _awaited(Subscriptions.history)


class AsyncPaymentMethods(Awaited[PaymentMethods]):
    """`PaymentMethods`, awaited."""

    start_setup = _awaited(PaymentMethods.start_setup)
    add = _awaited(PaymentMethods.add)
    list = _awaited(PaymentMethods.list)
    make_default = _awaited(PaymentMethods.make_default)
    remove = _awaited(PaymentMethods.remove)


class AsyncQuotes(Awaited[Quotes]):
    """`Quotes`, awaited."""

    create = _awaited(Quotes.create)
    activate = _awaited(Quotes.activate)
    change = _awaited(Quotes.change)
    add_seats = _awaited(Quotes.add_seats)
    buy_tokens = _awaited(Quotes.buy_tokens)
    withdraw_change = _awaited(Quotes.withdraw_change)
    cancel = _awaited(Quotes.cancel)
    withdraw_cancellation = _awaited(Quotes.withdraw_cancellation)
    get = _awaited(Quotes.get)
    confirm = _awaited(Quotes.confirm)


class AsyncInvoices(Awaited[Invoices]):
    """`Invoices`, awaited."""

    get = _awaited(Invoices.get)
    list = _awaited(Invoices.list)
    credit_notes = _awaited(Invoices.credit_notes)
    billing_history = _awaited(Invoices.billing_history)
    attempts = _awaited(Invoices.attempts)
    pay = _awaited(Invoices.pay)
    printed = _awaited(Invoices.printed)


class AsyncBalances(Awaited[Balances]):
    """`Balances`, awaited."""

    get = _awaited(Balances.get)
    entries = _awaited(Balances.entries)
    credit = _awaited(Balances.credit)
    write_off = _awaited(Balances.write_off)
    pay_out = _awaited(Balances.pay_out)


class AsyncMembers(Awaited[Members]):
    """`Members`, awaited."""

    get = _awaited(Members.get)
    list = _awaited(Members.list)
    beneficiaries = _awaited(Members.beneficiaries)
    access = _awaited(Members.access)
    add = _awaited(Members.add)
    add_all = _awaited(Members.add_all)
    preview = _awaited(Members.preview)
    edit = _awaited(Members.edit)
    enable = _awaited(Members.enable)
    disable = _awaited(Members.disable)
    remove = _awaited(Members.remove)
    resend_password_email = _awaited(Members.resend_password_email)
    redeem = _awaited(Members.redeem)
    assign = _awaited(Members.assign)
    unassign = _awaited(Members.unassign)


class AsyncInvitations(Awaited[Invitations]):
    """`Invitations`, awaited."""

    open = _awaited(Invitations.open)
    revoke = _awaited(Invitations.revoke)
    get = _awaited(Invitations.get)
    list = _awaited(Invitations.list)
    join = _awaited(Invitations.join)


class AsyncTokens(Awaited[Tokens]):
    """`Tokens`, awaited."""

    get = _awaited(Tokens.get)
    history = _awaited(Tokens.history)
    packs = _awaited(Tokens.packs)
    use = _awaited(Tokens.use)


class AsyncPages(Awaited[Pages]):
    """`Pages`, awaited."""

    account = _awaited(Pages.account)


class AsyncOperations(Awaited[Operations]):
    """`Operations`, awaited."""

    hold = _awaited(Operations.hold)
    release = _awaited(Operations.release)
    retry = _awaited(Operations.retry)
    fire = _awaited(Operations.fire)
    skip = _awaited(Operations.skip)
    explain = _awaited(Operations.explain)
    quarantined = _awaited(Operations.quarantined)
    standing = _awaited(Operations.standing)


class AsyncParts:
    """`Parts`, awaited; `run` is for the rest, such as a host's own machines: `run(lambda parts: parts.engine…)`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.accounts = AsyncAccounts(run, "accounts")
        self.subscriptions = AsyncSubscriptions(run, "subscriptions")
        self.payment_methods = AsyncPaymentMethods(run, "payment_methods")
        self.quotes = AsyncQuotes(run, "quotes")
        self.invoices = AsyncInvoices(run, "invoices")
        self.balances = AsyncBalances(run, "balances")
        self.operations = AsyncOperations(run, "operations")
        self.tokens = AsyncTokens(run, "tokens")
        self.pages = AsyncPages(run, "pages")
        self.members = AsyncMembers(run, "members")
        self.invitations = AsyncInvitations(run, "invitations")
