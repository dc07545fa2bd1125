"""Rows are moved out of the log behind checkpoints (A11): nothing is lost, nothing else notices, `verify` goes on."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest
from sqlalchemy import event, select

from lifecycle.app import retention
from lifecycle.app.archive import HEAD
from lifecycle.app.retention import Pruned, prune
from lifecycle.errors import LifecycleError, Refused
from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.verify import verify
from tests.contract.conftest import empty
from tests.contract.dying import kill_at_each_point
from tests.contract.threads import at_once
from tests.contract.verify_vandal import Vandal
from tests.contract.verify_world import World
from tests.unit.machine_world import at, utc

pytestmark = pytest.mark.sampled

AFTERWARDS = utc("2027-01-01")
Lines = Sequence[dict[str, Any]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where rows are moved to; it is not there yet."""
    return tmp_path / "moved.jsonl"


@pytest.fixture
def world(url: str) -> Iterator[World]:
    """Three subscriptions on 1 April: one that renews by the month, one on trial that ended, one that was cancelled."""
    world = World(url)
    live_through_spring(world)
    yield world
    world.database.dispose()


def live_through_spring(world: World) -> None:
    """Eight rows in January and February, two in March."""
    renews = world.subscribe("acct_renews", "team")
    world.subscribe("acct_tries", "basic", card=False)
    leaves = world.subscribe("acct_leaves", "pro")
    world.on("2026-02-10")
    world.do(leaves, "cancel", at=at("2026-03-10"), reason="Too dear.")
    world.do(renews, "add_seats", seats=1)
    for day in ("2026-02-20", "2026-03-01", "2026-03-20", "2026-04-01"):
        world.on(day)


def table_rows(database: Database) -> Lines:
    """The log in the table, in the form of the file's lines."""
    query = select(schema.log).order_by(schema.log.c.root_id, schema.log.c.seq)
    with database.reading() as connection:
        return [{name: told(value) for name, value in row.items()} for row in connection.execute(query).mappings()]


def told(value: object) -> object:
    """A value as a line has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value


def lines(file: Path) -> Lines:
    """What stands in the file."""
    return [json.loads(line) for line in file.read_text("ascii").splitlines()] if file.exists() else []


def whole(file: Path, database: Database) -> Lines:
    """The file and the rest of the table, each row once, by root and number."""
    rows = {(row["root_id"], row["seq"]): row for row in [*lines(file), *table_rows(database)]}
    return [rows[key] for key in sorted(rows)]


def everything_else(database: Database) -> dict[str, Any]:
    """All tables but the log and the checkpoints."""
    others = [table for table in schema.metadata.sorted_tables if table not in (schema.log, schema.checkpoints)]
    with database.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in others
        }


def move(world: World, before: str, file: Path, *, dry_run: bool = False) -> Pruned:
    """Move out what was recorded before that day."""
    return prune(world.database, utc(before), file, now=world.clock.now(), dry_run=dry_run)


# What stays, and what goes


def test_old_rows_go_and_nothing_else_changes(world: World, file: Path) -> None:
    """Before 1 March were eight rows: two of the trial, three of the cancelled one, three of the one that renews."""
    log, before = table_rows(world.database), everything_else(world.database)
    pruned = move(world, "2026-03-01", file)
    assert pruned == Pruned(utc("2026-03-01"), 3, 8, file, ())
    assert lines(file) == [row for row in log if row["recorded_at"] < "2026-03-01"]
    assert table_rows(world.database) == [row for row in log if row["recorded_at"] >= "2026-03-01"]
    assert len(table_rows(world.database)) == 2
    assert everything_else(world.database) == before


def test_verification_goes_on_from_the_checkpoints(world: World, file: Path) -> None:
    """It reads the two rows that are left, finds nothing, and the file's eight lead up to them."""
    move(world, "2026-03-01", file)
    report = verify(world.database, now=world.clock.now(), archives=[file])
    assert (report.roots, report.rows, report.archived, report.findings) == (6, 2, 8, ())


