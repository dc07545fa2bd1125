"""The transition log, narrowed, and as it grows: no row is lost or told twice, however late its transaction commits.

A root's rows are numbered without a gap, and its number is written with them. So what is new is what lies beyond the
numbers that were seen; instants could not tell, for a row may be committed long after it was recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypedDict

from sqlalchemy import Connection

from lifecycle.app.context import Context
from lifecycle.errors import NotFound
from lifecycle.store import queries
from lifecycle.store.accounts import find_account
from lifecycle.store.queries import Step

AT_ONCE = 200
"""How many roots' news are asked for in one statement."""


class Wanted(TypedDict, total=False):
    """What of the log is wanted; all of it together."""

    account: str | None
    """Only this account's, by its id or reference."""
    instance: str | None
    """Only this instance's: a subscription, or what a host's own machine runs."""
    root: str | None
    """Only this root's: a subscription with its orders and invoices, or an account's own."""
    since: datetime | None
    """Only what has this nominal instant or a later one."""
    events: Collection[str]
    """Only these events."""
    actor: str | None
    """Only what this actor did, by name or by the id in the log."""
    reminders: bool
    """With the reminders, which are left out otherwise."""


class Following:
    """One reader's place in the log. Raises NotFound for an account that is not there."""

    def __init__(self, context: Context, wanted: Wanted) -> None:
        self._context = context
        self._wanted = wanted
        self._seen: dict[str, int] = {}
        self._rows = 0

    def first(self, last: int | None = None) -> list[Step]:
        """What there is, in nominal order; `last`: only the newest so many."""
        self._context.ready()
        with self._context.database.reading() as connection:
            return queries.steps(connection, **self._filters(connection), last=last)

    def start(self, last: int | None = None) -> list[Step]:
        """The same, and `news` goes on from there."""
        self._context.ready()
        with self._context.database.reading() as connection:
            self._rows, self._seen = queries.rows_ever(connection), queries.heads(connection)
            return queries.steps(connection, **self._filters(connection), last=last)

    def news(self) -> list[Step]:
        """What has been committed since the last look, in the order in which it was recorded; each root's by number."""
        with self._context.database.reading() as connection:
            rows = queries.rows_ever(connection)
            if rows == self._rows:
                return []
            heads = queries.heads(connection)
            grown = {root: self._seen.get(root, 0) for root, seq in heads.items() if seq > self._seen.get(root, 0)}
            found = list(self._beyond(connection, grown))
        self._rows, self._seen = rows, heads
        return sorted(found, key=lambda step: (step.recorded_at, step.root_id, step.seq))

    def _beyond(self, connection: Connection, seen: Mapping[str, int]) -> Iterator[Step]:
        roots = iter(seen.items())
        while some := dict(islice(roots, AT_ONCE)):
            yield from queries.steps(connection, **self._filters(connection), beyond=some)

    def _filters(self, connection: Connection) -> dict[str, Any]:
        wanted, account = self._wanted, self._wanted.get("account")
        owner = find_account(connection, account) if account else None
        if account and owner is None:
            raise NotFound("account", account)
        return {
            "owner_id": owner.id if owner else None,
            "instance_id": wanted.get("instance"),
            "root_id": wanted.get("root"),
            "since": wanted.get("since"),
            "events": tuple(wanted.get("events", ())),
            "actor": wanted.get("actor"),
            "reminders": wanted.get("reminders", False),
        }
