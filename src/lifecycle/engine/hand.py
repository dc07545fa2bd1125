"""A root in hand: locked, loaded, and changed in memory by decisions, until all is written at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from lifecycle.domain.machine import Decision, Json, Place, Stimulus
from lifecycle.domain.matrix import AnyMachine, Matrix
from lifecycle.engine.records import (
    Cause,
    Changes,
    DeferralRecord,
    InstanceRecord,
    LogRecord,
    RootRecord,
)
from lifecycle.engine.registry import Registry
from lifecycle.errors import DefinitionError


@dataclass(frozen=True, slots=True)
class Because:
    """On whose behalf something happens: what kind of cause, which actor, and the reason that was given."""

    cause: Cause
    actor: str
    reason_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Standing:
    """How an instance stands after a decision, besides its facts."""

    state: str = field(kw_only=False)
    final: bool
    live_key: str | None
    deferrals: dict[str, datetime] = field(default_factory=dict)
    holds_back: Collection[str] = ()


class Held:
    """One instance of the root: its row, its live deferrals by event, and what its machine makes of both.

    Facts are read from the row when they are first asked for: a row that no machine can read is its root's trouble
    alone. They are read again after each decision, so that the next step sees what it would see after a restart.
    """

    def __init__(self, registry: Registry, record: InstanceRecord, *, is_new: bool = False) -> None:
        self.record = record
        self.deferrals: dict[str, datetime] = {}
        self.fired: dict[str, datetime] = {}
        self.is_new = is_new
        self._registry = registry
        self._facts: Any = None
        self._holds_back: Collection[str] | None = None

    @property
    def definition(self) -> type[AnyMachine]:
        """The machine, in the version that the row names. Raises DefinitionError where there is none."""
        return self._registry.definition(self.record.machine, self.record.version)

    @property
    def matrix(self) -> Matrix:
        """The machine's table."""
        return self._registry.matrix(self.record.machine, self.record.version)

    @property
    def machine(self) -> str:
        """The kind of its machine."""
        return self.record.machine

    @property
    def state(self) -> str:
        """Its state; empty before the first decision."""
        return self.record.state

    def holds_back(self, other: str, event: str) -> bool:
        """Whether a deferred event of another instance waits for this one."""
        if other == self.record.id or self.record.closed:
            return False
        if self._holds_back is None:
            self._holds_back = self.definition.holds_back(self.record.state, self.facts)
        return event in self._holds_back or "*" in self._holds_back

    @property
    def facts(self) -> Any:
        """The facts as the machine uses them; None before the first decision."""
        if self._facts is None and self.record.state:
            self._facts = self.definition.load(self.record.facts)
        return self._facts

    def become(self, facts: Json, standing: Standing) -> None:
        """Stand as was decided; `facts` are in their JSON form."""
        record = self.record
        record.state, record.facts, record.live_key = standing.state, facts, standing.live_key
        record.closed = standing.final
        self.deferrals, self._facts, self._holds_back = standing.deferrals, None, standing.holds_back

    def copy(self) -> Held:
        """The same, to go back to."""
        kept = Held(self._registry, InstanceRecord(*_of_instance(self.record)), is_new=self.is_new)
        kept.deferrals, kept.fired = dict(self.deferrals), dict(self.fired)
        return kept


@dataclass(frozen=True, slots=True)
class Due:
    """A deferred transition that is due, in the order in which they fire (rule C6)."""

    due_at: datetime
    rank: int
    instance_id: str
    root_id: str
    event: str

    def __lt__(self, other: Due) -> bool:
        return (self.due_at, self.rank, self.instance_id) < (other.due_at, other.rank, other.instance_id)


@dataclass(frozen=True, slots=True)
class Mark:
    """How a root in hand stood."""

    root: tuple[Any, ...]
    held: dict[str, Held]
    touched: set[str]
    rows: int


