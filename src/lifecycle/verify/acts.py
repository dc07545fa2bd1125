"""What an operator's row of the log is about: something that was due, or nothing but a note."""

from __future__ import annotations

from lifecycle.verify.records import Row

NOTES = ("held", "released", "retried", "outbox_retried", "outbox_dropped")
"""The acts that leave the instance as it is."""


def at_a_due_instant(row: Row) -> bool:
    """Whether the row is of something that was deferred: it fired by itself or by hand, or was skipped."""
    return row.cause == "deferral" or (row.cause == "operator" and row.event not in (*NOTES, "migrated"))


def alone(row: Row) -> bool:
    """Whether the row is of something that waits until a host's transaction is over, in which later things may have
    fired (rule E4): the opening of an invoice, the issue of a credit note."""
    return row.source == "draft" and (row.machine, row.event) in {("invoice", "opened"), ("credit_note", "issued")}


def foreseen(row: Row) -> str | None:
    """The deferred event that the row is about, if it is about one."""
    if not at_a_due_instant(row):
        return None
    return str(row.arguments.get("event")) if skipped(row) else row.event


def skipped(row: Row) -> bool:
    """Whether an operator passed over something."""
    return row.cause == "operator" and row.event == "skipped"


def changed_too_much(row: Row) -> bool:
    """Whether a row that is to leave everything as it is tells of a change, or a skip of an effect."""
    if skipped(row):
        return bool(row.effects)
    is_note = row.cause == "operator" and row.event in NOTES
    return is_note and (row.source != row.target or bool(row.changes) or bool(row.effects))
