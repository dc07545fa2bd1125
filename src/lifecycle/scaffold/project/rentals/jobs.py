"""What the daemon runs on a calendar: config.yaml says when. It is called with the `Lifecycle` that runs it."""

from __future__ import annotations

from datetime import timedelta

import structlog

from lifecycle import Lifecycle

log = structlog.get_logger("rentals")


def tell_what_is_due(lifecycle: Lifecycle) -> None:
    """A log line for each rental that falls due within a day."""
    for coming in lifecycle.due(until=lifecycle.clock.now() + timedelta(days=1)):
        if coming.machine == "rental":
            log.info("falls_due_soon", rental=coming.instance_id, due_at=coming.due_at.isoformat())