class Hand:
    """One root with its instances. Decisions are taken in; `collect` gives what is to be written."""

    def __init__(
        self,
        registry: Registry,
        root: RootRecord,
        instances: Sequence[InstanceRecord] = (),
        deferrals: Sequence[DeferralRecord] = (),
        *,
        is_new: bool = False,
    ) -> None:
        self.root = root
        self.held: dict[str, Held] = {}
        self.log: list[LogRecord] = []
        self.left: list[tuple[str | None, Json]] = []
        """The owner and the facts of its instance as each row of the log has left them."""
        self._registry = registry
        self._is_new = is_new
        self._before = _of_root(root)
        self._stored: dict[tuple[str, str], datetime] = {}
        self._touched: dict[str, Held] = {}
        for record in instances:
            self.held[record.id] = Held(registry, record)
        for deferral in deferrals:
            self.held[deferral.instance_id].deferrals[deferral.event] = deferral.due_at
            self._stored[deferral.instance_id, deferral.event] = deferral.due_at

    def earliest(self, *, within_host: bool = False) -> Due | None:
        """The deferred transition that is to fire first; within a host's transaction, of those that may fire there."""
        first: Due | None = None
        for held in self.held.values():
            for event, due_at in held.deferrals.items():
                if first is not None and due_at > first.due_at:
                    continue
                if within_host and event in held.definition.alone:
                    continue
                one = self._due(held, event, due_at)
                if first is None or one < first:
                    first = one
        return first

    def all_due(self) -> list[Due]:
        """All deferred transitions, in the order in which they are to fire."""
        return sorted(self._due(held, *one) for held in self.held.values() for one in held.deferrals.items())

    def _due(self, held: Held, event: str, due_at: datetime) -> Due:
        return Due(due_at, self._registry.rank(held.record.machine, event), held.record.id, self.root.id, event)

    def held_back(self, due: Due) -> bool:
        """Whether what is due waits for another instance of the root."""
        return self.waits(due.instance_id, due.event)

    def waits(self, instance_id: str, event: str) -> bool:
        """Whether this deferred event of this instance would wait for another instance of the root, if it were due."""
        return any(held.holds_back(instance_id, event) for held in self.held.values())

    def occupied(self, instance_id: str) -> bool:
        """Whether commands on this instance are refused, for another occupies the root."""
        return any(held.holds_back(instance_id, "*") for held in self.held.values())

    def add(self, record: InstanceRecord, *, is_new: bool = True) -> Held:
        """Hold an instance: a new one, before its first decision is taken in, or a stored one that is over."""
        held = self.held[record.id] = Held(self._registry, record, is_new=is_new)
        return held

    def place(self, instance_id: str) -> Place:
        """Where a step of this instance takes place."""
        return Place(instance_id, {id: held for id, held in self.held.items() if held.state and not held.record.closed})

    def mark(self) -> Mark:
        """How it stands, to go back to."""
        held = {id: one.copy() for id, one in self.held.items()}
        return Mark(_of_root(self.root), held, set(self._touched), len(self.log))

    def restore(self, mark: Mark) -> None:
        """Stand as it was marked."""
        for one, value in zip(fields(RootRecord), mark.root, strict=True):
            setattr(self.root, one.name, value)
        self.held = mark.held
        self._touched = {id: self.held[id] for id in mark.touched}
        del self.log[mark.rows :], self.left[mark.rows :]

    def take(
        self, held: Held, stimulus: Stimulus, decision: Decision[Any], because: Because, now: datetime
    ) -> LogRecord:
        """Take in a decision: state, facts, deferrals, and a log row without its hash, which is returned.

        Whatever the machine raises, and DefinitionError for what it demands of the future, is raised before anything
        has changed.
        """
        record, definition = held.record, held.definition
        facts = {key: value for key, value in definition.dump(decision.facts).items() if value is not None}
        standing = _standing(held, decision, stimulus)
        effects = [effect.as_json() for effect in decision.effects]
        changes = _changed(record.facts, facts)
        row = self._row(
            record, stimulus, because, now, target=decision.state, facts=facts, changes=changes, effects=effects
        )
        if record.state:  # what begins with an event has not fired it
            held.fired[stimulus.event] = stimulus.now
        held.become(facts, standing)
        self._touched[record.id] = held
        return row

    def note(self, held: Held, stimulus: Stimulus, because: Because, now: datetime) -> LogRecord:
        """Log something that leaves the instance as it is."""
        record = held.record
        return self._row(
            record, stimulus, because, now, target=record.state, facts=record.facts, changes={}, effects=[]
        )

    def _row(
        self,
        record: InstanceRecord,
        stimulus: Stimulus,
        because: Because,
        now: datetime,
        *,
        target: str,
        facts: Json,
        changes: Json,
        effects: list[Json],
    ) -> LogRecord:
        """The root's next log row, without its hash."""
        row = LogRecord(
            root_id=self.root.id,
            seq=self.root.seq + 1,
            instance_id=record.id,
            machine=record.machine,
            version=record.version,
            event=stimulus.event,
            source=record.state or None,
            target=target,
            cause=because.cause,
            actor=because.actor,
            reason_id=because.reason_id,
            due_at=stimulus.now,
            fired_at=now,
            arguments=dict(stimulus.arguments),
            changes=changes,
            effects=effects,
        )
        self.root.seq = row.seq
        self.log.append(row)
        self.left.append((record.owner_id, facts))
        return row

    def let_go(self, held: Held, event: str) -> None:
        """Drop a deferral."""
        del held.deferrals[event]
        self._touched[held.record.id] = held

    def collect(self, changes: Changes) -> None:
        """Append everything about this root that differs from what is stored."""
        if self._is_new:
            changes.new_roots.append(self.root)
        elif _of_root(self.root) != self._before:
            changes.roots.append(self.root)
        for held in self._touched.values():
            (changes.new_instances if held.is_new else changes.instances).append(held.record)
            self._collect_deferrals(held, changes)
        changes.log.extend(self.log)

    def _collect_deferrals(self, held: Held, changes: Changes) -> None:
        instance = held.record.id
        stored = {event: due for (owner, event), due in self._stored.items() if owner == instance}
        for event in stored.keys() - held.deferrals.keys():
            changes.withdrawn.append(DeferralRecord(instance, event, self.root.id, stored[event]))
        for event, due_at in held.deferrals.items():
            deferral = DeferralRecord(instance, event, self.root.id, due_at)
            if event not in stored:
                changes.deferred.append(deferral)
            elif stored[event] != due_at:
                changes.moved.append(deferral)


