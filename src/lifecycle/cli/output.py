"""The one place that renders: tables and facts for people, JSON for programs, words beside both on stderr.

People's times are local to a zone and carry its abbreviation; programs get UTC. Text that others have written is
shown without control characters, so that no reason or name can play with an operator's terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lifecycle.drawing.plain import printable as printable  # noqa: PLC0414  # part of what this module offers
from lifecycle.drawing.plain import when as when  # noqa: PLC0414  # this too
from lifecycle.errors import LifecycleError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

WIDE = 1000
"""Columns where nobody looks at a terminal: nothing is wrapped or cut."""

WHOLE = ("due", "id", "time", "number", "date", "period", "book", "payment method")
"""Columns of a table that are not wrapped however narrow the terminal is."""


def emit(value: object) -> None:
    """Print a value, of views or plain, as JSON: instants in ISO 8601 with a `Z`, amounts in minor units."""
    from lifecycle.app.views import as_json

    typer.echo(json.dumps(as_json(value), indent=2))


def save(data: bytes, file: Path) -> None:
    """Write a document to a file, and say so; to stdout, if it is `-`. Raises LifecycleError (`file_failed`)."""
    if str(file) == "-":
        typer.echo(data, nl=False)
        return
    try:
        file.write_bytes(data)
    except OSError as error:
        raise LifecycleError(f"{file} can't be written: {error.strerror}.", code="file_failed") from error
    say(f"Written to {file}.")


def say(words: str) -> None:
    """Tell people something that is not data."""
    typer.echo(words, err=True)


def console() -> Console:
    """Where people read. On a terminal as wide as it is, with colours unless NO_COLOR is set; else wide and plain."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else WIDE
    return Console(width=width, markup=False, highlight=False, emoji=False, soft_wrap=False)


@contextmanager
def progress_bar(words: str, *, visible: bool) -> Iterator[Callable[[int, int], None]]:
    """Draws on a terminal how much of how much is done; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True, disable=not (visible and sys.stderr.isatty())) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def display(*parts: RenderableType) -> None:
    """Print for people."""
    out = console()
    for part in parts:
        out.print(part)


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    *,
    widest: int | None = None,
    right: Collection[str] = (),
) -> Table:
    """A table without the columns that nothing stands in; a column that is wider than `widest` is wrapped, and those
    named in `right` are set to the right, as numbers are."""
    from rich import box
    from rich.table import Table

    used = [n for n in range(len(columns)) if not rows or any(row[n] for row in rows)]
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for name in (columns[n] for n in used):
        made.add_column(
            name,
            overflow="fold",
            no_wrap=name in WHOLE or name in right,
            max_width=widest,
            justify="right" if name in right else "left",
        )
    for row in rows:
        made.add_row(*(_cell(row[n]) for n in used))
    return made


def _cell(text: str | Text) -> str | Text:
    return printable(text) if isinstance(text, str) else text


def facts(pairs: Mapping[str, str | None]) -> Table:
    """Names and values, one pair a line; what is None is left out."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs.items():
        if value is not None:
            made.add_row(name, printable(value))
    return made


def framed(title: str, *parts: RenderableType) -> Panel:
    """Parts one under another in a frame that is no wider than they are."""
    from rich import box
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    return Panel.fit(Group(*parts), title=Text(printable(title), style="bold"), box=box.ROUNDED)


def day(instant: datetime, zone: str) -> str:
    """Only the day of an instant: `2026-06-15`."""
    from lifecycle.domain.calendar import local

    return f"{local(instant, zone):%Y-%m-%d}"


def money(minor: int, currency: str) -> str:
    """An amount with its currency: `50.00 USD`."""
    from lifecycle.domain.money import format_amount

    return f"{format_amount(minor, currency)} {currency}"


def size(number: int | None) -> str:
    """A number of bytes as people read it: `512 B`, `8.0 kB`, `1.2 GB`; nothing for None."""
    if number is None:
        return ""
    if number < 1024:
        return f"{number} B"
    steps = min((number.bit_length() - 1) // 10, 4)
    return f"{number / 1024**steps:.1f} {('kB', 'MB', 'GB', 'TB')[steps - 1]}"


def lasting(length: timedelta) -> str:
    """About how long, in the two largest units: `3 d 4 h`, `25 min`."""
    seconds = int(length.total_seconds())
    days, hours, minutes = seconds // 86_400, seconds // 3_600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"