def test_what_counts_is_when_a_row_was_recorded(url: str, file: Path) -> None:
    """A daemon that was down writes on 1 April what was due on 28 February: that row is new, and nobody has read it
    yet (X30)."""
    world = World(url)
    world.subscribe("acct_1", "team")
    world.down_until("2026-04-01")
    pruned = move(world, "2026-03-01", file)
    left = [(row["due_at"][:10], row["recorded_at"][:10]) for row in table_rows(world.database)]
    world.database.dispose()
    assert pruned.rows == 1
    assert left == [("2026-02-28", "2026-04-01"), ("2026-03-31", "2026-04-01")]


def test_the_last_minute_stays(world: World, file: Path) -> None:
    """Who listens to commits looks for their rows right afterwards: what was done at 00:00:00 can go a minute later,
    and not at once (X30)."""
    world.do(renewing(world), "add_seats", seats=1)
    now = world.clock.now()
    prune(world.database, now + timedelta(seconds=60), file, now=now + timedelta(seconds=60))
    assert [row["event"] for row in table_rows(world.database)] == ["add_seats"]
    prune(world.database, now + timedelta(seconds=61), file, now=now + timedelta(seconds=61))
    assert table_rows(world.database) == []


def test_a_row_recorded_by_a_fast_clock_keeps_those_that_follow(world: World, file: Path) -> None:
    """What goes is the beginning of a root's log, whatever the clocks said: here only row 1 (X30)."""
    vandal, renews = Vandal(world.database.url.render_as_string(hide_password=False), {}), renewing(world)
    vandal.log(renews, 2, recorded_at=utc("2026-03-20"))
    move(world, "2026-03-15", file)
    vandal.leave()
    assert [row["seq"] for row in lines(file) if row["root_id"] == renews] == [1]
    assert verify(world.database).findings == ()


def test_a_command_by_a_fast_clock_is_no_disorder(world: World, file: Path) -> None:
    """The last row that goes is a command of a machine that was three weeks ahead; what fired by itself afterwards was
    due before. Only what fires by itself fires in order (C6)."""
    vandal, renews = Vandal(world.database.url.render_as_string(hide_password=False), {}), renewing(world)
    vandal.log(renews, 2, due_at=utc("2026-03-03"), fired_at=utc("2026-03-03"))
    move(world, "2026-02-20", file)
    vandal.leave()
    assert [row["seq"] for row in lines(file) if row["root_id"] == renews] == [1, 2]
    assert verify(world.database).findings == ()


def renewing(world: World) -> str:
    """The subscription that renews by the month."""
    (instance,) = {row["instance_id"] for row in table_rows(world.database) if row["event"] == "add_seats"}
    return str(instance)


def test_all_of_an_ended_root_can_go(world: World, file: Path) -> None:
    """Nothing is left in the table; what has ended is still there, and refuses as before."""
    log, before = table_rows(world.database), everything_else(world.database)
    world.clock.move_to(AFTERWARDS)
    assert move(world, "2027-01-01", file).rows == len(log)
    assert (lines(file), table_rows(world.database)) == (log, [])
    assert everything_else(world.database) == before
    assert verify(world.database, archives=[file]).findings == ()
    ended = [row["instance_id"] for row in log if row["target"] == "ended"]
    for instance in ended:
        with pytest.raises(Refused, match="ended"):
            world.do(instance, "add_seats", seats=1)


def test_versions_go_on(world: World, file: Path) -> None:
    """After everything was moved out, the next row has the next number, chained to the last one in the file."""
    renews = renewing(world)
    move(world, "2026-04-01", file)
    assert [row["seq"] for row in table_rows(world.database) if row["root_id"] == renews] == []
    world.do(renews, "add_seats", seats=1)
    (row,) = table_rows(world.database)
    assert (row["seq"], row["event"]) == (5, "add_seats")
    assert verify(world.database, archives=[file]).findings == ()


def test_a_second_time_goes_on_from_the_first(world: World, file: Path) -> None:
    """By 20 March one more row has become old; a third time there is nothing."""
    log = table_rows(world.database)
    move(world, "2026-03-01", file)
    assert move(world, "2026-03-20", file).rows == 1
    assert move(world, "2026-03-20", file).rows == 0
    assert whole(file, world.database) == log
    assert len(lines(file)) == 9
    assert verify(world.database, archives=[file]).findings == ()


