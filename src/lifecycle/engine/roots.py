"""What one transaction has in hand: roots, locked and loaded, stepped in memory, and written all at once.

A decision is taken in together with what it brings about on the same root, or nothing of it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache, cached_property, partial
from typing import Any, Generic

from lifecycle.domain.effects import Apply, Bill, Start, Tell, Written
from lifecycle.domain.explaining import Prospect
from lifecycle.domain.machine import REMINDED, Decision, Effect, Stimulus
from lifecycle.domain.refusals import refused
from lifecycle.engine.chain import sealed
from lifecycle.engine.clock import Clock, VirtualClock
from lifecycle.engine.commands import Answer, Creation
from lifecycle.engine.hand import Because, Due, Hand, Held
from lifecycle.engine.ids import Ids
from lifecycle.engine.outbox import messages
from lifecycle.engine.ports import Heeding, Surround, Tx_co, WriteFailed
from lifecycle.engine.postings import entries, numbers, seat
from lifecycle.engine.records import (
    Changes,
    InstanceRecord,
    LogRecord,
    OutboxRecord,
    ReasonRecord,
    RootRecord,
    Subscriber,
)
from lifecycle.engine.registry import Registry
from lifecycle.engine.telling import Audience, told
from lifecycle.errors import DefinitionError, LifecycleError, NotFound

MAX_ATTEMPTS = 5
FIRST_DELAY = timedelta(seconds=1)


class Roots(Generic[Tx_co]):
    """The roots of one transaction. `transitions`, `failures` and `claimed` tell afterwards what happened.

    All of them are on one clock: the engine's, or a named one, `clock`, which stands still meanwhile.
    """

    def __init__(
        self,
        transaction: Tx_co,
        registry: Registry,
        clock: Clock,
        ids: Ids,
        surround: Mapping[str, Surround[Tx_co]],
        *,
        within_host: bool = False,
        notices: bool = False,
        subscribers: Sequence[Subscriber] = (),
    ) -> None:
        self.transaction = transaction
        self.hands: dict[str, Hand] = {}
        self.transitions: list[LogRecord] = []
        self.idle: list[Due] = []
        self.failures: dict[str, Exception] = {}
        self.claimed: int | None = None
        self.clock: str | None = None
        self._has_clock = False
        self._tried_early: set[str] = set()
        self._registry = registry
        self._clock = clock
        self._ids = ids
        self._surround = surround
        self._within_host = within_host
        self._notices, self._subscribers = notices, subscribers
        self._contexts: dict[str, object] = {}
        self._root_of: dict[str, str] = {}
        self._heeded: list[tuple[Heeding, Sequence[Effect]]] = []
        self._owned: dict[str | None, list[InstanceRecord]] = {}
        self._changes = Changes()

    # The clock

    def now(self) -> datetime:
        """The instant at which all of this is judged."""
        return self._clock.now()

    def stand_by(self, clock: str | None) -> None:
        """Judge by this named clock from here on; None: by the engine's. The roots that are taken in hand say which,
        unless somebody knows it before. Raises NotFound, and LifecycleError (`clocks_mixed`)."""
        if self._has_clock and clock != self.clock:
            raise LifecycleError(
                f"One transaction is on one clock, not on {clock!r} and {self.clock!r}.", code="clocks_mixed"
            )
        if clock is not None and not self._has_clock:
            self._clock = VirtualClock(self.transaction.time_of(clock))
        self.clock, self._has_clock = clock, True

    # Roots in hand

    def claim(self, until: datetime, limit: int, newest: int = 0) -> list[Hand]:
        """Take in hand up to `limit` roots on which something is due by `until`, those nobody else holds, the earliest
        first; but `newest` of them are those of which it fell due last."""
        hands = self._load(self.transaction.claim(until, limit, newest))
        self.claimed = len(hands)
        return hands

    def lock(self, root_ids: Sequence[str]) -> list[Hand]:
        """Take these roots in hand, waiting for whoever holds them."""
        return self._load(self.transaction.lock([root for root in root_ids if root not in self.hands]))

    def look(self, instance_id: str) -> tuple[Hand, Held]:
        """An instance and its root as they are stored, unlocked: for work that is not written. Raises NotFound."""
        root_id = self.transaction.root_of(instance_id)
        if root_id is None:
            raise NotFound("instance", instance_id)
        [hand] = self._load(self.transaction.look([root_id]))
        return self._held(hand, instance_id)

    def find(self, instance_id: str) -> tuple[Hand, Held]:
        """An instance and its root, taken in hand. Raises NotFound."""
        root_id = self._root_of.get(instance_id) or self.transaction.root_of(instance_id)
        if root_id is None:
            raise NotFound("instance", instance_id)
        if root_id not in self.hands:
            self.lock([root_id])
        return self._held(self.hands[root_id], instance_id)

    def _held(self, hand: Hand, instance_id: str) -> tuple[Hand, Held]:
        """An instance of a root in hand; one that is over is read now."""
        if instance_id not in hand.held:
            record = self.transaction.instance(instance_id)
            if record is None:
                raise NotFound("instance", instance_id)
            hand.add(record, is_new=False)
            self._surround_each([record])
        return hand, hand.held[instance_id]

    def _load(self, roots: Sequence[RootRecord]) -> list[Hand]:
        for clock in dict.fromkeys(root.clock for root in roots):  # under their locks: later than what others did
            self.stand_by(clock)
        ids = [root.id for root in roots]
        instances = self.transaction.instances(ids, self._registry.apart) if ids else []
        deferrals = self.transaction.deferrals(ids) if ids else []
        self._surround_each(instances)
        by_root: dict[str, tuple[list[InstanceRecord], list[Any]]] = {root: ([], []) for root in ids}
        for instance in instances:
            by_root[instance.root_id][0].append(instance)
            self._root_of[instance.id] = instance.root_id
            self._owned.setdefault(instance.owner_id, []).append(instance)
        for deferral in deferrals:
            by_root[deferral.root_id][1].append(deferral)
        loaded = [Hand(self._registry, root, *by_root[root.id]) for root in roots]
        self.hands.update((hand.root.id, hand) for hand in loaded)
        return loaded

    def _surround_each(self, instances: Sequence[InstanceRecord]) -> None:
        for surround in dict.fromkeys(self._surround.values()):
            self._surround_all(surround, [one for one in instances if self._surround.get(one.machine) is surround])

    def _surround_all(self, surround: Surround[Tx_co], instances: Sequence[InstanceRecord]) -> None:
        """Ask what these may know: all at once, or if that raises one by one, so that it is one root's trouble."""
        if not instances:
            return
        try:
            self._contexts.update(surround(self.transaction, instances))
        except Exception as error:  # noqa: BLE001  # a host's code, which may raise whatever it likes
            if len(instances) == 1:
                self.failures[instances[0].root_id] = error
            else:
                for instance in instances:
                    self._surround_all(surround, [instance])

    def owned(self, owner_id: str) -> Sequence[InstanceRecord]:
        """The instances in hand that belong to an owner, as this work has left them so far."""
        return self._owned.get(owner_id, [])

    def surround(self, instance_id: str, context: object) -> None:
        """Have the steps of an instance in hand know this from now on."""
        self._contexts[instance_id] = context

    def context(self, instance_id: str) -> object:
        """What the steps of an instance in hand may know."""
        return self._contexts.get(instance_id)

    # New roots and instances

    def begin(self, creation: Creation) -> tuple[Hand, Held]:
        """A new root in hand, with an instance that has decided nothing yet. It is written once it is kept."""
        record = self._record(creation.machine, creation.prefix, "", creation.owner_id)
        record.root_id = record.id
        root = RootRecord(record.id, creation.machine, self._clock.now(), clock=self.clock)
        hand = Hand(self._registry, root, is_new=True)
        self._contexts[record.id] = creation.context
        return hand, hand.add(record)

    def begin_at(self, hand: Hand, machine: str, instance_id: str, owner_id: str, context: object) -> Held:
        """An instance with an id that was given out before, which has decided nothing yet, on a root in hand."""
        record = self._record(machine, "", hand.root.id, owner_id)
        record.id = instance_id
        self._contexts[instance_id] = context
        return hand.add(record)

    def keep(self, hand: Hand) -> None:
        """Have a new root written."""
        if hand.root.id in self.hands:
            return
        self.hands[hand.root.id] = hand
        for held in hand.held.values():
            self._owned.setdefault(held.record.owner_id, []).append(held.record)

    def _record(self, machine: str, prefix: str, root_id: str, owner_id: str | None) -> InstanceRecord:
        return InstanceRecord(
            id=self._ids.new(prefix) if prefix else "",
            root_id=root_id,
            machine=machine,
            version=self._registry.newest(machine).version,
            state="",
            facts={},
            created_at=self._clock.now(),
            owner_id=owner_id,
        )

    # Steps, and what they bring about

    def _step(self, hand: Hand, held: Held, stimulus: Stimulus) -> Decision[Any] | None:
        record = held.record
        interpreter = self._registry.interpreter(record.machine, record.version)
        state = record.state or interpreter.matrix.initial
        context = self._contexts.get(record.id)
        return interpreter.step(state, held.facts, stimulus, context, hand.place(record.id))

    def explain(self, hand: Hand, held: Held, stimulus: Stimulus) -> Prospect:
        """What a stimulus would meet, as this work has left the instance so far."""
        record = held.record
        interpreter = self._registry.interpreter(record.machine, record.version)
        context = self._contexts.get(record.id)
        return interpreter.explain(record.state, held.facts, stimulus, context, hand.place(record.id))

    def foresee(self, hand: Hand, held: Held, stimulus: Stimulus) -> Decision[Any]:
        """What a command would decide; nothing is taken in. Raises Refused."""
        by_itself = stimulus.event in held.matrix.deferred  # and only when it is due
        decision = None if by_itself else self._step(hand, held, stimulus)
        if decision is None:
            raise refused("not_allowed", event=stimulus.event, state=held.record.state)
        return decision

    def take(self, hand: Hand, held: Held, stimulus: Stimulus, decision: Decision[Any], because: Because) -> None:
        """Take in a decision, to be written, with all that it brings about on the same root; or nothing of it.

        Raises whatever the machines raise, and DefinitionError for what they demand.
        """
        follows = [effect for effect in decision.effects if isinstance(effect, Start | Bill | Tell | Apply)]
        if not follows:
            self._take(hand, held, stimulus, decision, because)
            return
        mark, rows, heeded = hand.mark(), len(self.transitions), len(self._heeded)
        try:
            self._take(hand, held, stimulus, decision, because)
            for effect in follows:
                self._follow(hand, held, stimulus, effect, because)
        except BaseException:
            hand.restore(mark)
            del self.transitions[rows:]
            while len(self._heeded) > heeded:
                context, effects = self._heeded.pop()
                context.forget(effects)
            self._own_again(hand, held.record.owner_id)
            raise

    def _own_again(self, hand: Hand, owner_id: str | None) -> None:
        """After a root was restored: what belongs to its owner is what it holds now."""
        others = [one for one in self._owned.get(owner_id, ()) if one.root_id != hand.root.id]
        self._owned[owner_id] = others + [one.record for one in hand.held.values() if one.state]

    def _take(self, hand: Hand, held: Held, stimulus: Stimulus, decision: Decision[Any], because: Because) -> None:
        self.transitions.append(hand.take(held, stimulus, decision, because, self._clock.now()))
        context: Any = self._contexts.get(held.record.id)
        kind: Any = type(context)
        if _heeds(kind):
            context.heed(decision.effects)
            self._heeded.append((context, decision.effects))

    def _follow(self, hand: Hand, held: Held, stimulus: Stimulus, effect: Effect, because: Because) -> None:
        """What an effect brings about on another instance of the root, at the same nominal instant."""
        match effect:
            case Start() | Bill():
                self._start(hand, held, stimulus, effect, because)
            case Tell():
                told = Stimulus(effect.event, stimulus.now, effect.arguments)
                _, other = self._held(hand, effect.instance)
                decision = self._step(hand, other, told)
                if decision is not None:
                    self.take(hand, other, told, decision, because)
            case Apply():
                self._apply(hand, held, effect)

    def _start(self, hand: Hand, held: Held, stimulus: Stimulus, effect: Start | Bill, because: Because) -> None:
        if effect.machine not in self._registry.kinds:
            return
        prefix = self._registry.newest(effect.machine).prefix
        new = hand.add(self._record(effect.machine, prefix, hand.root.id, held.record.owner_id))
        self._contexts[new.record.id] = self._contexts.get(held.record.id)
        begins = Stimulus(effect.event, stimulus.now, effect.arguments)
        self.take(hand, new, begins, self._beginning(hand, new, begins), because)

    def _beginning(self, hand: Hand, held: Held, stimulus: Stimulus) -> Decision[Any]:
        """What an instance begins with. Raises DefinitionError where its machine has no such beginning."""
        decision = self._step(hand, held, stimulus)
        if decision is None:
            raise DefinitionError(f"{held.definition.__name__} does not begin with {stimulus.event}.")
        return decision

    def _apply(self, hand: Hand, held: Held, effect: Apply) -> None:
        if effect.instance not in hand.held:
            owner, context = held.record.owner_id, self._contexts.get(held.record.id)
            made = self.begin_at(hand, effect.machine, effect.instance, owner or "", context)
            self._owned.setdefault(owner, []).append(made.record)
        other = hand.held[effect.instance]
        facts = other.definition.load(effect.facts)
        decision = Decision(effect.state, facts, tuple(Written(one) for one in effect.effects))
        because = Because("command", effect.actor, effect.reason_id)
        self.take(hand, other, Stimulus(effect.event, effect.at, effect.arguments), decision, because)

    # What else is kept

    def note(self, hand: Hand, held: Held, stimulus: Stimulus, because: Because) -> None:
        """Log what changes nothing about an instance."""
        self.transitions.append(hand.note(held, stimulus, because, self._clock.now()))

    def keep_reason(self, root_id: str, reason: str | None) -> str | None:
        """Keep a reason, and return the id under which the log names it."""
        if not reason:
            return None
        note = ReasonRecord(self._ids.new("why"), root_id, reason)
        self._changes.reasons.append(note)
        return note.id

    def snapshot(self, hand: Hand, held: Held) -> Answer:
        """An instance as this work has left it so far."""
        root, record = hand.root, held.record
        rank = self._registry.rank
        first = min(
            held.deferrals.keys() - {REMINDED},
            key=lambda event: (held.deferrals[event], rank(record.machine, event)),
            default=None,
        )
        return Answer(
            id=record.id,
            state=record.state,
            facts=record.facts,
            version=root.seq,
            status=root.status,
            error=root.error,
            next_event=first,
            next_due_at=None if first is None else held.deferrals[first].isoformat(),
            clock=root.clock,
        )

    # Writing

    @property
    def handed(self) -> list[OutboxRecord]:
        """The messages that whoever does this work is to deliver itself, once it is committed."""
        return [message for message in self._changes.outbox if message.wake_at not in (None, message.created_at)]

    @property
    def sends(self) -> bool:
        """Whether something of this is to be delivered by a relay."""
        return bool(self._changes.outbox)

    def flush(self) -> None:
        """Write everything, sealed into each root's chain. Raises WriteFailed."""
        recorded_at = None if isinstance(self._clock, VirtualClock) else self._clock.now()
        for hand in self.hands.values():
            if hand.root.id in self.failures and hand.root.status == "live":
                self._back_off(hand.root, self.failures[hand.root.id])
            else:
                self._wake(hand)
            for row, (owner, facts) in zip(hand.log, hand.left, strict=True):
                row.recorded_at = recorded_at or row.fired_at  # a traveller writes down together what he has come by
                row.hash, documents = _seal(hand.root.head, row)
                hand.root.head = row.hash
                self._changes.documents.append(documents)
                tell = partial(told, row, owner, facts)
                self._changes.outbox.extend(messages(row, self._ids, tell, self.audience, hand.root.clock))
                self._changes.ledger.extend(entries(row))
                self._changes.numbers.extend(numbers(row))
                seat(row, self._changes)
            hand.collect(self._changes)
        self.transaction.write(self._changes)

    @cached_property
    def audience(self) -> Audience:
        """Who is told of what happens: who has said so to any process, and who has to this one."""
        known = {one.name: one for one in (*self.transaction.subscribers(), *self._subscribers)}
        return Audience(self._notices, list(known.values()))

    def _wake(self, hand: Hand) -> None:
        root, first = hand.root, hand.earliest() if hand.root.status == "live" else None
        if first is not None and hand.held_back(first):
            first = None  # who has the answer that it waits for looks again
        if first and root.attempts and root.wake_at and root.wake_at > max(first.due_at, self._clock.now()):
            return  # it backs off, and nothing was tried
        root.wake_at = None if first is None else first.due_at

    def _back_off(self, root: RootRecord, error: Exception) -> None:
        now = self._clock.now()
        root.error = f"{type(error).__name__}: {error}"
        if root.id in self._tried_early:
            return
        root.attempts += 1
        if root.attempts >= MAX_ATTEMPTS:
            root.status, root.wake_at = "quarantined", None
        else:
            root.wake_at = now + FIRST_DELAY * 2 ** (root.attempts - 1)


@cache
def _heeds(kind: Any) -> bool:
    """Whether surroundings of this type change with what is decided: to ask it of each of them is dear."""
    return issubclass(kind, Heeding)


def _seal(head: bytes, row: LogRecord) -> tuple[bytes, tuple[str, str, str]]:
    try:
        return sealed(head, row)
    except (TypeError, ValueError) as error:  # what a machine has put into facts or effects is not JSON
        raise WriteFailed(f"A row could not be written: {error}") from error
