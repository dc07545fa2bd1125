"""What people read, in plain text: instants of a zone, and columns under one another, however wide."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lifecycle.domain.calendar import local


def when(instant: datetime, zone: str) -> str:
    """An instant as people of a zone write it: `2026-06-15 10:00 CEST`."""
    return f"{local(instant, zone):%Y-%m-%d %H:%M %Z}"


def printable(text: str) -> str:
    """The text with everything that is neither a letter to be seen nor a line break made visible as U+FFFD."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text)


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, every column as wide as the widest of it."""
    shown = [[printable(cell).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