def test_a_dry_run_says_it_and_does_nothing(world: World, file: Path) -> None:
    """The same numbers, no file, every row where it was."""
    log = table_rows(world.database)
    assert move(world, "2026-03-01", file, dry_run=True) == Pruned(utc("2026-03-01"), 3, 8, file, ())
    assert (table_rows(world.database), file.exists()) == (log, False)
    with world.database.reading() as connection:
        assert connection.execute(select(schema.checkpoints)).all() == []


@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_pages_change_nothing(world: World, file: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few rows go at a time, the same go, also from the middle of a root; and progress is told (X304)."""
    log, heard = table_rows(world.database), list[tuple[int, int]]()
    monkeypatch.setattr(retention, "PAGE", size)
    assert move(world, "2026-03-01", file, dry_run=True).rows == 8
    pruned = prune(
        world.database, utc("2026-03-01"), file, now=world.clock.now(), progress=lambda *done: heard.append(done)
    )
    assert (pruned.roots, pruned.rows) == (3, 8)
    assert lines(file) == [row for row in log if row["recorded_at"] < "2026-03-01"]
    assert heard == [(min(done, 8), 8) for done in range(size, 8 + size, size)]
    assert verify(world.database, archives=[file]).findings == ()


# Stories


def tell(world: World, rng: Random, moments: Sequence[datetime], prunes: Sequence[int], file: Path) -> None:
    """A story of its own for each seed: people come, change their minds and go; rows are moved out now and then."""
    people: list[str] = []
    for number, moment in enumerate(moments):
        world.engine.advance_to(moment)
        for _ in range(rng.randint(0, 3)):
            act(world, rng, people)
        before = rng.choice(moments[number // 2 : number + 1])
        if number in prunes:
            prune(world.database, before, file, now=world.clock.now())


COMMANDS: Sequence[tuple[str, dict[str, object]]] = [
    ("add_seats", {"seats": 1}),
    ("schedule_change", {"plan": "pro", "at": "next_cycle"}),
    ("change_now", {"plan": "team"}),
    ("withdraw_change", {}),
    ("cancel", {"at": "period_end"}),
    ("withdraw_cancellation", {}),
    ("cancel_now", {}),
]


def act(world: World, rng: Random, people: list[str]) -> None:
    """One thing that somebody does; it may be refused."""
    if len(people) < 3 or rng.random() < 0.2:
        plan, interval = rng.choice([("basic", "month"), ("team", "month"), ("pro", "month"), ("pro", "week")])
        people.append(world.subscribe(f"acct_{len(people)}", plan, interval=interval, card=plan != "basic"))
        return
    event, arguments = rng.choice(COMMANDS)
    try:
        world.do(rng.choice(people), event, actor="act_1", reason=rng.choice(["", "Because."]), **arguments)
    except Refused:
        return


@pytest.mark.parametrize("seed", range(5))
def test_a_story_goes_on_as_if_nothing_had_been_moved(url: str, file: Path, seed: int) -> None:
    """Whenever in whatever story rows are moved out: all tables end up the same, row by row and hash by hash, and the
    file with the rest of the table is the whole log."""
    rng = Random(seed)  # to be the same every time
    moments = [utc("2026-01-31") + timedelta(hours=hour) for hour in sorted(rng.sample(range(24, 24 * 150), 20))]
    ends = []
    for prunes in ([], rng.sample(range(8, 20), 2)):
        empty(url)
        with closing(World(url)) as world:
            tell(world, Random(seed), moments, prunes, file)  # the same
            ends.append((everything_else(world.database), whole(file, world.database)))
            archives = [file] if file.exists() else []
            assert verify(world.database, now=world.clock.now(), archives=archives).findings == ()
    assert ends[0] == ends[1]
    assert len(lines(file)) > 5


def test_commands_go_on_meanwhile(url: str, file: Path) -> None:
    """Four threads add a seat 20 times each, while two move out whatever there is, over and over: 81 seats, every row
    in a file or in the table, and history is whole."""
    world, over = World(url), Event()
    bought = [world.subscribe(f"acct_{number}", "team") for number in range(3)]
    files = [file.with_name(f"{number}.jsonl") for number in range(2)]

    def command() -> None:
        for number in range(20):
            world.do(bought[number % 3], "add_seats", seats=1)

    def move_all(target: Path) -> None:
        while not over.is_set():
            prune(world.database, AFTERWARDS, target, now=AFTERWARDS)

    with ThreadPoolExecutor(2) as pruners:
        moving = [pruners.submit(move_all, target) for target in files]
        try:
            at_once(4, command)
        finally:
            over.set()
        for one in moving:
            one.result()
    found = {(row["root_id"], row["seq"]) for one in files for row in lines(one)}
    found |= {(row["root_id"], row["seq"]) for row in table_rows(world.database)}
    with world.database.reading() as connection:
        roots = connection.execute(select(schema.roots).where(schema.roots.c.kind == "subscription")).all()
    assert verify(world.database).findings == ()
    world.database.dispose()
    assert sum(root.seq for root in roots) == 3 + 80
    assert found == {(root.id, seq) for root in roots for seq in range(1, root.seq + 1)}


def test_what_another_has_moved_out_meanwhile_is_passed_over(world: World, url: str, file: Path) -> None:
    """Right after this one has read, another moves the rows of before 20 February out: what this one makes of what it
    read would stand on a checkpoint that is no longer there. What it has written to its file is there twice (X31)."""
    log, other = table_rows(world.database), Database(url)
    first = file.with_name("first.jsonl")
    meanwhile = iter([lambda: prune(other, utc("2026-02-20"), first, now=world.clock.now())])

    def go_between(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if "FROM lifecycle_checkpoints" in statement and (act := next(meanwhile, None)):
            act()

    event.listen(world.database.engine, "after_cursor_execute", go_between)
    assert move(world, "2026-03-01", file).rows == 0
    assert len(lines(first)) == 6
    assert [row["seq"] for row in table_rows(world.database)] == [3, 4, 3, 4]
    assert move(world, "2026-03-01", file).rows == 2
    assert verify(world.database, archives=[first, file]).findings == ()
    both = {(row["root_id"], row["seq"]) for row in [*lines(first), *lines(file), *table_rows(world.database)]}
    assert len(both) == len(log)
    other.dispose()


# Killed, broken, in the way


def test_a_prune_that_is_killed_loses_nothing(world: World, url: str, file: Path) -> None:
    """It is killed before each of its statements in turn, the commit included: no row is gone that is not in the file,
    history is whole; a repeat leaves the file with some lines twice, which is harmless (X31, X304)."""
    log = table_rows(world.database)
    left = []
    for _ in kill_at_each_point(world.database, "prune", url, str(file)):
        left.append((len(table_rows(world.database)), len(lines(file)) > 0))
        assert whole(file, world.database) == log
        assert verify(world.database).findings == ()
    assert left.count((10, False)) >= 3  # it counts, reads rows, and checkpoints
    assert left.count((10, True)) >= 5  # it locks, reads checkpoints again, deletes, puts checkpoints there, commits
    assert {rows for rows, _ in left} <= {10, 0}
    assert len(lines(file)) > len(log)
    assert (whole(file, world.database), table_rows(world.database)) == (log, [])
    assert verify(world.database, archives=[file]).findings == ()


@pytest.mark.parametrize("torn", [HEAD, HEAD + b"x" * 200_000])
def test_a_line_that_was_cut_short_is_written_again(world: World, file: Path, torn: bytes) -> None:
    """A process died while it wrote: what it left of a line goes, however long, and the whole lines before it stay."""
    log = table_rows(world.database)
    move(world, "2026-02-05", file)
    earlier = file.read_bytes()
    file.write_bytes(earlier + torn)
    move(world, "2026-03-01", file)
    assert file.read_bytes().startswith(earlier)
    assert whole(file, world.database) == log


def test_a_first_line_that_was_cut_short_is_written_again(world: World, file: Path) -> None:
    """The file has nothing but the beginning of a line."""
    file.write_bytes(HEAD[:5])
    assert move(world, "2026-03-01", file).rows == len(lines(file)) == 8


def test_a_broken_chain_stays_where_it_is(world: World, file: Path) -> None:
    """Evidence is not moved behind a checkpoint that would hide it; every other root's rows go (X31)."""
    vandal, renews = Vandal(world.database.url.render_as_string(hide_password=False), {}), renewing(world)
    vandal.log(renews, 2, sealed=False, actor="act_2")
    pruned = move(world, "2026-03-01", file)
    assert (pruned.rows, pruned.broken) == (5, (renews,))
    assert [row["seq"] for row in table_rows(world.database) if row["root_id"] == renews] == [1, 2, 3, 4]
    vandal.leave()


def test_a_checkpoint_that_was_tampered_with_is_not_built_on(world: World, file: Path) -> None:
    """A second run would seal the lie: it leaves the root alone (X31)."""
    vandal, renews = Vandal(world.database.url.render_as_string(hide_password=False), {}), renewing(world)
    move(world, "2026-02-05", file)
    stored = vandal.read(schema.checkpoints, {"root_id": renews})["instances"]
    stored[renews]["facts"]["seats"] = 1000
    vandal.change(schema.checkpoints, {"root_id": renews}, instances=stored)
    assert move(world, "2026-03-01", file).broken == (renews,)
    vandal.leave()


def test_a_row_that_cannot_be_read_is_told(tmp_path: Path, file: Path) -> None:
    """Nothing is moved, and verify is named."""
    url = f"sqlite:///{tmp_path / 'lifecycle.db'}"
    world, vandal = World(url), Vandal(url, {})
    live_through_spring(world)
    vandal.run("UPDATE lifecycle_log SET changes = '?' WHERE seq = 2")
    log = vandal.run("SELECT count(*) FROM lifecycle_log")
    with pytest.raises(LifecycleError, match="lifecycle verify") as error:
        move(world, "2026-03-01", file)
    assert error.value.code == "history_broken"
    assert vandal.run("SELECT count(*) FROM lifecycle_log") == log
    world.database.dispose()
    vandal.leave()


# The file


def test_the_file_is_its_owners(world: World, file: Path) -> None:
    """Nobody else on the machine reads it."""
    move(world, "2026-03-01", file)
    assert file.stat().st_mode & 0o777 == 0o600


def test_no_reason_is_in_the_file(world: World, file: Path) -> None:
    """What somebody said stays in the database, where it can be erased; the line has its id (A2)."""
    move(world, "2026-04-01", file)
    assert "dear" not in file.read_text()
    with world.database.reading() as connection:
        (reason,) = connection.scalars(select(schema.reasons.c.id))
    assert [row["event"] for row in lines(file) if row["reason_id"] == reason] == ["cancel"]


@pytest.mark.parametrize("content", [b"id;name\n", b"{}\n", b'{"root": 1}', b"\n", HEAD[:5] + b"\n"])
def test_another_file_is_not_touched(world: World, file: Path, content: bytes) -> None:
    """What has not been written by this command is not appended to."""
    file.write_bytes(content)
    log = table_rows(world.database)
    with pytest.raises(LifecycleError, match="something else") as error:
        move(world, "2026-03-01", file)
    assert error.value.code == "archive_failed"
    assert (file.read_bytes(), table_rows(world.database)) == (content, log)


def test_a_file_that_another_writes_to_is_not_touched(world: World, file: Path) -> None:
    """Two commands at once with one file: the second is told."""
    with file.open("wb") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        with pytest.raises(LifecycleError, match="somebody else"):
            move(world, "2026-03-01", file)


@pytest.mark.parametrize("place", ["no/such/folder/moved.jsonl", ".", "/dev/null"])
def test_a_place_that_cannot_be_written_to_is_told(world: World, tmp_path: Path, place: str) -> None:
    """Every row stays."""
    log = table_rows(world.database)
    with pytest.raises(LifecycleError) as error:
        move(world, "2026-03-01", tmp_path / place)
    assert error.value.code == "archive_failed"
    assert table_rows(world.database) == log


def test_a_full_disk_is_told_and_nothing_is_deleted(world: World, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are not on the disk, so they stay in the table."""

    def full(number: int) -> None:
        if stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    move(world, "2026-02-05", file)
    log = table_rows(world.database)
    monkeypatch.setattr("lifecycle.app.archive.os.fsync", full)
    with pytest.raises(LifecycleError, match="No space left on device"):
        move(world, "2026-03-01", file)
    assert table_rows(world.database) == log
