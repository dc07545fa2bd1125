"""A machine drawn from its matrix: a table of events × states, as cells or in Markdown, and a diagram in Mermaid.

Nothing here knows a machine by name. Codes of refusals stand in code font; the guards that choose a row stand in
brackets behind it, as UML writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product

from lifecycle.domain.matrix import Matrix, Row

IDLE = "does nothing"
LIT = "fill:#fde68a,stroke:#b45309,stroke-width:3px,color:#000"


def as_table(matrix: Matrix) -> list[list[str]]:
    """A head and a row for each event: the event, then a cell for each state, the initial pseudostate first.

    A cell has a line for each answer and, if some of them can be refused, a last line with the codes. What never
    arises, an instance in the pseudostate that has to answer, is an empty cell.
    """
    states = [matrix.initial, *matrix.states]
    events = dict.fromkeys([*matrix.creations, *matrix.commands, *matrix.deferred])
    return [["event", *states], *([event, *(_cell(matrix, state, event) for state in states)] for event in events)]


def as_markdown(matrix: Matrix, title: str) -> str:
    """The table in Markdown, under a heading of the second level; it ends with a line break."""
    head, *rows = as_table(matrix)
    table = [markdown_row(head), markdown_row(["---"] * len(head))]
    table += [markdown_row([f"`{event}`", *cells]) for event, *cells in rows]
    return "\n".join([f"## {title}", "", *table, ""])


def as_mermaid(matrix: Matrix, lit: str | None = None) -> str:
    """The diagram in Mermaid's stateDiagram-v2, with the state `lit` lit; what only refuses is left out."""
    edges: dict[tuple[str, str], list[str]] = {}
    for (state, event), rows in matrix.cells.items():
        for row in rows:
            if row.always_refused is None:
                edges.setdefault((state, row.target), []).append(event + _choosing(row))
    lines = ["stateDiagram-v2"]
    for (source, target), labels in edges.items():
        start = "[*]" if source == matrix.initial else source
        lines.append(f"    {start} --> {target}: {'<br>'.join(labels)}")
    lines += [f"    {state} --> [*]" for state in matrix.states if state in matrix.final]
    if lit is not None:
        lines += [f"    classDef lit {LIT}", f"    class {lit} lit"]
    return "\n".join([*lines, ""])


def markdown_row(cells: Iterable[str]) -> str:
    """A row of a table in Markdown; a line break in a cell stays one."""
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", "<br>") for cell in cells) + " |"


def _cell(matrix: Matrix, state: str, event: str) -> str:
    """What the state answers to the event."""
    if state == matrix.initial and event not in matrix.creations:
        return ""
    otherwise = IDLE if event in matrix.deferred else f"`{state if state in matrix.final else 'not_allowed'}`"
    rows = matrix.cells.get((state, event), ())
    lines = [(f"`{row.always_refused}`" if row.always_refused else row.target) + _choosing(row) for row in rows]
    if not _covers(rows):
        lines.append(f"else {otherwise}" if rows else otherwise)
    codes = dict.fromkeys(
        guard.code for row in rows if row.always_refused is None for guard in row.guards if guard.code is not None
    )
    if codes:
        lines.append("unless " + ", ".join(f"`{code}`" for code in codes))
    return "\n".join(lines)


def _choosing(row: Row) -> str:
    """The guards that choose a row, in brackets."""
    names = [guard.name if guard.expected else f"not {guard.name}" for guard in row.guards if guard.code is None]
    return f" [{', '.join(names)}]" if names else ""


def _covers(rows: Sequence[Row]) -> bool:
    """Whether, however the guards answer, some row is chosen."""
    choosing = [{guard.name: guard.expected for guard in row.guards if guard.code is None} for row in rows]
    names = sorted({name for guards in choosing for name in guards})
    cases = (dict(zip(names, answers, strict=True)) for answers in product((True, False), repeat=len(names)))
    return all(any(guards.items() <= case.items() for guards in choosing) for case in cases)
