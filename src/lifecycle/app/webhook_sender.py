"""Delivers messages to webhooks, signed as Standard Webhooks has it: at least once, the same bytes each time.

Every attempt is kept. A webhook that has only failed for long is paused and nothing is lost: what is written for it
waits until somebody resumes it. One that answers 410 is disabled, and what waits for it is dropped.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial

from sqlalchemy import Connection
from standardwebhooks.webhooks import Webhook

from lifecycle.app.context import Context
from lifecycle.app.presence import release
from lifecycle.app.reaching import Resolve, by_system
from lifecycle.app.webhook_addresses import Allowed, Forbidden, networks_of
from lifecycle.app.webhook_circuit import Circuit
from lifecycle.app.webhook_http import Poster, Replied
from lifecycle.config.model import Config, WebhookSettings
from lifecycle.domain.machine import Json
from lifecycle.engine.clock import stopwatch
from lifecycle.engine.outbox import Message, TryLater, Undeliverable
from lifecycle.engine.records import Subscriber
from lifecycle.engine.relay import Terms, told
from lifecycle.engine.work import Work
from lifecycle.errors import LifecycleError
from lifecycle.store import outbox
from lifecycle.store import webhooks as store
from lifecycle.store.subscribers import subscribe, unsubscribe
from lifecycle.store.transaction import SqlTransaction
from lifecycle.store.webhooks import PREFIX, Endpoint

GONE = 410
BUSY = (429, 503)
FEW = 3
"""So often at least one message is tried before its webhook is paused for having failed too long."""
KEPT = 2000
"""How many characters of an answer are kept."""
WHILE_PAUSED = timedelta(minutes=1)
LONGEST_ASKED = timedelta(hours=1)
"""How long a webhook can ask to be left alone by `Retry-After`."""


class NotTaken(LifecycleError):
    """A webhook has not taken a message (code `webhook_failed`)."""

    code = "webhook_failed"


@dataclass(frozen=True, slots=True)
class _Tried:
    """What became of an attempt: an answer, or why there is none."""

    reply: Replied | None
    error: str | None
    milliseconds: int

    @property
    def went_well(self) -> bool:
        return self.reply is not None and 200 <= self.reply.status < 300

    @property
    def told(self) -> str:
        return self.error or f"It answered {self.reply.status if self.reply else 'nothing'}."


class WebhookSender:
    """Serves every destination that begins with `webhook:`. `resolve` answers for names."""

    def __init__(self, context: Context, *, resolve: Resolve = by_system) -> None:
        settings = context.config.webhooks
        self._context = context
        self._settings = settings
        self._poster = poster_of(context.config, resolve)
        self._circuit = Circuit(partial(terms_of(settings).retry_after, chance=0.0))

    def deliver(self, message: Message) -> None:
        """Raises TryLater while the webhook is left alone or paused, Undeliverable once it is gone, and NotTaken, which
        is a failed attempt."""
        id, now = message.destination.removeprefix(PREFIX), self._context.clock.now()
        with self._context.database.reading() as connection:
            found = store.endpoint(connection, id, now)
        if found is None or found.state in ("removed", "disabled"):
            raise Undeliverable("The webhook is gone.")
        if found.state == "paused":
            raise TryLater("The webhook is paused.", after=WHILE_PAUSED)
        if found.failing_since is None:  # somebody has resumed it, or reached it from another process
            self._circuit.went_well(id)
        if until := self._circuit.until(id, now):
            raise TryLater("The webhook has just failed, and is left alone for a while.", at=until)
        tried = self._try(found, message, now)
        if tried.went_well:
            self._circuit.went_well(id)
            self._note(found, message, now, tried, None)
        else:
            self._failed(found, message, now, tried)

    def _try(self, endpoint: Endpoint, message: Message, now: datetime) -> _Tried:
        body, started = body_of(message), stopwatch()
        reply, error = None, None
        try:
            reply = self._poster.post(endpoint.facts["url"], headers_of(message, body, now, endpoint.secrets), body)
        except (Forbidden, OSError, http.client.HTTPException) as raised:
            error = told(raised)
        return _Tried(reply, error, int((stopwatch() - started) * 1000))

    def _failed(self, endpoint: Endpoint, message: Message, now: datetime, tried: _Tried) -> None:
        """Raises what the relay is to make of it."""
        since = endpoint.failing_since or now
        self._note(endpoint, message, now, tried, since)
        if tried.reply is not None and tried.reply.status == GONE:
            self._disable(endpoint.id, message)
            raise Undeliverable("The webhook has answered that it is gone (410), and is disabled.")
        self._circuit.failed(endpoint.id, now, _asked(tried.reply, now))
        is_last = message.attempt >= self._settings.attempts
        for_long = now - since >= self._settings.pause_after.timedelta
        if is_last or (for_long and message.attempt >= FEW):  # two failures far apart say nothing
            self._pause(endpoint.id, since)
            raise TryLater(f"{tried.told} The webhook is paused, and this waits for it.", after=WHILE_PAUSED)
        raise NotTaken(tried.told)

    def _note(self, endpoint: Endpoint, message: Message, now: datetime, tried: _Tried, since: datetime | None) -> None:
        """Keep the attempt, and since when there are only failures."""
        reply = tried.reply
        kept = {
            "milliseconds": tried.milliseconds,
            "status": None if reply is None else reply.status,
            "body": "" if reply is None else _text(reply.body),
            "error": tried.error,
        }
        with self._context.database.writing() as connection:
            store.add_delivery(connection, message.id, endpoint.id, now, kept)
            if since != endpoint.failing_since:
                store.fails(connection, endpoint.id, since)

    # What the engine does to a webhook by itself, unless somebody was faster

    def _pause(self, webhook_id: str, since: datetime) -> None:
        def job(work: Work[SqlTransaction]) -> None:
            if _state(work, webhook_id) == "live":
                answer = work.record(webhook_id, "paused", {"failing_since": since.isoformat()})
                listening(work.transaction.connection, webhook_id, answer.facts["events"], paused=True)

        self._context.engine.attempt(job)

    def _disable(self, webhook_id: str, message: Message) -> None:
        def job(work: Work[SqlTransaction]) -> None:
            if _state(work, webhook_id) in ("live", "paused"):
                connection = work.transaction.connection
                work.record(webhook_id, "disabled", {"message": message.id})
                unsubscribe(connection, PREFIX + webhook_id)
                outbox.drop_all(connection, PREFIX + webhook_id, work.now(), besides=message.id)

        self._context.engine.attempt(job)


def listening(connection: Connection, webhook_id: str, events: Sequence[str], *, paused: bool = False) -> None:
    """Have a webhook told of these; while it is paused, what waits for it is laid aside."""
    subscribe(connection, Subscriber(PREFIX + webhook_id, tuple(events), paused))
    if paused:
        outbox.park(connection, PREFIX + webhook_id)


def body_of(message: Message) -> bytes:
    """What is sent: canonical JSON, the same bytes each time."""
    sent: Json = {"type": message.kind, "timestamp": message.payload["at"], "data": message.payload}
    return json.dumps(sent, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def headers_of(message: Message, body: bytes, at: datetime, secrets: Sequence[str]) -> dict[str, str]:
    """With a signature by each of the secrets, newest first."""
    signed = [Webhook(secret).sign(message.id, at, body.decode()) for secret in secrets]
    return {
        "content-type": "application/json",
        "user-agent": f"lifecycle/{release().replace(' ', '-')}",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signed),
    }


def poster_of(config: Config, resolve: Resolve = by_system) -> Poster:
    """What posts as the configuration has it."""
    settings = config.webhooks
    allowed = Allowed(networks_of(settings.allow), settings.http)
    ca = None if settings.ca is None else str(config.path.parent / settings.ca)
    return Poster(allowed, settings.timeout.timedelta, resolve=resolve, ca=ca)


def terms_of(settings: WebhookSettings) -> Terms:
    """How the configuration has deliveries to webhooks tried."""
    return Terms(
        attempts=settings.attempts,
        first_retry=settings.first_retry.timedelta,
        longest_retry=settings.longest_retry.timedelta,
    )


def _state(work: Work[SqlTransaction], webhook_id: str) -> str:
    return work.find(webhook_id)[1].record.state


def _asked(reply: Replied | None, now: datetime) -> timedelta:
    """How long the server has asked to be left alone, within bounds: seconds, or a date."""
    if reply is None or reply.status not in BUSY or not reply.retry_after:
        return timedelta()
    said = reply.retry_after.strip()
    if said.isascii() and said.isdigit():
        return timedelta(seconds=min(int(said[:9]), LONGEST_ASKED.total_seconds()))
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return timedelta()
    return min(max(at.replace(tzinfo=at.tzinfo or UTC) - now, timedelta()), LONGEST_ASKED)


def _text(body: bytes) -> str:
    """The beginning of an answer, as text that any database takes."""
    return body[: 4 * KEPT].decode("utf-8", "replace").replace("\0", "�")[:KEPT]
