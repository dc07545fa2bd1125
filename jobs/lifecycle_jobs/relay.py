"""The calendar job that takes the messages in the outbox to their destinations."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

RUN = timedelta(seconds=4)
"""How long one run goes on at most: less than from one to the next, and no daemon that stops waits longer for it."""


class Relaying(Protocol):
    """What the job needs of a `Lifecycle`."""

    def relay_in_lanes(self, *, within: timedelta | None = None) -> object:
        """Deliver what is due, each destination beside the others, and wait for money for at most so long."""
        ...


def relay_outbox(lifecycle: Relaying) -> None:
    """Deliver what is due; what is left is for the next run."""
    lifecycle.relay_in_lanes(within=RUN)
