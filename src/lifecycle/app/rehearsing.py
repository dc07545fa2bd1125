"""A rehearsal: the same engine on a copy in memory, with a clock of its own, to see what would happen.

Nothing of it reaches the outside: the gateway's answers are assumed, no other destination of the outbox is served, no
hook hears of it, no line is logged, and the database that was copied from is only read.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from lifecycle.app.context import Context
from lifecycle.app.delivering import Delivering
from lifecycle.app.handlers import Handlers
from lifecycle.app.outbox import Outbox
from lifecycle.app.parts import Parts
from lifecycle.app.till import GATEWAY, LATE, Till
from lifecycle.app.travelling import travel, unwatched
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.records import LogRecord
from lifecycle.gateways.assumed import AssumedGateway
from lifecycle.store import copying, migrate
from lifecycle.store.copying import Extent
from lifecycle.store.database import Database

DESTINATIONS = (GATEWAY, LATE)
"""What is delivered in a rehearsal, to the assumed gateway."""


class Rehearsal(Parts):
    """What a `Lifecycle` offers, on a copy that is empty at first and gone once it is closed; it is `now` there.

    `declines`: every charge is declined; else every one succeeds. Other ids and numbers are given out than there will
    be. Its methods raise DefinitionError.
    """

    def __init__(self, context: Context, now: datetime, *, declines: bool = False) -> None:
        self.clock = VirtualClock(now)
        self.database = Database("sqlite://")
        gateway = AssumedGateway(self.clock, declines=declines)
        super().__init__(context.rehearsing(self.database, self.clock, gateway))
        served = dict.fromkeys(DESTINATIONS, Till(self._context).deliver)
        self.delivering = Delivering(self._context, served, Handlers(()), quiet=True)
        self._context.drive = self.delivering.drive
        self.outbox = Outbox(self._context)

    def take_in(self, source: Connection, which: Extent) -> None:
        """Copy these roots and accounts, as a reading transaction sees them; once, before all else."""
        migrate.create(self.database)
        with self.database.writing() as target:
            copying.copy(source, target, which)

    def advance_to(self, instant: datetime) -> list[LogRecord]:
        """As `Lifecycle.advance_to`: all that would happen up to `instant`, in the order in which it would."""
        return travel(self.engine, self.delivering, instant, fire=unwatched(self.engine))

    def close(self) -> None:
        """Forget the copy."""
        self.database.dispose()
