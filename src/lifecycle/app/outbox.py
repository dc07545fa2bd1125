"""The outbox, as operators look after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Unpack

from sqlalchemy import Connection

from lifecycle.app.context import Context
from lifecycle.app.handlers import PREFIX
from lifecycle.app.operations import Given
from lifecycle.domain.refusals import refused
from lifecycle.engine.acts import Act, Acts
from lifecycle.engine.records import OutboxRecord, OutboxStatus
from lifecycle.engine.work import Work
from lifecycle.errors import LifecycleError, NotFound
from lifecycle.store import outbox as store
from lifecycle.store.subscribers import subscribers, unsubscribe
from lifecycle.store.transaction import SqlTransaction


@dataclass(frozen=True, slots=True)
class HandlerView:
    """A handler: its name, what it is told of, whether this process has it, and how many messages wait for it."""

    name: str
    events: Sequence[str]
    here: bool
    waiting: int


Change = Callable[[OutboxRecord, datetime], OutboxRecord]


class Outbox:
    """Messages on their way out. What comes back is their rows: `status` is `waiting`, `leased` (a relay has it in
    hand until `wake_at`), `delivered`, `dead` (given up), `dropped` (by an operator), `merged` (into another) or
    `parked` (its destination is paused)."""

    def __init__(self, context: Context) -> None:
        self._context = context

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

    def again(self, message: str, **given: Unpack[Given]) -> OutboxRecord:
        """Have any message delivered now, with all its attempts and under its id, though it was delivered or given up.

        Raises NotFound, and Refused (`invalid`, `in_delivery`).
        """
        return self._act(message, given, "outbox_retried", _from_the_start)

    # Handlers

    def handlers(self) -> Sequence[HandlerView]:
        """Everybody who has said so to any process, by name."""
        self._context.ready()
        with self._context.database.reading() as connection:
            known = {one.name: one for one in subscribers(connection)} | {
                one.name: one for one in self._context.handlers.subscribers
            }
            waiting = store.unfinished(connection, known)
        here = self._context.handlers.functions
        return [
            HandlerView(name.removeprefix(PREFIX), one.events, name in here, waiting.get(name, 0))
            for name, one in sorted(known.items())
            if name.startswith(PREFIX)
        ]

    def forget_handler(self, name: str, **given: Unpack[Given]) -> int:
        """Tell a handler no more, and drop what waits for it, each message as an operator's act; how many those were.

        Raises NotFound, Refused (`invalid`), and LifecycleError (`handler_served`) for one that this process has.
        """
        destination = PREFIX + name
        if destination in self._context.handlers.functions:
            told = f"{name} is a handler of this process, and would subscribe again: take it out of the code first."
            raise LifecycleError(told, code="handler_served")
        if name not in [one.name for one in self.handlers()]:
            raise NotFound("handler", name)
        with self._context.database.writing() as connection:
            unsubscribe(connection, destination)
        waiting = [one for one in self.list(destination=destination) if one.wake_at is not None]
        for message in waiting:
            self.drop(message.id, **given)
        return len(waiting)

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


def _retried(message: OutboxRecord, now: datetime) -> OutboxRecord:
    _check_unfinished(message)
    return _from_the_start(message, now)


def _from_the_start(message: OutboxRecord, now: datetime) -> OutboxRecord:
    if message.status == "leased" and message.wake_at is not None and message.wake_at > now:
        raise refused("in_delivery")
    return replace(message, status="waiting", wake_at=now, attempts=0, finished_at=None)


def _dropped(message: OutboxRecord, now: datetime) -> OutboxRecord:
    _check_unfinished(message)
    return replace(message, status="dropped", wake_at=None, finished_at=now)


def _check_unfinished(message: OutboxRecord) -> None:
    if message.status in ("delivered", "dropped"):
        raise refused(f"already_{message.status}")
