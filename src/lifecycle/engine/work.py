"""The one path: stimulus, step, decision, written together. One command and five hundred firings go the same way.

A `Work` lives inside one transaction. It locks and loads roots, steps their machines in memory, and writes all that
followed at once. A step that raises concerns its root alone: what that root did before is written, it is tried
again later, and after `MAX_ATTEMPTS` it is kept aside until an operator looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime, timedelta
from heapq import heapify, heappop, heapreplace
from typing import Any, Generic

from lifecycle.domain.explaining import Prospect
from lifecycle.domain.machine import Decision, Stimulus
from lifecycle.domain.refusals import refused
from lifecycle.engine import keys
from lifecycle.engine.chain import hash_of
from lifecycle.engine.clock import Clock
from lifecycle.engine.commands import Answer, Command, Creation
from lifecycle.engine.hand import Because, Due, Hand, Held
from lifecycle.engine.ids import Ids
from lifecycle.engine.outbox import messages
from lifecycle.engine.ports import Surround, Tx_co, WriteFailed
from lifecycle.engine.records import Changes, InstanceRecord, LogRecord, ReasonRecord, RootRecord
from lifecycle.engine.registry import Registry
from lifecycle.errors import DefinitionError, NotFound

MAX_ATTEMPTS = 5
FIRST_DELAY = timedelta(seconds=1)
SCHEDULER = Because("deferral", "scheduler")


class Work(Generic[Tx_co]):
    """Everything one transaction does. `transitions`, `idle`, `failures`, `claimed` tell afterwards what happened."""

    def __init__(
        self,
        transaction: Tx_co,
        registry: Registry,
        clock: Clock,
        ids: Ids,
        surround: Mapping[str, Surround[Tx_co]],
    ) -> None:
        self.transaction = transaction
        self.hands: dict[str, Hand] = {}
        self.transitions: list[LogRecord] = []
        self.idle: list[Due] = []
        self.failures: dict[str, Exception] = {}
        self.claimed: int | None = None
        self._tried_early: set[str] = set()
        self._registry = registry
        self._clock = clock
        self._ids = ids
        self._surround = surround
        self._contexts: dict[str, object] = {}
        self._owned: dict[str | None, list[InstanceRecord]] = {}
        self._changes = Changes()

    # Roots

    def claim(self, until: datetime, limit: int) -> list[Hand]:
        """Take in hand up to `limit` roots on which something is due by `until`, those nobody else holds."""
        hands = self._load(self.transaction.claim(until, limit))
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
        return hand, hand.held[instance_id]

    def _load(self, roots: Sequence[RootRecord]) -> list[Hand]:
        ids = [root.id for root in roots]
        instances = self.transaction.instances(ids) if ids else []
        deferrals = self.transaction.deferrals(ids) if ids else []
        for kind in self._surround:
            self._surround_all(kind, [instance for instance in instances if instance.machine == kind])
        by_root: dict[str, tuple[list[InstanceRecord], list[Any]]] = {root: ([], []) for root in ids}
        for instance in instances:
            by_root[instance.root_id][0].append(instance)
            self._owned.setdefault(instance.owner_id, []).append(instance)
        for deferral in deferrals:
            by_root[deferral.root_id][1].append(deferral)
        loaded = [Hand(self._registry, root, *by_root[root.id]) for root in roots]
        self.hands.update((hand.root.id, hand) for hand in loaded)
        return loaded

    def _surround_all(self, kind: str, instances: Sequence[InstanceRecord]) -> None:
        """Ask what these may know: all at once, or if that raises one by one, so that it is one root's trouble."""
        surround = self._surround[kind]
        try:
            self._contexts.update(surround(self.transaction, instances))
        except Exception as error:  # noqa: BLE001  # a host's code, which may raise whatever it likes
            if len(instances) == 1:
                self.failures[instances[0].root_id] = error
            else:
                for instance in instances:
                    self._surround_all(kind, [instance])

    def owned(self, owner_id: str) -> Sequence[InstanceRecord]:
        """The instances in hand that belong to an owner, as this work has left them so far."""
        return self._owned.get(owner_id, [])

    # Deferred transitions

    def fire(
        self,
        hands: Sequence[Hand],
        until: datetime,
        *,
        at: Callable[[datetime], None] = lambda _due_at: None,
        enough: Callable[[int], bool] = lambda _fired: False,
    ) -> int:
        """Fire what is due on these roots up to `until`, in due order, with all that it brings about by then.

        `at` hears each due instant before it fires; `enough` is asked, with the number fired so far, before each.
        Returns how many fired.
        """
        due = [first for hand in hands if (first := self._next(hand, until))]
        heapify(due)
        fired = 0
        while due and not enough(fired):
            hand = self.hands[due[0].root_id]
            at(due[0].due_at)
            fired += self._fire(hand, due[0])
            following = self._next(hand, until)
            heapreplace(due, following) if following else heappop(due)
        return fired

    def _next(self, hand: Hand, until: datetime) -> Due | None:
        first = hand.earliest()
        blocked = hand.root.status != "live" or hand.root.id in self.failures
        return None if blocked or first is None or first.due_at > until else first

    def _fire(self, hand: Hand, due: Due) -> bool:
        """Fire one; whether it had an effect."""
        try:
            effective = self.fire_one(hand, due, SCHEDULER)
        except Exception as error:  # noqa: BLE001  # whatever a machine raises is its root's trouble alone
            self.failures[hand.root.id] = error
            return False
        self._tried_early.discard(hand.root.id)
        hand.root.attempts, hand.root.error = 0, None
        return effective

    def fire_one(self, hand: Hand, due: Due, because: Because) -> bool:
        """Fire this, on this behalf; whether it had an effect. Whatever the machine raises passes through."""
        held, stimulus = hand.held[due.instance_id], Stimulus(due.event, due.due_at)
        decision = self._step(held, stimulus, self._contexts.get(due.instance_id))
        if decision is None:
            self._let_go(hand, held, due)
            return False
        self.take(hand, held, stimulus, decision, because)
        return True

    def _let_go(self, hand: Hand, held: Held, due: Due) -> None:
        """Drop a deferral that has no effect (rule B3); one that the facts go on demanding is a broken machine."""
        if due.event in held.definition.schedule(held.record.state, held.facts):
            raise DefinitionError(f"{due.event} is demanded in state {held.record.state}, but does nothing there.")
        hand.let_go(held, due.event)
        self.idle.append(due)

    def _step(self, held: Held, stimulus: Stimulus, context: object) -> Decision[Any] | None:
        record = held.record
        interpreter = self._registry.interpreter(record.machine, record.version)
        state = record.state or interpreter.matrix.initial
        return interpreter.step(state, held.facts, stimulus, context)

    def explain(self, held: Held, stimulus: Stimulus) -> Prospect:
        """What a stimulus would meet, as this work has left the instance so far."""
        record = held.record
        interpreter = self._registry.interpreter(record.machine, record.version)
        return interpreter.explain(record.state, held.facts, stimulus, self._contexts.get(record.id))

    # Commands

    def command(self, command: Command) -> Answer:
        """Fire what is due on the command's root (rule B4), then judge the command and carry it out.

        Raises NotFound, or Refused in the order of rule I14.
        """
        hand, held = self.find(command.instance_id)
        now = self._clock.now()
        fingerprint = keys.fingerprint(command.instance_id, command.event, command.arguments)
        if earlier := self._earlier(command.scope, command.key, fingerprint):
            return earlier
        if hand.root.status == "live":
            self._fire_first(hand, now)
        if command.expected_version not in (None, hand.root.seq):
            raise refused("version_conflict")
        if hand.root.status != "live" or hand.root.id in self.failures:
            raise refused("held" if hand.root.status == "held" else "quarantined")
        self._decide(hand, held, Stimulus(command.event, now, command.arguments), command)
        return self._answer(command.scope, command.key, fingerprint, hand, held)

    def _fire_first(self, hand: Hand, now: datetime) -> None:
        """Fire what is due before a command is judged. Where the root backs off, it is no attempt that counts: people
        who click again and again do not quarantine it."""
        root = hand.root
        if root.attempts and root.wake_at and root.wake_at > now:
            self._tried_early.add(root.id)
        self.fire([hand], now)

    def create(self, creation: Creation) -> Answer:
        """Make an instance on a root of its own. Raises Refused."""
        owner, now = creation.owner_id or "", self._clock.now()
        fingerprint = keys.fingerprint(creation.machine, creation.event, creation.arguments)
        if earlier := self._earlier(owner, creation.key, fingerprint):
            return earlier
        definition = self._registry.newest(creation.machine)
        record = InstanceRecord(
            id=self._ids.new(creation.prefix),
            root_id="",
            machine=creation.machine,
            version=definition.version,
            state="",
            facts={},
            created_at=now,
            owner_id=creation.owner_id,
        )
        record.root_id = record.id
        hand = Hand(self._registry, RootRecord(record.id, creation.machine, now), is_new=True)
        held = hand.add(record)
        self._contexts[record.id] = creation.context
        self._decide(hand, held, Stimulus(creation.event, now, creation.arguments), creation)
        self.hands[hand.root.id] = hand
        self._owned.setdefault(record.owner_id, []).append(record)
        return self._answer(owner, creation.key, fingerprint, hand, held)

    def migrate(self, instance_id: str, actor: str, reason: str | None = None) -> Answer:
        """Bring an instance to the newest version of its machine, as a logged transition of its own.

        What is due fires first, by the version under which it was deferred. Raises Refused (`no_change`) where the
        instance is at the newest version, and DefinitionError where that has no such state.
        """
        hand, held = self.find(instance_id)
        now, record = self._clock.now(), held.record
        self.fire([hand], now)
        newest = self._registry.newest(record.machine)
        if record.version == newest.version:
            raise refused("no_change")
        stimulus = Stimulus("migrated", now, {"from": record.version, "to": newest.version})
        decision = newest.migrate(record.version, record.state, deepcopy(record.facts))
        if decision.state not in self._registry.matrix(record.machine, newest.version).states:
            raise DefinitionError(
                f"{newest.__name__} has no state {decision.state!r}, to which {record.state!r} of version "
                f"{record.version} is migrated."
            )
        record.version = newest.version
        self.take(hand, held, stimulus, decision, Because("operator", actor, self.keep_reason(hand.root.id, reason)))
        return self.snapshot(hand, held)

    # What commands and operators' acts share

    def now(self) -> datetime:
        """The instant at which commands are judged."""
        return self._clock.now()

    def find(self, instance_id: str) -> tuple[Hand, Held]:
        """An instance and its root, taken in hand. Raises NotFound."""
        root_id = self.transaction.root_of(instance_id)
        if root_id is None:
            raise NotFound("instance", instance_id)
        if root_id not in self.hands:
            self.lock([root_id])
        hand = self.hands[root_id]
        return hand, hand.held[instance_id]

    def _decide(self, hand: Hand, held: Held, stimulus: Stimulus, by: Command | Creation) -> None:
        by_itself = stimulus.event in held.matrix.deferred  # and only when it is due
        decision = None if by_itself else self._step(held, stimulus, self._contexts.get(held.record.id))
        if decision is None:
            raise refused("not_allowed", event=stimulus.event, state=held.record.state)
        because = Because("command", by.actor, self.keep_reason(hand.root.id, by.reason))
        self.take(hand, held, stimulus, decision, because)

    def take(self, hand: Hand, held: Held, stimulus: Stimulus, decision: Decision[Any], because: Because) -> None:
        """Take in a decision, to be written. Raises DefinitionError for what the machine demands."""
        self.transitions.append(hand.take(held, stimulus, decision, because, self._clock.now()))

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

    def _earlier(self, scope: str, key: str | None, fingerprint: str) -> Answer | None:
        if key is None:
            return None
        record = self.transaction.answer(scope, key)
        if record is None:
            return None
        if record.created_at < self._clock.now() - keys.LIFETIME:
            self._changes.forgotten.append(record)
            return None
        if record.fingerprint != fingerprint:
            raise refused("idempotency_conflict")
        return Answer(**record.answer)

    def _answer(self, scope: str, key: str | None, fingerprint: str, hand: Hand, held: Held) -> Answer:
        answer = self.snapshot(hand, held)
        if key is not None:
            self._changes.answers.append(keys.remembered(scope, key, fingerprint, answer, self._clock.now()))
        return answer

    def snapshot(self, hand: Hand, held: Held) -> Answer:
        """An instance as this work has left it so far."""
        root, record = hand.root, held.record
        rank = self._registry.rank
        first = min(
            held.deferrals, key=lambda event: (held.deferrals[event], rank(record.machine, event)), default=None
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
        )

    # Writing

    def flush(self) -> None:
        """Write everything, sealed into each root's chain. Raises WriteFailed."""
        recorded_at = self._clock.now()
        for hand in self.hands.values():
            if hand.root.id in self.failures and hand.root.status == "live":
                self._back_off(hand.root, self.failures[hand.root.id])
            else:
                self._wake(hand)
            for row in hand.log:
                row.recorded_at = recorded_at
                row.hash = hand.root.head = _seal(hand.root.head, row)
                self._changes.outbox.extend(messages(row, self._ids))
            hand.collect(self._changes)
        self.transaction.write(self._changes)

    def _wake(self, hand: Hand) -> None:
        root, first = hand.root, hand.earliest() if hand.root.status == "live" else None
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


def _seal(head: bytes, row: LogRecord) -> bytes:
    try:
        return hash_of(head, row)
    except (TypeError, ValueError) as error:  # what a machine has put into facts or effects is not JSON
        raise WriteFailed(f"A row could not be written: {error}") from error
