"""Orders among what else happens on their root: nothing while they are charged, and then what was decided (B9, D2)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from lifecycle.verify import invoice, order
from lifecycle.verify.acts import NOTES
from lifecycle.verify.reading import instant
from lifecycle.verify.records import Instance, Json, Row
from lifecycle.verify.report import Finding
from lifecycle.verify.story import Story, same

_INVOICES: Mapping[str, list[str]] = {
    "quoted": [],
    "expired": [],
    "confirmed": ["draft"],
    "declined": ["void"],
    "unknown": ["void"],
    "returned": ["void"],
}
"""The states of the invoices of an order in each state."""


class Orders:
    """Takes the rows of a root's log in order, each after its story has."""

    def __init__(self, stories: Mapping[str, Story]) -> None:
        self._stories = stories
        self._charging: str | None = None
        self._completed: Row | None = None
        self._decisions: dict[str, Json] = {}
        for story in stories.values():
            if story.instance.machine == order.KIND and story.told and story.told.state == "confirmed":
                self._charging = story.instance.id
                self._decisions[story.instance.id] = story.told.facts["decision"]

    def take(self, row: Row) -> Iterator[Finding]:
        """Judge what happens next. Raises KeyError, TypeError or ValueError for facts that can't be read."""
        if self._completed is not None:
            completed, self._completed = self._completed, None
            yield from self._took_effect(completed, row)
        elif self._charging and not self._may_happen(row):
            told = f"It happened while {self._charging} was being charged."
            yield Finding("order_disturbed", row.root_id, row.instance_id, row.seq, told)
        if row.machine == order.KIND and row.source != row.target:
            if row.event == "confirmed" and row.arguments.get("decision"):
                self._decisions[row.instance_id] = row.arguments["decision"]
            if row.target == "confirmed":
                self._charging = row.instance_id
            elif row.instance_id == self._charging:
                self._charging = None
            self._completed = row if row.target == "completed" else None

    def close(self) -> Iterator[Finding]:
        """Compare the orders with their invoices. Raises as `take`."""
        if self._completed is not None:
            yield from self._took_effect(self._completed, None)
        invoices: dict[str, list[Instance]] = defaultdict(list)
        for story in self._stories.values():
            if story.instance.machine == invoice.KIND and "order" in story.instance.facts:
                invoices[story.instance.facts["order"]].append(story.instance)
        for story in self._stories.values():
            one = story.instance
            if one.machine != order.KIND:
                continue
            its = invoices.pop(one.id, [])
            wanted = _INVOICES.get(one.state, ["paid"] if one.facts["total"] > one.facts["credit"] else [])
            amounts = (one.facts["total"], one.facts["credit"])
            right = all((each.facts["total"], each.facts.get("credit", 0)) == amounts for each in its)
            if not right or [each.state for each in its] != wanted:
                told = ", ".join(f"{each.state} of {each.facts['total']}" for each in its) or "none"
                yield Finding("order_invoice", one.root_id, one.id, None, f"It is {one.state}; its invoices: {told}.")
        for order_id, its in invoices.items():
            for each in its:
                told = f"Its order {order_id} is not on its root."
                yield Finding("order_invoice", each.root_id, each.id, None, told)

    def _may_happen(self, row: Row) -> bool:
        """What concerns the order and its invoice; the world's answers about others, a new payment method that is tried
        on them, and an operator's notes are stopped by nothing."""
        story = self._stories.get(row.instance_id)
        if row.instance_id == self._charging or (story and story.instance.facts.get("order") == self._charging):
            return True
        if row.cause == "operator":
            return row.event in NOTES
        return row.machine != "subscription" and (row.cause == "outcome" or row.event == "pay")

    def _took_effect(self, completed: Row, row: Row | None) -> Iterator[Finding]:
        """The next row is that of the subscription, at the instant of the confirmation, as it was decided."""
        facts = self._stories[completed.instance_id].facts if completed.instance_id in self._stories else {}
        decision = self._decisions.pop(completed.instance_id, None)
        took = (
            row is not None
            and (row.instance_id, row.event) == (facts["subscription"], facts["event"])
            and row.due_at == instant(facts["confirmed_at"])
        )
        if row is not None and took and decision is not None:
            story = self._stories.get(row.instance_id)
            took = row.target == decision["state"] and same(row.effects, decision["effects"])
            took = took and (row.actor, row.reason_id) == (
                decision.get("actor", row.actor),
                decision.get("reason_id", row.reason_id),
            )
            took = took and story is not None and same(story.facts, decision["facts"])
        if not took:
            told = "What it had decided did not take effect next, as it was decided."
            yield Finding("order_effect", completed.root_id, completed.instance_id, completed.seq, told)
