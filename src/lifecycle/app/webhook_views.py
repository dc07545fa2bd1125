"""Webhooks as people and programs see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from lifecycle.store import outbox
from lifecycle.store import webhooks as store
from lifecycle.store.queries import StoredInstance
from lifecycle.store.webhooks import PREFIX


@dataclass(frozen=True, slots=True)
class WebhookView:
    """A webhook as it stands. `state`: `live`, `paused` (what is written for it waits), `disabled` (it has answered
    410), `removed`; `waiting` is how many messages are still to be delivered, `failing_since` when it began to fail."""

    id: str
    url: str
    events: Sequence[str]
    description: str
    state: str
    waiting: int
    failing_since: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """A webhook and the secret that was just made for it, which is not shown again."""

    webhook: WebhookView
    secret: str = field(repr=False)


def views(connection: Connection, found: Sequence[StoredInstance]) -> list[WebhookView]:
    """Of these instances, in their order."""
    waiting = outbox.unfinished(connection, [PREFIX + one.id for one in found])
    failing = store.failing(connection)
    return [
        WebhookView(
            id=one.id,
            url=one.facts["url"],
            events=one.facts["events"],
            description=one.facts.get("description", ""),
            state=one.state,
            waiting=waiting.get(PREFIX + one.id, 0),
            failing_since=failing.get(one.id),
        )
        for one in found
    ]
