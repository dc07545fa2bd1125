"""The calendar job that lets go of what became of attempts at webhooks, once that is old."""

from __future__ import annotations

from typing import Protocol


class Webhooks(Protocol):
    """What keeps the attempts."""

    def forget_deliveries(self) -> int:
        """Drop those that are older than 30 days, at messages that are finished."""
        ...


class Keeping(Protocol):
    """What the job needs of a `Lifecycle`."""

    @property
    def webhooks(self) -> Webhooks:
        """The webhooks."""
        ...


def forget_deliveries(lifecycle: Keeping) -> None:
    """Every night; what still waits keeps all of its attempts."""
    lifecycle.webhooks.forget_deliveries()
