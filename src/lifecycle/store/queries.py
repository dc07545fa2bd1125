"""What people read: instances, the log with names and reasons beside it, and what is due. Nothing here writes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, ScalarSelect, Select, and_, func, literal, or_, select, tuple_

from lifecycle.domain.machine import REMINDED
from lifecycle.engine.records import LogRecord
from lifecycle.store import schema
from lifecycle.store.types import Instant


@dataclass(frozen=True, slots=True)
class StoredInstance:
    """An instance with its root's version and status."""

    id: str
    root_id: str
    owner_id: str | None
    machine: str
    machine_version: int
    state: str
    facts: dict[str, Any]
    version: int
    status: str
    error: str | None
    next_event: str | None
    next_due_at: datetime | None
    clock: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One transition as it was logged. `at` is the nominal instant; `actor` a name, where the actor has one; `clock`
    the named clock that it happened on."""

    at: datetime
    fired_at: datetime
    recorded_at: datetime
    root_id: str
    seq: int
    instance_id: str
    machine: str
    machine_version: int
    event: str
    source: str | None
    target: str
    cause: str
    actor: str
    actor_id: str
    reason: str | None
    arguments: dict[str, Any]
    changes: dict[str, Any]
    effects: list[dict[str, Any]]
    clock: str | None = None


@dataclass(frozen=True, slots=True)
class MovedOut:
    """Retention has moved a root's transitions out, `up_to` this number (rule A11); `at` is when, the last time."""

    root_id: str
    up_to: int
    at: datetime


@dataclass(frozen=True, slots=True)
class DueTransition:
    """A deferred transition that is to come; `status` to `wake_at` (when it is looked at next) are its root's."""

    due_at: datetime
    event: str
    instance_id: str
    owner_id: str | None
    machine: str
    state: str
    status: str
    attempts: int
    error: str | None
    wake_at: datetime | None
    clock: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an instance stands, but for its facts; `status` to `wake_at` are its root's, `next_…` its own."""

    id: str
    root_id: str
    owner_id: str | None
    machine: str
    machine_version: int
    state: str
    version: int
    status: str
    attempts: int
    error: str | None
    wake_at: datetime | None
    next_event: str | None
    next_due_at: datetime | None
    clock: str | None = None


def standings(connection: Connection, *, id: str | None = None, status: str | None = None) -> list[Standing]:
    """One instance, or those whose root has this status, by when their next transition is due; where a root stands
    still, that may be a reminder."""
    table, root = schema.instances, schema.roots
    next_event, next_due_at = (
        _of_next(one, reminders=status is not None) for one in (schema.deferrals.c.event, schema.deferrals.c.due_at)
    )
    query: Select[Any] = (
        select(
            table.c.id,
            table.c.root_id,
            table.c.owner_id,
            table.c.machine,
            table.c.version,
            table.c.state,
            root.c.seq,
            root.c.status,
            root.c.attempts,
            root.c.error,
            root.c.wake_at,
            next_event,
            next_due_at,
            root.c.clock,
        )
        .join(root, root.c.id == table.c.root_id)
        .order_by(next_due_at, table.c.id)
    )
    for column, value in ((table.c.id, id), (root.c.status, status)):
        if value is not None:
            query = query.where(column == value)
    return [Standing(*row) for row in connection.execute(query)]


def instances(
    connection: Connection,
    *,
    machine: str,
    id: str | None = None,  # the column's name
    owner_id: str | None = None,
    state: str | None = None,
    older_than: int | None = None,
) -> list[StoredInstance]:
    """Instances of a machine, oldest first; `older_than`: only those stored by an older version of it."""
    table, root = schema.instances, schema.roots
    query: Select[Any] = (
        select(
            table.c.id,
            table.c.root_id,
            table.c.owner_id,
            table.c.machine,
            table.c.version,
            table.c.state,
            table.c.facts,
            root.c.seq,
            root.c.status,
            root.c.error,
            _of_next(schema.deferrals.c.event),
            _of_next(schema.deferrals.c.due_at),
            root.c.clock,
        )
        .join(root, root.c.id == table.c.root_id)
        .where(table.c.machine == machine)
        .order_by(table.c.id)
    )
    for column, value in ((table.c.id, id), (table.c.owner_id, owner_id), (table.c.state, state)):
        if value is not None:
            query = query.where(column == value)
    if older_than is not None:
        query = query.where(table.c.version < older_than)
    return [StoredInstance(*row) for row in connection.execute(query)]


