"""The destination `mail`: writes what a notice says, and hands it to whoever sends it.

At least once, under the same Message-ID each time. Late notices of one addressee are merged (rule G2): which of them
one mail tells is decided for good before it is sent, so that a repeat tells the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection

from lifecycle.app.context import Context
from lifecycle.app.mailbox import FileMailbox
from lifecycle.app.smtp import SmtpPost
from lifecycle.config import Config
from lifecycle.domain.machine import Json
from lifecycle.engine.outbox import Message, TryLater
from lifecycle.engine.records import OutboxRecord
from lifecycle.engine.relay import message_of
from lifecycle.notices.kinds import ALONE
from lifecycle.notices.mail import Mail
from lifecycle.store import mails

if TYPE_CHECKING:
    from lifecycle.app.writing import Writer

LATE = timedelta(days=2)
"""So long after its transition a notice is late."""
PATIENCE = timedelta(minutes=10)
"""How long at most a late notice waits for what else is to be told."""
SOON = timedelta(seconds=5)
_SHAPE = frozenset({"machine", "instance", "account", "event", "to", "at", "arguments", "facts"})


class Post(Protocol):
    """Sends mails; takes other messages to `mail` by being called. It raises as a destination's function does."""

    def send(self, mail: Mail) -> None:
        """Send a mail."""
        ...

    def __call__(self, message: Message) -> None:
        """Take a message that is no notice."""
        ...


class Mailer:
    """Delivers by a `post`. On a named `clock` every notice is told by itself, for there nothing is late."""

    def __init__(self, context: Context, post: Post, clock: str | None = None) -> None:
        self._context = context
        self._post = post
        self._clock = clock

    @cached_property
    def _writer(self) -> Writer:
        from lifecycle.app.writing import Writer  # noqa: PLC0415  # Jinja2 and Babel: only where mail is written

        return Writer(self._context, self._clock)

    def deliver(self, message: Message) -> None:
        """Send it. Raises TryLater, Undeliverable, and whatever the post raises."""
        if is_notice(message.payload):
            together = self._together(message)
            self._post.send(self._writer.mail(together))
        else:
            self._post(message)

    def _together(self, message: Message) -> Sequence[Message]:
        """The message, and what was merged into it."""
        account = message.payload["account"]
        if self._clock is not None or account is None or message.kind in ALONE:
            return [message]
        now = self._context.clock.now()
        with self._context.database.reading() as connection:
            into = mails.merged_into(connection, message.id)
            if into is None and not _is_late(message, now):
                return [message]
            if into is None:
                self._see_who_is_first(connection, message, account, now)
        if into is None:
            into = self._gather(message, account, now)
        if into != message.id:
            return [message]  # an operator has taken it out of the mail that told it
        with self._context.database.reading() as connection:
            return [message, *map(message_of, mails.merged(connection, message.id))]

    def _see_who_is_first(self, connection: Connection, message: Message, account: str, now: datetime) -> None:
        """Raises TryLater while more is about to happen that is late, or another mail is about to tell this too."""
        waits = now < message.created_at + PATIENCE and mails.is_catching_up(connection, account, now)
        if waits or mails.is_told_first(connection, message.id, account, ALONE):
            raise TryLater("What is late is told in one mail, and that is about to be made.", after=SOON)

    def _gather(self, message: Message, account: str, now: datetime) -> str | None:
        def is_late(record: OutboxRecord) -> bool:
            return record.payload.get("account") == account and is_notice(record.payload) and _is_late(record, now)

        with self._context.database.writing() as connection:
            mails.gather(connection, message.id, account, now, is_late=is_late, without=ALONE)
            return mails.merged_into(connection, message.id)


def is_notice(payload: Json) -> bool:
    """Whether it tells of a transition, and is no message of a host's own shape."""
    return payload.keys() >= _SHAPE


def post_of(config: Config) -> Post:
    """Who sends, as the configuration has it; the file mailbox, unless there is a server."""
    if config.mail.use == "smtp" and config.mail.smtp is not None:
        return SmtpPost(config.mail.smtp)
    return FileMailbox(config.path.parent / config.mail.path)


def _is_late(message: Message | OutboxRecord, now: datetime) -> bool:
    return now - datetime.fromisoformat(message.payload["at"]) > LATE
