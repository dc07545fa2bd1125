"""A shop whose daemon was down for ten years: thousands of cycles are due, on known dates of the calendar.

Every half year since 31 January 2016 some bought `team`, by the month, in Paris, and others `basic`, with a trial of 14
days, in New York. Since two months before now there are customers who have little due, to send commands for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from sqlalchemy import update

from lifecycle import Lifecycle, SystemClock, VirtualClock
from lifecycle.engine.clock import Clock
from lifecycle.store import schema
from tests.mails import AWAY
from tests.schema import give_schema
from tests.torture.cards import NOTHING_IS_CHARGED

FIRST = datetime(2016, 1, 31, 12, tzinfo=UTC)
GROUPS = 20
CUSTOMERS = 20
TRIAL = timedelta(days=14)
OLD_KEY = "long ago"
PROJECT = Path(__file__).parents[2]
Event = tuple[str, datetime]


@contextmanager
def lifecycle_on(url: str, clock: Clock | None = None, *, batch: int = 2) -> Iterator[Lifecycle]:
    """The project's configuration on a database, with small batches, so that there are many commits, and no charges."""
    environ = (
        NOTHING_IS_CHARGED
        | AWAY
        | {
            "LIFECYCLE_DATABASE__URL": url,
            "LIFECYCLE_SCHEDULER__BATCH": str(batch),
            "LIFECYCLE_SCHEDULER__HEARTBEAT": "1s",
        }
    )
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", clock=clock, environ=environ)
    try:
        yield lifecycle
    finally:
        lifecycle.close()


def migrated(url: str) -> None:
    """Give a database the schema."""
    with lifecycle_on(url) as lifecycle:
        give_schema(lifecycle.database)


def open_shop(url: str, subscriptions: int) -> None:
    """Make so many old subscriptions, in all, and the customers. Their keys have been forgotten since."""
    with lifecycle_on(url, clock := VirtualClock(FIRST)) as lifecycle:
        for group in range(GROUPS):
            clock.move_to(FIRST + relativedelta(months=6 * group))
            _subscribe(lifecycle, f"old-{group}", subscriptions // GROUPS)
        clock.move_to(SystemClock().now() - relativedelta(months=2))
        _subscribe(lifecycle, "new", CUSTOMERS)


def forget_keys(lifecycle: Lifecycle) -> None:
    """Let so much time pass for the old keys that they can be used again."""
    answers = schema.answers
    with lifecycle.database.writing() as connection:
        connection.execute(update(answers).values(created_at=FIRST).where(answers.c.key == OLD_KEY))


def _subscribe(lifecycle: Lifecycle, name: str, number: int) -> None:
    kinds = ("team,Europe/Paris", "basic,America/New_York")
    rows = "".join(f"{name}-{n},{name}-{n}@shop.test,{kinds[n % 2]},month,yes\n" for n in range(number))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "customers.csv"
        path.write_text(f"account,email,plan,zone,interval,payment_method\n{rows}", encoding="utf-8")
        lifecycle.import_customers(path, by="system", key=OLD_KEY)


def foretold(start: datetime, zone: str, plan: str, until: datetime) -> list[Event]:
    """What fires by itself on a subscription that starts then, by the calendar on the wall."""
    local, events = start.astimezone(ZoneInfo(zone)), list[Event]()
    if plan == "basic":
        local += TRIAL
        events.append(("trial_ends", local.astimezone(UTC)))
    for month in range(1, 12 * 100):
        cycle = (local + relativedelta(months=month)).astimezone(UTC)
        if cycle > until:
            break
        events.append(("cycle_starts", cycle))
    return [event for event in events if event[1] <= until]