def _of_next(column: Column[Any], *, reminders: bool = False) -> ScalarSelect[Any]:
    """This column of the deferral of an instance that is due first; without `reminders`, of the others."""
    deferral = schema.deferrals.c
    its_own = select(column).where(deferral.instance_id == schema.instances.c.id)
    if not reminders:
        its_own = its_own.where(deferral.event != REMINDED)
    return its_own.order_by(deferral.due_at).limit(1).scalar_subquery()


def steps(
    connection: Connection,
    *,
    instance_id: str | None = None,
    root_id: str | None = None,
    owner_id: str | None = None,
    since: datetime | None = None,
    events: Collection[str] = (),
    actor: str | None = None,
    last: int | None = None,
    beyond: Mapping[str, int] | None = None,
    reminders: bool = False,
) -> list[Step]:
    """Logged transitions in nominal order.

    `since`: with this nominal instant or a later one. `events`: only these. `actor`: by name or id. `beyond`: only of
    these roots, and only rows after the number given for each. `last`: only so many, the newest. Reminders are left out
    unless they are asked for, by `reminders` or as an event (rule I12).
    """
    log, instance, who, reason = schema.log, schema.instances, schema.actors, schema.reasons
    name = func.coalesce(who.c.name, log.c.actor)
    query: Select[Any] = (
        select(
            log.c.due_at,
            log.c.fired_at,
            log.c.recorded_at,
            log.c.root_id,
            log.c.seq,
            log.c.instance_id,
            log.c.machine,
            log.c.version,
            log.c.event,
            log.c.source,
            log.c.target,
            log.c.cause,
            name,
            log.c.actor,
            reason.c.text,
            log.c.arguments,
            log.c.changes,
            log.c.effects,
            schema.roots.c.clock,
        )
        .outerjoin(schema.roots, schema.roots.c.id == log.c.root_id)
        .outerjoin(who, who.c.id == log.c.actor)
        .outerjoin(reason, reason.c.id == log.c.reason_id)
        .order_by(log.c.due_at.desc(), log.c.root_id.desc(), log.c.seq.desc())
    )
    for column, value in ((log.c.instance_id, instance_id), (log.c.root_id, root_id)):
        if value is not None:
            query = query.where(column == value)
    if owner_id is not None:
        query = query.join(instance, instance.c.id == log.c.instance_id).where(instance.c.owner_id == owner_id)
    if since is not None:
        query = query.where(log.c.due_at >= since)
    if events:
        query = query.where(log.c.event.in_(events))
    elif not reminders:
        query = query.where(log.c.event != REMINDED)
    if actor is not None:
        query = query.where(or_(name == actor, log.c.actor == actor))
    if beyond is not None:
        query = query.where(or_(*(and_(log.c.root_id == root, log.c.seq > seq) for root, seq in beyond.items())))
    if last is not None:
        query = query.limit(last)
    return [Step(*row) for row in connection.execute(query)][::-1]


def hash_at(connection: Connection, root_id: str, seq: int) -> bytes | None:
    """The hash of a row of the log; None where there is no such row."""
    table = schema.log
    return connection.scalar(select(table.c.hash).where(table.c.root_id == root_id, table.c.seq == seq))


def moved_out(connection: Connection, *, instance_id: str | None = None, owner_id: str | None = None) -> list[MovedOut]:
    """Where transitions have been moved out, in order of the roots' ids."""
    table, instance = schema.checkpoints, schema.instances
    query: Select[Any] = select(table.c.root_id, table.c.seq, table.c.made_at).order_by(table.c.root_id)
    for column, value in ((instance.c.id, instance_id), (instance.c.owner_id, owner_id)):
        if value is not None:
            query = query.where(table.c.root_id.in_(select(instance.c.root_id).where(column == value)))
    return [MovedOut(*row) for row in connection.execute(query)]


