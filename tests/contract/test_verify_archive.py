"""`verify` with the files of rows that were moved out: they lead from the first rows to the checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lifecycle.app.retention import prune
from lifecycle.errors import LifecycleError
from lifecycle.verify import verify
from tests.contract.verify_world import World
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A subscription that renews on 28 February, 31 March and 30 April, and whose rows were moved out every month."""
    world = World(f"sqlite:///{tmp_path / 'lifecycle.db'}")
    world.subscribe("acct_1", "team")
    for month in ("2026-03-01", "2026-04-01", "2026-05-01"):
        world.on(month)
        prune(world.database, utc(month), tmp_path / f"{month}.jsonl", now=world.clock.now())
    yield world
    world.close()


@pytest.fixture
def files(world: World, tmp_path: Path) -> list[Path]:
    """The files, oldest first, with two, one and one rows."""
    found = sorted(tmp_path.glob("*.jsonl"))
    assert [len(file.read_text().splitlines()) for file in found] == [2, 1, 1]
    assert world.database.is_sqlite
    return found


def codes(world: World, files: list[Path]) -> list[str]:
    """What is found with these files."""
    return [finding.code for finding in verify(world.database, archives=files).findings]


def test_whole_files_have_no_findings(world: World, files: list[Path]) -> None:
    """Four rows, of which none is left in the table."""
    report = verify(world.database, archives=files)
    assert (report.rows, report.archived, report.findings) == (0, 4, ())


def test_nobody_asks_for_files_that_are_not_given(world: World) -> None:
    """Without them, verification goes on from the checkpoint."""
    assert verify(world.database).findings == ()


def test_a_missing_file_is_found(world: World, files: list[Path]) -> None:
    """The last: the files do not reach the checkpoint. One in the middle: the chain has a gap."""
    assert codes(world, files[:2]) == ["archive"]
    assert codes(world, [files[0], files[2]]) == ["sequence", "hash"]


def test_no_rows_at_all_are_found(world: World, tmp_path: Path) -> None:
    """An empty file leads nowhere; the finding says where to."""
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    (finding,) = verify(world.database, archives=[empty]).findings
    assert (finding.code, finding.seq) == ("archive", 4)


def with_other(key: str, value: object) -> Callable[[str], str]:
    """The line, with another value under one key."""
    return lambda line: json.dumps(json.loads(line) | {key: value})


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (with_other("actor", "act_2"), ["hash"]),
        (with_other("due_at", "2026-03-31T10:00:01+00:00"), ["hash"]),
        (with_other("facts", "are not in a row"), []),
        (with_other("hash", "00" * 32), ["hash", "hash"]),
        (with_other("hash", "zz"), ["unreadable", "sequence", "hash"]),
        (with_other("changes", []), ["unreadable", "sequence", "hash"]),
        (lambda line: line[:40], ["unreadable", "sequence", "hash"]),
        (lambda _line: "[]", ["unreadable", "sequence", "hash"]),
    ],
)
def test_damage_to_a_line_is_found(
    world: World, files: list[Path], damage: Callable[[str], str], found: list[str]
) -> None:
    """The third of four rows is changed, and the fourth follows."""
    files[1].write_text(damage(files[1].read_text().strip()) + "\n")
    assert codes(world, files) == found


def test_a_line_that_cannot_be_read_is_found_where_it_is(world: World, files: list[Path]) -> None:
    """By file and line."""
    with files[2].open("a") as file:
        file.write("?\n")
    (finding,) = verify(world.database, archives=files).findings
    assert (finding.code, finding.root_id) == ("unreadable", "2026-05-01.jsonl:2")


def test_another_ending_is_found(world: World, files: list[Path]) -> None:
    """The last row is not the one for which the checkpoint stands."""
    files[2].write_text(with_other("hash", "00" * 32)(files[2].read_text()) + "\n")
    assert codes(world, files) == ["hash", "archive"]


def test_lines_that_are_there_twice_count_once(world: World, files: list[Path]) -> None:
    """A command that was killed before its commit has written them before (X31)."""
    files[1].write_text(files[1].read_text() * 2)
    report = verify(world.database, archives=[files[0], *files])
    assert (report.archived, report.findings) == (4, ())


def test_rows_beyond_the_checkpoint_are_no_damage(world: World, files: list[Path]) -> None:
    """They were written, and the process was killed: they are in the table too."""
    world.on("2026-06-01")
    copy = files[2].with_name("killed.jsonl")
    prune(world.database, utc("2026-05-01"), copy, now=world.clock.now())
    assert codes(world, files) == []
    other = World("sqlite://")
    other.subscribe("acct_1", "team")
    report = verify(other.database, archives=files)
    other.close()
    assert (report.archived, report.findings) == (4, ())


def test_a_file_that_is_not_there_is_told(world: World, tmp_path: Path) -> None:
    """It is an error of whoever asked, and no finding."""
    with pytest.raises(LifecycleError, match="No such file") as error:
        verify(world.database, archives=[tmp_path / "gone.jsonl"])
    assert error.value.code == "archive_failed"
