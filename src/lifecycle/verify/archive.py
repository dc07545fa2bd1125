"""Files of rows that were moved out: whether they lead from each root's first row to its checkpoint."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from lifecycle.errors import LifecycleError
from lifecycle.store.database import Database
from lifecycle.verify.chain import Chain
from lifecycle.verify.reading import read
from lifecycle.verify.records import Checkpoint, Row, Unreadable
from lifecycle.verify.report import Finding
from lifecycle.verify.rows import checkpoints

_NAMES = [field.name for field in fields(Row)]
_DOCUMENTS = ("arguments", "changes", "effects")


class Archives:
    """Reads the files once, in the order in which they were written; `count` says how many rows there were.

    A row that is there again, from a run that was killed before its commit, is passed over. Memory grows with the
    number of roots.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._chains: dict[str, Chain] = {}
        self.count = 0

    def judge(self, database: Database) -> Iterator[Finding]:
        """Everything that is wrong with them. Raises LifecycleError (`archive_failed`) for what can't be opened."""
        missing = {one.root_id: one for one in _standing(database)}
        for file in self._files:
            for place, text in _lines(file):
                try:
                    row = _row(text)
                except Unreadable as error:
                    yield Finding("unreadable", f"{file.name}:{place}", None, None, str(error))
                    continue
                yield from self._take(row)
                if (one := missing.get(row.root_id)) and (one.seq, one.hash) == (row.seq, row.hash):
                    del missing[row.root_id]
        for root_id, one in missing.items():
            ends = self._chains[root_id].seq if root_id in self._chains else 0
            message = f"The checkpoint stands for rows up to {one.seq}; the files lead up to {ends}, or elsewhere."
            yield Finding("archive", root_id, None, one.seq, message)

    def _take(self, row: Row) -> Iterator[Finding]:
        chain = self._chains.setdefault(row.root_id, Chain())
        if row.seq > chain.seq:
            self.count += 1
            yield from chain.take(row)


def _standing(database: Database) -> Iterator[Checkpoint]:
    """The checkpoints that can be read; the others are reported with their roots."""
    for raw in checkpoints(database):
        try:
            yield read(Checkpoint, raw)
        except Unreadable:
            continue


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with file.open("rb") as opened:
            yield from enumerate(opened, 1)
    except OSError as error:
        raise LifecycleError(f"{file} can't be read: {error.strerror}.", code="archive_failed") from error


def _row(text: bytes) -> Row:
    """One line, brought into the form in which the database gives a row. Raises Unreadable."""
    try:
        line = json.loads(text)
        line |= {name: json.dumps(line[name]) for name in _DOCUMENTS} | {"hash": bytes.fromhex(line["hash"])}
        raw = [line[name] for name in _NAMES]
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise Unreadable(f"The line is no row of the log: {error!r}") from error
    return read(Row, raw)
