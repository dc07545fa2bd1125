"""`verify` accuses nobody of what is in order, and finds each thing that is not, on both databases."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from lifecycle.store.database import Database
from lifecycle.verify import CODES, Finding, Report, rows, verify
from tests.contract.verify_account_damage import DAMAGE as ACCOUNT_DAMAGE
from tests.contract.verify_damage import DAMAGE, change_head, forget_root, garble
from tests.contract.verify_money_damage import DAMAGE as MONEY_DAMAGE
from tests.contract.verify_order_damage import DAMAGE as ORDER_DAMAGE
from tests.contract.verify_people_damage import DAMAGE as PEOPLE_DAMAGE
from tests.contract.verify_vandal import DOCUMENT, Vandal
from tests.contract.verify_world import World, eventful
from tests.postgres import Databases
from tests.unit.machine_world import utc

pytestmark = pytest.mark.sampled(4)

SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    """The ids of what is in the eventful database, by name; the same in both."""
    return {}


@pytest.fixture(scope="module")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, names: dict[str, str]) -> Path:
    """The eventful database on SQLite, made once."""
    file = tmp_path_factory.mktemp("eventful") / "lifecycle.db"
    world, named = eventful(f"sqlite:///{file}")
    world.database.dispose()
    names.update(named)
    return file


@pytest.fixture(scope="module")
def postgres_template(databases: Databases, names: dict[str, str]) -> Iterator[str]:
    """The eventful database on PostgreSQL, made once."""
    with databases.create() as url:
        world, named = eventful(url.render_as_string(hide_password=False))
        world.database.dispose()
        names.update(named)
        assert url.database is not None
        yield url.database


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The eventful database as the engine left it."""
    opened = Database(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def vandal(database_url: str, names: dict[str, str]) -> Iterator[Vandal]:
    """Somebody who changes it past the engine."""
    vandal = Vandal(database_url, names)
    yield vandal
    vandal.leave()


def test_a_healthy_database_has_no_findings(database: Database) -> None:
    """Every state, every kind of change and cancellation, months of downtime, a quarantined root, a message: all in
    order."""
    assert verify(database, now=utc("2026-08-01 00:59")) == Report(roots=44, rows=133, findings=())


def test_an_empty_database_is_whole(tmp_path: Path) -> None:
    """Nothing has happened, so nothing is wrong."""
    world = World(f"sqlite:///{tmp_path / 'empty.db'}")
    report = verify(world.database)
    world.database.dispose()
    assert report == Report(0, 0, ())


@pytest.mark.parametrize(
    "weights", [(1, True), (0, False), (2, 2.0), ([1], [True]), (1e-7, 1e22), ("é\u2028\x01", "“")]
)
def test_whatever_a_host_keeps_in_its_facts(database_url: str, weights: tuple[object, object]) -> None:
    """Each of two facts that Python may take to be equal is logged, and comes back from the database as it was."""
    world = World(database_url, "2026-08-01")
    lease = world.lease("2026-12-01")
    for weight in weights:
        world.do(lease, "weighed", weight=weight)
    report = verify(world.database)
    world.database.dispose()
    assert report.findings == ()


@pytest.mark.parametrize(
    "weight",
    [[1, {"kg": True}], [2, {"kg": 1}], [1, {"kg": 2}], [1, {}], [1, {"kg": 1, "g": 0}], [1], [1, {"kg": 1}, 1]],
)
def test_a_difference_deep_inside_facts_is_found(database: Database, vandal: Vandal, weight: list[object]) -> None:
    """Facts are compared to the last leaf."""
    world = World(database.url.render_as_string(hide_password=False), "2026-08-01")
    lease = world.lease("2026-12-01")
    world.do(lease, "weighed", weight=[1, {"kg": 1}])
    world.database.dispose()
    vandal.facts(lease, weight=weight)
    assert [(finding.code, finding.root_id) for finding in verify(database).findings] == [("facts", lease)]


def test_a_command_goes_by_the_clock_of_who_carried_it_out(database: Database, vandal: Vandal) -> None:
    """Two machines' clocks differ a little: a command may be older than the cycle that started before it."""
    rows = vandal.rows("month_ends")
    assert [(row["event"], row["cause"]) for row in rows[3:5]] == [
        ("cycle_starts", "deferral"),
        ("add_seats", "command"),
    ]
    early = rows[3]["due_at"] - SECOND
    vandal.log("month_ends", 5, due_at=early, fired_at=early)
    assert verify(database).findings == ()


@pytest.mark.parametrize(("damage", "codes"), DAMAGE.items(), ids=[damage.__name__ for damage in DAMAGE])
def test_damage_is_found_for_what_it_is(
    database: Database, vandal: Vandal, damage: Callable[[Vandal], str], codes: set[str]
) -> None:
    """Each kind of damage has its code, and nothing but the damaged root is accused."""
    victim = vandal.id(damage(vandal))
    findings = verify(database, now=utc("2026-08-01")).findings
    assert {finding.code for finding in findings} == codes, findings
    assert {finding.root_id for finding in findings} == {victim}
    assert {finding.level for finding in findings} == {"error"}


def test_every_code_has_its_damage() -> None:
    """No code is without a test; to be late is no damage, and neither the files nor the gateway's ledger are in the
    database: they have their own."""
    elsewhere = {"overdue", "archive", "charge_missing", "charge_content", "charge_repeated", "charge_unheard"}
    several = (DAMAGE, MONEY_DAMAGE, ORDER_DAMAGE, PEOPLE_DAMAGE)
    found = {code for damage in several for codes in damage.values() for code in codes}
    found |= {code for _, codes in ACCOUNT_DAMAGE.values() for code in codes}
    assert found == CODES.keys() - elsewhere


def test_a_finding_says_where_it_is(database: Database, vandal: Vandal) -> None:
    """The root, the instance and the row's number lead to the place."""
    vandal.log("month_ends", 5, sealed=False, actor="act_2")
    root = vandal.id("month_ends")
    (finding,) = verify(database).findings
    assert (finding.root_id, finding.instance_id, finding.seq) == (root, root, 5)


def test_what_is_overdue_is_a_warning(database: Database, vandal: Vandal) -> None:
    """A root that was to be looked at on 1 August at 9:00 is late after 10:00, and not a moment before."""
    ten = utc("2026-08-01 10:00")
    before, after = verify(database, now=ten), verify(database, now=ten + SECOND)
    weekly = vandal.id("weekly")
    assert weekly not in {finding.root_id for finding in before.findings}
    assert [(f.code, f.level) for f in after.findings if f.root_id == weekly] == [("overdue", "warning")]
    assert after.errors == ()


def test_what_cannot_be_read_is_counted(database: Database, vandal: Vandal) -> None:
    """The rows after one that can't be read were there, though nobody judged them."""
    garble(vandal)
    assert verify(database).rows == 133


def test_pages_change_nothing(database: Database, vandal: Vandal, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few roots are read at a time, the report is the same, orphans and all."""
    forget_root(vandal)
    change_head(vandal)
    whole = verify(database)
    for size in (1, 3, 44, 45):
        monkeypatch.setattr(rows, "PAGE", size)
        paged = verify(database)
        assert (paged.roots, paged.rows) == (whole.roots, whole.rows) == (43, 133)
        assert set(paged.findings) == set(whole.findings)


def test_progress_is_told(database: Database) -> None:
    """A caller can draw a bar: so many roots of so many."""
    told: list[tuple[int, int]] = []
    verify(database, progress=lambda done, total: told.append((done, total)))
    assert told == [(number, 44) for number in range(1, 45)]


def test_a_database_in_use_can_be_verified(database: Database) -> None:
    """What is committed between any two statements of the verification accuses nobody."""
    world = World(database.url.render_as_string(hide_password=False), "2026-08-01")
    world.release()
    months = iter(("2026-09-01", "2026-10-01", "2026-11-01", "2026-12-02", "2027-01-01"))

    def live_on(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("SELECT") and (month := next(months, None)):
            world.on(month)

    event.listen(database.engine, "after_cursor_execute", live_on)
    report = verify(database)
    world.database.dispose()
    assert next(months, None) is None
    assert report.findings == ()


def test_the_documentation_tells_every_code() -> None:
    """docs/verify.md has one table of codes, and it is this one."""
    told = re.findall(r"^\| `(\w+)` \| (.+) \|$", DOCUMENT.read_text(), re.M)
    assert dict(told) == dict(CODES)
    assert len(told) == len(CODES)


def test_errors_leave_warnings_out() -> None:
    """History is whole where there is nothing but warnings."""
    warning = Finding("overdue", "sub_1", None, None, "", level="warning")
    error = Finding("head", "sub_1", None, None, "")
    assert Report(1, 1, (warning, error)).errors == (error,)
