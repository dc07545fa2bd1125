"""Why not? Each event of an instance as it would be judged now. A question: nothing is locked, nothing is written.

What is due fires first, as it would before a command (rule B4), but only in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from lifecycle.domain.explaining import Prospect, Untold
from lifecycle.domain.machine import Stimulus
from lifecycle.domain.refusals import refused
from lifecycle.engine.acts import first_of, skipping
from lifecycle.engine.hand import Due, Hand, Held
from lifecycle.engine.ports import Tx_co
from lifecycle.engine.records import Status
from lifecycle.engine.work import Work
from lifecycle.errors import NotFound


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What refuses every command on a root."""

    code: str
    message: str
    instead: str


@dataclass(frozen=True, slots=True)
class First:
    """What is due on a root and has not fired. `would_fire`: it would fire before a command is judged.

    `skippable`: an operator may skip it.
    """

    event: str
    instance_id: str
    due_at: datetime
    would_fire: bool
    skippable: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """An instance, what stands in the way of all its events, and what each would meet.

    `state` is the one it would be judged in: the stored one, or the one that what is due leads to. `attempts`, `error`
    and `wake_at` (when it is looked at next) are its root's, as stored.
    """

    id: str
    owner_id: str | None
    machine: str
    machine_version: int
    stored_state: str
    state: str
    version: int
    status: Status
    attempts: int
    error: str | None
    wake_at: datetime | None
    obstacle: Obstacle | None
    due: tuple[First, ...]
    events: tuple[Prospect, ...]

    @property
    def first(self) -> First | None:
        """What an operator can fire, or may be able to skip."""
        return first_of(self.due)


def explain(
    work: Work[Tx_co], instance_id: str, event: str | None = None, arguments: Mapping[str, Any] | None = None
) -> Explanation:
    """Each event, whatever it may be asked with; or one, asked with these arguments. Raises NotFound."""
    hand, held = work.look(instance_id)
    known = (*held.matrix.commands, *held.matrix.deferred)
    if event is not None and event not in known:
        raise NotFound("event", event)
    root, now, stored_state = replace(hand.root), work.now(), held.record.state
    due = _due(work, hand, now)
    failure = work.failures.get(root.id)
    if root.status == "live":
        work.fire([hand], now)
        failure = work.failures.get(root.id)
    fired = {(row.instance_id, row.event, row.due_at) for row in work.transitions} | {
        (one.instance_id, one.event, one.due_at) for one in work.idle
    }
    said = Untold() if event is None else arguments or {}
    return Explanation(
        id=instance_id,
        owner_id=held.record.owner_id,
        machine=held.record.machine,
        machine_version=held.record.version,
        stored_state=stored_state,
        state=held.record.state,
        version=root.seq,
        status=root.status,
        attempts=root.attempts,
        error=root.error if failure is None else f"{type(failure).__name__}: {failure}",
        wake_at=root.wake_at,
        obstacle=_obstacle(root.status, failure),
        due=tuple(
            First(one.event, one.instance_id, one.due_at, (one.instance_id, one.event, one.due_at) in fired, can)
            for one, can in due
        ),
        events=tuple(_prospect(work, hand, held, one, said) for one in ([event] if event else known)),
    )


def _due(work: Work[Tx_co], hand: Hand, now: datetime) -> list[tuple[Due, bool]]:
    """What is due on the root, in order, and whether it can be skipped; only what comes first can."""
    due = [one for one in hand.all_due() if one.due_at <= now]
    first = first_of(due)
    return [(one, one is first and _skippable(work, hand.held[one.instance_id], one)) for one in due]


def _skippable(work: Work[Tx_co], held: Held, due: Due) -> bool:
    try:
        return skipping(held, due, work.context(due.instance_id)) is not None
    except Exception:  # noqa: BLE001  # a host's code, which may raise whatever it likes
        return False


def _obstacle(status: Status, failure: Exception | None) -> Obstacle | None:
    code = "quarantined" if status == "quarantined" or (status == "live" and failure) else status
    if code == "live":
        return None
    refusal = refused(code)
    return Obstacle(refusal.code, str(refusal), refusal.instead)


def _prospect(work: Work[Tx_co], hand: Hand, held: Held, event: str, said: Mapping[str, Any]) -> Prospect:
    now = work.now()
    try:
        if event not in held.matrix.deferred:
            return work.explain(hand, held, Stimulus(event, now, said))
        due_at = held.deferrals.get(event)
        answer = work.explain(hand, held, Stimulus(event, due_at or now))
    except Exception as error:  # noqa: BLE001  # facts that can't be read
        return Prospect(event, "fails", message=f"{type(error).__name__}: {error}")
    if answer.verdict == "allowed":
        answer = replace(answer, verdict="deferred" if due_at else "not_deferred")
    return replace(answer, due_at=due_at)
