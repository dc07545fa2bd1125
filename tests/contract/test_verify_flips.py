"""Whatever single value is changed in a small database, `verify` finds it and accuses nobody else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Table

from lifecycle.store import schema
from lifecycle.verify import verify
from tests.contract.verify_flips import every_flip, steps
from tests.contract.verify_vandal import Vandal
from tests.contract.verify_world import World
from tests.unit.machine_world import at, utc

pytestmark = pytest.mark.sampled(6)

WATCHED = {
    schema.log: [column.name for column in schema.log.c],
    schema.instances: ["id", "root_id", "machine", "version", "state", "facts", "owner_id", "live_key", "closed"],
    schema.deferrals: ["instance_id", "root_id", "event", "due_at"],
    schema.roots: ["seq", "head", "wake_at"],
    schema.checkpoints: [column.name for column in schema.checkpoints.c],
}
WATCHED_OUTBOX = {
    schema.outbox: ["root_id", "seq", "place", "instance_id", "destination", "kind", "payload", "status"],
}


def small(url: str) -> World:
    """One subscription with a change on a date and a cycle behind it, one in trial, one that has ended."""
    world = World(url)
    changing = world.subscribe("acct_changing", "team", zone="Europe/Paris")
    world.subscribe("acct_trial", "basic")
    ended = world.subscribe("acct_ended", "pro")
    world.do(changing, "schedule_change", plan="pro", at=at("2026-03-15"))
    world.do(ended, "cancel", at=at("2026-02-10"), reason="Too dear.")
    world.on("2026-02-10")
    world.on("2026-02-28")
    return world


def sending(url: str) -> World:
    """A lease that has sent a message. Not all about a host's own machine is watched."""
    world = World(url)
    world.do(world.lease("2026-12-01"), "weighed", weight=[1, {"kg": True}])
    return world


CASES = [(table, table is schema.checkpoints) for table in (*WATCHED, *WATCHED_OUTBOX)]


@pytest.mark.parametrize(
    ("table", "moved_out"),
    [*CASES, (schema.log, True)],
    ids=lambda value: value.name if isinstance(value, Table) else "moved_out" if value else "whole",
)
def test_no_value_can_be_changed_unseen(database_url: str, table: Table, moved_out: bool) -> None:
    """Every value of every watched column of every row, leaf by leaf inside documents; also where the rows of
    before 11 February were moved out: all of the ended one, all but the last of the trial. On PostgreSQL, where the
    same code reads the same text, every fourth; of those everyday's runs see every third."""
    world = (small if table in WATCHED else sending)(database_url)
    vandal = Vandal(database_url, {})
    if moved_out:
        vandal.move_out(utc("2026-02-11"))
    assert verify(world.database).findings == ()
    columns = (WATCHED | WATCHED_OUTBOX)[table]
    flips, unseen = every_flip(vandal, table, columns), []
    for flip in flips[:: steps(world.database)]:
        with flip.done_by(vandal):
            accused = {finding.root_id for finding in verify(world.database).findings}
        if flip.root not in accused:
            unseen.append(flip)
    assert verify(world.database).findings == ()
    world.database.dispose()
    vandal.leave()
    assert unseen == []
    assert len(flips) > len(columns)


@pytest.mark.parametrize(("write", "watched"), [(small, WATCHED), (sending, WATCHED_OUTBOX)], ids=["small", "sending"])
@pytest.mark.parametrize("value", ["'?'", "'null'", "17", "x'FF00'", "''"])
def test_what_cannot_be_read_is_found(
    tmp_path: Path, value: str, write: Callable[[str], World], watched: dict[Table, list[str]]
) -> None:
    """SQLite holds anything in any column: that is a finding too, never the end of the verification."""
    url = f"sqlite:///{tmp_path / 'small.db'}"
    world, vandal = write(url), Vandal(url, {})
    unseen = []
    for table, columns in watched.items():
        if table is schema.checkpoints:
            vandal.move_out(utc("2026-02-11"))
        for column in columns:
            ((row, before),) = vandal.run(
                f"SELECT rowid, quote({column}) FROM {table.name} WHERE {column} IS NOT NULL LIMIT 1"  # noqa: S608
            )
            for written in (value, before):
                vandal.run(f"UPDATE {table.name} SET {column} = {written} WHERE rowid = {row}")  # noqa: S608
                found = verify(world.database).findings
                if bool(found) != (written == value):
                    unseen.append(f"{table.name}.{column} = {written}")
    world.database.dispose()
    vandal.leave()
    assert unseen == []
