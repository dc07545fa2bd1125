"""`lifecycle timeline`: a life in time, in the terminal or as a picture."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lifecycle.cli import options
from lifecycle.cli.output import console, display, emit, save, table, when
from lifecycle.cli.session import opened
from lifecycle.errors import LifecycleError

if TYPE_CHECKING:
    from rich.text import Text

    from lifecycle.cli.directory import Owner
    from lifecycle.drawing.terminal import Band
    from lifecycle.drawing.timeline import Timeline

WITHOUT_TERMINAL = 120
STYLES = ("cyan", "green", "yellow", "magenta", "blue", "red")


def timeline(
    context: typer.Context,
    sub: options.Anything,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the picture as SVG to this file.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Draw a life in time.

    Its states, cycles and events, now, and what is to come. Times are nominal.
    """
    from lifecycle.cli.directory import Directory, find_instance
    from lifecycle.drawing.timeline import timeline as drawn
    from lifecycle.drawing.timeline_svg import as_svg

    with opened(context) as lifecycle:
        standing = lifecycle.operations.standing(find_instance(lifecycle, sub))
        directory = Directory(lifecycle)
        owner = directory.of_account(standing.owner_id)
        steps = lifecycle.log(instance=standing.id)
        coming = [(one.due_at, one.event) for one in lifecycle.due(subscription=standing.id)]
        if not steps:
            raise LifecycleError(f"{standing.id} has no transition in the log.", code="no_history")
        life = drawn(steps, coming, directory.now(standing.clock))
    title = f"{owner.title}: {standing.id}"
    if svg is not None:
        save(as_svg(life, title, lambda instant: when(instant, owner.zone)).encode(), svg)
    if as_json:
        emit({"account": owner.reference, "id": standing.id, "clock": standing.clock, **_described(life)})
    elif svg is None:
        _show(life, owner)


def _described(life: Timeline) -> dict[str, Any]:
    from lifecycle.app.views import as_json

    described: dict[str, Any] = as_json(life)
    return described


def _show(life: Timeline, owner: Owner) -> None:
    from lifecycle.drawing.terminal import LABEL, bands, mark

    zone = owner.zone
    width = console().width if sys.stdout.isatty() else WITHOUT_TERMINAL
    styles = {state: STYLES[number % len(STYLES)] for number, state in enumerate(life.states)}
    for band in bands(life, width - LABEL):
        above, label, _ = band.written(zone)
        display(above, _bar(label, band, styles))
    rows = [(mark(one.number), when(one.at, zone), one.event, one.way, one.who) for one in life.moments]
    display(
        "",
        table(("", "time", "event", "from → to", "actor"), rows),
        "",
        f"▼  now: {when(life.now, zone)}{_mark(owner)}",
    )


def _mark(owner: Owner) -> str:
    return f" (TEST, by the clock {owner.clock})" if owner.clock else ""


def _bar(label: str, band: Band, styles: dict[str, str]) -> Text:
    from rich.text import Text

    made = Text(label)
    for letter, state in zip(band.bar, band.states, strict=True):
        made.append(letter, style=styles.get(state, ""))
    return made
