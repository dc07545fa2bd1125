"""Webhooks: addresses of the host's that are told of transitions by the outbox, signed as Standard Webhooks has it.

A webhook is an instance of a machine of its own. Its secrets stand apart from the log and are shown where they are
made, once. What it is told of is written in the transaction that changes it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import timedelta
from secrets import token_bytes
from typing import TypedDict, Unpack

from sqlalchemy import Connection

from lifecycle.app.arguments import invalid
from lifecycle.app.context import Context, SqlWork
from lifecycle.app.handlers import check_events
from lifecycle.app.operations import Given
from lifecycle.app.outbox import Outbox
from lifecycle.app.reaching import Resolve, by_system
from lifecycle.app.webhook_addresses import Forbidden
from lifecycle.app.webhook_sender import listening, poster_of
from lifecycle.app.webhook_views import WebhookSecret, WebhookView, views
from lifecycle.domain.machine import Json
from lifecycle.domain.refusals import refused
from lifecycle.engine.commands import Command, Creation
from lifecycle.engine.records import OutboxRecord
from lifecycle.errors import LifecycleError, NotFound
from lifecycle.store import outbox, queries
from lifecycle.store import webhooks as store
from lifecycle.store.queries import StoredInstance
from lifecycle.store.subscribers import unsubscribe
from lifecycle.store.webhooks import PREFIX, Delivery

KIND = "webhook"
CLASS = "lifecycle_machines.webhook:WebhookMachine"
OVERLAP = timedelta(hours=24)
LONGEST_OVERLAP = timedelta(days=30)
LONGEST_DESCRIPTION = 200
KEPT_FOR = timedelta(days=30)
"""How long attempts are kept at messages that are finished."""
RECEIVING = ("live", "paused")


class Done(TypedDict, total=False):
    """What goes with each command."""

    by: str
    """Which operator; `operator` unless said."""
    reason: str | None
    """Why, in their words; kept apart from the log."""


class Edited(Done, total=False):
    """What is to be another one."""

    url: str
    events: Sequence[str]
    description: str


class Webhooks:
    """Commands raise Refused with a stable code, NotFound, and LifecycleError (`webhooks_not_configured`)."""

    def __init__(self, context: Context, *, resolve: Resolve = by_system) -> None:
        self._context = context
        self._outbox = Outbox(context)
        self._poster = poster_of(context.config, resolve)

    # Reading

    def get(self, webhook: str) -> WebhookView:
        """One, by its id. Raises NotFound."""
        self._ready()
        with self._context.database.reading() as connection:
            return views(connection, [_found(connection, webhook)])[0]

    def list(self) -> Sequence[WebhookView]:
        """All that were not removed, oldest first."""
        self._ready()
        with self._context.database.reading() as connection:
            found = queries.instances(connection, machine=KIND)
            return views(connection, [one for one in found if one.state != "removed"])

    def deliveries(
        self, *, webhook: str | None = None, message: str | None = None, limit: int | None = None
    ) -> Sequence[Delivery]:
        """Attempts, at a webhook or of a message or all, oldest first; of `limit`, the newest. Raises NotFound."""
        self._ready()
        with self._context.database.reading() as connection:
            if webhook is not None:
                _found(connection, webhook)
            if message is not None and outbox.find(connection, message) is None:
                raise NotFound("message", message)
            return store.deliveries(connection, webhook_id=webhook, message_id=message, limit=limit)

    # Commands

    def add(
        self, url: str, *, events: Sequence[str] = ("*",), description: str = "", **done: Unpack[Done]
    ) -> WebhookSecret:
        """Have an address told of these events from now on. Refused `webhook_forbidden`, `invalid`, `not_operator`.

        Raises LifecycleError (`hook_unknown`) for an event that nothing has.
        """
        self._may(done)
        facts = self._checked({"url": url, "events": [*events], "description": description})
        secret = new_secret()

        def job(work: SqlWork) -> str:
            connection = work.transaction.connection
            with self._context.actor(work.transaction, done.get("by", "operator")) as actor:
                creation = Creation(KIND, "added", actor, "whk", arguments=facts, reason=done.get("reason"))
                id = work.create(creation).id
            store.rotate(connection, id, secret, work.now(), work.now())
            listening(connection, id, facts["events"])
            return id

        return WebhookSecret(self.get(self._context.engine.attempt(job)), secret)

    def edit(self, webhook: str, **edited: Unpack[Edited]) -> WebhookView:
        """Change its address, what it is told of, or its description. Refused as `add`, and `no_change`."""
        self._may(edited)
        before = self.get(webhook)
        said: Json = {name: edited[name] for name in ("url", "events", "description") if name in edited}
        facts = self._checked(said | ({"events": [*said["events"]]} if "events" in said else {}))
        if all(facts[name] == getattr(before, name) for name in facts):
            raise refused("no_change")

        def follow(work: SqlWork, state: str) -> None:
            connection = work.transaction.connection
            if "events" in facts and state in RECEIVING:
                listening(connection, webhook, facts["events"], paused=state == "paused")
            if "url" in facts:  # it is another one that has failed
                store.fails(connection, webhook, None)
                if state == "live":
                    outbox.unpark(connection, PREFIX + webhook, work.now())

        return self._command(webhook, "edited", facts, edited, follow)

    def rotate(self, webhook: str, *, overlap: timedelta = OVERLAP, **done: Unpack[Done]) -> WebhookSecret:
        """A new secret. What is sent bears signatures by it and by the one before, for as long as they overlap."""
        if not timedelta() <= overlap <= LONGEST_OVERLAP:
            raise invalid(f"Secrets overlap for at most {LONGEST_OVERLAP.days} days, and for no time at least.")
        secret = new_secret()

        def follow(work: SqlWork, _state: str) -> None:
            store.rotate(work.transaction.connection, webhook, secret, work.now(), work.now() + overlap)

        arguments = {"overlap": int(overlap.total_seconds())}
        return WebhookSecret(self._command(webhook, "rotated", arguments, done, follow), secret)

    def test(self, webhook: str, **done: Unpack[Done]) -> WebhookView:
        """Send it a message of the type `webhook.test`. Refused `webhook_paused`, `webhook_disabled`."""
        return self._command(webhook, "tested", {}, done)

    def pause(self, webhook: str, **done: Unpack[Done]) -> WebhookView:
        """Deliver nothing until it is resumed: what is written for it waits. Refused `no_change`."""

        def follow(work: SqlWork, _state: str) -> None:
            listening(work.transaction.connection, webhook, _events(work, webhook), paused=True)

        return self._command(webhook, "paused", {}, done, follow)

    def resume(self, webhook: str, **done: Unpack[Done]) -> WebhookView:
        """Deliver again, at once and with all attempts what has waited. Refused `no_change`."""

        def follow(work: SqlWork, _state: str) -> None:
            connection = work.transaction.connection
            listening(connection, webhook, _events(work, webhook))
            store.fails(connection, webhook, None)
            outbox.unpark(connection, PREFIX + webhook, work.now())

        return self._command(webhook, "resumed", {}, done, follow)

    def remove(self, webhook: str, **done: Unpack[Done]) -> WebhookView:
        """Tell it nothing more, drop what waits for it, and forget its secrets."""

        def follow(work: SqlWork, _state: str) -> None:
            connection = work.transaction.connection
            unsubscribe(connection, PREFIX + webhook)
            outbox.drop_all(connection, PREFIX + webhook, work.now())
            store.forget_secrets(connection, webhook)

        return self._command(webhook, "removed", {}, done, follow)

    def resend(self, message: str, **given: Unpack[Given]) -> OutboxRecord:
        """Deliver a message to a webhook once more, under the same id and with all its attempts; one that has arrived
        too. An operator's act, which needs a reason. Raises NotFound; refused `in_delivery`, and as the webhook's state
        has it."""
        self._may(given)
        with self._context.database.reading() as connection:
            found = outbox.find(connection, message)
            if found is None or not found.destination.startswith(PREFIX):
                raise NotFound("message of a webhook", message)
            webhook = _found(connection, found.destination.removeprefix(PREFIX))
        if webhook.state in ("disabled", "removed"):
            raise refused(f"webhook_{webhook.state}")
        return self._outbox.again(message, **given)

    def forget_deliveries(self) -> int:
        """Drop what became of attempts that are older than 30 days, at messages that are finished; how many."""
        self._context.ready()
        with self._context.database.writing() as connection:
            return store.forget_deliveries(connection, self._context.clock.now() - KEPT_FOR)

    # What they share

    def _command(
        self,
        webhook: str,
        event: str,
        arguments: Json,
        done: Done,
        follow: Callable[[SqlWork, str], None] = lambda _work, _state: None,
    ) -> WebhookView:
        """An event for a webhook, and what follows from it beside the log, together."""
        self._may(done)

        def job(work: SqlWork) -> None:
            _found(work.transaction.connection, webhook)
            with self._context.actor(work.transaction, done.get("by", "operator")) as actor:
                command = Command(webhook, event, actor, arguments, done.get("reason"))
                follow(work, work.command(command).state)

        self._context.engine.attempt(job)
        return self.get(webhook)

    def _checked(self, facts: Json) -> Json:
        """What is said of a webhook, if it can be. Raises Refused, and LifecycleError (`hook_unknown`)."""
        if "events" in facts:
            if not facts["events"]:
                raise invalid("A webhook is told of something: machine.event, machine.state, machine.*, or *.")
            check_events(facts["events"], self._context.registry)
        description = facts.get("description", "")
        if len(description) > LONGEST_DESCRIPTION or not (description.isprintable() or not description):
            raise invalid(f"A description has at most {LONGEST_DESCRIPTION} printable characters.")
        if "url" in facts:
            try:
                self._poster.check(facts["url"])
            except Forbidden as error:
                raise refused("webhook_forbidden", message=str(error)) from error
            except OSError as error:
                raise invalid(f"The webhook's host can't be found: {error}.") from error
        return facts

    def _may(self, done: Done | Given) -> None:
        """See that an operator does this, before anything else (rule I14). Raises Refused (`not_operator`)."""
        self._ready()
        with self._context.database.reading() as connection:
            self._context.see_right(connection, "", done.get("by", "operator"), "operate")

    def _ready(self) -> None:
        self._context.ready()
        if KIND not in self._context.registry.kinds:
            told = f"This configuration runs no webhooks; add under `machines` the line: - {CLASS}"
            raise LifecycleError(told, code="webhooks_not_configured")


def new_secret() -> str:
    """256 random bits, as Standard Webhooks writes a secret."""
    return f"whsec_{b64encode(token_bytes(32)).decode()}"


def _events(work: SqlWork, webhook: str) -> Sequence[str]:
    events: Sequence[str] = work.find(webhook)[1].facts["events"]
    return events


def _found(connection: Connection, webhook: str) -> StoredInstance:
    found = queries.instances(connection, machine=KIND, id=webhook)
    if not found:
        raise NotFound(KIND, webhook)
    return found[0]
