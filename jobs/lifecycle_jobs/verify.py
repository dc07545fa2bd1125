"""The calendar job that asks every night whether history is whole, and says so in the log."""

from __future__ import annotations

from typing import Protocol

import structlog

from lifecycle.engine.clock import Clock
from lifecycle.errors import LifecycleError
from lifecycle.store.database import Database
from lifecycle.verify import ledger_of, verify

log = structlog.get_logger("lifecycle")

MOST_LINES = 20
"""How many findings get a line of their own; `lifecycle verify` shows all."""


class Verifiable(Protocol):
    """What the job needs of a `Lifecycle`."""

    @property
    def database(self) -> Database:
        """Where the history is."""
        ...

    @property
    def clock(self) -> Clock:
        """What time it is."""
        ...

    @property
    def gateway(self) -> object:
        """Whose ledger is compared, where it gives one."""
        ...


def verify_history(lifecycle: Verifiable) -> None:
    """One line `history_verified` where all is well, else a line `history_broken` for each of the first findings."""
    try:
        charges = ledger_of(lifecycle.gateway)
    except LifecycleError as error:  # it can't be had; the rest is judged all the same
        log.warning("gateway_left_out", error=str(error))
        charges = None
    report = verify(lifecycle.database, now=lifecycle.clock.now(), charges=charges)
    errors = report.errors
    if not errors:
        warnings = len(report.findings)
        log.info("history_verified", roots=report.roots, rows=report.rows, warnings=warnings)
    for finding in errors[:MOST_LINES]:
        log.error(
            "history_broken",
            code=finding.code,
            root=finding.root_id,
            instance=finding.instance_id,
            seq=finding.seq,
            findings=len(errors),
        )
