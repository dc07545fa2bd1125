"""Whether the outbox of a root holds what its log has sent, no more and no less."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle.verify.records import Json, Message, Row
from lifecycle.verify.report import Finding
from lifecycle.verify.story import same

UNFINISHED = frozenset({"waiting", "leased"})
FINISHED = frozenset({"delivered", "dead", "dropped", "merged", "parked"})
"""… or not to be looked at by a relay."""


class Outbox:
    """Takes the rows of a root's log in order. Messages of rows before the first are not judged: those rows have been
    moved out, or are missed elsewhere. `first` is its number, where a checkpoint tells it."""

    def __init__(self, messages: Sequence[Message], first: int | None = None) -> None:
        self._messages = {(message.seq, message.place): message for message in messages}
        self._first = first

    def take(self, row: Row) -> Iterator[Finding]:
        """Compare what the row sent with what the outbox holds of it."""
        if self._first is None:
            self._first = row.seq
        yield from self._told(row)
        for place, effect in enumerate(row.effects):
            if isinstance(effect, dict) and effect.get("effect") == "notice":
                yield from self._notice(row, place, effect)
            if not isinstance(effect, dict) or effect.get("effect") != "send":
                continue
            message = self._messages.pop((row.seq, place), None)
            if message is None:
                yield _about(row, "message_missing", f"Its effect {place} is not in the outbox.")
                continue
            held = {"destination": message.destination, "kind": message.kind, "payload": message.payload}
            is_it = message.instance_id == row.instance_id and same(held, {name: effect.get(name) for name in held})
            yield from _judged(row, f"Its effect {place}", message, is_it=is_it)

    def _notice(self, row: Row, place: int, effect: Json) -> Iterator[Finding]:
        """A notice is there where mail was sent when it was written."""
        message = self._messages.pop((row.seq, place), None)
        if message is not None:
            is_it = message.destination == "mail" and message.kind == effect.get("kind") and _tells(message, row)
            yield from _judged(row, f"Its effect {place}", message, is_it=is_it)

    def _told(self, row: Row) -> Iterator[Finding]:
        """Whoever has subscribed was told of the row itself, one after the other."""
        place = -1
        while (message := self._messages.pop((row.seq, place), None)) is not None:
            is_it = message.kind == f"{row.machine}.{row.event}" and _tells(message, row)
            yield from _judged(row, f"What {message.destination} is told of it", message, is_it=is_it)
            place -= 1

    def close(self) -> Iterator[Finding]:
        """What is left was sent by no row."""
        for message in self._messages.values():
            if self._first is not None and message.seq >= self._first:
                told = f"Nothing sent it, as effect {message.place}."
                yield Finding("message_unsent", message.root_id, message.instance_id, message.seq, told)


def _judged(row: Row, what: str, message: Message, *, is_it: bool) -> Iterator[Finding]:
    if not is_it:
        yield _about(row, "message_content", f"{what} is another thing in the outbox.")
    if message.status not in (FINISHED if message.wake_at is None else UNFINISHED):
        yield _about(row, "message_wake_at", f"{what} is {message.status}: {message.wake_at}.")


def _tells(message: Message, row: Row) -> bool:
    """Whether it tells of this row; the facts after it are not judged here."""
    told = message.payload
    wanted = {
        "machine": row.machine,
        "instance": row.instance_id,
        "root": row.root_id,
        "number": row.seq,
        "event": row.event,
        "from": row.source,
        "to": row.target,
        "cause": row.cause,
        "arguments": row.arguments,
    }
    return message.instance_id == row.instance_id and same({name: told.get(name) for name in wanted}, wanted)


def _about(row: Row, code: str, message: str) -> Finding:
    return Finding(code, row.root_id, row.instance_id, row.seq, message)
