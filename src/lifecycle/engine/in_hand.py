"""The roots that one transaction has taken in hand, locked and loaded, with what their steps may know; and new ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Generic

from lifecycle.domain.machine import Effect
from lifecycle.engine.clock import Clock, VirtualClock
from lifecycle.engine.commands import Creation
from lifecycle.engine.hand import Due, Hand, Held
from lifecycle.engine.ids import Ids
from lifecycle.engine.ports import Heeding, Surround, Tx_co
from lifecycle.engine.records import Changes, InstanceRecord, LogRecord, RootRecord, Subscriber
from lifecycle.engine.registry import Registry
from lifecycle.errors import LifecycleError, NotFound


class InHand(Generic[Tx_co]):
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
