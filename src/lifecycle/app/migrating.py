"""Bringing stored instances to the newest version of their machine: each one a logged transition, or a dry run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from lifecycle.app.context import Context
from lifecycle.engine.commands import Answer
from lifecycle.engine.work import Work
from lifecycle.store import queries
from lifecycle.store.transaction import SqlTransaction


@dataclass(frozen=True, slots=True)
class Migration:
    """One instance that is behind: from which version and state to which."""

    instance_id: str
    machine: str
    from_version: int
    to_version: int
    source: str
    target: str


def outdated(context: Context) -> Sequence[Migration]:
    """Every instance that an older version of its machine has stored, and what it would become."""
    _ = context.engine
    found: list[Migration] = []
    with context.database.reading() as connection:
        for kind in context.registry.kinds:
            newest = context.registry.newest(kind)
            for row in queries.instances(connection, machine=kind, older_than=newest.version):
                target = newest.migrate(row.machine_version, row.state, row.facts).state
                found.append(Migration(row.id, kind, row.machine_version, newest.version, row.state, target))
    return found


def migrate(context: Context, *, by: str) -> Sequence[Migration]:
    """Bring every outdated instance up to date, each in a transaction of its own. Returns what was done."""
    found = outdated(context)
    for migration in found:
        context.engine.attempt(partial(_migrate, context, by, migration.instance_id))
    return found


def _migrate(context: Context, by: str, instance_id: str, work: Work[SqlTransaction]) -> Answer:
    with context.actor(work.transaction, by) as actor:
        return work.migrate(instance_id, actor)
