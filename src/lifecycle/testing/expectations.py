"""What is expected of a subscription's life against what it was, told so that the difference is seen at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from difflib import SequenceMatcher

from lifecycle.app.lifecycle import Lifecycle
from lifecycle.drawing.plain import columns, when
from lifecycle.drawing.timeline import way
from lifecycle.store.queries import DueTransition, Step

NOTHING = "nothing"


def history(lifecycle: Lifecycle, subscription: str) -> list[Step]:
    """All its transitions so far but reminders, in order. Raises NotFound."""
    return list(lifecycle.subscriptions.history(subscription))


def next_of(lifecycle: Lifecycle, subscription: str) -> DueTransition | None:
    """What comes next of it but reminders. Raises NotFound."""
    lifecycle.subscriptions.get(subscription)
    return next(iter(lifecycle.due(subscription=subscription, limit=1)), None)


def other_transitions(steps: Sequence[Step], expected: Sequence[str], zone: str) -> str | None:
    """What is wrong with these transitions; None where they are those that are expected."""
    if [step.event for step in steps] == list(expected):
        return None
    rows = [("", "expected", "actual", "", "")]
    for wanted, step in _side_by_side(list(expected), steps):
        told = ("-", "", "") if step is None else (step.event, when(step.at, zone), way(step))
        rows.append((" " if step and wanted else ">", wanted or "-", *told))
    return "\n".join(["The transitions are others:", *columns(rows)])


def _side_by_side(expected: Sequence[str], steps: Sequence[Step]) -> Iterator[tuple[str | None, Step | None]]:
    """What is expected beside what was; None beside what is missing, and beside what is too many."""
    matching = SequenceMatcher(None, expected, [step.event for step in steps], autojunk=False)
    for tag, first, last, begin, end in matching.get_opcodes():
        if tag == "equal":
            yield from zip(expected[first:last], steps[begin:end], strict=True)
        else:
            yield from ((event, None) for event in expected[first:last])
            yield from ((None, step) for step in steps[begin:end])


def other_next(actual: DueTransition | None, event: str | None, due: datetime | None, zone: str) -> str | None:
    """What is wrong with what comes next; None where it is what is expected, at the instant if one is given."""
    if (None if actual is None else actual.event) == event and (actual is None or due in (None, actual.due_at)):
        return None
    rows = [("expected", event or NOTHING, "" if due is None else when(due, zone))]
    came = (NOTHING, "") if actual is None else (actual.event, when(actual.due_at, zone))
    return "\n".join(["Something else comes next:", *columns([*rows, ("actual", *came)])])
