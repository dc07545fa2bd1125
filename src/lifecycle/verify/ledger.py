"""Whether the ledger of a root holds what its log has posted, no more and no less (rule E7)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lifecycle.verify.records import Entry, Row
from lifecycle.verify.report import Finding

Posting = dict[str, Entry]
"""The entries of one posting, by book."""


class Ledger:
    """Takes the rows of a root's log in order. Postings of rows before the first are judged by themselves: those rows
    have been moved out, or are missed elsewhere. `first` is its number, where a checkpoint tells it.

    `books` are the sums by book and unit; `posted` what the rows so far have posted, by instance, book and unit.
    """

    def __init__(self, entries: Sequence[Entry], first: int | None = None) -> None:
        self._postings: dict[tuple[int, int], Posting] = defaultdict(dict)
        self.books: Counter[tuple[str, str]] = Counter()
        self.posted: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self._first = first
        for entry in entries:
            self._postings[entry.seq, entry.place][entry.book] = entry
            self.books[entry.book, entry.unit] += entry.amount
        self._left = set(self._postings)

    def balanced(self) -> Iterator[Finding]:
        """Whether each posting comes to nothing, of one account and one unit."""
        for (seq, place), posting in self._postings.items():
            over = sum(entry.amount for entry in posting.values())
            if over or len({(entry.account_id, entry.unit) for entry in posting.values()}) != 1:
                root_id = next(iter(posting.values())).root_id
                yield Finding("posting_sum", root_id, None, seq, f"Its posting {place} comes to {over}.")

    def take(self, row: Row) -> Iterator[Finding]:
        """Compare what the row posted with what the ledger holds of it."""
        if self._first is None:
            self._first = row.seq
        for place, effect in enumerate(row.effects):
            if not isinstance(effect, dict) or effect.get("effect") != "post":
                continue
            posting = self._postings.get((row.seq, place))
            self._left.discard((row.seq, place))
            if posting is None:
                yield _about(row, "posting_missing", f"Its effect {place} is not in the ledger.")
            elif not all(entry.at == row.due_at and _same(entry, effect) for entry in posting.values()) or (
                posting.keys() != effect["entries"].keys()
            ):
                yield _about(row, "posting_content", f"Its effect {place} is another one in the ledger.")
            for book, entry in (posting or {}).items():
                self.posted[row.instance_id][book, entry.unit] += entry.amount

    def close(self) -> Iterator[Finding]:
        """What is left was posted by no row."""
        for seq, place in sorted(self._left):
            if self._first is not None and seq >= self._first:
                root_id = next(iter(self._postings[seq, place].values())).root_id
                yield Finding("posting_unasked", root_id, None, seq, f"Nothing posted it, as effect {place}.")


def _same(entry: Entry, effect: Mapping[str, Any]) -> bool:
    entries = effect.get("entries")
    if not isinstance(entries, dict) or (entry.account_id, entry.unit) != (effect.get("account"), effect.get("unit")):
        return False
    amount = entries.get(entry.book)
    return type(amount) is int and amount == entry.amount


def _about(row: Row, code: str, message: str) -> Finding:
    return Finding(code, row.root_id, row.instance_id, row.seq, message)
