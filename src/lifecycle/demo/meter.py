"""How far the demo's year has come: a bar that moves on a terminal, a line for each month elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text


class Meter(Protocol):
    """Is shown where the year stands, and tells what is new."""

    def stand_at(self, at: datetime, commands: int, refused: int) -> None: ...

    def tell(self, at: datetime, news: str) -> None: ...


@contextmanager
def meter(console: Console, start: datetime, end: datetime) -> Iterator[Meter]:
    """A meter for the time from `start` to `end`; on a terminal its bar goes when it is done."""
    if not console.is_terminal:
        yield Lines(console, start)
        return
    columns = (
        TextColumn("{task.fields[date]}"),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[commands]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield Moving(progress, start, end)


class Moving:
    """On a terminal."""

    def __init__(self, progress: Progress, start: datetime, end: datetime) -> None:
        self._progress = progress
        self._start = start
        self._task = progress.add_task("", total=(end - start).total_seconds(), date=f"{start:%d %b %Y}", commands="")

    def stand_at(self, at: datetime, commands: int, refused: int) -> None:
        self._progress.update(
            self._task,
            completed=(at - self._start).total_seconds(),
            date=f"{at:%d %b %Y}",
            commands=f"{commands} commands, {refused} refused",
        )

    def tell(self, at: datetime, news: str) -> None:
        self._progress.console.print(_news(at, news))


class Lines:
    """In a file or a pipe."""

    def __init__(self, console: Console, start: datetime) -> None:
        self._console = console
        self._month = start.month

    def stand_at(self, at: datetime, commands: int, refused: int) -> None:
        if at.month != self._month:
            self._month = at.month
            self._console.print(Text(f"{at:%d %b %Y}  {commands:>4} commands so far, {refused} refused"))

    def tell(self, at: datetime, news: str) -> None:
        self._console.print(_news(at, news))


def _news(at: datetime, news: str) -> Text:
    return Text.assemble(f"{at:%d %b %Y}  ", (news, "bold magenta"))
