"""The one path: stimulus, step, decision, written together. One command and five hundred firings go the same way.

A `Work` lives inside one transaction. It locks and loads roots, steps their machines in memory, and writes all that
followed at once. A step that raises concerns its root alone: what that root did before is written, it is tried
again later, and after `MAX_ATTEMPTS` it is kept aside until an operator looks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heapreplace
from typing import Any

from lifecycle.domain.machine import Decision, Json, Stimulus
from lifecycle.domain.refusals import refused
from lifecycle.engine import keys
from lifecycle.engine.commands import Answer, Beginning, Command, Creation
from lifecycle.engine.hand import Because, Due, Hand, Held
from lifecycle.engine.outbox import sends
from lifecycle.engine.ports import Tx_co
from lifecycle.engine.records import LogRecord
from lifecycle.engine.roots import MAX_ATTEMPTS, Roots
from lifecycle.errors import DefinitionError

__all__ = ["MAX_ATTEMPTS", "OUTSIDE", "SCHEDULER", "Work"]

SCHEDULER = Because("deferral", "scheduler")
OUTSIDE = Because("outcome", "system")


@dataclass(frozen=True, slots=True)
class Line:
    """Who waits for whom: what is due, for what was sent `of` the same line; `told`: also for who is told of it."""

    of: Callable[[Hand, Due], str]
    told: bool


def _owner(hand: Hand, due: Due) -> str:
    return hand.held[due.instance_id].record.owner_id or due.root_id


ACCOUNT = Line(_owner, told=False)
"""An account for its own messages: an answer may change what comes."""
EVERYBODY = Line(lambda _hand, _due: "", told=True)
"""All for all messages, so that each is delivered before anything else happens."""


class Work(Roots[Tx_co]):
    """Everything one transaction does: what is due fires, commands are judged and carried out, answers taken down."""

    # Deferred transitions

    def fire(
        self,
        hands: Sequence[Hand],
        until: datetime,
        *,
        at: Callable[[datetime], None] = lambda _due_at: None,
        enough: Callable[[int], bool] = lambda _fired: False,
        line: Line | None = None,
    ) -> int:
        """Fire what is due on these roots up to `until`, in due order, with all that it brings about by then.

        `at` hears each due instant before it fires; `enough` is asked, with the number fired so far, before each.
        `line`: stop before something that is due later than a message of its line was sent. Returns how many fired.
        """
        due = [first for hand in hands if (first := self._next(hand, until))]
        heapify(due)
        fired, sent = 0, dict[str, datetime]()
        while due and not enough(fired):
            hand = self.hands[due[0].root_id]
            if line and sent.get(line.of(hand, due[0]), due[0].due_at) < due[0].due_at:
                break
            at(due[0].due_at)
            logged = len(self.transitions)
            fired += self._fire(hand, due[0])
            if line and self._sends(self.transitions[logged:], told=line.told):
                sent.setdefault(line.of(hand, due[0]), self._clock.now())
            following = self._next(hand, until)
            heapreplace(due, following) if following else heappop(due)
        return fired

    def _sends(self, rows: Sequence[LogRecord], *, told: bool) -> bool:
        """Whether one of these rows sends a message, or with `told` also whether somebody is told of one."""
        return sends(rows) or (told and any(self.audience.hears(row) for row in rows))

    def _next(self, hand: Hand, until: datetime) -> Due | None:
        first = hand.earliest(within_host=self._within_host)
        blocked = hand.root.status != "live" or hand.root.id in self.failures
        return None if blocked or first is None or first.due_at > until or hand.held_back(first) else first

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
        decision = self._step(hand, held, stimulus)
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

    # Commands

    def command(self, command: Command) -> Answer:
        """Fire what is due on the command's root (rule B4), then judge the command and carry it out.

        Raises NotFound, or Refused in the order of rule I14.
        """
        hand, held = self.find(command.instance_id)
        fingerprint = keys.fingerprint(command.instance_id, command.event, command.arguments)
        if earlier := self.earlier(command.scope, command.key, fingerprint):
            return earlier
        self.make_way(hand, held, command.expected_version)
        self._decide(hand, held, Stimulus(command.event, self._clock.now(), command.arguments), command)
        return self.answer(command.scope, command.key, fingerprint, self.snapshot(hand, held))

    def make_way(self, hand: Hand, held: Held | None, expected_version: int | None = None) -> None:
        """Fire what is due before a command on an instance, or on what is not there yet, and see that nothing stands in
        the way of every command. Raises Refused
        (`version_conflict`, `quarantined`, `held`, `order_in_progress`)."""
        now = self._clock.now()
        if hand.root.status == "live":
            self._fire_first(hand, now)
        if expected_version not in (None, hand.root.seq):
            raise refused("version_conflict")
        if hand.root.status != "live" or hand.root.id in self.failures:
            raise refused("held" if hand.root.status == "held" else "quarantined")
        waits = hand.earliest(within_host=self._within_host)
        if hand.occupied(held.record.id if held else "") or (waits is not None and waits.due_at <= now):
            raise refused("order_in_progress")

    def _fire_first(self, hand: Hand, now: datetime) -> None:
        """Fire what is due before a command is judged. Where the root backs off, it is no attempt that counts: people
        who click again and again do not quarantine it."""
        root = hand.root
        if root.attempts and root.wake_at and root.wake_at > now:
            self._tried_early.add(root.id)
        self.fire([hand], now)

    def create(self, creation: Creation) -> Answer:
        """Make an instance on a root of its own. Raises Refused."""
        owner = creation.owner_id or ""
        for account in self.transaction.look([owner]):  # where there is such a root, it says on which clock
            self.stand_by(account.clock)
        fingerprint = keys.fingerprint(creation.machine, creation.event, creation.arguments)
        if earlier := self.earlier(owner, creation.key, fingerprint):
            return earlier
        hand, held = self.begin(creation)
        self._decide(hand, held, Stimulus(creation.event, self._clock.now(), creation.arguments), creation)
        self.keep(hand)
        return self.answer(owner, creation.key, fingerprint, self.snapshot(hand, held))

    def tell(self, instance_id: str, event: str, because: Because, arguments: Json | None = None) -> None:
        """An event for an instance in hand, whatever else stands in the way of commands on its root. Raises Refused."""
        hand, held = self.find(instance_id)
        stimulus = Stimulus(event, self._clock.now(), arguments or {})
        self.take(hand, held, stimulus, self.foresee(hand, held, stimulus), because)

    # What the world outside answers

    def add(self, hand: Hand, beginning: Beginning, because: Because) -> Held:
        """A new instance on a root in hand. Raises Refused."""
        prefix = self._registry.newest(beginning.machine).prefix
        held = hand.add(self._record(beginning.machine, prefix, hand.root.id, beginning.owner_id))
        self._contexts[held.record.id] = beginning.context
        stimulus = Stimulus(beginning.event, self._clock.now(), beginning.arguments)
        try:
            self.take(hand, held, stimulus, self.foresee(hand, held, stimulus), because)
        except BaseException:
            hand.held.pop(held.record.id, None)
            raise
        return hand.held[held.record.id]

    def add_alike(self, hand: Hand, beginning: Beginning, count: int, because: Because) -> list[str]:
        """So many new instances on a root in hand, all with the same beginning, which is judged once; their ids.

        For a machine whose beginning does not depend on the instance, and brings nothing else about. Raises Refused.
        """
        prefix, added = self._registry.newest(beginning.machine).prefix, list[str]()
        stimulus = Stimulus(beginning.event, self._clock.now(), beginning.arguments)
        decision: Decision[Any] | None = None
        for _ in range(count):
            held = hand.add(self._record(beginning.machine, prefix, hand.root.id, beginning.owner_id))
            if decision is None:
                self._contexts[held.record.id] = beginning.context
                decision = self.foresee(hand, held, stimulus)
            self.transitions.append(hand.take(held, stimulus, decision, because, self._clock.now()))
            added.append(held.record.id)
        return added

    def begin_on(self, instance_id: str, machine: str, event: str, arguments: Json) -> Held:
        """A new instance beside another one, on its root, as an answer of the world outside. Raises NotFound."""
        hand, held = self.find(instance_id)
        context = self._contexts.get(instance_id)
        return self.add(hand, Beginning(machine, event, arguments, held.record.owner_id, context), OUTSIDE)

    def record(self, instance_id: str, event: str, arguments: Json) -> Answer:
        """Take in what the world outside has answered about an instance. What is due fires first, as far as it does not
        wait for this very answer; nothing but the machine's own table refuses it. Raises NotFound, Refused."""
        hand, _ = self.find(instance_id)
        if hand.root.status == "live":
            self._fire_first(hand, self._clock.now())
        self.tell(instance_id, event, OUTSIDE, arguments)
        return self.snapshot(hand, hand.held[instance_id])

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

    def _decide(self, hand: Hand, held: Held, stimulus: Stimulus, by: Command | Creation) -> None:
        decision = self.foresee(hand, held, stimulus)
        because = Because("command", by.actor, self.keep_reason(hand.root.id, by.reason))
        self.take(hand, held, stimulus, decision, because)

    # Idempotency keys

    def earlier(self, scope: str, key: str | None, fingerprint: str) -> Answer | None:
        """The first answer to an idempotency key (rule B10). Raises Refused (`idempotency_conflict`)."""
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

    def answer(self, scope: str, key: str | None, fingerprint: str, answer: Answer) -> Answer:
        """Remember an answer with its key, if it has one."""
        if key is not None:
            self._changes.answers.append(keys.remembered(scope, key, fingerprint, answer, self._clock.now()))
        return answer
