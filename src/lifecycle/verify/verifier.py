"""The whole verification: every root by itself, then what must hold across them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from lifecycle.store.database import Database
from lifecycle.verify import attempts, clocks, gateway, numbers
from lifecycle.verify.archive import Archives
from lifecycle.verify.gateway import Moved
from lifecycle.verify.money import Across, invoicing_since, wrong_across
from lifecycle.verify.report import Finding, Report
from lifecycle.verify.roots import judge
from lifecycle.verify.rows import crowded, pages, size


def verify(
    database: Database,
    *,
    now: datetime | None = None,
    archives: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
    charges: Iterable[Moved] | None = None,
) -> Report:
    """Judge everything that the database holds; it is only read, and may be written to meanwhile.

    With `now`, roots that should have been looked at long before are warned of. With `archives`, the files of rows
    that were moved out, oldest first, these are to lead up to the checkpoints. `progress` hears how many roots of how
    many have been judged, after each. `charges` are what the gateway says that it has moved: they are to agree with
    our attempts, and are gone through once, after these were read; not at all before there has been an invoice.

    Memory does not grow with the number of roots or rows of the log, but with that of the findings, and of the messages
    and postings of a few hundred roots; with `archives` with that of the roots too, with `charges` with theirs.
    """
    total, roots, rows = size(database), 0, 0
    across = Across(invoicing_since(database))
    findings: list[Finding] = []
    for page in pages(database):
        for stored in page:
            findings.extend(judge(stored, now, across))
            rows += stored.count
            roots += stored.root is not None
            if progress is not None:
                progress(roots, max(roots, total))
    findings.extend(_two_live(database))
    findings.extend(wrong_across(database, across.sums))
    findings.extend(numbers.wrong_with_series(database))
    findings.extend(attempts.wrong_across(database))
    findings.extend(clocks.wrong_across(database))
    if charges is not None and across.invoicing_since is not None:
        findings.extend(gateway.wrong_with(database, charges))
    moved_out = Archives(archives)
    if archives:
        findings.extend(moved_out.judge(database))
    return Report(roots, rows, tuple(findings), moved_out.count)


def _two_live(database: Database) -> Iterator[Finding]:
    for owner, subscriptions in crowded(database):
        families = defaultdict(list)
        for subscription in subscriptions:
            families[str(subscription.facts.get("family"))].append(subscription)
        for family, several in families.items():
            for second in several[1:]:
                message = f"{owner} has {several[0].id} in the plan family {family} too."
                yield Finding("two_live", second.root_id, second.id, None, message)
