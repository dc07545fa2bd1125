"""What a `Lifecycle` offers in transactions of its own, and inside a host's."""

from __future__ import annotations

from lifecycle.app.accounts import Accounts
from lifecycle.app.context import Context
from lifecycle.app.operations import Operations
from lifecycle.app.subscriptions import Subscriptions
from lifecycle.engine.commands import Answer
from lifecycle.engine.engine import Engine
from lifecycle.store.transaction import SqlTransaction


class Parts:
    """Accounts, subscriptions, operators' acts, and the engine for a host's own machines."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.accounts = Accounts(context)
        self.subscriptions = Subscriptions(context)
        self.operations = Operations(context)

    @property
    def engine(self) -> Engine[SqlTransaction]:
        """What runs machines of any kind, for a host's own. Raises SchemaError, DefinitionError."""
        return self._context.engine

    def instance(self, instance: str) -> Answer:
        """An instance of any machine as it stands: state, facts, version, what comes next. Raises NotFound."""
        with self.engine.look() as work:
            return work.snapshot(*work.look(instance))
