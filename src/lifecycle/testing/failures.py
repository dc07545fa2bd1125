"""What the report of a failed test adds: what has happened in it, what comes next, and where the clock stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lifecycle.drawing.plain import columns, when
from lifecycle.drawing.terminal import LABEL, NOW, bands, mark
from lifecycle.drawing.timeline import Moment, Timeline, timeline, way
from lifecycle.store.queries import DueTransition, Standing, Step
from lifecycle.testing.traveller import Traveller

MOST = 3
"""As many subscriptions are shown, or roots of the host's own machines."""
LINES = 60
"""As many rows of the log are shown of each, the newest."""
WIDTH = 120

Section = tuple[str, str]
"""A heading, and the text under it."""


def sections(traveller: Traveller) -> list[Section]:
    """A section for each of the first few subscriptions. Raises nothing: the test's own failure is to be seen, whatever
    the database is in."""
    try:
        return list(_sections(traveller))
    except Exception as error:  # noqa: BLE001  # what can't be drawn must not hide what failed
        return [("lifecycle", f"What happened can't be shown: {type(error).__name__}: {error}")]


def _sections(traveller: Traveller) -> Iterator[Section]:
    lifecycle = traveller.lifecycle
    by_root: dict[str, list[Step]] = {}
    for step in lifecycle.log():
        by_root.setdefault(step.root_id, []).append(step)
    stands = f"The clock stands at {when(traveller.now, lifecycle.config.zone)}."
    if not by_root:
        yield "lifecycle", f"Nothing has happened. {stands}"
    for root_id, steps in list(by_root.items())[:MOST]:
        yield _section(traveller, lifecycle.operations.standing(root_id), steps)
    if len(by_root) > MOST:
        yield "lifecycle", f"{len(by_root) - MOST} more are not shown. {stands}"


def _section(traveller: Traveller, of: Standing, steps: Sequence[Step]) -> Section:
    lifecycle, now = traveller.lifecycle, traveller.now
    account = None if of.owner_id is None else lifecycle.accounts.get(of.owner_id)
    zone = lifecycle.config.zone if account is None else account.zone
    ids = {of.id, *(step.instance_id for step in steps)}
    coming = sorted((one for one in lifecycle.due() if one.instance_id in ids), key=lambda one: (one.due_at, one.event))
    own = [step for step in steps if step.instance_id == of.id]
    life = timeline(own, [(one.due_at, one.event) for one in coming if one.instance_id == of.id], now)
    text = [
        *_drawn(life, zone),
        "",
        *_log(steps, dict(zip((step.seq for step in own), life.moments, strict=False)), zone),
        "",
        *_next(coming, iter(life.moments[len(own) :]), of.id, zone),
        "",
        f"{NOW}  The clock stands at {when(now, zone)}.",
    ]
    whose = f"{account.reference}: " if account else ""
    return f"lifecycle: {whose}{of.id}, {_stands(of)}", "\n".join(text)


def _stands(of: Standing) -> str:
    """The state; and where the root is in trouble, which."""
    trouble = "" if of.status == "live" else f", {of.status}"
    return f"{of.state}{trouble}" + (f": {of.error}" if of.error else "")


def _drawn(life: Timeline, zone: str) -> Iterator[str]:
    for band in bands(life, WIDTH - LABEL):
        above, label, bar = band.written(zone)
        yield above.rstrip()
        yield f"{label}{bar}"


def _log(steps: Sequence[Step], moments: Mapping[int, Moment], zone: str) -> Iterator[str]:
    shown = steps[-LINES:]
    if len(shown) < len(steps):
        yield f"({len(steps) - len(shown)} earlier rows are left out)"
    signs = [mark(moments[step.seq].number) if step.seq in moments else "" for step in shown]
    yield from columns(
        [
            ("", "time", "of", "event", "from → to", "actor", "reason"),
            *(
                (sign, when(step.at, zone), step.machine, step.event, way(step), step.actor, step.reason or "")
                for sign, step in zip(signs, shown, strict=True)
            ),
        ]
    )


def _next(coming: Sequence[DueTransition], moments: Iterator[Moment], own: str, zone: str) -> Iterator[str]:
    if not coming:
        yield "Nothing comes next."
        return
    signs = [mark(next(moments).number) if one.instance_id == own else "" for one in coming]
    rows = [(sign, when(one.due_at, zone), one.machine, one.event) for sign, one in zip(signs, coming, strict=True)]
    yield from columns([("", "next", "of", "event"), *rows])
