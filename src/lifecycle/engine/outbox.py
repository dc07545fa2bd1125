"""What leaves by the outbox: messages, and the words with which a destination answers.

A destination is a host's function. It is called at least once for each message, with the same id each time: a process
may die between a delivery and its record. So what it does should be harmless when repeated, by that id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.domain.machine import Json
from lifecycle.engine.ids import Ids
from lifecycle.engine.ports import WriteFailed
from lifecycle.engine.records import LogRecord, OutboxRecord
from lifecycle.engine.telling import MAIL, Audience
from lifecycle.errors import LifecycleError


@dataclass(frozen=True, slots=True)
class Message:
    """What a destination is given. `attempt` counts from 1; `created_at` is when its transition was recorded; `again`:
    it has been taken out before, and nobody knows what came of that."""

    id: str
    destination: str
    kind: str
    payload: Json
    root_id: str
    instance_id: str
    created_at: datetime
    attempt: int
    again: bool = False


Deliver = Callable[[Message], object]
"""A destination's function: it returns once the message is delivered (what it returns is dropped), or raises."""


DeliverTogether = Callable[[Sequence[Message], Callable[[Message], None]], Collection[str]]
"""Delivers what it can of several messages in one go, each of another root and none taken out before, and returns the
ids of those that are delivered. The second argument is to be told each message before something is done about it: what
was told and is not delivered is then delivered as if taken out again, what was not told as if nothing had been."""


class Undeliverable(LifecycleError):
    """Raised by a destination: this message can't be delivered, however often it is tried. It is a dead letter."""

    code = "undeliverable"


class TryLater(LifecycleError):
    """Raised by a destination: not now, but `at` an aware instant, or `after` a while. It counts as no attempt."""

    code = "try_later"

    def __init__(self, reason: str, *, at: datetime | None = None, after: timedelta | None = None) -> None:
        """Raises ValueError unless there is one of `at` and `after`."""
        super().__init__(reason)
        if (at is None) == (after is None) or (at is not None and at.tzinfo is None):
            raise ValueError("Say when to try again: `at` an aware instant, or `after` a while.")
        self._at, self._after = at, after

    def instant(self, now: datetime) -> datetime:
        """When to try again."""
        return now + (self._after or timedelta()) if self._at is None else self._at


def sends(rows: Iterable[LogRecord]) -> bool:
    """Whether one of these rows of the log sends a message."""
    return any(effect.get("effect") == "send" for row in rows for effect in row.effects)


HANDED = timedelta(minutes=1)
"""How long relays leave a message to whoever has committed it."""


def messages(
    row: LogRecord, ids: Ids, told: Callable[[], Json], audience: Audience, clock: str | None = None
) -> Iterator[OutboxRecord]:
    """The messages of a row of the log: what it sends, its notices, and one to everybody who wants to be `told` of it.
    They are due at once, when nobody has come for one that was `handed`, or when somebody who is paused goes on; on the
    `clock` of its root.

    Raises WriteFailed for a `send` that is none.
    """
    recorded_at = row.recorded_at or row.fired_at
    listening = audience.of(row)
    notices = audience.takes_notice(row)
    everything = told() if listening or notices else {}

    def message(
        place: int, destination: str, kind: str, payload: Json, *, handed: bool = False, parked: bool = False
    ) -> OutboxRecord:
        wake_at = recorded_at + HANDED if handed else recorded_at
        return OutboxRecord(
            id=ids.new("out"),
            root_id=row.root_id,
            seq=row.seq,
            place=place,
            instance_id=row.instance_id,
            destination=destination,
            kind=kind,
            payload=payload,
            created_at=recorded_at,
            wake_at=None if parked else wake_at,
            status="parked" if parked else "waiting",
            clock=clock,
        )

    for place, one in enumerate(listening, 1):
        yield message(-place, one.name, f"{row.machine}.{row.event}", everything, parked=one.paused and clock is None)
    for place, effect in enumerate(row.effects):
        match effect:
            case {"effect": "notice", "kind": str(kind)} if notices:
                yield message(place, MAIL, kind, everything)
            case {"effect": "send", "destination": str(destination), "kind": str(kind), "payload": dict(payload)}:
                yield message(place, destination, kind, payload, handed=bool(effect.get("handed")))
            case {"effect": "send"}:
                raise WriteFailed("A message could not be written: a destination and a kind are text, a payload a map.")
