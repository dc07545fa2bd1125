"""`lifecycle machine`: a state machine as a table or a diagram, with an instance's live state lit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, table
from lifecycle.cli.session import configuration, opened
from lifecycle.errors import NotFound

if TYPE_CHECKING:
    from lifecycle.config import Config
    from lifecycle.domain.matrix import Matrix

WIDEST = 32
"""Columns of one state's answers; they can be long lists of codes."""


def machine(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The kind of machine.")] = "subscription",
    form: Annotated[Literal["table", "mermaid", "svg"], typer.Option("--format", help="How to draw it.")] = "table",
    sub: Annotated[str | None, typer.Option(metavar="SUB", help="Light the state of this.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Draw a state machine.

    What each state answers to each event; with --sub the state that it is in is lit.
    """
    from lifecycle.domain.diagrams import as_mermaid, as_table
    from lifecycle.drawing.machine_svg import as_svg

    matrix = matrix_of_kind(configuration(context), name)
    lit = None if sub is None else _state(context, sub)
    head, *rows = as_table(matrix)
    if as_json:
        cells = {event: dict(zip(head[1:], cells, strict=True)) for event, *cells in rows}
        emit({"machine": name, "states": matrix.states, "cells": cells, "state": lit})
    elif form == "mermaid":
        typer.echo(as_mermaid(matrix, lit), nl=False)
    elif form == "svg":
        typer.echo(as_svg(matrix, name if sub is None else f"{name}: {sub}", lit), nl=False)
    else:
        names = [f"▶ {state} ◀" if state == lit else state for state in head]
        display(table(names, [[_spoken(cell) for cell in row] for row in rows], widest=WIDEST))


def matrix_of_kind(config: Config, kind: str) -> Matrix:
    """The table of the newest machine of this kind. Raises NotFound and DefinitionError."""
    from lifecycle.domain.matrix import matrix_of
    from lifecycle.engine.registry import load_machines

    registry = load_machines(config.machines)
    if kind not in registry.kinds:
        raise NotFound("machine", kind)
    return matrix_of(registry.newest(kind))


def _spoken(cell: str) -> str:
    """A cell without its code font: what was a code by itself is a refusal, and says so."""
    lines = (f"refused {line}" if line.startswith("`") else line for line in cell.splitlines())
    return "\n".join(lines).replace("else `", "else refused `").replace("`", "")


def _state(context: typer.Context, sub: str) -> str:
    from lifecycle.cli.directory import find_instance

    with opened(context) as lifecycle:
        return lifecycle.operations.standing(find_instance(lifecycle, sub)).state
