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
    "orphan": "a row, a checkpoint, an instance, a deferral, a message, an entry, a number or an attempt has lost the "
    "root or the instance that it belongs to",
    "source": "a row does not start from the state in which the row before left the instance",
    "state": "the stored state is not the one that the last row led to",
    "machine": "a row's machine or version is not the instance's, or a version went back",
    "facts": "the stored facts are not what all changes add up to",
    "state_facts": "the facts speak of another state than the one that the subscription is in",
    "revived": "what was over went on",
    "cycle_number": "the number of a cycle did not start at its first, or did not rise by one",
    "cycle_start": "a cycle does not start where the period before it ended",
    "not_deferred": "a transition fired by itself that the facts had not asked for at that instant",
    "fired_early": "a deferred transition fired before it was due",
    "recorded_early": "a deferred transition was recorded before it fired",
    "due_order": "a deferred transition fired after one that was due later",
    "act_changed": "an operator's act changed more than it may",
    "reminder": "the facts name a reminder where there is nothing to be reminded of, or outside of the period",
    "deferral_missing": "a deferral is not there that the facts demand",
    "deferral_unasked": "a deferral is there that the facts do not demand",
    "deferral_due": "a deferral is there for another instant than the facts demand",
    "message_missing": "a row of the log sent a message that the outbox does not hold",
    "message_unsent": "the outbox holds a message that no row of the log sent",
    "message_content": "a message of the outbox is not as its row of the log sent it",
    "message_wake_at": "no relay will look at a message that is not finished, or one will at a finished one",
    "live_key": "the name that keeps a second one away is not the one that the facts demand: of a live subscription "
    "account and plan family, of an invoice subscription and cycle, of a first purchase account and plan family",
    "owner": "an instance is stored under another account than its facts name",
    "two_live": "an account has more than one live subscription in a plan family",
    "closed": "an instance in a final state is said to be going on, or one that can go on to be over",
    "wake_at": "the dispatcher will not look at the root when the first of its deferrals is due, or will though that "
    "waits for a charge",
    "overdue": "the root should have been looked at more than an hour ago (a warning)",
    "clock": "a message, an account or what belongs to one is on another named clock than its root, or on one that is "
    "not there",
    "personal_data": "a row of the log holds what looks like an e-mail address",
    "posting_missing": "a row of the log has posted what the ledger does not hold",
    "posting_unasked": "the ledger holds what no row of the log has posted",
    "posting_content": "a posting of the ledger is not as its row of the log made it",
    "posting_sum": "a posting does not come to zero, in one account and one unit",
    "ledger_sum": "the whole ledger does not come to zero in a unit, which stands in the place of the root",
    "books": "what a root's books say is owed, given up, set aside or to be refunded is not what its documents say",
    "balance": "an account has less than nothing on its balance",
    "tokens": "an account has used more tokens than it has bought",
    "wallet": "a wallet's facts do not count the tokens that were used, or hold something else",
    "account": "the facts of an account hold something else than its id",
    "document_lines": "a line of an invoice or a credit note does not come to its amount, or stands in another place",
    "document_total": "a total is not the sum of the lines, or the credit is more than the total",
    "document_state": "the facts of an invoice, a credit note, a refund or an adjustment speak of another state",
    "document_changed": "a document was changed after it had been written",
    "document_books": "a document has not posted what its lines and its state come to",
    "cycle_twice": "a cycle of a subscription has more than one invoice that came by itself",
    "bill_missing": "a subscription was to be invoiced, and was not",
    "bill_unasked": "an invoice is there that no subscription wanted, or not so",
    "dunning": "failures were not counted one by one, or a retry comes before the failure that it follows",
    "number_missing": "an invoice that was opened, or a credit note that was issued, has no number",
    "number_unasked": "a number is of a document that has not been opened, or never took it",
    "number_content": "a number is of another series or instant than its row of the log",
    "number_gap": "a series, which stands in the place of the root, is not 1, 2, 3, … up to its last, but for as many "
    "as went with clocks that were deleted",
    "order_state": "the facts of an order speak of another state",
    "order_invoice": "an order does not have the invoice that it must have, or that is in another state or of another "
    "total",
    "order_effect": "a completed order did not take effect as it was decided, at the instant of its confirmation",
    "order_disturbed": "something else happened on a root while an order was being charged",
    "attempt": "an attempt to move money is not as its invoice or refund tells",
    "paid_twice": "an invoice keeps the money of more attempts than it may",
    "paid_unproved": "a paid invoice has no attempt that succeeded",
    "member": "the facts of a member hold more than an account and a role, or something changed them that does not",
    "member_row": "a member's row is not there, or says another account, role or being there than their instance",
    "invitation": "an invitation was used more often than it may be, was not counted one by one, is in a state of "
    "which its facts do not speak, or is open though its subscription has ended",
    "invitation_code": "an invitation has no code, or one of another account",
    "seat_missing": "a row of the log gave somebody a seat whom no seat is stored for",
    "seat_unasked": "a seat is stored that no row of the log gave, or that was taken since",
    "seat_content": "a seat is not stored as its row of the log gave it, or was given twice",
    "seats": "there are more or fewer seats than the subscription says are assigned",
    "refund": "more was given back than was taken or asked for, or something else than was said",
    "charge_missing": "an attempt has succeeded, and the gateway does not know of it",
    "charge_content": "the gateway has moved another amount or currency",
    "charge_repeated": "the gateway has moved money more than once under one key",
    "charge_unheard": "the gateway has moved money that nobody here has heard of (a warning while it is asked for)",
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
