"""Whether the outbox of a root holds what its log has sent, no more and no less."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lifecycle.verify.records import Message, Row
from lifecycle.verify.report import Finding
from lifecycle.verify.story import same

UNFINISHED = frozenset({"waiting", "leased"})
FINISHED = frozenset({"delivered", "dead", "dropped", "merged"})


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
        for place, effect in enumerate(row.effects):
            if not isinstance(effect, dict) or effect.get("effect") != "send":
                continue
            message = self._messages.pop((row.seq, place), None)
            if message is None:
                yield _about(row, "message_missing", f"Its effect {place} is not in the outbox.")
                continue
            held = {"destination": message.destination, "kind": message.kind, "payload": message.payload}
            if message.instance_id != row.instance_id or not same(held, {name: effect.get(name) for name in held}):
                yield _about(row, "message_content", f"Its effect {place} is another one in the outbox.")
            if message.status not in (FINISHED if message.wake_at is None else UNFINISHED):
                yield _about(row, "message_wake_at", f"Its effect {place} is {message.status}: {message.wake_at}.")

    def close(self) -> Iterator[Finding]:
        """What is left was sent by no row."""
        for message in self._messages.values():
            if self._first is not None and message.seq >= self._first:
                told = f"Nothing sent it, as effect {message.place}."
                yield Finding("message_unsent", message.root_id, message.instance_id, message.seq, told)


def _about(row: Row, code: str, message: str) -> Finding:
    return Finding(code, row.root_id, row.instance_id, row.seq, message)
