"""A host that embeds `Lifecycle`: an engine of its own on the same database, with a table of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue

from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from lifecycle import Lifecycle, VirtualClock
from lifecycle.app.views import SubscriptionView
from lifecycle.engine.clock import SystemClock
from lifecycle.engine.commands import Creation
from lifecycle.store.queries import Step
from tests.integration.live import PATIENCE
from tests.integration.world import PROJECT, travelling
from tests.mails import AWAY
from tests.schema import give_schema

ANN = "ann@acme.test"
START = "2026-01-31T09:00:00+00:00"
ALARMS = "[lifecycle_machines.subscription:SubscriptionMachine, tests.integration.alarms:Alarm]"


class Base(DeclarativeBase):
    """The host's tables."""


class Order(Base):
    """What the host keeps beside a subscription."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)


FREE_SEATS = {"LIFECYCLE_CATALOG__PLANS__TEAM__SEATS__PRICE": "{}"}


@dataclass
class Host:
    """A process that has both: `Lifecycle`, and an engine with the table `orders`."""

    lifecycle: Lifecycle
    engine: Engine

    def orders(self) -> list[int]:
        """The orders that are committed."""
        with self.engine.connect() as connection:
            return list(connection.scalars(select(Order.id).order_by(Order.id)))

    def subscribe(self, reference: str = "acme", plan: str = "team") -> SubscriptionView:
        """An account with a card, and its subscription."""
        self.lifecycle.accounts.create(reference, email=ANN, payment_method=True)
        return self.lifecycle.subscriptions.create(reference, plan=plan, by=ANN)

    def events(self, subscription: str) -> list[str]:
        """What is committed of a subscription's history."""
        return [step.event for step in self.lifecycle.subscriptions.history(subscription)]

    def wind(self, session: Session, at: str, **facts: object) -> str:
        """An alarm, in the host's transaction."""
        creation = Creation("alarm", "wound", "tester", "alarm", arguments={"at": at, **facts})
        return self.lifecycle.using(session).engine.attempt(lambda work: work.create(creation)).id


@dataclass
class Heard:
    """What a hook has heard, for a test to wait for."""

    steps: SimpleQueue[Step] = field(default_factory=SimpleQueue)

    def __call__(self, step: Step) -> None:
        """Be a hook."""
        self.steps.put(step)

    def next(self) -> str:
        """The next event; fails when none comes."""
        return self.steps.get(timeout=PATIENCE).event

    def rest(self) -> list[str]:
        """What has been heard and not asked for."""
        return [self.steps.get().event for _ in range(self.steps.qsize())]


@contextmanager
def hosting(url: str, start: str = START, **environ: str) -> Iterator[tuple[Host, VirtualClock]]:
    """A host whose clock stands at `start`; seats cost nothing there, so that they are had at once."""
    with travelling(url, start, **(FREE_SEATS | environ)) as (lifecycle, clock), _engine(lifecycle, url) as engine:
        yield Host(lifecycle, engine), clock


@contextmanager
def live(url: str, **environ: str) -> Iterator[Host]:
    """A host on the machine's clock, with alarms, and a heartbeat that comes too late to help."""
    changed = {"LIFECYCLE_DATABASE__URL": url, "LIFECYCLE_SCHEDULER__HEARTBEAT": "30s", "LIFECYCLE_MACHINES": ALARMS}
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", environ=AWAY | changed | environ)
    give_schema(lifecycle.database)
    try:
        with _engine(lifecycle, url) as engine:
            yield Host(lifecycle, engine)
    finally:
        lifecycle.close()


@contextmanager
def _engine(lifecycle: Lifecycle, url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    lifecycle.prepare(engine)
    Base.metadata.create_all(engine)
    try:
        yield engine
    finally:
        engine.dispose()


def now() -> str:
    """This instant."""
    return SystemClock().now().isoformat()
