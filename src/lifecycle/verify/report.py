"""What a verification reports: findings with stable codes, and what was looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]

CODES: Mapping[str, str] = {
    "sequence": "the numbers of a root's rows are not 1, 2, 3, … without a gap, on from its checkpoint",
    "root_seq": "the root's own number is not that of its last row",
    "hash": "a row's hash is not the one of the row before and its content",
    "head": "the root's head is not the hash of its last row",
    "no_history": "a root or an instance has no row at all, and no checkpoint",
    "checkpoint": "a checkpoint is not as it was made: its seal is not that of its content",
    "archive": "the rows that were moved out are not all in the files, or do not lead to a checkpoint",
    "orphan": "a row, a checkpoint, an instance, a deferral or a message has lost the root or the instance "
    "that it belongs to",
    "source": "a row does not start from the state in which the row before left the instance",
    "state": "the stored state is not the one that the last row led to",
    "machine": "a row's machine or version is not the instance's, or a version went back",
    "facts": "the stored facts are not what all changes add up to",
    "state_facts": "the facts speak of another state than the one that the subscription is in",
    "revived": "a subscription that had ended went on",
    "cycle_number": "the number of a cycle did not start at its first, or did not rise by one",
    "cycle_start": "a cycle does not start where the period before it ended",
    "not_deferred": "a transition fired by itself that the facts had not asked for at that instant",
    "fired_early": "a deferred transition fired before it was due",
    "recorded_early": "a deferred transition was recorded before it fired",
    "due_order": "a deferred transition fired after one that was due later",
    "act_changed": "an operator's act changed more than it may",
    "deferral_missing": "a deferral is not there that the facts demand",
    "deferral_unasked": "a deferral is there that the facts do not demand",
    "deferral_due": "a deferral is there for another instant than the facts demand",
    "message_missing": "a row of the log sent a message that the outbox does not hold",
    "message_unsent": "the outbox holds a message that no row of the log sent",
    "message_content": "a message of the outbox is not as its row of the log sent it",
    "message_wake_at": "no relay will look at a message that is not finished, or one will at a finished one",
    "live_key": "the name that keeps a second live subscription away is not account and plan family",
    "owner": "the subscription is stored under another account than its facts name",
    "two_live": "an account has more than one live subscription in a plan family",
    "wake_at": "the dispatcher will not look at the root when the first of its deferrals is due",
    "overdue": "the root should have been looked at more than an hour ago (a warning)",
    "personal_data": "a row of the log holds what looks like an e-mail address",
    "unreadable": "a value can't be read; the rest of its root was not judged",
}
"""Every code that a finding can have, with what it means; published in docs/verify.md."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, where it is: a root, perhaps an instance, perhaps a row of the log."""

    code: str
    root_id: str
    instance_id: str | None
    seq: int | None
    message: str
    level: Level = "error"


@dataclass(frozen=True, slots=True)
class Report:
    """How many roots and rows of the log were read, and everything that was found; `archived` rows were in files."""

    roots: int
    rows: int
    findings: tuple[Finding, ...]
    archived: int = 0

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that are no mere warnings: history is whole where there are none."""
        return tuple(finding for finding in self.findings if finding.level == "error")
