"""CSV by RFC 4180, for spreadsheets: a cell that would be taken for a formula is made text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for the beginning of a formula, or passes over before one."""


def as_csv(rows: Iterable[Sequence[str]]) -> str:
    """The rows, each ended by CR and LF."""
    out = io.StringIO()
    csv.writer(out).writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue()


def safe(cell: str) -> str:
    """The cell, with an apostrophe before what would be a formula."""
    return f"'{cell}" if cell.lstrip(" ").startswith(DANGEROUS) else cell
