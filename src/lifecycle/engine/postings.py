"""What a row of the log writes besides itself: its postings to the ledger, and the numbers that it asks for."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.engine.records import EntryRecord, LogRecord, NumberRecord


def entries(row: LogRecord) -> Iterator[EntryRecord]:
    """The ledger's entries, one for each book that a posting changes."""
    for place, effect in enumerate(row.effects):
        if effect.get("effect") == "post":
            for book, amount in effect["entries"].items():
                yield EntryRecord(
                    row.root_id, row.seq, place, book, effect["account"], effect["unit"], amount, row.due_at
                )


def numbers(row: LogRecord) -> Iterator[NumberRecord]:
    """The numbers that are to be taken, last of all (rule E4)."""
    for effect in row.effects:
        if effect.get("effect") == "number":
            yield NumberRecord(effect["series"], 0, row.instance_id, row.recorded_at or row.fired_at)
