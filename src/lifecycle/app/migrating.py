"""Bringing stored instances to the newest version of their machine: each one a logged transition, or a dry run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial

from lifecycle.app.context import Context
from lifecycle.domain.matrix import AnyMachine, matrix_of
from lifecycle.engine.commands import Answer
from lifecycle.engine.work import Work
from lifecycle.store import queries
from lifecycle.store.queries import StoredInstance
from lifecycle.store.transaction import SqlTransaction


@dataclass(frozen=True, slots=True)
class Migration:
    """One instance that is behind: from which version and state to which; or the `error` for which it stays."""

    instance_id: str
    owner_id: str | None
    machine: str
    from_version: int
    to_version: int
    source: str
    target: str
    error: str | None = None


def outdated(context: Context) -> Sequence[Migration]:
    """Every instance that an older version of its machine has stored, and what it would become."""
    context.ready()
    found: list[Migration] = []
    with context.database.reading() as connection:
        for kind in context.registry.kinds:
            newest = context.registry.newest(kind)
            rows = queries.instances(connection, machine=kind, older_than=newest.version)
            found.extend(_foreseen(row, newest) for row in rows)
    return found


def migrate(
    context: Context, *, by: str, reason: str | None = None, progress: Callable[[int, int], None] | None = None
) -> Sequence[Migration]:
    """Bring every outdated instance up to date that can be, each in a transaction of its own. Returns what was done,
    and what could not be. `progress` hears, after each, how many of how many are done."""
    found = outdated(context)
    for number, migration in enumerate(found, start=1):
        if migration.error is None:
            context.engine.attempt(partial(_migrate, context, by, reason, migration.instance_id))
        if progress is not None:
            progress(number, len(found))
    return found


def _foreseen(row: StoredInstance, newest: type[AnyMachine]) -> Migration:
    target, error = "", None
    try:
        target = newest.migrate(row.machine_version, row.state, deepcopy(row.facts)).state
        if target not in matrix_of(newest).states:
            error = f"There is no state {target!r}."
    except Exception as raised:  # noqa: BLE001  # a host's code, which may raise whatever it likes
        error = f"{type(raised).__name__}: {raised}"
    return Migration(row.id, row.owner_id, row.machine, row.machine_version, newest.version, row.state, target, error)


def _migrate(context: Context, by: str, reason: str | None, instance_id: str, work: Work[SqlTransaction]) -> Answer:
    with context.actor(work.transaction, by) as actor:
        return work.migrate(instance_id, actor, reason)
