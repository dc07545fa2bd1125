"""What operators do by hand, on an instance of any machine, and what they ask. Each act needs a reason, and is logged
as theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Required, TypedDict, Unpack

from lifecycle.app.arguments import asked
from lifecycle.app.context import Context
from lifecycle.app.subjects import KIND
from lifecycle.engine.acts import Act, Acts
from lifecycle.engine.commands import Answer
from lifecycle.engine.questions import Explanation, explain
from lifecycle.engine.work import Work
from lifecycle.errors import NotFound
from lifecycle.store import queries
from lifecycle.store.queries import Standing
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

    # Questions

    def explain(
        self, instance: str, event: str | None = None, arguments: Mapping[str, object] | None = None
    ) -> Explanation:
        """What each event would meet now, whatever it may be asked with; or one `event`, asked with these `arguments`,
        by the names of the machine: `plan`, `interval`, `seats`, `at`. A question, which changes nothing and locks
        nothing. Raises NotFound, and Refused (`invalid`)."""
        if arguments:
            arguments = self._asked(instance, arguments)
        with self._context.engine.look() as work:
            return explain(work, instance, event, arguments)

    def quarantined(self) -> list[Standing]:
        """Everything that is kept aside, by when its next transition was due."""
        return self._standings(status="quarantined")

    def standing(self, instance: str) -> Standing:
        """Where an instance stands, told without reading its facts, which may be damaged. Raises NotFound."""
        found = self._standings(id=instance)
        if not found:
            raise NotFound("instance", instance)
        return found[0]

    def _standings(self, **wanted: str) -> list[Standing]:
        self._context.ready()
        with self._context.database.reading() as connection:
            return queries.standings(connection, **wanted)

    def _asked(self, instance: str, arguments: Mapping[str, object]) -> Mapping[str, object]:
        """For a subscription, checked and in the form in which they are logged."""
        with self._context.database.reading() as connection:
            stored = queries.instances(connection, machine=KIND, id=instance)
        return asked(arguments, str(stored[0].facts["zone"])) if stored else arguments

    def _act(self, instance: str, given: Given, do: Callable[[Acts[SqlTransaction], Act], Answer]) -> Answer:
        def job(work: Work[SqlTransaction]) -> Answer:
            by = given.get("by", "operator")
            found = queries.standings(work.transaction.connection, id=instance)
            if found:
                self._context.see_right(work.transaction.connection, found[0].owner_id or "", by, "operate")
            with self._context.actor(work.transaction, by) as actor:
                return do(Acts(work), Act(instance, actor, given.get("reason") or ""))

        return self._context.engine.attempt(job)
