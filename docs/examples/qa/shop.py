"""A shop that sells plans: a hook that keeps a diary, and a page that counts days. It has never heard of tests."""

from __future__ import annotations

from datetime import UTC, datetime

from lifecycle import Lifecycle, Step

diary: list[tuple[datetime, str]] = []


def open_shop(lifecycle: Lifecycle) -> None:
    """Write down who leaves, and when by the clock of this process."""

    @lifecycle.on("subscription.ended")
    def farewell(step: Step) -> None:
        diary.append((datetime.now(UTC), step.event))


def days_left(lifecycle: Lifecycle, subscription: str) -> int:
    """Whole days until something happens by itself, as the customer's page counts them."""
    coming = lifecycle.subscriptions.get(subscription).next
    return 0 if coming is None else (coming.due_at - datetime.now(UTC)).days
