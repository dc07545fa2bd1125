"""What is sent on a named clock: charges go to the sandbox, and everything else into the file mailbox, whoever serves
its destination otherwise. So nothing of a test leaves the installation."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from lifecycle.app.context import Context, Drive
from lifecycle.app.delivering import MONEY, Delivering, terms_of
from lifecycle.app.mailbox import FileMailbox
from lifecycle.app.mailer import Mailer
from lifecycle.app.till import GATEWAY, LATE, Till
from lifecycle.engine.outbox import Deliver, Message
from lifecycle.engine.relay import Relay, Relayed
from lifecycle.engine.telling import MAIL
from lifecycle.store import clocks, queries
from lifecycle.store.outbox import SqlOutbox


class ClockOutbox:
    """The messages on one clock, delivered by its time; `context` is that of the clock. `quiet`: it is only tried out,
    without log lines and without a mailbox."""

    def __init__(self, context: Context, name: str, *, quiet: bool = False) -> None:
        self._context = context
        self._name = name
        self._store = SqlOutbox(context.database, name)
        self._till = Till(context)
        self._quiet = quiet

    def relay(self) -> Relayed:
        """Deliver all that is due where the clock stands."""
        return self._relay(self._destinations()).run()

    def drive(self, root_id: str, messages: Sequence[str] | None = None) -> int:
        """As `Delivering.drive`."""
        return self._relay((GATEWAY, LATE)).drive(root_id, messages, None if messages else (GATEWAY,))

    def next_wake_at(self) -> datetime | None:
        """When the earliest message is to be looked at; None where none waits."""
        return self._store.next_wake_at(self._destinations())

    def next_answer_at(self) -> datetime | None:
        """When the gateway is to be asked next, which is something that happens: to tell somebody is not."""
        return self._store.next_wake_at(MONEY)

    def _destinations(self) -> Collection[str]:
        """Those that something waits for."""
        with self._context.database.reading() as connection:
            return clocks.waiting_for(connection, self._name)

    def _relay(self, destinations: Collection[str]) -> Relay:
        served: dict[str, Deliver] = {name: self._serve(name) for name in destinations}
        terms = terms_of(self._context.config.outbox)
        return Relay(self._store, self._context.clock, served, terms, quiet=self._quiet)

    def _serve(self, destination: str) -> Deliver:
        config = self._context.config
        if destination in (GATEWAY, LATE):
            return self._till.deliver
        if self._quiet:
            return _nowhere
        mailbox = FileMailbox(config.path.parent / config.mail.path, self._name)
        return Mailer(self._context, mailbox, self._name).deliver if destination == MAIL else mailbox


def _nowhere(_message: Message) -> None:
    """Nobody gets it."""


def driving(context: Context, delivering: Delivering) -> Drive:
    """Delivers what a command waits for: by its own clock, where it is on one."""

    def drive(root_id: str, messages: Sequence[str] | None) -> int:
        with context.database.reading() as connection:
            clock = queries.clock_of(connection, root_id)
        if clock is None:
            return delivering.drive(root_id, messages)
        return ClockOutbox(context.on(clock), clock).drive(root_id, messages)

    return drive
