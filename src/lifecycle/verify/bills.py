"""Whether all that a subscription was to be invoiced for has its invoice, and nothing else has (rules E2, E3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from lifecycle.verify import invoice
from lifecycle.verify.records import Row
from lifecycle.verify.report import Finding
from lifecycle.verify.story import Story

Key = tuple[Any, ...]


class Bills:
    """Takes the rows of a root's log in order. What was to be invoiced before `since`, when the first invoice of all
    was made, is not missed: no such machine ran then. None: it never did."""

    def __init__(self, since: datetime | None) -> None:
        self._since = since
        self._asked: dict[Key, list[Row]] = defaultdict(list)

    def take(self, row: Row) -> None:
        """Note what the row wants to be invoiced. Raises KeyError, TypeError or ValueError."""
        for effect in row.effects:
            if isinstance(effect, dict) and effect.get("effect") == "bill":
                self._asked[_key(row.instance_id, effect)].append(row)

    def close(self, stories: Mapping[str, Story]) -> Iterator[Finding]:
        """Compare with the invoices of the root. Raises as `take`."""
        cycles: dict[tuple[str, int], str] = {}
        for story in stories.values():
            one = story.instance
            if one.machine != invoice.KIND:
                continue
            facts = one.facts
            if invoice.live_key(one.state, facts) is not None:
                first = cycles.setdefault((facts["subscription"], facts["cycle"]), one.id)
                if first != one.id:
                    told = f"Cycle {facts['cycle']} is invoiced by {first} too."
                    yield Finding("cycle_twice", one.root_id, one.id, None, told)
            if _is_due(story):
                rows = self._asked.get(_key(facts["subscription"], facts))
                if rows:
                    rows.pop()
                else:
                    told = "No transition wanted this to be invoiced."
                    yield Finding("bill_unasked", one.root_id, one.id, None, told)
        for rows in self._asked.values():
            for row in rows:
                if self._since is not None and row.recorded_at >= self._since:
                    told = "What it wanted to be invoiced is not."
                    yield Finding("bill_missing", row.root_id, row.instance_id, row.seq, told)


def _is_due(story: Story) -> bool:
    """Whether the row that wanted it must be among those that are left in the log."""
    for_order, told = "order" in story.instance.facts, story.told
    if for_order and story.instance.state in ("draft", "void"):
        return False
    return told is None or (for_order and told.state == "draft")


def _key(subscription: str, said: Mapping[str, Any]) -> Key:
    return (subscription, *(said.get(name) for name in ("reason", "cycle", "start", "end", "total")))
