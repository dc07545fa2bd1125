"""How an installation is, asked quickly and often, by monitors. For a person who wants to know everything: `doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lifecycle.app import checks
from lifecycle.app.checks import Finding, Subject, ask
from lifecycle.engine.clock import Clock

MAX_LAG = timedelta(minutes=1)

STANDING_ON = (checks.database, checks.schema)
"""Where one of these fails, nothing after it can be asked."""

QUICK = (
    checks.database,
    checks.schema,
    checks.loop,
    checks.lag,
    checks.clock,
    checks.quarantined,
    checks.dead_letters,
    checks.named_clocks,
)
"""None of these reads a table that grows."""


@dataclass(frozen=True, slots=True)
class Health:
    """How things were at an instant. `ok`: all that is needed holds; there may be warnings."""

    ok: bool
    at: datetime
    findings: tuple[Finding, ...]


def health(subject: Subject) -> Health:
    """The quick questions; a database that can't be reached is a finding, and no error."""
    return judged(subject.clock, ask(subject, QUICK, standing_on=STANDING_ON))


def judged(clock: Clock, found: list[Finding]) -> Health:
    """What the findings come to."""
    return Health(all(finding.status != "failed" for finding in found), clock.now(), tuple(found))
