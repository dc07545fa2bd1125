"""The hash chain of the transition log: each row's hash is over the row before and everything in the row."""

from __future__ import annotations

import json
from hashlib import sha256

from lifecycle.engine.records import LogRecord

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def hash_of(previous: bytes, row: LogRecord) -> bytes:
    """SHA-256 over the previous row's hash and this row in canonical JSON; 32 bytes."""
    content = [
        row.root_id,
        row.seq,
        row.instance_id,
        row.machine,
        row.version,
        row.event,
        row.source,
        row.target,
        row.cause,
        row.actor,
        row.reason_id,
        row.due_at.isoformat(),
        row.fired_at.isoformat(),
        row.recorded_at and row.recorded_at.isoformat(),
        row.arguments,
        row.changes,
        row.effects,
    ]
    return sha256(previous + _canonical.encode(content).encode()).digest()
