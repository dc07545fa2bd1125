"""Days and periods as people write them, and text that others have written, so that it can do no harm on paper."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of writing, of what follows them too."""


def day(when: date) -> str:
    """`1 Jun 2026`, whatever the machine's language."""
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}"


def period(start: date | None, end: date | None) -> str:
    """From the first day to the last: `1 Jun 2026 – 30 Jun 2026` where `end` is 1 July, the first day not covered.

    A period within one day is that day; without days it is empty.
    """
    last = end - timedelta(days=1) if end else None
    if start is None or last is None:
        return day(start) if start else f"until {day(last)}" if last else ""
    return day(start) if last <= start else f"{day(start)} – {day(last)}"


def harmless(text: str) -> str:
    """The text in one line, with what no letter is, and marks that turn the direction of writing, shown as U+FFFD."""
    return "".join("\ufffd" if _harms(letter) else letter for letter in " ".join(text.split()))


def harmless_lines(text: str) -> str:
    """The same line by line, without empty lines."""
    return "\n".join(line for line in map(harmless, text.splitlines()) if line)


def _harms(letter: str) -> bool:
    return letter in TURNING or unicodedata.category(letter) in {"Cc", "Cs"}
