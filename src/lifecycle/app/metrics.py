"""Metrics for Prometheus; what each means: docs/metrics.md. Needs the extra `metrics`, and is imported only for it.

Counters and histograms hear the commits of this process. Gauges read the database when they are scraped, so that every
process shows the same. No label is an id: their number stays that of the machines, events and codes.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from lifecycle.engine.clock import Clock
from lifecycle.engine.committed import Committed
from lifecycle.engine.engine import Engine
from lifecycle.errors import LifecycleError
from lifecycle.store import probe
from lifecycle.store.database import Database
from lifecycle.store.transaction import SqlStore, SqlTransaction

ROOTS = (1, 10, 50, 100, 250, 500, 1_000, 5_000, 10_000)
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Commits:
    """Counts what is committed; to be one of the engine's listeners."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._transitions = Counter(
            "lifecycle_transitions", "Transitions committed.", ("machine", "event"), registry=registry
        )
        self._refusals = Counter("lifecycle_refusals", "Commands refused.", ("code",), registry=registry)
        self._failures = Counter("lifecycle_failures", "Transitions that raised.", ("machine",), registry=registry)
        self._roots = Histogram("lifecycle_batch_roots", "Roots claimed by a batch.", buckets=ROOTS, registry=registry)
        self._seconds = Histogram(
            "lifecycle_batch_seconds", "How long a batch took.", buckets=SECONDS, registry=registry
        )

    def __call__(self, committed: Committed) -> None:
        """Count one transaction; a batch that claimed nothing is none, and what is on a named clock is a test."""
        if committed.clock is not None:
            return
        for row in committed.transitions:
            self._transitions.labels(row.machine, row.event).inc()
        for failure in committed.failures:
            self._failures.labels(failure.root.kind).inc()
        if committed.refusal is not None:
            self._refusals.labels(committed.refusal.code).inc()
        if committed.claimed:
            self._roots.observe(committed.claimed)
            self._seconds.observe(committed.seconds)


class Waiting(Collector):
    """Reads from the database, at each scrape, what waits in it. Where that can't be, only that is shown."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def describe(self) -> Iterator[Metric]:
        """Nothing: whoever registers this asks, and the database is not to be opened for it."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        try:
            gauges = self._read()
        except (LifecycleError, SQLAlchemyError):
            gauges = None
        yield _gauge("database_up", "Whether the database could be read.", 0 if gauges is None else 1)
        for name, (meaning, value) in (gauges or {}).items():
            yield _gauge(name, meaning, value)

    def _read(self) -> dict[str, tuple[str, float]]:
        earliest = SqlStore(self._database).next_wake_at()
        with self._database.reading() as connection:
            quarantined = probe.kept_aside(connection).get("quarantined", 0)
            outbox = probe.outbox(connection)
        now = self._clock.now()
        lag = max(0.0, (now - earliest).total_seconds()) if earliest else 0.0
        age = max(0.0, (now - outbox.oldest_at).total_seconds()) if outbox.oldest_at else 0.0
        return {
            "lag_seconds": ("How late the earliest due transition is.", lag),
            "quarantined_roots": ("Roots that wait for an operator.", quarantined),
            "outbox_waiting": ("Rows of the outbox that are to be sent.", outbox.waiting),
            "outbox_oldest_seconds": ("How long the oldest of them has waited.", age),
            "outbox_dead": ("Rows of the outbox that were given up.", outbox.dead),
        }


def register(
    registry: CollectorRegistry | None, engine: Engine[SqlTransaction], database: Database
) -> CollectorRegistry:
    """Have an engine's commits counted, and its database read, in a registry."""
    registry = registry or CollectorRegistry()
    engine.listeners.append(Commits(registry))
    registry.register(Waiting(database, engine.clock))
    return registry


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"lifecycle_{name}", meaning, value=value)
