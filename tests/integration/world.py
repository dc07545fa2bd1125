"""A `Lifecycle` on a virtual clock over a fresh database: what the tests of the application start from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from lifecycle import Lifecycle, VirtualClock
from lifecycle.engine.ids import Ids, counting
from tests.mails import AWAY
from tests.schema import give_schema

PROJECT = Path(__file__).parents[2]

NOT_REMINDED = {"LIFECYCLE_POLICIES__TRIAL__REMINDER": "0d", "LIFECYCLE_POLICIES__NOTICES__RENEWAL": "0d"}
"""Settings for what is about something else than reminders, and counts what happens."""


@contextmanager
def travelling(database_url: str, start: str, **environ: str) -> Iterator[tuple[Lifecycle, VirtualClock]]:
    """The project's own configuration on `database_url`, with the clock standing at `start` (ISO 8601)."""
    clock = VirtualClock(datetime.fromisoformat(start))
    lifecycle = Lifecycle.from_config(
        PROJECT / "config.yaml",
        clock=clock,
        ids=Ids(clock, counting()),
        environ={"LIFECYCLE_DATABASE__URL": database_url, **AWAY, **environ},
    )
    give_schema(lifecycle.database)
    try:
        yield lifecycle, clock
    finally:
        lifecycle.close()
