"""All that can be asked about an installation, for an operator on a new machine, or one who looks for a reason."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from lifecycle.app import checks
from lifecycle.app.checks import Finding, Subject, ask
from lifecycle.app.health import MAX_LAG, STANDING_ON, Health, judged
from lifecycle.app.lifecycle import Lifecycle
from lifecycle.app.webhook_checks import webhooks
from lifecycle.config import ConfigError, load_config
from lifecycle.engine.clock import Clock

ALL = (
    checks.python,
    checks.machines,
    checks.database,
    checks.settings,
    checks.schema,
    checks.writable,
    checks.definitions,
    checks.zones,
    checks.clock,
    checks.daemons,
    checks.lag,
    checks.overdue,
    checks.quarantined,
    checks.held,
    checks.backing_off,
    checks.outbox,
    webhooks,
    checks.dead_letters,
    checks.named_clocks,
    checks.gateway,
    checks.unknown_charges,
)


def diagnose(path: Path, environ: Mapping[str, str], clock: Clock) -> Health:
    """All questions, the configuration first; what is wrong with it is a finding, and no error."""
    try:
        config = load_config(path, environ)
    except ConfigError as error:
        return judged(clock, [Finding("configuration", "failed", len(error.problems), str(error))])
    with closing(Lifecycle(config, clock=clock)) as lifecycle:
        subject = Subject(config, clock, lifecycle.database, MAX_LAG)
        found = ask(subject, ALL, standing_on=STANDING_ON)
    return judged(clock, [Finding("configuration", "ok", str(path), "It is valid."), *found])
