"""A tester's own engine: where its clock goes, what fires on the way, and that nothing of it is left (rule G4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from lifecycle.config import Config, load_config
from lifecycle.errors import LifecycleError, Refused
from lifecycle.testing.databases import fresh
from lifecycle.testing.traveller import Traveller, journey

PROJECT = Path(__file__).parents[2]
START = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The shipped configuration, with Paris as its zone and everything that a test must not touch."""
    file = tmp_path_factory.mktemp("traveller") / "config.yaml"
    shipped = (PROJECT / "config.yaml").read_text(encoding="utf-8")
    changed = shipped.replace("zone: UTC", "zone: Europe/Paris").replace("use: sandbox", "use: stripe")
    file.write_text(changed.replace("sqlite:///lifecycle.db", "sqlite:///production.db"))
    return load_config(file, {})


@pytest.fixture
def traveller(config: Config) -> Iterator[Traveller]:
    """On 31 January at nine, with acme on the plan team, by the month."""
    with journey(config, START) as traveller:
        traveller.lifecycle.accounts.create("acme", email="ann@acme.test", payment_method=True, zone="UTC")
        traveller.lifecycle.subscriptions.create("acme", plan="team", by="ann")
        yield traveller


def events(steps: object) -> list[str]:
    """What fired, without the money."""
    assert isinstance(steps, list)
    return [step.event for step in steps if step.machine == "subscription"]


@pytest.mark.parametrize(
    ("to", "stands", "cycles"),
    [
        ("2026-02-28T09:59", "2026-02-28 08:59", 0),
        ("2026-02-28T10:00", "2026-02-28 09:00", 1),
        ("2026-04-01", "2026-03-31 22:00", 2),
        (date(2026, 4, 1), "2026-03-31 22:00", 2),
        (datetime(2026, 4, 1, tzinfo=UTC), "2026-04-01 00:00", 2),
        ("+1 month", "2026-02-28 09:00", 1),
        ("+2 months", "2026-03-31 08:00", 1),
        ("+60d", "2026-04-01 08:00", 2),
        ("+2h", "2026-01-31 11:00", 0),
        ("next", "2026-02-28 09:00", 1),
        ("2025-01-01", "2026-01-31 09:00", 0),
    ],
)
def test_where_a_journey_ends(traveller: Traveller, to: str | date | datetime, stands: str, cycles: int) -> None:
    """Dates and months by the clock of Paris, an hour ahead and two from 29 March on; into the past it goes nowhere."""
    assert events(traveller.travel_to(to)) == ["cycle_starts"] * cycles
    assert f"{traveller.now:%Y-%m-%d %H:%M}" == stands


def test_lengths_of_all_units(traveller: Traveller) -> None:
    """A month from 31 January is 28 February; days and weeks keep the wall time over the change to summer time."""
    traveller.travel(months=1, hours=1.5)
    assert f"{traveller.now:%m-%d %H:%M}" == "02-28 10:30"
    traveller.travel(weeks=4, days=2, minutes=10)
    assert f"{traveller.now:%m-%d %H:%M}" == "03-30 09:40"


def test_the_next_thing_is_neither_held_nor_a_quotes_end(traveller: Traveller) -> None:
    """With a quote that ends in an hour, the cycle is next; held, nothing is."""
    [acme] = traveller.lifecycle.subscriptions.list()
    traveller.lifecycle.quotes.cancel(acme.id, by="ann")
    assert events(traveller.travel_to_next()) == ["cycle_starts"]
    traveller.lifecycle.operations.hold(acme.id, reason="a dispute")
    with pytest.raises(LifecycleError) as nothing:
        traveller.travel_to_next()
    assert nothing.value.code == "nothing_due"


def test_a_downtime_fires_late_and_in_order(traveller: Traveller) -> None:
    """Down until 5 April: February's and March's cycles fire then, each for its own instant (C3, C4)."""
    fired = [step for step in traveller.stand_still_until("2026-04-05") if step.event == "cycle_starts"]
    assert [f"{step.at:%m-%d}" for step in fired] == ["02-28", "03-31"]
    assert {f"{step.fired_at:%m-%d %H:%M}" for step in fired} == {"04-04 22:00"}


def test_the_real_scheduler_fires_the_same(config: Config) -> None:
    """A quarter through APScheduler's threads, to the last byte of the log."""
    logs = []
    for scheduler in (False, True):
        with journey(config, START) as traveller:
            traveller.lifecycle.accounts.create("acme", email="ann@acme.test", payment_method=True)
            traveller.lifecycle.subscriptions.create("acme", plan="team", by="ann")
            assert len(traveller.travel_to("+3 months", scheduler=scheduler)) == 9
            logs.append(traveller.lifecycle.log())
    assert logs[0] == logs[1]


def test_what_is_no_time_is_refused(traveller: Traveller) -> None:
    """With its code, and the clock stays."""
    for nonsense in ("tomorrow", "+1 fortnight", "+", "+-1d", "2026-02-30"):
        with pytest.raises(Refused) as refused:
            traveller.travel_to(nonsense)
        assert refused.value.code == "invalid"
    assert traveller.now == START


def test_nothing_of_the_configuration_reaches_out(config: Config, traveller: Traveller) -> None:
    """Neither its database nor its gateway, its jobs or its mailbox."""
    apart = traveller.lifecycle.config
    assert (apart.database_url, apart.jobs, apart.mail.use, traveller.gateway.name) == (
        "sqlite://",
        (),
        "none",
        "sandbox",
    )
    assert not list(config.path.parent.glob("*.db*"))


def test_a_schema_of_its_own_on_postgresql(postgres_url: str) -> None:
    """Two at a time do not see each other, and nothing is left, also where the test fails."""
    with fresh(postgres_url) as one, fresh(postgres_url) as other:
        with one.writing() as connection:
            connection.execute(text("CREATE TABLE here (id int)"))
        with other.writing() as connection:
            connection.execute(text("CREATE TABLE here (id int)"))
    with pytest.raises(ZeroDivisionError), fresh(postgres_url):
        _ = 1 / 0
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        left = connection.scalars(text("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'lifecycle_test_%'")).all()
    engine.dispose()
    assert left == []


def test_a_database_in_memory_is_empty_each_time(config: Config) -> None:
    """Also where it is one that was used before, and two at a time."""
    for _ in range(2):
        with journey(config, START) as one, journey(config, START) as other:
            for traveller in (one, other):
                traveller.lifecycle.accounts.create("acme", email="ann@acme.test")
                assert len(traveller.lifecycle.accounts.list()) == 1


def test_a_file_that_is_there_is_left_alone(tmp_path: Path) -> None:
    """A tester's mistake costs no data."""
    file = tmp_path / "precious.db"
    file.write_bytes(b"precious")
    with pytest.raises(LifecycleError) as refused, fresh(f"sqlite:///{file}"):
        pass
    assert (refused.value.code, file.read_bytes()) == ("database_not_empty", b"precious")
