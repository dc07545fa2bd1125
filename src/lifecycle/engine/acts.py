"""What operators do by hand: hold, release, retry, fire, skip. Each is a row of the log, with their name and reason.

Unlike a command, an act fires nothing first, and is possible on a root that is held or quarantined (rule B4). Only what
is due can be fired or skipped, and only what comes first: order holds for operators too. A reminder does not count: it
stands in the way of nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from lifecycle.domain.machine import REMINDED, Decision, Stimulus
from lifecycle.domain.refusals import refused
from lifecycle.engine.commands import Answer
from lifecycle.engine.hand import Because, Due, Hand, Held
from lifecycle.engine.ports import Tx_co
from lifecycle.engine.work import MAX_ATTEMPTS, Work
from lifecycle.errors import LifecycleError, Refused


@dataclass(frozen=True, slots=True)
class Act:
    """Whom an act concerns, who does it, by id, and why, in their words."""

    instance_id: str
    actor: str
    reason: str


class Deferred(Protocol):
    """Something that is due."""

    @property
    def event(self) -> str: ...


AnyDue = TypeVar("AnyDue", bound=Deferred)


class Acts(Generic[Tx_co]):
    """The acts inside one transaction. Each raises NotFound, and Refused where it can't be done."""

    def __init__(self, work: Work[Tx_co]) -> None:
        self._work = work
        self._failure: Exception | None = None

    def hold(self, act: Act) -> Answer:
        """Fire nothing more on its root, and refuse commands, until it is released."""
        hand, held = self._find(act)
        if hand.root.status == "held":
            raise Refused("no_change", "It is on hold already.", instead="Let it go on with release.")
        hand.root.status = "held"
        return self._note(hand, held, "held", act)

    def release(self, act: Act) -> Answer:
        """Let a held root go on: what has become due fires, in order, each at its own instant. One that was quarantined
        when it was held is quarantined again."""
        hand, held = self._find(act)
        root = hand.root
        if root.status != "held":
            raise Refused("no_change", "It is not on hold.", instead="See what stands in its way.")
        root.status = "quarantined" if root.attempts >= MAX_ATTEMPTS else "live"
        return self._note(hand, held, "released", act)

    def retry(self, act: Act) -> Answer:
        """Let a root go on that is quarantined or backs off: it is tried again at once, with all its attempts. What is
        held stays held, and is tried when it is released."""
        hand, held = self._find(act)
        if not hand.root.attempts:
            raise refused("not_due", message="It is neither quarantined nor backing off.")
        self._go_on(hand)
        return self._note(hand, held, "retried", act)

    def fire(self, act: Act) -> Answer:
        """Fire what is due first on its root, once, as this operator, with the reminders that were due before it. What
        is held stays held after it.

        Raises LifecycleError (`transition_failed`) where the machine raises; nothing is changed then.
        """
        hand, due = self._first(act)
        with _failing(due):
            if self._failure is not None:
                raise self._failure
            because = self._because(hand, act)
            while (earlier := hand.earliest()) is not None and earlier < due:
                self._work.fire_one(hand, earlier, because)
            self._work.fire_one(hand, due, because)
        self._go_on(hand)
        return self._work.snapshot(hand, hand.held[act.instance_id])

    def skip(self, act: Act) -> Answer:
        """Pass over what is due first on its root, without its effect: a cycle moves to its next boundary, without an
        invoice. Raises Refused (`not_skippable`) where nothing would be left to happen, and LifecycleError
        (`transition_failed`) where the machine raises."""
        hand, due = self._first(act)
        held = hand.held[due.instance_id]
        with _failing(due):
            decision = skipping(held, due, self._work.context(held.record.id))
        if decision is None:
            raise refused("not_skippable", event=due.event, state=held.record.state)
        skipped = Stimulus("skipped", due.due_at, {"event": due.event})
        with _failing(due):
            self._work.take(hand, held, skipped, decision, self._because(hand, act))
        self._go_on(hand)
        return self._work.snapshot(hand, hand.held[act.instance_id])

    def note(self, act: Act, event: str, **arguments: str) -> Answer:
        """Log something else that an operator has done about an instance; nothing about it changes."""
        hand, held = self._find(act)
        return self._note(hand, held, event, act, **arguments)

    def _find(self, act: Act) -> tuple[Hand, Held]:
        """Before anything is touched: a refusal changes nothing. What its surroundings raise is no attempt that counts,
        and matters only to what steps its machine."""
        if not act.reason.strip():
            raise Refused("invalid", "An operator's act needs a reason.", instead="Say why.")
        hand, held = self._work.find(act.instance_id)
        self._failure = self._work.failures.pop(hand.root.id, None)
        return hand, held

    def _first(self, act: Act) -> tuple[Hand, Due]:
        hand, _ = self._find(act)
        first = first_of([due for due in hand.all_due() if due.due_at <= self._work.now()])
        if first is None:
            raise refused("not_due")
        return hand, first

    def _go_on(self, hand: Hand) -> None:
        """What stood in the way is gone; an operator's hold stays."""
        root = hand.root
        root.attempts, root.error = 0, None
        if root.status == "quarantined":
            root.status = "live"

    def _note(self, hand: Hand, held: Held, event: str, act: Act, **arguments: str) -> Answer:
        stimulus = Stimulus(event, self._work.now(), arguments)
        self._work.note(hand, held, stimulus, self._because(hand, act))
        return self._work.snapshot(hand, held)

    def _because(self, hand: Hand, act: Act) -> Because:
        return Because("operator", act.actor, self._work.keep_reason(hand.root.id, act.reason))


def first_of(due: Sequence[AnyDue]) -> AnyDue | None:
    """Which of these, in their order, an operator can fire or skip: the first that is no reminder, if there is one."""
    return next((one for one in due if one.event != REMINDED), due[0] if due else None)


def skipping(held: Held, due: Due, context: object) -> Decision[Any] | None:
    """What would be if this were skipped; None where nothing but reminders would be left to happen, or the same again.
    A reminder that is skipped is merely dropped."""
    definition = held.definition
    decision = definition.skip(held.record.state, definition.fresh(held.facts), due.event, context)
    if decision is None:
        return None
    after = definition.schedule(decision.state, decision.facts)
    left = due.event == REMINDED or after.keys() - {REMINDED}
    return decision if left and after.get(due.event) != due.due_at else None


@contextmanager
def _failing(due: Due) -> Iterator[None]:
    """Whatever a machine raises is told to the operator, and is no attempt that counts."""
    try:
        yield
    except Exception as error:
        told = f"{due.event} failed: {type(error).__name__}: {error}"
        raise LifecycleError(told, code="transition_failed") from error
