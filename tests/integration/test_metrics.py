"""Metrics: what is counted, what is read at a scrape, and the table in the documentation against the registry."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import update
from structlog.testing import capture_logs

from lifecycle import Lifecycle, LifecycleError, NotFound, Refused, VirtualClock
from lifecycle.engine.commands import Command
from lifecycle.store import schema
from tests.integration.alarms import wind
from tests.integration.test_health import MACHINES, START, fill_outbox
from tests.integration.world import PROJECT, travelling

pytestmark = pytest.mark.sampled

HOUR = timedelta(hours=1)


@contextmanager
def measured(url: str) -> Iterator[tuple[Lifecycle, VirtualClock, CollectorRegistry]]:
    """An installation that rings alarms, with its metrics in a registry."""
    with capture_logs(), travelling(url, START, LIFECYCLE_MACHINES=MACHINES) as (lifecycle, clock):
        yield lifecycle, clock, lifecycle.metrics()


def live_a_little(lifecycle: Lifecycle, clock: VirtualClock) -> None:
    """Three alarms are wound, and one that is broken; an hour later they ring or fail, and a command is refused."""
    alarm, *_ = wind(lifecycle.engine, clock.now() + HOUR, alarms=3)
    wind(lifecycle.engine, clock.now() + HOUR, broken=True)
    clock.move_to(clock.now() + HOUR)
    lifecycle.fire_due()
    with pytest.raises(Refused, match="silent"):
        lifecycle.engine.command(Command(alarm, "moved", "tester", {"at": clock.now().isoformat()}))


def test_what_is_committed_is_counted(database_url: str) -> None:
    """4 wound, 3 rang, 1 failed, 1 refused; one batch of four roots, and the look that claimed nothing is none."""
    with measured(database_url) as (lifecycle, clock, registry):
        live_a_little(lifecycle, clock)
        value = registry.get_sample_value
        assert value("lifecycle_transitions_total", {"machine": "alarm", "event": "wound"}) == 4
        assert value("lifecycle_transitions_total", {"machine": "alarm", "event": "rings"}) == 3
        assert value("lifecycle_failures_total", {"machine": "alarm"}) == 1
        assert value("lifecycle_refusals_total", {"code": "silent"}) == 1
        assert (value("lifecycle_batch_roots_count"), value("lifecycle_batch_roots_sum")) == (1, 4)
        assert value("lifecycle_batch_seconds_count") == 1


def test_what_waits_is_read_when_it_is_scraped(database_url: str) -> None:
    """90 s late, one quarantined; two rows wait in the outbox for 30 s, one is dead."""
    with measured(database_url) as (lifecycle, clock, registry):
        late, aside = wind(lifecycle.engine, clock.now(), alarms=2)
        with lifecycle.database.writing() as connection:
            of = update(schema.roots).where(schema.roots.c.id == aside)
            connection.execute(of.values(status="quarantined", wake_at=None))
        clock.move_to(clock.now() + timedelta(seconds=60))
        fill_outbox(lifecycle, late, ["dead", "waiting", "waiting", "done"])
        clock.move_to(clock.now() + timedelta(seconds=30))
        gauges = ["lag_seconds", "quarantined_roots", "outbox_waiting", "outbox_oldest_seconds", "outbox_dead"]
        assert [registry.get_sample_value(f"lifecycle_{name}") for name in gauges] == [90, 1, 2, 30, 1]
        assert registry.get_sample_value("lifecycle_database_up") == 1


def test_where_nothing_waits_all_is_zero(database_url: str) -> None:
    """Nothing is late that is due in an hour, and nothing is old that is not there."""
    with measured(database_url) as (lifecycle, clock, registry):
        wind(lifecycle.engine, clock.now() + HOUR)
        gauges = ["lag_seconds", "quarantined_roots", "outbox_waiting", "outbox_oldest_seconds", "outbox_dead"]
        assert [registry.get_sample_value(f"lifecycle_{name}") for name in gauges] == [0, 0, 0, 0, 0]


def test_a_scrape_survives_a_database_that_can_not_be_read(database_url: str) -> None:
    """It says so; the counters are still there, the gauges are not."""
    with measured(database_url) as (lifecycle, clock, registry):
        live_a_little(lifecycle, clock)
        with lifecycle.database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE lifecycle_deliveries")
            connection.exec_driver_sql("DROP TABLE lifecycle_outbox")
        assert registry.get_sample_value("lifecycle_database_up") == 0
        assert registry.get_sample_value("lifecycle_lag_seconds") is None
        assert registry.get_sample_value("lifecycle_failures_total", {"machine": "alarm"}) == 1


def documented() -> dict[str, tuple[str, frozenset[str]]]:
    """Type and labels of each metric in the table of docs/metrics.md."""
    page = (PROJECT / "docs/metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", page, re.M)
    return {name: (kind, frozenset(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_the_table_names_every_metric_and_none_besides(database_url: str) -> None:
    """With its type and its labels, after a life in which all of them have a value."""
    with measured(database_url) as (lifecycle, clock, registry):
        live_a_little(lifecycle, clock)
        exposed = {
            f"{family.name}_total" if family.type == "counter" else family.name: (
                family.type,
                frozenset(label for sample in family.samples for label in sample.labels) - {"le"},
            )
            for family in registry.collect()
        }
    assert exposed == documented()


def test_a_host_s_own_registry_is_taken(database_url: str) -> None:
    """And given back."""
    own = CollectorRegistry()
    with travelling(database_url, START) as (lifecycle, _):
        assert lifecycle.metrics(own) is own
    assert own.get_sample_value("lifecycle_batch_roots_count") == 0


def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is opened."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "lifecycle.app.metrics", raising=False)
    environ = {"LIFECYCLE_DATABASE__URL": "sqlite:////nowhere/at/all.db"}
    with (
        closing(Lifecycle.from_config(PROJECT / "config.yaml", environ=environ)) as lifecycle,
        pytest.raises(LifecycleError, match=r"pip install 'lifecycle-engine\[metrics\]'") as raised,
    ):
        lifecycle.metrics()
    assert raised.value.code == "extra_missing"


def test_what_is_not_found_is_a_refusal_too(database_url: str) -> None:
    """By its code, without the id that was asked for."""
    with measured(database_url) as (lifecycle, clock, registry):
        with pytest.raises(NotFound):
            lifecycle.engine.command(Command("alarm_gone", "moved", "tester", {"at": clock.now().isoformat()}))
        assert registry.get_sample_value("lifecycle_refusals_total", {"code": "not_found"}) == 1
