"""People for travellers: a shop's first month, in which each comes at an instant of their own, for a plan of theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from bench.world import PROJECT, START
from lifecycle import Lifecycle, VirtualClock
from lifecycle.engine.clock import Clock

WEEKLY = {"LIFECYCLE_CATALOG__PLANS__BASIC__PRICES__WEEK": "12.00"}
MONTH = timedelta(days=30)
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Person:
    """What somebody takes; `changes_to` from the next cycle, `cancels` for a date."""

    plan: str
    interval: str = "month"
    trial: bool = False
    card: bool = True
    changes_to: str | None = None
    cancels: datetime | None = None


PEOPLE: Sequence[Person] = (
    *(Person("team") for _ in range(4)),
    Person("basic", "week"),
    Person("basic", trial=True),
    Person("team", "year"),
    Person("basic", changes_to="team"),
    Person("team", cancels=datetime(2026, 7, 15, 12, tzinfo=UTC)),
    Person("basic", trial=True, card=False),
)
"""Ten who come again and again: most pay by the month, one by the week and one by the year, two try first, one of
whom has no card, one changes and one cancels."""


@contextmanager
def shop(
    url: str = "sqlite://", more: Mapping[str, str] = MappingProxyType({}), clock: Clock | None = None
) -> Iterator[Lifecycle]:
    """The project's configuration with more of it, and the sandbox, on a database of its own; it is 1 January, unless
    a clock says otherwise."""
    environ = {"LIFECYCLE_MAIL__USE": "none", **WEEKLY, **more, "LIFECYCLE_DATABASE__URL": url}
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", clock=clock or VirtualClock(START), environ=environ)
    lifecycle.upgrade_schema()
    try:
        yield lifecycle
    finally:
        lifecycle.close()


def settle_in(
    lifecycle: Lifecycle, number: int, track: Callable[[Iterable[int]], Iterable[int]] = lambda numbers: numbers
) -> None:
    """So many people come, evenly over thirty days; then it is 1 February."""
    for n in track(range(number)):
        lifecycle.advance_to(START + MONTH * n / number)
        _come(lifecycle, f"account-{n}", PEOPLE[n % len(PEOPLE)])
    lifecycle.advance_to(FEBRUARY)


def _come(lifecycle: Lifecycle, name: str, person: Person) -> None:
    lifecycle.accounts.create(name, email=f"{name}@bench.test", payment_method=person.card)
    taken = lifecycle.subscriptions.create(
        name, plan=person.plan, interval=person.interval, trial=person.trial, by="system"
    )
    if person.changes_to:
        lifecycle.subscriptions.change(taken.id, plan=person.changes_to, by="system")
    if person.cancels:
        lifecycle.subscriptions.cancel(taken.id, when=person.cancels, by="system")
