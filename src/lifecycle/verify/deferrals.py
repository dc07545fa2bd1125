"""Whether the deferrals that are stored are those that the facts demand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

Wrong = Iterator[tuple[str, str]]
"""A code and a sentence for each thing that is wrong."""


def compared(demanded: Mapping[str, datetime], stored: Mapping[str, datetime]) -> Wrong:
    """Due instants by event."""
    for event, due_at in demanded.items():
        if event not in stored:
            yield "deferral_missing", f"{event} at {due_at.isoformat()} is missing."
        elif stored[event] != due_at:
            yield "deferral_due", f"{event} is due at {stored[event].isoformat()}, not at {due_at.isoformat()}."
    for event in stored.keys() - demanded.keys():
        yield "deferral_unasked", f"{event} at {stored[event].isoformat()} is not asked for."
