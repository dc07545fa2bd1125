"""The outbox, as hosts serve it and operators look after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from inspect import iscoroutinefunction
from typing import TypeVar

from lifecycle.app.context import Context
from lifecycle.app.mailbox import FileMailbox
from lifecycle.engine.outbox import Deliver
from lifecycle.engine.records import OutboxRecord, OutboxStatus
from lifecycle.engine.relay import Relay, Relayed, Terms
from lifecycle.errors import DefinitionError, NotFound
from lifecycle.store import outbox as store
from lifecycle.store.outbox import SqlOutbox

MAIL = "mail"
Function = TypeVar("Function", bound=Deliver)


class Outbox:
    """Messages on their way out. What comes back is their rows: `status` is `waiting`, `leased` (a relay has it in
    hand until `wake_at`), `delivered`, `dead` (given up) or `dropped` (by an operator)."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._destinations: dict[str, Deliver] = {}

    # Reading

    def get(self, message: str) -> OutboxRecord:
        """One message. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            found = store.find(connection, message)
        if found is None:
            raise NotFound("message", message)
        return found

    def list(
        self, *, status: OutboxStatus | None = None, destination: str | None = None, limit: int | None = None
    ) -> list[OutboxRecord]:
        """Messages, oldest first; of `limit`, the newest."""
        self._context.ready()
        with self._context.database.reading() as connection:
            return store.messages(connection, status=status, destination=destination, limit=limit)

    # Delivering

    def destination(self, name: str) -> Callable[[Function], Function]:
        """Serve a destination with the decorated function. Raises DefinitionError for one that is served already, and
        for a coroutine function."""

        def serve(function: Function) -> Function:
            if name in self._destinations:
                raise DefinitionError(f"The destination {name!r} has a function already.")
            if iscoroutinefunction(function):
                raise DefinitionError(f"The destination {name!r} needs a plain function; call asyncio.run in it.")
            self._destinations[name] = function
            return function

        return serve

    def relay(self, *, within: timedelta | None = None) -> Relayed:
        """Deliver until nothing is due, or the time is up."""
        self._context.ready()
        return self._relay.run(within)

    @cached_property
    def _relay(self) -> Relay:
        config = self._context.config
        if config.mailbox is not None:
            self._destinations.setdefault(MAIL, FileMailbox(config.path.parent / config.mailbox))
        terms = Terms(
            lease=config.outbox.lease.timedelta,
            attempts=config.outbox.attempts,
            first_retry=config.outbox.first_retry.timedelta,
            longest_retry=config.outbox.longest_retry.timedelta,
        )
        return Relay(SqlOutbox(self._context.database), self._context.clock, self._destinations, terms)
