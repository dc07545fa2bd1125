"""The log lines: one for each committed transition, with stable keys. The table in the documentation is tested.

Nothing here knows names or addresses: a line holds ids, instants and codes.
"""

from __future__ import annotations

import logging
import traceback
from typing import Any

import structlog

from lifecycle.engine.committed import Committed
from lifecycle.engine.records import LogRecord
from lifecycle.errors import LifecycleError

log = structlog.get_logger("lifecycle")


def _drop(_logger: object, _level: str, _line: object) -> str:
    raise structlog.DropEvent


silence = structlog.wrap_logger(structlog.ReturnLogger(), processors=[_drop], wrapper_class=structlog.BoundLogger)
"""A log that keeps nothing, for what is only tried out."""


def tell(committed: Committed) -> None:
    """One line per transition, and one for each deferral without effect and each root that failed."""
    mark = {} if committed.clock is None else {"clock": committed.clock}
    for row in committed.transitions if _keeps(log.bind()) else ():
        log.info("transition", **_line(row), **mark)
    for due in committed.idle:
        log.info(
            "did_nothing",
            transition=due.event,
            instance=due.instance_id,
            root=due.root_id,
            due_at=due.due_at.isoformat(),
            **mark,
        )
    for failure in committed.failures:
        root = failure.root
        log.error(
            "root_failed",
            root=root.id,
            attempts=root.attempts,
            status=root.status,
            retry_at=root.wake_at and root.wake_at.isoformat(),
            error=root.error,
            **mark,
            **traced(failure.error),
        )


def _keeps(logger: Any) -> bool:
    """Whether it keeps such lines: where it does not, thousands need not be made. Not every logger says."""
    asked = getattr(type(logger), "is_enabled_for", None)
    return asked is None or bool(asked(logger, logging.INFO))


def traced(error: BaseException) -> dict[str, object]:
    """An error with its traceback, for a log line: formatted as the host wants it, once it has configured structlog.

    Where nobody has, structlog would show the local variables of each frame, which may be secrets: then it is text.
    """
    if structlog.is_configured():
        return {"exc_info": error}
    return {"traceback": "".join(traceback.format_exception(error))}


def traced_unless_away(error: BaseException) -> dict[str, object]:
    """The same for what is tried every few seconds: that the database is away says all there is to say."""
    away = isinstance(error, LifecycleError) and error.code == "database_unavailable"
    return {"exception": None} if away else traced(error)


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
