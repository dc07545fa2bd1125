"""Retention: old rows of the transition log are moved out to a file, behind checkpoints (rule A11).

Page by page: rows are read, their chain is counted again, they are written to the file and are on the disk; then one
short transaction deletes them and writes the checkpoints. Killed anywhere in between, a repeat at most writes lines
again that the file has already. The daemon and commands go on meanwhile: nobody decides anything by the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from lifecycle.app.archive import Archive, archive
from lifecycle.engine.checkpoints import ChainBroken, CheckpointRecord, checkpoint
from lifecycle.engine.records import LogRecord
from lifecycle.store import retention
from lifecycle.store.database import Database

PAGE = 1000
"""How many rows are moved in one transaction, for which others may have to wait."""

NEWS = timedelta(minutes=1)
"""What has been recorded for no longer than that stays: who is to be told of it may not have looked yet."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many transitions of how many roots were moved out to which file, or would be.

    `broken` are the roots whose chain is not whole: their rows stay where they are.
    """

    before: datetime
    roots: int
    rows: int
    file: Path
    broken: tuple[str, ...]


@dataclass(slots=True)
class _Page:
    """Rows that can go, checkpoints for their place, and the ones there are, by root."""

    size: int
    earlier: Mapping[str, CheckpointRecord]
    rows: list[LogRecord] = field(default_factory=list)
    made: list[CheckpointRecord] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)


def prune(
    database: Database,
    before: datetime,
    file: Path,
    *,
    now: datetime,
    dry_run: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Pruned:
    """Move out what was recorded before an instant; `dry_run`: only say what would be.

    `progress` hears how many rows of how many have been looked at. Raises LifecycleError: `archive_failed`, and
    `history_broken` for rows that can't be read.
    """
    until = min(before, now - NEWS)
    with database.reading() as connection:
        total = retention.count(connection, until)
    broken: list[str] = []
    seen = moved = roots = 0
    last = ""  # of one root after another: however many there are, none is kept in mind
    target: AbstractContextManager[Archive | None] = nullcontext() if dry_run or not total else archive(file)
    with target as opened:
        for page in _pages(database, until, now):
            done = page.made if opened is None else _move(database, page, opened)
            for one in done:
                roots += one.root_id != last
                moved += one.seq - _upto(page.earlier.get(one.root_id))
                last = one.root_id
            broken += page.broken
            seen += page.size
            if progress is not None:
                progress(seen, max(seen, total))
    return Pruned(before, roots, moved, file, tuple(broken))


def _pages(database: Database, before: datetime, now: datetime) -> Iterator[_Page]:
    after, last = ("", 0), dict[str, CheckpointRecord]()
    while True:
        with database.reading() as connection:
            rows = retention.rows(connection, before, after, PAGE)
            # the page before may have ended in the middle of a root
            earlier = retention.checkpoints(connection, {row.root_id for row in rows}) | last
        if not rows:
            return
        page = _page(rows, earlier, now)
        yield page
        after = (rows[-1].root_id, rows[-1].seq)
        last = {one.root_id: one for one in page.made if one.root_id == after[0]}


def _page(rows: Sequence[LogRecord], earlier: Mapping[str, CheckpointRecord], now: datetime) -> _Page:
    page = _Page(len(rows), earlier)
    for root_id, group in groupby(rows, attrgetter("root_id")):
        behind = earlier.get(root_id)
        if going := _going(behind, group):
            try:
                page.made.append(checkpoint(behind, going, now))
                page.rows += going
            except ChainBroken:
                page.broken.append(root_id)
    return page


def _going(behind: CheckpointRecord | None, rows: Iterable[LogRecord]) -> list[LogRecord]:
    """Those that follow each other from the checkpoint on: one recorded later, by another clock, keeps the rest."""
    return [row for number, row in enumerate(rows, _upto(behind) + 1) if row.seq == number]


def _upto(behind: CheckpointRecord | None) -> int:
    return 0 if behind is None else behind.seq


def _move(database: Database, page: _Page, opened: Archive) -> list[CheckpointRecord]:
    if not page.made:
        return []
    opened.append(page.rows)
    with database.writing() as connection:
        return retention.move_out(connection, page.made, page.earlier)
