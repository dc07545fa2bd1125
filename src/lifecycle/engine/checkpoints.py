"""What stays in the place of log rows that are moved out: a checkpoint, from which verification goes on (rule A11)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from lifecycle.domain.machine import Json
from lifecycle.engine.chain import hash_of
from lifecycle.engine.records import LogRecord

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)

_NOTES = frozenset({"held", "released", "retried", "outbox_retried", "outbox_dropped", "migrated"})
"""What operators do that nothing deferred is about."""


class ChainBroken(Exception):
    """Rows do not go on from where they should: they are evidence, and stay where they are."""


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """The number and hash of a root's last row that was moved out, and what all of those rows told.

    `instances` holds, by id, `machine`, `version`, `state` and `facts` as the last row of each left them;
    `last_due_at` is when the last of the rows was due that fired or was skipped. `seal` is over everything else.
    """

    root_id: str
    seq: int
    hash: bytes
    instances: Json
    last_due_at: datetime | None
    made_at: datetime
    seal: bytes = b""


def checkpoint(earlier: CheckpointRecord | None, rows: Sequence[LogRecord], made_at: datetime) -> CheckpointRecord:
    """The checkpoint behind these rows of one root, of which there is at least one.

    They follow the earlier checkpoint, or are the first. Raises ChainBroken where a hash or a number is not right.
    """
    root_id = rows[0].root_id
    if earlier is not None and earlier.seal != seal_of(earlier):
        raise ChainBroken(root_id)
    before = earlier or CheckpointRecord(root_id, 0, b"", {}, None, made_at)
    seq, head, instances, last_due_at = before.seq, before.hash, dict(before.instances), before.last_due_at
    for row in rows:
        if row.seq != seq + 1 or row.hash != _hash_of(head, row):
            raise ChainBroken(root_id)
        seq, head = row.seq, row.hash
        instances[row.instance_id] = _told(instances.get(row.instance_id), row)
        last_due_at = row.due_at if _was_due(row) else last_due_at
    made = CheckpointRecord(root_id, seq, head, instances, last_due_at, made_at)
    return replace(made, seal=seal_of(made))


def seal_of(made: CheckpointRecord) -> bytes:
    """SHA-256 over a checkpoint in canonical JSON; 32 bytes."""
    content = [
        made.root_id,
        made.seq,
        made.hash.hex(),
        made.instances,
        made.last_due_at and made.last_due_at.isoformat(),
        made.made_at.isoformat(),
    ]
    return sha256(_canonical.encode(content).encode()).digest()


def _hash_of(head: bytes, row: LogRecord) -> bytes:
    try:
        return hash_of(head, row)
    except ValueError as error:  # text that is not Unicode, which the engine never wrote
        raise ChainBroken(row.root_id) from error


def _was_due(row: LogRecord) -> bool:
    """Whether the row is of something deferred: it fired, or an operator skipped it."""
    acted = row.cause == "operator" and row.event not in _NOTES
    return row.cause == "deferral" or acted


def _told(before: Json | None, row: LogRecord) -> Json:
    facts = {} if before is None else before["facts"]
    after = {key: value for key, value in {**facts, **row.changes}.items() if value is not None}
    return {"machine": row.machine, "version": row.version, "state": row.target, "facts": after}
