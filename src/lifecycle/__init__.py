"""A subscription lifecycle engine: state machines, deferred transitions and one log, on your own database."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lifecycle.app.forecasting import Forecast
    from lifecycle.app.handlers import Transition
    from lifecycle.app.lifecycle import Lifecycle
    from lifecycle.engine.clock import SystemClock, VirtualClock
    from lifecycle.engine.outbox import Message, TryLater, Undeliverable
    from lifecycle.errors import LifecycleError, NotFound, Refused
    from lifecycle.store.queries import Step

__all__ = [
    "Forecast",
    "Lifecycle",
    "LifecycleError",
    "Message",
    "NotFound",
    "Refused",
    "Step",
    "SystemClock",
    "Transition",
    "TryLater",
    "Undeliverable",
    "VirtualClock",
]

_HOMES = {
    "Forecast": "lifecycle.app.forecasting",
    "Lifecycle": "lifecycle.app.lifecycle",
    "LifecycleError": "lifecycle.errors",
    "Message": "lifecycle.engine.outbox",
    "NotFound": "lifecycle.errors",
    "Refused": "lifecycle.errors",
    "Step": "lifecycle.store.queries",
    "SystemClock": "lifecycle.engine.clock",
    "Transition": "lifecycle.app.handlers",
    "TryLater": "lifecycle.engine.outbox",
    "Undeliverable": "lifecycle.engine.outbox",
    "VirtualClock": "lifecycle.engine.clock",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: what is not used costs nothing."""
    from importlib import import_module  # noqa: PLC0415

    if name not in _HOMES:
        raise AttributeError(f"module 'lifecycle' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
