"""An engine of a test's own on a virtual clock, and the ways to move it: to an instant, for a time, to what comes next.

Nothing sleeps, and nothing runs in a thread unless the real scheduler is asked for. Two runs of one story are the same
to the last byte: identifiers count, and nothing of the machine gets in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta

from lifecycle.app.arguments import moment
from lifecycle.app.lifecycle import Lifecycle
from lifecycle.config import Config
from lifecycle.config.model import NO_MAIL, GatewaySettings
from lifecycle.domain.calendar import shift
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.ids import Ids, counting
from lifecycle.errors import LifecycleError
from lifecycle.gateways.sandbox import SandboxGateway
from lifecycle.store.queries import DueTransition, Step
from lifecycle.testing.databases import IN_MEMORY, fresh

NEXT = "next"


class Traveller:
    """A `Lifecycle` on a `clock`, without calendar jobs, and with the sandbox as its gateway."""

    def __init__(self, lifecycle: Lifecycle, clock: VirtualClock) -> None:
        self.lifecycle = lifecycle
        self.clock = clock

    @property
    def now(self) -> datetime:
        """Where the clock stands; aware, in UTC."""
        return self.clock.now()

    @property
    def gateway(self) -> SandboxGateway:
        """The sandbox, with its ledger."""
        gateway = self.lifecycle.gateway
        if not isinstance(gateway, SandboxGateway):
            raise TypeError(f"{gateway.name} is not the sandbox.")
        return gateway

    def travel_to(self, when: str | date | datetime, *, scheduler: bool = False) -> list[Step]:
        """Fire all that is due up to `when`, each at its own instant, deliver what the outbox holds on the way, and
        stand there; what happened. Dates, and text without an offset, are local to the configured zone.

        `when` may also be `next`, or a length such as `+14d` or `+1 month`. `scheduler`: APScheduler fires it, in its
        own threads. Raises LifecycleError (`nothing_due`), Refused (`invalid`).
        """
        instant = self.instant(when)
        if not scheduler:
            return self.lifecycle.advance_to(instant)
        with self.lifecycle.start() as through:
            return self.lifecycle.advance_to(instant, through=through)

    def travel(
        self, *, months: int = 0, weeks: int = 0, days: int = 0, hours: float = 0, minutes: float = 0
    ) -> list[Step]:
        """The same for so long: months, weeks and days by the calendar of the configured zone, the rest exactly."""
        zone = self.lifecycle.config.zone
        later = shift(shift(self.now, "month", months, zone), "day", 7 * weeks + days, zone)
        return self.travel_to(later + timedelta(hours=hours, minutes=minutes))

    def travel_to_next(self) -> list[Step]:
        """The same to the next thing that is due. Raises LifecycleError (`nothing_due`)."""
        return self.travel_to(NEXT)

    def stand_still_until(self, when: str | date | datetime) -> list[Step]:
        """Time passes and no daemon is there, until `when`; then one comes up, and catches up. What it fired."""
        self.clock.move_to(self.instant(when))
        return self.lifecycle.advance_to(self.now)

    def instant(self, when: str | date | datetime) -> datetime:
        """The instant that is meant, aware and in UTC. Raises as `travel_to`."""
        if when == NEXT:
            return self._next().due_at
        return moment(when, self.lifecycle.config.zone, self.now)

    def _next(self) -> DueTransition:
        """What comes next, of all that is deferred: neither a reminder nor the end of a quote, which change nothing."""
        coming = (one for one in self.lifecycle.due() if one.status == "live")
        found = next((one for one in coming if one.machine != "order"), None)
        if found is None:
            raise LifecycleError("Nothing is due any more.", code="nothing_due")
        return found


@contextmanager
def journey(
    config: Config, start: datetime, *, url: str = IN_MEMORY, clock: VirtualClock | None = None
) -> Iterator[Traveller]:
    """A traveller who starts at `start` on a database of its own at `url`; see `databases.fresh`.

    Of the configuration nothing is taken that would reach out of the test: no calendar jobs, no mailbox, no gateway but
    the sandbox. `clock`: the one to be moved, which stands at `start`.
    """
    clock = clock or VirtualClock(start)
    with fresh(url) as database:
        its_url = database.url.render_as_string(hide_password=False)
        apart = replace(config, database_url=its_url, jobs=(), mail=NO_MAIL, gateway=_sandbox(config))
        lifecycle = Lifecycle(apart, clock=clock, ids=Ids(clock, counting()), database=database)
        try:
            yield Traveller(lifecycle, clock)
        finally:
            lifecycle.close()


def _sandbox(config: Config) -> GatewaySettings:
    return GatewaySettings(charge_timeout=config.gateway.charge_timeout)
