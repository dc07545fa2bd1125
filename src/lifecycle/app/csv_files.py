"""Tables in CSV files as people have them: read with the line of each row, and written so that no cell is a formula.

Read are commas, semicolons and tabs, a byte order mark, quoted cells with line breaks in them, blank lines, columns in
any order with names in any case. It is text in UTF-8; what is not, is told with what to do.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lifecycle.errors import LifecycleError

DELIMITERS = ",;\t"
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula, at its beginning."""
SHOWN = 20
"""How many errors the message of a failed import tells; it has all of them."""
_MARKS = {b"PK\x03\x04": "a spreadsheet", b"\xff\xfe": "text in UTF-16", b"\xfe\xff": "text in UTF-16"}


@dataclass(frozen=True, slots=True)
class RowError:
    """What is wrong with one line of the file."""

    line: int
    code: str
    message: str


class ImportFailed(LifecycleError):
    """Nothing was imported; `errors` says why, line by line (code `import_failed`)."""

    code = "import_failed"

    def __init__(self, path: Path, errors: tuple[RowError, ...]) -> None:
        lines = [f"{path}:{error.line}: {error.message} ({error.code})" for error in errors[:SHOWN]]
        more = [f"… and {len(errors) - SHOWN} more."] if len(errors) > SHOWN else []
        super().__init__("\n".join(["Nothing was imported.", *lines, *more]))
        self.errors = errors


def rows(path: Path, columns: Sequence[str], required: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows that are not blank with the lines on which they begin, every column there. Raises ImportFailed for a
    file that is no such table."""
    names: list[str] = []
    for line, cells in _cells(path, _text(path)):
        if not names:
            names = _names(path, line, cells, columns, required)
            continue
        if any(cells[len(names) :]):
            raise _failed(path, line, f"{len(cells)} cells, where the header has {len(names)}")
        found = dict(zip(names, cells, strict=False))
        yield line, {name: found.get(name, "") for name in columns}
    if not names:
        raise _failed(path, 1, f"expected the columns {','.join(columns)}; it is empty")


def _cells(path: Path, told: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that are not blank, each with the number of the one on which it begins. Raises ImportFailed."""
    header = next((line for line in told.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(told, newline=""), delimiter=max(DELIMITERS, key=header.count), strict=True)
    began = 1
    try:
        for cells in reader:
            if any(stripped := [cell.strip() for cell in cells]):
                yield began, stripped
            began = reader.line_num + 1
    except csv.Error as error:
        raise _failed(path, began, f"can't be read: {error}") from error


def text(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table as CSV, in which cells that a spreadsheet would take for formulas have an apostrophe before them."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([harmless(cell) for cell in line] for line in lines)
    return written.getvalue()


def harmless(cell: str) -> str:
    """A cell that is no formula, and from which `as_written` tells what it was."""
    return f"'{cell}" if _is_formula(cell) else cell


def as_written(cell: str) -> str:
    """A cell that was made harmless, as it was before."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    """Whether it is one, or would be without the apostrophes before it."""
    return cell.lstrip("'").startswith(FORMULA)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _failed(path, 1, f"can't be read: {error.strerror}") from error
    what = next((kind for mark, kind in _MARKS.items() if data.startswith(mark)), "")
    if what or b"\0" in data:
        raise _failed(path, 1, f"is {what or 'not text'}; save it as CSV in UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _failed(path, line, "is not in UTF-8, but in some older encoding; save it as CSV in UTF-8") from error


def _names(path: Path, line: int, cells: Sequence[str], columns: Sequence[str], required: Sequence[str]) -> list[str]:
    names = [cell.lower().replace(" ", "_").replace("-", "_") for cell in cells]
    unknown, lacking = set(names) - set(columns) - {""}, set(required) - set(names)
    twice = {name for name in names if name and names.count(name) > 1}
    if unknown or lacking or twice:
        wrong = {"unknown": unknown, "missing": lacking, "twice": twice}
        told = ", ".join(f"{word}: {sorted(some)}" for word, some in wrong.items() if some)
        raise _failed(path, line, f"expected the columns {','.join(columns)}; {told}")
    return names


def _failed(path: Path, line: int, message: str) -> ImportFailed:
    return ImportFailed(path, (RowError(line, "invalid", message),))