def rows_since(connection: Connection, root_id: str, seq: int, events: Collection[tuple[str, str]]) -> int:
    """How many rows of a root after this number are of these events, each named with its machine."""
    table = schema.log
    of_these = tuple_(table.c.machine, table.c.event).in_(sorted(events))
    query = select(func.count()).where(table.c.root_id == root_id, table.c.seq > seq, of_these)
    return int(connection.scalar(query) or 0)


def heads(connection: Connection) -> dict[str, int]:
    """The number of each root's last row; roots without one are left out."""
    root = schema.roots
    return {row.id: row.seq for row in connection.execute(select(root.c.id, root.c.seq).where(root.c.seq > 0))}


def rows_ever(connection: Connection) -> int:
    """How many rows have ever been logged: more after each commit that logs something."""
    return int(connection.scalar(select(func.coalesce(func.sum(schema.roots.c.seq), 0))) or 0)


def clock_of(connection: Connection, root_id: str) -> str | None:
    """The named clock that a root is on."""
    table = schema.roots
    return connection.scalar(select(table.c.clock).where(table.c.id == root_id))


def trouble_of(connection: Connection, root_id: str) -> tuple[int, str | None]:
    """How often a root has failed so far, and of what the last time."""
    table = schema.roots
    row = connection.execute(select(table.c.attempts, table.c.error).where(table.c.id == root_id)).first()
    return (0, None) if row is None else (row.attempts, row.error)


def is_deferred(connection: Connection, instance_id: str, event: str, due_at: datetime) -> bool:
    """Whether this is still to come at this instant."""
    table = schema.deferrals
    same = (table.c.instance_id == instance_id, table.c.event == event, table.c.due_at == due_at)
    return connection.scalar(select(table.c.event).where(*same)) is not None


def step_of(row: LogRecord, clock: str | None = None) -> Step:
    """A transition that has just been committed, as the log tells it; its actor by id, its reason not looked up."""
    return Step(
        at=row.due_at,
        fired_at=row.fired_at,
        recorded_at=row.recorded_at or row.fired_at,
        root_id=row.root_id,
        seq=row.seq,
        instance_id=row.instance_id,
        machine=row.machine,
        machine_version=row.version,
        event=row.event,
        source=row.source,
        target=row.target,
        cause=row.cause,
        actor=row.actor,
        actor_id=row.actor,
        reason=None,
        arguments=row.arguments,
        changes=row.changes,
        effects=row.effects,
        clock=clock,
    )


def due(
    connection: Connection,
    *,
    until: datetime | None = None,
    instance_id: str | None = None,
    limit: int | None = None,
    late_at: datetime | None = None,
    reminders: bool = False,
) -> list[DueTransition]:
    """Deferred transitions that are to come, earliest first; `late_at`: only what is late then, or by its own clock,
    with the reminders that are, which are left out otherwise unless they are asked for (rule I12)."""
    table, instance, root = schema.deferrals, schema.instances, schema.roots
    query: Select[Any] = (
        select(
            table.c.due_at,
            table.c.event,
            table.c.instance_id,
            instance.c.owner_id,
            instance.c.machine,
            instance.c.state,
            root.c.status,
            root.c.attempts,
            root.c.error,
            root.c.wake_at,
            root.c.clock,
        )
        .join(instance, instance.c.id == table.c.instance_id)
        .join(root, root.c.id == table.c.root_id)
        .order_by(table.c.due_at, table.c.instance_id)
    )
    if late_at is not None:
        clock = schema.clocks.c
        query = query.outerjoin(schema.clocks, clock.name == root.c.clock)
        query = query.where(table.c.due_at <= func.coalesce(clock.now, literal(late_at, Instant)))
    elif not reminders:
        query = query.where(table.c.event != REMINDED)
    if until is not None:
        query = query.where(table.c.due_at <= until)
    if instance_id is not None:
        query = query.where(table.c.instance_id == instance_id)
    if limit is not None:
        query = query.limit(limit)
    return [DueTransition(*row) for row in connection.execute(query)]


def stored_definitions(connection: Connection) -> Sequence[tuple[str, int, str]]:
    """Every (machine, version, state) that is stored."""
    table = schema.instances
    rows = connection.execute(select(table.c.machine, table.c.version, table.c.state).distinct())
    return [(row.machine, row.version, row.state) for row in rows]
