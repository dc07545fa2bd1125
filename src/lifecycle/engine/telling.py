"""Who is told of a transition besides those to whom it sends something, and what they are told.

A notice goes to the destination `mail`, and a transition to everybody who has subscribed to it. All of them are told
the same: ids, amounts and instants, and the facts of the instance as the transition has left them, never anything
personal (rule A2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.domain.machine import Json
from lifecycle.engine.records import LogRecord, Subscriber

MAIL = "mail"
"""The destination of notices."""
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Audience:
    """Who hears of transitions: whether `notices` go by mail, and everybody who has subscribed to something."""

    notices: bool = False
    subscribers: Sequence[Subscriber] = ()

    def hears(self, row: LogRecord) -> bool:
        """Whether anybody is told of this row."""
        return bool(self.of(row)) or self.takes_notice(row)

    def takes_notice(self, row: LogRecord) -> bool:
        """Whether a mail is written about it."""
        return self.notices and any(effect.get("effect") == "notice" for effect in row.effects)

    def of(self, row: LogRecord) -> list[Subscriber]:
        """Who is told of this row, in order."""
        if not self.subscribers:
            return []
        names = names_of(row)
        return [one for one in self.subscribers if not names.isdisjoint(one.events)]


def names_of(row: LogRecord) -> frozenset[str]:
    """What a transition is called by those who want to hear of it: `machine.event`, `machine.state` for the state that
    it enters, `machine.*`, and `*`."""
    entered = row.target if row.source != row.target else row.event
    return frozenset({EVERYTHING, *(f"{row.machine}.{what}" for what in (row.event, entered, EVERYTHING))})


def told(row: LogRecord, account: str | None, facts: Json) -> Json:
    """What is told of a row, after which the facts of its instance are these; `account` owns it."""
    return {
        "machine": row.machine,
        "version": row.version,
        "instance": row.instance_id,
        "root": row.root_id,
        "number": row.seq,
        "account": account,
        "event": row.event,
        "from": row.source,
        "to": row.target,
        "cause": row.cause,
        "at": row.due_at.isoformat(),
        "arguments": row.arguments,
        "facts": facts,
    }
