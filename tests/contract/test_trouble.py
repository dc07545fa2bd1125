"""A step that raises, a row that can't be written: one root's trouble, held up alone, then kept aside."""

from __future__ import annotations

import json

import pytest

from lifecycle.domain.machine import Json
from lifecycle.engine.clock import SystemClock
from lifecycle.engine.commands import Answer, Command
from lifecycle.engine.ports import WriteFailed
from lifecycle.errors import LifecycleError
from tests.contract.world import World
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled


def state_of(world: World, root: Answer) -> tuple[str, int, object]:
    """Status, attempts, and when it is to be looked at."""
    row = world.root(root)
    return row["status"], row["attempts"], row["wake_at"]


def test_a_failing_root_keeps_what_it_did_before_and_others_go_on(world: World) -> None:
    """One beacon fails at its third beat: its first two stand, and the other has beaten five times by 05:30."""
    faulty, sound = world.light(fault="raise", at=3), world.light()
    fired = world.wake("2026-01-01 05:30")
    assert [row.instance_id for row in fired].count(faulty.id) == 2
    assert [row.instance_id for row in fired].count(sound.id) == 5
    assert world.stored(faulty)["facts"]["beat"] == 2
    assert world.deferrals(faulty) == {"beats": utc("2026-01-01 03:00")}
    assert world.root(faulty)["error"] == "Broken: no light"


def test_a_failing_root_backs_off_and_is_kept_aside_at_the_fifth_failure(world: World) -> None:
    """Due at 01:00, it fails at 01:00:00, :01, :03, :07 and :15, and then it is quarantined."""
    beacon = world.light(fault="raise", at=1)
    looks = [("01:00:00", "01:00:01"), ("01:00:01", "01:00:03"), ("01:00:03", "01:00:07"), ("01:00:07", "01:00:15")]
    for attempt, (now, retry_at) in enumerate(looks, start=1):
        world.wake(f"2026-01-01 {now}")
        assert state_of(world, beacon) == ("live", attempt, utc(f"2026-01-01 {retry_at}"))
        assert world.engine.fire_batch().claimed == 0
    world.wake("2026-01-01 01:00:15")
    assert state_of(world, beacon) == ("quarantined", 5, None)
    assert world.refused(beacon, "adjust", fault=None) == "quarantined"
    assert world.wake("2026-02-01") == []


def test_a_root_that_works_again_forgets_its_failures(world: World) -> None:
    """Repaired after two failures, it beats, and starts from nothing."""
    beacon = world.light(fault="raise", at=1)
    world.wake("2026-01-01 01:00:00")
    world.wake("2026-01-01 01:00:01")
    world.alter("UPDATE lifecycle_instances SET facts = :facts", facts=_facts(world, beacon))
    assert [row.event for row in world.wake("2026-01-01 01:00:03")] == ["beats"]
    assert state_of(world, beacon) == ("live", 0, utc("2026-01-01 02:00"))
    assert world.root(beacon)["error"] is None


def test_a_command_on_a_root_that_fails_is_refused(world: World) -> None:
    """What is due before the command fails: it can't be judged; what fired before the failure stays."""
    beacon = world.light(fault="raise", at=2)
    world.clock.move_to(utc("2026-01-01 02:30"))
    assert world.refused(beacon, "adjust", every=60) == "quarantined"
    assert state_of(world, beacon) == ("live", 1, utc("2026-01-01 02:30:01"))
    assert [row["event"] for row in world.log(beacon)] == ["lights", "beats"]


def test_a_half_changed_fact_is_not_kept(world: World) -> None:
    """The action has changed the facts in hand, lists inside them too, when it fails: what is stored is untouched,
    and the next attempt starts from that."""
    beacon = world.light(fault="raise", at=2)
    world.wake("2026-01-01 02:00")
    world.wake("2026-01-01 02:00:01")
    facts = world.stored(beacon)["facts"]
    assert (facts["beat"], facts["seen"]) == (1, ["2026-01-01T01:00:00+00:00"])
    assert facts == world.log(beacon)[0]["changes"] | world.log(beacon)[1]["changes"]


def test_commands_on_what_backs_off_count_as_no_attempt(world: World) -> None:
    """Failed once, it is to be tried again at 01:00:01; ten commands before that try too, and quarantine nothing."""
    beacon = world.light(fault="raise", at=1)
    world.wake("2026-01-01 01:00:00")
    assert [world.refused(beacon, "adjust", colour="red") for _ in range(10)] == ["quarantined"] * 10
    root = world.root(beacon)
    assert (root["attempts"], root["wake_at"]) == (1, utc("2026-01-01 01:00:01"))
    world.wake("2026-01-01 01:00:01")
    assert world.root(beacon)["attempts"] == 2


