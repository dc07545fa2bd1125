"""What a row of the log writes besides itself: its postings to the ledger, the numbers that it asks for, and seats."""

from __future__ import annotations

from collections.abc import Iterator

from lifecycle.engine.records import Changes, EntryRecord, LogRecord, NumberRecord, SeatRecord


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


def seat(row: LogRecord, changes: Changes) -> None:
    """Take down who gets a seat of the row's root, and who leaves one."""
    for effect in row.effects:
        match effect:
            case {"effect": "assign", "members": list(members)}:
                made = (SeatRecord(row.root_id, one, row.seq, n, row.due_at) for n, one in enumerate(members))
                changes.seats.extend(made)
            case {"effect": "unassign", "members": list(members)}:
                gone = {(row.root_id, one) for one in members}
                changes.seats = [one for one in changes.seats if (one.root_id, one.member_id) not in gone]
                changes.vacated += [SeatRecord(row.root_id, one) for one in members]
