"""What a transaction did, for those who act on it once it is committed: log lines, the scheduler, hooks, metrics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.engine.hand import Due
from lifecycle.engine.records import LogRecord, RootRecord
from lifecycle.errors import Refused


@dataclass(frozen=True, slots=True)
class Failure:
    """A root whose transition failed, as it was left."""

    root: RootRecord
    error: Exception


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction did. `wake_at` is the earliest instant at which one of its roots is to be looked at.

    `claimed` is the number of roots of a batch, None for a command; `seconds` is how long it took, lock and commit
    included; `refusal` is what the command met, after what was due before it had fired. `clock` is the named clock that
    all of it is on: nothing for the daemon to look at. `sends`: something waits in the outbox.
    """

    transitions: Sequence[LogRecord]
    idle: Sequence[Due] = ()
    failures: Sequence[Failure] = ()
    wake_at: datetime | None = None
    claimed: int | None = None
    seconds: float = 0.0
    refusal: Refused | None = None
    clock: str | None = None
    sends: bool = False


Listener = Callable[[Committed], None]
"""Hears what was committed, on the thread that did it, one after the other. It is quick and does not raise."""
