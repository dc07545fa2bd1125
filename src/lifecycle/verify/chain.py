"""The hash chain of a root's log and the seal of its checkpoint, recomputed as docs/verify.md publishes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from json import JSONEncoder

from lifecycle.verify.records import Checkpoint, Root, Row
from lifecycle.verify.report import Finding

_canonical = JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class Chain:
    """Takes the rows of one root in order, and says where the numbers or the hashes do not go on.

    `seq` and `hash` are those of the row that the next is to follow: none, or the last one that was moved out.
    """

    __slots__ = ("hash", "seq")

    def __init__(self, seq: int = 0, head: bytes = b"") -> None:
        self.seq = seq
        self.hash = head

    def take(self, row: Row) -> Iterator[Finding]:
        """Judge the next row, on top of the hash that is stored for the one before."""
        content = _content(row)
        digest = sha256(self.hash + content.encode("utf-8", "surrogatepass")).digest()
        if row.seq != self.seq + 1:
            yield _about(row, "sequence", f"Row {row.seq} follows row {self.seq}.")
        if row.hash != digest:
            yield _about(row, "hash", f"The row's hash should be {digest.hex()}.")
        if "@" in content:
            yield _about(row, "personal_data", "The row holds an @.")
        self.seq, self.hash = row.seq, row.hash

    def close(self, root: Root) -> Iterator[Finding]:
        """Compare with what the root says."""
        if self.seq == 0 and root.kind != "account":
            yield Finding("no_history", root.id, None, None, "The root has no row.")
        if root.seq != self.seq:
            yield Finding("root_seq", root.id, None, None, f"The root is at {root.seq}, its log at {self.seq}.")
        if root.head != self.hash:
            yield Finding("head", root.id, None, None, f"The root's head should be {self.hash.hex()}.")


def seal(checkpoint: Checkpoint) -> bytes:
    """The hash over everything that a checkpoint says."""
    content = [
        *(checkpoint.root_id, checkpoint.seq, checkpoint.hash.hex(), checkpoint.instances),
        checkpoint.last_due_at and _written(checkpoint.last_due_at),
        _written(checkpoint.made_at),
    ]
    return sha256(_canonical(content).encode("utf-8", "surrogatepass")).digest()


def _content(row: Row) -> str:
    return _canonical(
        [
            *(row.root_id, row.seq, row.instance_id, row.machine, row.version, row.event, row.source, row.target),
            *(row.cause, row.actor, row.reason_id),
            *(_written(row.due_at), _written(row.fired_at), _written(row.recorded_at)),
            *(row.arguments, row.changes, row.effects),
        ]
    )


def _written(moment: datetime) -> str:
    """`2026-01-31T10:00:00+00:00`, with six digits of a second's fraction where it has one."""
    fraction = f".{moment.microsecond:06}" if moment.microsecond else ""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}{fraction}+00:00"


def _about(row: Row, code: str, message: str) -> Finding:
    return Finding(code, row.root_id, row.instance_id, row.seq, message)
