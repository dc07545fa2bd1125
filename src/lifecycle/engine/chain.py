"""The hash chain of the transition log: each row's hash is over the row before and everything in the row."""

from __future__ import annotations

import json
from hashlib import sha256

from lifecycle.engine.records import LogRecord

_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode


def hash_of(previous: bytes, row: LogRecord) -> bytes:
    """SHA-256 over the previous row's hash and this row in canonical JSON; 32 bytes."""
    return sealed(previous, row)[0]


def sealed(previous: bytes, row: LogRecord) -> tuple[bytes, tuple[str, str, str]]:
    """The hash, and the row's arguments, changes and effects in the canonical JSON that it is over."""
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
    ]
    written = (_canonical(row.arguments), _canonical(row.changes), _canonical(row.effects))
    whole = f"{_canonical(content)[:-1]},{','.join(written)}]"
    return sha256(previous + whole.encode()).digest(), written