def _standing(held: Held, decision: Decision[Any], stimulus: Stimulus) -> Standing:
    """What the new facts make of it. Raises whatever the machine raises, and DefinitionError."""
    definition, state, facts = held.definition, decision.state, decision.facts
    if state in held.matrix.final:
        return Standing(state, final=True, live_key=definition.live_key(facts) if definition.keeps_key else None)
    deferrals = _deferrals(held, decision, stimulus)
    holds_back = definition.holds_back(state, facts)
    return Standing(state, final=False, live_key=definition.live_key(facts), deferrals=deferrals, holds_back=holds_back)


def _deferrals(held: Held, decision: Decision[Any], stimulus: Stimulus) -> dict[str, datetime]:
    """What the new facts demand of the future, in UTC. Raises DefinitionError for what can't be, or has been."""
    name, deferred = held.definition.__name__, held.matrix.deferred
    schedule = held.definition.schedule(decision.state, decision.facts)
    for event, due_at in schedule.items():
        if event not in deferred:
            raise DefinitionError(f"{name} demands {event}, which is none of its deferred events.")
        if due_at.tzinfo is None:
            raise DefinitionError(f"{name} demands {event} at {due_at.isoformat()}, which is no aware instant.")
        fired = stimulus.now if event == stimulus.event else held.fired.get(event)
        if held.state and stimulus.event in deferred and fired is not None and due_at <= fired:
            raise DefinitionError(
                f"{name} demands {event} at {due_at.isoformat()} again after it has fired; it must move on."
            )
    return {event: due_at.astimezone(UTC) for event, due_at in schedule.items()}


_of_root, _of_instance = (attrgetter(*(one.name for one in fields(kind))) for kind in (RootRecord, InstanceRecord))
"""All that a record holds: `dataclasses.replace` takes longer to copy one."""
_NOTHING = object()


def _changed(before: Json, after: Json) -> Json:
    """The top-level keys of `after` that differ, and null for those that went."""
    changed = {key: value for key, value in after.items() if _differ(before.get(key, _NOTHING), value)}
    return changed | dict.fromkeys(before.keys() - after.keys())


def _differ(one: Any, other: Any) -> bool:
    """Whether two values are written differently: Python takes 1, 1.0 and true to be equal."""
    kind = type(one)
    if kind is not type(other) or one != other:
        return True
    if kind is str or kind is int:
        return False
    if isinstance(one, dict):
        return any(_differ(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return any(map(_differ, one, other))
    return isinstance(one, float) and repr(one) != repr(other)
