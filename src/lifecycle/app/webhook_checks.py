"""What can be asked about webhooks, as part of what `doctor` asks."""

from __future__ import annotations

from lifecycle.app.checks import Answer, Subject
from lifecycle.store import webhooks as store


def webhooks(subject: Subject) -> Answer:
    """How many are told nothing: paused, disabled, or failing."""
    with subject.database.reading() as connection:
        count = store.troubled(connection)
    if count:
        return "warn", count, f"{count} webhooks are paused, disabled or failing: lifecycle webhooks list"
    return "ok", 0, "No webhook is paused, disabled or failing."
