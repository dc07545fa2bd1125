"""Notices, as hosts and operators look at them: what would be written, and what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from lifecycle.app import arguments
from lifecycle.app.context import Context
from lifecycle.domain.machine import Json
from lifecycle.engine.records import OutboxStatus
from lifecycle.errors import NotFound
from lifecycle.notices.kinds import KINDS, MERGED, Addressee
from lifecycle.notices.mail import Person
from lifecycle.store import accounts, mails, money, queries
from lifecycle.store.mails import Sent

if TYPE_CHECKING:  # Jinja2 and Babel: only where something is written
    from lifecycle.app.writing import Writer
    from lifecycle.notices.letters import Letter

SUBSCRIPTION = "subscription"


@dataclass(frozen=True, slots=True)
class KindView:
    """An occasion: when it is, and who is written to. Of a host's own `when` is empty."""

    kind: str
    when: str
    to: Addressee


@dataclass(frozen=True, slots=True)
class NoticeView:
    """A notice that is on its way, or was sent, by the id of its message. `at` is when it happened, nominally;
    `sent_at` when what tells it was delivered; `merged_into` the message that tells it, where that is another."""

    id: str
    kind: str
    account: str | None
    at: datetime
    sent_at: datetime | None
    status: OutboxStatus
    attempts: int
    merged_into: str | None
    error: str | None
    clock: str | None


class Notices:
    """What customers are written."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def _writer(self) -> Writer:
        from lifecycle.app.writing import Writer  # noqa: PLC0415  # as above

        return Writer(self._context)

    def kinds(self) -> Sequence[KindView]:
        """Every occasion that there is a template for; a host's own last."""
        names = [name for name in self._writer.kinds() if name != MERGED]
        ours = [KindView(kind.name, kind.when, kind.to) for kind in KINDS.values()]
        return ours + [KindView(name, "", "account") for name in names if name not in KINDS]

    def preview(self, kind: str, *, subscription: str | None = None, language: str | None = None) -> Letter:
        """What would be written on an occasion: of something made up, or of a subscription as it stands and its last
        invoice; in the account's language, or in another one. No token is made.

        Raises NotFound, Refused (`invalid`), and LifecycleError (`notice_unknown`) for one without a template.
        """
        from lifecycle.app.addressing import Addressed, personal  # noqa: PLC0415  # as above
        from lifecycle.notices import example  # noqa: PLC0415

        tag, config = arguments.language(language), self._context.config
        made_up = replace(example.PERSONAL, password_link=config.mail.password_link)
        if subscription is None:
            return self._writer.letter([(kind, example.payload(kind), made_up)], tag or config.language, config.zone)
        self._context.ready()
        with self._context.database.reading() as connection:
            payload = _payload(connection, kind, subscription)
            account = accounts.the_account(connection, payload["account"])
            to = Addressed(Person(account.email), account.language or config.language, account.zone, account)
            its = personal(connection, kind, payload, to)
        if payload["machine"] not in (SUBSCRIPTION, "invoice", "account"):
            its = replace(made_up, account_id=its.account_id, reference=its.reference, account_name=its.account_name)
        return self._writer.letter([(kind, payload, its)], tag or to.language, to.zone)

    def sent(
        self, *, account: str | None = None, kind: str | None = None, limit: int | None = None
    ) -> Sequence[NoticeView]:
        """Notices that were sent or are to be, oldest first; of `limit`, the newest. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            owner = None if account is None else accounts.the_account(connection, account).id
            return [_view(one) for one in mails.sent(connection, account_id=owner, kind=kind, limit=limit)]

    def catalogue(self) -> str:
        """What translations begin with: the texts of all templates, as a `.pot` file of gettext."""
        from lifecycle.notices.catalogue import template  # noqa: PLC0415  # for translators only

        folder = self._context.config.mail.templates
        return template(None if folder is None else self._context.config.path.parent / folder)


def _payload(connection: Connection, kind: str, subscription: str) -> Json:
    """What a message would tell of a subscription; of its last invoice, where the occasion is one of those."""
    from lifecycle.notices import example  # noqa: PLC0415  # as above

    held = next(iter(queries.instances(connection, machine=SUBSCRIPTION, id=subscription)), None)
    if held is None or held.owner_id is None:
        raise NotFound(SUBSCRIPTION, subscription)
    about: Json = example.payload(kind) | {"root": held.root_id, "account": held.owner_id}
    bills = money.documents(connection, "invoice", root_id=held.root_id) if about["machine"] == "invoice" else []
    if bills:
        return about | {"instance": bills[-1].id, "to": bills[-1].state, "facts": bills[-1].facts}
    if about["machine"] in (SUBSCRIPTION, "invoice"):
        return about | {"machine": SUBSCRIPTION, "instance": held.id, "to": held.state, "facts": held.facts}
    return about


def _view(sent: Sent) -> NoticeView:
    message = sent.message
    return NoticeView(
        id=message.id,
        kind=message.kind,
        account=message.payload.get("account"),
        at=datetime.fromisoformat(message.payload["at"]) if "at" in message.payload else message.created_at,
        sent_at=sent.sent_at,
        status=message.status,
        attempts=message.attempts,
        merged_into=sent.merged_into if sent.merged_into != message.id else None,
        error=message.error,
        clock=message.clock,
    )
