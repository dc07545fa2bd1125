"""The log lines: one for each committed transition, with stable keys. The table in the documentation is tested.

Nothing here knows names or addresses: a line holds ids, instants and codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from lifecycle.engine.records import LogRecord

if TYPE_CHECKING:
    from lifecycle.engine.work import Work

log = structlog.get_logger("lifecycle")


def tell(work: Work[Any]) -> None:
    """One line per transition, and one for each deferral without effect and each root that failed."""
    for row in work.transitions:
        log.info("transition", **_line(row))
    for due in work.idle:
        log.info(
            "did_nothing",
            transition=due.event,
            instance=due.instance_id,
            root=due.root_id,
            due_at=due.due_at.isoformat(),
        )
    for root_id, error in work.failures.items():
        root = work.hands[root_id].root
        log.error(
            "root_failed",
            root=root_id,
            attempts=root.attempts,
            status=root.status,
            retry_at=root.wake_at and root.wake_at.isoformat(),
            error=root.error,
            exc_info=error,
        )


def _line(row: LogRecord) -> dict[str, object]:
    return {
        "transition": row.event,
        "machine": row.machine,
        "version": row.version,
        "instance": row.instance_id,
        "root": row.root_id,
        "seq": row.seq,
        "source": row.source,
        "target": row.target,
        "cause": row.cause,
        "actor": row.actor,
        "due_at": row.due_at.isoformat(),
        "fired_at": row.fired_at.isoformat(),
        "effects": [effect.get("kind") or effect.get("effect") for effect in row.effects],
    }
