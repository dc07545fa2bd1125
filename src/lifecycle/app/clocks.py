"""Named clocks: testers put accounts on them, and have time pass there, beside a daemon that goes on (rule G4).

A clock stands still until it is advanced, and goes forward only. Whoever advances one has it for so long, by a lease
that ends by itself; its row is moved before anything fires at the new instant, so that after a crash it stands at the
last instant reached, and whoever advances it again goes on from there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from lifecycle.app import arguments
from lifecycle.app.advancing import Advancing, ClockCopy, Holder, KeptClock
from lifecycle.app.arguments import When
from lifecycle.app.clock_outbox import ClockOutbox
from lifecycle.app.context import Context
from lifecycle.app.delivering import MONEY
from lifecycle.domain.refusals import refused
from lifecycle.errors import NotFound
from lifecycle.store import clock_data, clocks
from lifecycle.store.clocks import ClockRecord
from lifecycle.store.queries import Step

_NAME = re.compile(r"[a-z0-9_-]{1,40}")


@dataclass(frozen=True, slots=True)
class NamedClock:
    """A clock: where it stands, how many accounts are on it, and when the next thing on it is due. `created_at` is real
    time; `busy`: somebody is advancing it."""

    name: str
    now: datetime
    accounts: int
    next_at: datetime | None
    busy: bool
    created_at: datetime


class Clocks:
    """Each raises Refused (`clocks_not_allowed`) where the configuration allows none."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def create(self, name: str, at: When) -> NamedClock:
        """A clock that stands at an instant; a date is local to the configured zone. Raises Refused (`invalid`,
        `clock_taken`)."""
        self._check_allowed()
        if _NAME.fullmatch(name) is None:
            raise arguments.invalid(f"{name!r} is no name of a clock: 1 to 40 of the letters a-z, digits, _ and -.")
        now = datetime.fromisoformat(arguments.instant(at, self._context.config.zone))
        with self._context.database.writing() as connection:
            if clocks.find(connection, name) is not None:
                raise refused("clock_taken")
            clocks.add(connection, ClockRecord(name, now, self._context.clock.now()))
        return self.get(name)

    def list(self) -> Sequence[NamedClock]:
        """All of them, by name."""
        self._check_allowed()
        with self._context.database.reading() as connection:
            return [self._shown(connection, one) for one in clocks.every(connection)]

    def get(self, name: str) -> NamedClock:
        """One of them. Raises NotFound."""
        self._check_allowed()
        with self._context.database.reading() as connection:
            return self._shown(connection, self._found(connection, name))

    def advance(self, name: str, to: When, *, dry_run: bool = False) -> Sequence[Step]:
        """Have time pass: everything on the clock that is due up to an instant fires and is delivered, each at its own,
        and the clock stands there. Returns the transitions; with `dry_run` those that would be, and nothing changes.

        `to` is an instant, a date in the configured zone, a length such as `+14d` or `+1 month`, or `next`: when the
        next thing is due. Raises NotFound, and Refused (`invalid`, `clock_forward_only`, `clock_busy`).
        """
        self.get(name)
        if dry_run:
            with self._rehearsing(name) as tried:
                return tried.run(to)
        with self._had(name) as advancing:
            return advancing.run(to)

    def delete(self, name: str) -> NamedClock:
        """Delete a clock with everything on it: accounts, subscriptions, invoices, their history. Returns what it was.
        Raises NotFound, and Refused (`clock_busy`)."""
        was = self.get(name)
        with self._had(name):
            with self._context.database.reading() as connection:
                accounts = clock_data.accounts_on(connection, name)
            self._context.sandbox(self._context.clock).forget(accounts)  # first: what is on a clock may lack it
            with self._context.database.writing() as connection:
                clock_data.delete_all(connection, name)
        return was

    def _check_allowed(self) -> None:
        if not self._context.config.clocks_allowed:
            raise refused("clocks_not_allowed")
        self._context.ready()

    def _found(self, connection: Connection, name: str) -> ClockRecord:
        found = clocks.find(connection, name)
        if found is None:
            raise NotFound("clock", name)
        return found

    def _shown(self, connection: Connection, one: ClockRecord) -> NamedClock:
        number, next_at = clocks.on_it(connection, one.name, MONEY)
        busy = one.lease_until is not None and one.lease_until > self._context.clock.now()
        return NamedClock(one.name, one.now, number, next_at, busy, one.created_at)

    @contextmanager
    def _had(self, name: str) -> Iterator[Advancing]:
        """Have a clock, and nobody else has it meanwhile. Raises Refused (`clock_busy`)."""
        holder = Holder(self._context, name)
        with self._context.database.writing() as connection:
            now = holder.take(connection)
        try:
            clock = KeptClock(now, holder.move_to)
            there = self._context.travelling(name, clock, [holder.hear])
            yield Advancing(there, clock, ClockOutbox(there, name), name)
        finally:
            holder.let_go()

    @contextmanager
    def _rehearsing(self, name: str) -> Iterator[Advancing]:
        """A copy in memory of what is on a clock, with its cards, where nothing is told to anybody."""
        with closing(ClockCopy(self._context, name)) as copy:
            there = copy.context.travelling(name, copy.clock)
            yield Advancing(there, copy.clock, ClockOutbox(there, name, quiet=True), name)
