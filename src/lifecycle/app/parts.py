"""What a `Lifecycle` offers in transactions of its own, and inside a host's."""

from __future__ import annotations

from lifecycle.app.accounts import Accounts
from lifecycle.app.balances import Balances
from lifecycle.app.context import Context
from lifecycle.app.invitations import Invitations
from lifecycle.app.invoices import Invoices
from lifecycle.app.members import Members
from lifecycle.app.operations import Operations
from lifecycle.app.pages import Pages
from lifecycle.app.payment_methods import PaymentMethods
from lifecycle.app.quotes import Quotes
from lifecycle.app.subscriptions import Subscriptions
from lifecycle.app.tokens import Tokens
from lifecycle.engine.commands import Answer
from lifecycle.engine.engine import Engine
from lifecycle.store.transaction import SqlTransaction


class Parts:
    """Accounts, their people, subscriptions and money, operators' acts, and the engine for a host's own machines."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.payment_methods = PaymentMethods(context)
        self.accounts = Accounts(context, self.payment_methods)
        self.subscriptions = Subscriptions(context)
        self.quotes = Quotes(context)
        self.invoices = Invoices(context)
        self.balances = Balances(context)
        self.operations = Operations(context)
        self.tokens = Tokens(context)
        self.members = Members(context, self.subscriptions, self.quotes)
        self.invitations = Invitations(context, self.members)
        self.pages = Pages(
            context,
            self.subscriptions,
            self.invoices,
            self.balances,
            self.payment_methods,
            self.operations,
            self.tokens,
        )

    @property
    def engine(self) -> Engine[SqlTransaction]:
        """What runs machines of any kind, for a host's own. Raises SchemaError, DefinitionError."""
        return self._context.engine

    def instance(self, instance: str) -> Answer:
        """An instance of any machine as it stands: state, facts, version, what comes next. Raises NotFound."""
        with self.engine.look() as work:
            return work.snapshot(*work.look(instance))
