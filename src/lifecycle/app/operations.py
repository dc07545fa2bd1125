"""What operators do by hand, on an instance of any machine. Each act needs a reason, and is logged as theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Required, TypedDict, Unpack

from lifecycle.app.context import Context
from lifecycle.engine.acts import Act, Acts
from lifecycle.engine.commands import Answer
from lifecycle.engine.work import Work
from lifecycle.store.transaction import SqlTransaction


class Given(TypedDict, total=False):
    """What goes with every act."""

    reason: Required[str]
    """Why, in the operator's words; kept apart from the log."""
    by: str
    """Which operator; `operator` unless said."""


class Operations:
    """Each act answers with the instance as it left it; it raises NotFound, and Refused where it can't be done."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def hold(self, instance: str, **given: Unpack[Given]) -> Answer:
        """Fire nothing more on it and refuse commands (`held`), until it is released."""
        return self._act(instance, given, Acts.hold)

    def release(self, instance: str, **given: Unpack[Given]) -> Answer:
        """Let it go on after a hold: what has become due fires, in order, each at its own instant."""
        return self._act(instance, given, Acts.release)

    def retry(self, instance: str, **given: Unpack[Given]) -> Answer:
        """Let it go on after a quarantine, or at once instead of after its back-off. Refused `not_due` otherwise."""
        return self._act(instance, given, Acts.retry)

    def fire(self, instance: str, **given: Unpack[Given]) -> Answer:
        """Fire what is due first, once; held or quarantined or not. Refused `not_due` where nothing is.

        Raises LifecycleError (`transition_failed`) where its machine raises; then nothing has changed.
        """
        return self._act(instance, given, Acts.fire)

    def skip(self, instance: str, **given: Unpack[Given]) -> Answer:
        """Pass over what is due first: a cycle moves to its next boundary without an invoice. Refused `not_due`, or
        `not_skippable` where nothing would be left to happen."""
        return self._act(instance, given, Acts.skip)

    def _act(self, instance: str, given: Given, do: Callable[[Acts[SqlTransaction], Act], Answer]) -> Answer:
        def job(work: Work[SqlTransaction]) -> Answer:
            with self._context.actor(work.transaction, given.get("by", "operator")) as actor:
                return do(Acts(work), Act(instance, actor, given.get("reason") or ""))

        return self._context.engine.attempt(job)
