"""One root, judged: its chain, its instances, its deferrals, and when it is to be looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from lifecycle.verify.acts import alone, at_a_due_instant
from lifecycle.verify.chain import Chain, seal
from lifecycle.verify.kinds import holds_back
from lifecycle.verify.money import Across, Money
from lifecycle.verify.outbox import Outbox
from lifecycle.verify.people import Seats, wrong_with_invitations, wrong_with_people
from lifecycle.verify.reading import read, readable
from lifecycle.verify.records import Checkpoint, Code, Deferral, Instance, Message, Person, Root, Row, Seat, Unreadable
from lifecycle.verify.report import Finding
from lifecycle.verify.rows import Stored
from lifecycle.verify.story import Story, Told

PATIENCE = timedelta(hours=1)
"""How long a root may wait to be looked at before that is told."""


def judge(stored: Stored, now: datetime | None, across: Across) -> Iterator[Finding]:
    """Everything that is wrong with one root; what can't be read ends it."""
    try:
        yield from _judge(stored, now, across)
    except Unreadable as error:
        yield Finding("unreadable", stored.root_id, None, None, str(error))
    stored.skip()


def _judge(stored: Stored, now: datetime | None, across: Across) -> Iterator[Finding]:
    if stored.root is None:
        yield from _lost(stored)
        return
    root = read(Root, stored.root)
    instances = [read(Instance, raw) for raw in stored.instances]
    checkpoint = None if stored.checkpoint is None else read(Checkpoint, stored.checkpoint)
    told = {} if checkpoint is None else {key: Told.of(key, said) for key, said in checkpoint.instances.items()}
    stories = {instance.id: Story(instance, told.get(instance.id)) for instance in instances}
    first = None if checkpoint is None else checkpoint.seq + 1
    messages = [read(Message, raw) for raw in stored.messages]
    outbox = Outbox(messages, first)
    money = Money(stored, stories, first, across)
    seats = Seats(root.id, [read(Seat, raw) for raw in stored.seats], first)
    if checkpoint is not None:
        yield from _checkpoint(checkpoint, told.keys() - stories.keys())
    yield from _log(stored, root, checkpoint, stories, (outbox, money, seats))
    deferrals = [read(Deferral, raw) for raw in stored.deferrals]
    by_instance: dict[str, dict[str, datetime]] = defaultdict(dict)
    for deferral in deferrals:
        by_instance[deferral.instance_id][deferral.event] = deferral.due_at
    yield from _wake_at(root, deferrals, [story.instance for story in stories.values()], now)
    for instance_id in by_instance.keys() - stories.keys():
        yield Finding("orphan", root.id, instance_id, None, "A deferral's instance is not in its root.")
    for instance_id, story in stories.items():
        yield from story.close(by_instance[instance_id])
    yield from money.close()
    yield from seats.close(stories)
    yield from wrong_with_invitations([read(Code, raw) for raw in stored.codes], stories)
    with readable("The facts of a member"):
        yield from wrong_with_people(root.id, [read(Person, raw) for raw in stored.people], stories)
    for message in messages:
        if message.clock != root.clock:  # a relay would deliver it, or none
            apart = f"Its effect {message.place} is on the clock {message.clock}, and the root on {root.clock}."
            yield Finding("clock", root.id, message.instance_id, message.seq, apart)


def _checkpoint(checkpoint: Checkpoint, strange: Collection[str]) -> Iterator[Finding]:
    if checkpoint.seal != (digest := seal(checkpoint)):
        message = f"The checkpoint's seal should be {digest.hex()}."
        yield Finding("checkpoint", checkpoint.root_id, None, checkpoint.seq, message)
    for instance_id in strange:
        message = "The checkpoint's instance is not in its root."
        yield Finding("orphan", checkpoint.root_id, instance_id, checkpoint.seq, message)


def _log(
    stored: Stored,
    root: Root,
    checkpoint: Checkpoint | None,
    stories: dict[str, Story],
    written: tuple[Outbox, Money, Seats],
) -> Iterator[Finding]:
    outbox, money, seats = written
    chain = Chain() if checkpoint is None else Chain(checkpoint.seq, checkpoint.hash)
    latest = None if checkpoint is None else checkpoint.last_due_at
    for row in stored.log():
        yield from chain.take(row)
        yield from outbox.take(row)
        yield from seats.take(row)
        if not alone(row) and at_a_due_instant(row):
            yield from _times(row, latest)
            latest = row.due_at
        story = stories.get(row.instance_id)
        if story is None:
            yield Finding("orphan", row.root_id, row.instance_id, row.seq, "The row's instance is not in its root.")
        else:
            yield from story.take(row)
        yield from money.take(row)
    yield from chain.close(root)
    yield from outbox.close()


def _times(row: Row, latest: datetime | None) -> Iterator[Finding]:
    def finding(code: str, message: str) -> Finding:
        return Finding(code, row.root_id, row.instance_id, row.seq, message)

    due_at, fired_at = row.due_at.isoformat(), row.fired_at.isoformat()
    if row.fired_at < row.due_at:
        yield finding("fired_early", f"It fired at {fired_at} and was due at {due_at}.")
    if row.recorded_at < row.fired_at:
        yield finding("recorded_early", f"It was recorded at {row.recorded_at.isoformat()} and fired at {fired_at}.")
    if latest is not None and row.due_at < latest:
        yield finding("due_order", f"It was due at {due_at}; one that was due at {latest.isoformat()} fired before.")


def _wake_at(
    root: Root, deferrals: list[Deferral], instances: list[Instance], now: datetime | None
) -> Iterator[Finding]:
    """The earliest deferral, or later while the root backs off; never for a root that is kept from firing, or where the
    earliest waits for a charge: whoever has its answer looks then."""
    earliest = min((deferral.due_at for deferral in deferrals), default=None) if root.status == "live" else None
    waiting = [
        any(one.id != deferral.instance_id and holds_back(one, deferral.event) for one in instances)
        for deferral in deferrals
        if deferral.due_at == earliest
    ]
    possible = {None if waits else earliest for waits in waiting} or {None}
    backs_off = bool(root.attempts and root.wake_at and earliest and root.wake_at > earliest)
    if root.wake_at not in possible and not backs_off:
        awaited = " or ".join(str(one) for one in possible)
        yield Finding("wake_at", root.id, None, None, f"It wakes at {root.wake_at}; it should at {awaited}.")
    waits = root.clock is None  # what is on a named clock waits until that is advanced, however long
    if waits and now is not None and root.wake_at is not None and root.wake_at < now - PATIENCE:
        late = f"It was to be looked at by {root.wake_at.isoformat()}."
        yield Finding("overdue", root.id, None, None, late, level="warning")


def _lost(stored: Stored) -> Iterator[Finding]:
    stored.skip()
    kinds = {
        "instances": stored.instances,
        "deferrals": stored.deferrals,
        "messages": stored.messages,
        "entries": stored.entries,
        "people": stored.people,
        "seats": stored.seats,
    }
    number = ", ".join(f"{len(rows)} {kind}" for kind, rows in kinds.items())
    if stored.checkpoint is not None:
        number += ", a checkpoint"
    yield Finding(
        "orphan",
        stored.root_id,
        None,
        None,
        f"There is no such root, but {number}, {stored.count} rows of the log name it.",
    )
