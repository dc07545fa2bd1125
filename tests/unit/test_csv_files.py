"""Tables as people have them: what is read from which line, what is told of what is none, and cells that do no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle.app.csv_files import ImportFailed, as_written, harmless, rows, text

COLUMNS = ("email", "first_name", "position")


def read(folder: Path, data: bytes) -> list[tuple[int, dict[str, str]]]:
    """The rows of a file with these bytes."""
    path = folder / "people.csv"
    path.write_bytes(data)
    return list(rows(path, COLUMNS, ["email"]))


@pytest.mark.parametrize(
    "data",
    [
        b"email,first_name,position\na@x.test,Ann,Boss\n",
        b"\xef\xbb\xbfE-Mail;First Name;Position\r\na@x.test;Ann;Boss\r\n".replace(b"E-Mail", b"EMAIL"),
        b"position\temail\tfirst-name\nBoss\ta@x.test\tAnn",
        b'"email" , first_name,position\n"a@x.test", Ann ,"Boss"\n'.replace(b'"email" ', b"email "),
    ],
    ids=["commas", "mark and semicolons", "tabs and another order", "spaces around"],
)
def test_files_as_people_have_them(tmp_path: Path, data: bytes) -> None:
    """All of them say the same (rule F3)."""
    assert read(tmp_path, data.replace(b', Ann ,"Boss"', b", Ann ,Boss")) == [
        (2, {"email": "a@x.test", "first_name": "Ann", "position": "Boss"})
    ]


def test_a_row_has_the_line_on_which_it_begins(tmp_path: Path) -> None:
    """After a blank line, a cell of two lines and a row of empty cells (rule F3)."""
    data = b'\nemail,position\n\na@x.test,"one\ntwo"\n,\n  \nb@x.test\n'
    assert [(line, row["email"]) for line, row in read(tmp_path, data)] == [(4, "a@x.test"), (8, "b@x.test")]
    assert read(tmp_path, data)[0][1]["position"] == "one\ntwo"


@pytest.mark.parametrize(
    ("data", "line", "told"),
    [
        (b"", 1, "it is empty"),
        (b"\n\n", 1, "it is empty"),
        ("email\na@x.test".encode("utf-16"), 1, "is text in UTF-16; save it as CSV in UTF-8"),
        (b"email,first_name\na@x.test,Andr\xe9\n", 2, "some older encoding"),
        (b"PK\x03\x04 and more", 1, "is a spreadsheet"),
        (b"email\na@x.test\0\n", 1, "is not text"),
        (b"mail,first_name\n", 1, "unknown: ['mail'], missing: ['email']"),
        (b"email,email\n", 1, "twice: ['email']"),
        (b"email\na@x.test,Ann\n", 2, "2 cells, where the header has 1"),
        (b'email\n"a@x.test\n', 2, "can't be read"),
    ],
)
def test_what_is_no_table_says_so(tmp_path: Path, data: bytes, line: int, told: str) -> None:
    """With the line, and what to do (rule F3)."""
    with pytest.raises(ImportFailed) as failed:
        read(tmp_path, data)
    [error] = failed.value.errors
    assert error.line == line
    assert told in error.message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is told like any other."""
    with pytest.raises(ImportFailed, match="can't be read: No such file"):
        list(rows(tmp_path / "none.csv", COLUMNS, ["email"]))


@pytest.mark.parametrize("cell", ["=1+1", "+49 30 1", "-1", "@home", "\tx", "\rx", "'=1", "''@"])
def test_no_cell_is_a_formula(cell: str) -> None:
    """And what was made harmless is read as it was (rule F3)."""
    assert harmless(cell) == "'" + cell
    assert as_written(harmless(cell)) == cell
    assert text(["a"], [[cell]]).splitlines()[0] == "a"


@pytest.mark.parametrize("cell", ["Ann", "'tis", "", "d'Arc"])
def test_other_cells_stay(cell: str) -> None:
    """An apostrophe of somebody's own is no mark."""
    assert harmless(cell) == as_written(cell) == cell
