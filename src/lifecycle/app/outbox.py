"""The outbox, as hosts serve it and operators look after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from inspect import iscoroutinefunction
from typing import TypeVar, Unpack

from sqlalchemy import Connection

from lifecycle.app.cashier import GATEWAY
from lifecycle.app.context import Context
from lifecycle.app.mailbox import FileMailbox
from lifecycle.app.operations import Given
from lifecycle.config.model import OutboxSettings
from lifecycle.domain.refusals import refused
from lifecycle.engine.acts import Act, Acts
from lifecycle.engine.outbox import Deliver, DeliverTogether
from lifecycle.engine.records import OutboxRecord, OutboxStatus
from lifecycle.engine.relay import Relay, Relayed, Terms
from lifecycle.engine.relay_ahead import RelayAhead
from lifecycle.engine.work import Work
from lifecycle.errors import DefinitionError, NotFound
from lifecycle.store import outbox as store
from lifecycle.store.outbox import SqlOutbox
from lifecycle.store.transaction import SqlTransaction

MAIL = "mail"
Function = TypeVar("Function", bound=Deliver)
Change = Callable[[OutboxRecord, datetime], OutboxRecord]


class Outbox:
    """Messages on their way out. What comes back is their rows: `status` is `waiting`, `leased` (a relay has it in
    hand until `wake_at`), `delivered`, `dead` (given up) or `dropped` (by an operator). `quiet`: without log lines."""

    def __init__(self, context: Context, served: Mapping[str, Deliver], *, quiet: bool = False) -> None:
        self._context = context
        self._quiet = quiet
        self._destinations: dict[str, Deliver] = dict(served)
        self.is_hosts = False
        """Whether a function of the host's serves a destination."""

    # Reading

    def get(self, message: str) -> OutboxRecord:
        """One message. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            return self._found(connection, message)

    def list(
        self, *, status: OutboxStatus | None = None, destination: str | None = None, limit: int | None = None
    ) -> list[OutboxRecord]:
        """Messages, oldest first; of `limit`, the newest."""
        self._context.ready()
        with self._context.database.reading() as connection:
            return store.messages(connection, status=status, destination=destination, limit=limit)

    # Operators

    def retry(self, message: str, **given: Unpack[Given]) -> OutboxRecord:
        """Have a dead letter, or a message that is to be tried again later, delivered now, with all its attempts.

        Raises NotFound, and Refused (`invalid`, `already_delivered`, `already_dropped`, `in_delivery`).
        """
        return self._act(message, given, "outbox_retried", _retried)

    def drop(self, message: str, **given: Unpack[Given]) -> OutboxRecord:
        """Give a message up for good; what a relay is delivering at this moment may still arrive.

        Raises NotFound, and Refused (`invalid`, `already_delivered`, `already_dropped`).
        """
        return self._act(message, given, "outbox_dropped", _dropped)

    def _act(self, message: str, given: Given, event: str, change: Change) -> OutboxRecord:
        """Change a message and log it as the operator's, together, under the lock of its root."""

        def job(work: Work[SqlTransaction]) -> OutboxRecord:
            connection = work.transaction.connection
            with self._context.actor(work.transaction, given.get("by", "operator")) as actor:
                act = Act(self._found(connection, message).instance_id, actor, given["reason"])
                Acts(work).note(act, event, message=message)
                changed = change(self._found(connection, message, lock=True), work.now())
                store.change(connection, changed)
                return changed

        return self._context.engine.attempt(job)

    def _found(self, connection: Connection, message: str, *, lock: bool = False) -> OutboxRecord:
        found = store.find(connection, message, lock=lock)
        if found is None:
            raise NotFound("message", message)
        return found

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
            self.is_hosts = True
            return function

        return serve

    def relay(self, *, within: timedelta | None = None) -> Relayed:
        """Deliver until nothing is due, or the time is up."""
        self._context.ready()
        return self._relay.run(within)

    def ahead(self, together: Mapping[str, DeliverTogether]) -> RelayAhead:
        """What delivers on a journey in strides; these destinations can take several messages in one go."""
        self._context.ready()
        served = {name: self._destinations[name] for name in self._relay.destinations}
        store, terms = SqlOutbox(self._context.database), terms_of(self._context.config.outbox)
        return RelayAhead(store, self._context.clock, served, terms, together=together)

    def drive(self, root_id: str, messages: Sequence[str] | None = None) -> int:
        """Deliver these messages of a root, or all that wait but for those that were just handed to somebody."""
        return self._relay.drive(root_id, messages, None if messages else (GATEWAY,))

    def next_wake_at(self) -> datetime | None:
        """When the earliest message to a destination that is served is to be looked at; None where none waits."""
        return SqlOutbox(self._context.database).next_wake_at(tuple(self._relay.destinations))

    @cached_property
    def _relay(self) -> Relay:
        config = self._context.config
        if config.mailbox is not None:
            self._destinations.setdefault(MAIL, FileMailbox(config.path.parent / config.mailbox))
        store = SqlOutbox(self._context.database)
        terms = terms_of(config.outbox)
        return Relay(store, self._context.clock, self._destinations, terms, quiet=self._quiet)


def terms_of(settings: OutboxSettings) -> Terms:
    """How the configuration has deliveries tried."""
    return Terms(
        lease=settings.lease.timedelta,
        attempts=settings.attempts,
        first_retry=settings.first_retry.timedelta,
        longest_retry=settings.longest_retry.timedelta,
    )


def _retried(message: OutboxRecord, now: datetime) -> OutboxRecord:
    _check_unfinished(message)
    if message.status == "leased" and message.wake_at is not None and message.wake_at > now:
        raise refused("in_delivery")
    return replace(message, status="waiting", wake_at=now, attempts=0, finished_at=None)


def _dropped(message: OutboxRecord, now: datetime) -> OutboxRecord:
    _check_unfinished(message)
    return replace(message, status="dropped", wake_at=None, finished_at=now)


def _check_unfinished(message: OutboxRecord) -> None:
    if message.status in ("delivered", "dropped"):
        raise refused(f"already_{message.status}")