def test_a_command_on_what_backs_off_goes_through_once_it_works(world: World) -> None:
    """Mended meanwhile, it need not wait for its next attempt: the beat fires first, then the command is judged."""
    beacon = world.light(fault="raise", at=1)
    world.wake("2026-01-01 01:00:00")
    world.alter("UPDATE lifecycle_instances SET facts = :facts", facts=_facts(world, beacon))
    assert world.refused(beacon, "adjust", colour="red") == "done"
    assert [row["event"] for row in world.log(beacon)] == ["lights", "beats", "adjust"]
    assert world.root(beacon)["attempts"] == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("raise", "Broken: no light"),
        ("effect", "Broken: a dull flash"),
        ("name", "Broken: a name that nobody can say"),
        ("load", "Broken: unreadable"),
        ("set", "WriteFailed: A row could not be written: Object of type set is not JSON serializable"),
        ("again", "DefinitionError: BeaconMachine demands beats at 2026-01-01T02:00:00+00:00 again after it has fired"),
        ("swing", "DefinitionError: BeaconMachine demands beats at 2026-01-01T02:00:00+00:00 again after it has fired"),
        ("idle", "DefinitionError: echoes is demanded in state lit, but does nothing there"),
        ("unknown", "DefinitionError: BeaconMachine demands explodes, which is none of its deferred events"),
        ("naive", "DefinitionError: BeaconMachine demands beats at 2026-01-01T03:00:00, which is no aware instant"),
    ],
)
def test_whatever_a_machine_does_wrong_is_its_roots_trouble_alone(world: World, fault: str, error: str) -> None:
    """Failing, unwritable, firing for ever, demanding what does nothing: the root backs off, its first beat stands,
    its log has no gap, and its neighbours beat four times by 04:00."""
    first, faulty, last = world.light(), world.light(fault=fault, at=2), world.light()
    world.wake("2026-01-01 04:00")
    status, attempts, wake_at = state_of(world, faulty)
    assert str(world.root(faulty)["error"]).startswith(error)
    assert (status, attempts, wake_at) == ("live", 1, utc("2026-01-01 04:00:01"))
    log = world.log(faulty)
    assert world.stored(faulty)["facts"]["beat"] == [row["event"] for row in log].count("beats") >= 1
    assert [row["seq"] for row in log] == list(range(1, world.root(faulty)["seq"] + 1))
    assert [len(world.log(sound)) for sound in (first, last)] == [5, 5]


@pytest.mark.parametrize("fault", ["raise", "set"])
def test_a_traveller_passes_a_root_that_fails(world: World, fault: str) -> None:
    """On the way to the evening one beacon fails and the other beats to the end; the faulty one is tried again as the
    clock goes on, and kept aside at the fifth failure."""
    faulty, sound = world.light(fault=fault, at=2), world.light()
    world.travel("2026-01-01 18:00")
    assert (world.root(faulty)["status"], len(world.log(faulty)), len(world.log(sound))) == ("live", 2, 19)
    for second in (1, 3, 7, 15):
        world.travel(f"2026-01-01 18:00:{second:02}")
    assert state_of(world, faulty) == ("quarantined", 5, None)


def test_text_that_the_database_refuses_is_narrowed_to_its_root(server: World) -> None:
    """PostgreSQL takes no NUL in JSON: the root with one is held up, the others go on in due order."""
    first, faulty, last = server.light(), server.light(fault="nul", at=2), server.light()
    told = [(row.due_at, row.instance_id) for row in server.wake("2026-01-01 04:00")]
    assert told == sorted(told)
    assert [instance for _, instance in told].count(faulty.id) == 1
    assert [len(server.log(sound)) for sound in (first, last)] == [5, 5]
    assert "unsupported Unicode escape sequence" in server.root(faulty)["error"]
    assert state_of(server, faulty) == ("live", 1, utc("2026-01-01 04:00:01"))


@pytest.mark.parametrize(("arguments", "reason"), [({"colour": "\ud800"}, None), ({}, "\ud800")])
def test_text_that_is_not_unicode_is_not_written(world: World, arguments: Json, reason: str | None) -> None:
    """Half a character, in facts and in a reason: the command fails for that, and nothing has changed."""
    beacon = world.light()
    before = world.dump()
    with pytest.raises(WriteFailed, match="surrogates not allowed"):
        world.engine.command(Command(beacon.id, "adjust", "usr_1", arguments, reason))
    assert world.dump() == before


def test_trouble_hides_no_roots_that_are_due_later(url: str) -> None:
    """Two failing beacons fill a batch of two; the third beats all the same, a moment later."""
    world = World(url, batch=2)
    for _ in range(2):
        world.light(fault="raise", at=1)
    sound = world.light(every=3601)
    world.clock.move_to(utc("2026-01-01 02:00"))
    while world.engine.fire_batch().claimed:
        pass
    assert len(world.log(sound)) == 2
    world.close()


def test_a_real_clock_is_not_moved(world: World) -> None:
    """Travelling is for a virtual clock."""
    world.engine.clock = SystemClock()
    with pytest.raises(LifecycleError) as error:
        world.travel("2026-01-02")
    assert error.value.code == "clock_is_real"


def _facts(world: World, beacon: Answer) -> str:
    return json.dumps({key: value for key, value in world.stored(beacon)["facts"].items() if key != "fault"})
