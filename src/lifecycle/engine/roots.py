"""What one transaction has in hand: roots, locked and loaded, stepped in memory, and written all at once.

A decision is taken in together with what it brings about on the same root, or nothing of it is.
"""

from __future__ import annotations

from datetime import timedelta
from functools import cache, cached_property, partial
from typing import Any

from lifecycle.domain.effects import Apply, Bill, Start, Tell, Written
from lifecycle.domain.explaining import Prospect
from lifecycle.domain.machine import REMINDED, Decision, Effect, Stimulus
from lifecycle.domain.refusals import refused
from lifecycle.engine.chain import sealed
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.commands import Answer
from lifecycle.engine.hand import Because, Hand, Held
from lifecycle.engine.in_hand import InHand
from lifecycle.engine.outbox import messages
from lifecycle.engine.ports import Heeding, Tx_co, WriteFailed
from lifecycle.engine.postings import entries, numbers, seat
from lifecycle.engine.records import (
    LogRecord,
    OutboxRecord,
    ReasonRecord,
    RootRecord,
)
from lifecycle.engine.telling import Audience, told
from lifecycle.errors import DefinitionError

MAX_ATTEMPTS = 5
FIRST_DELAY = timedelta(seconds=1)


class Roots(InHand[Tx_co]):
    """Decisions on the roots in hand, and all that is written of them."""

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
