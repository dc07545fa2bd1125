"""What the fixtures of the pytest plugin do: travel, cards, notices, two expectations. A `Story` for each test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from lifecycle.app.views import SubscriptionView
from lifecycle.store.money import PaymentMethod
from lifecycle.store.queries import Step
from lifecycle.testing import expectations
from lifecycle.testing.notices import News
from lifecycle.testing.traveller import Traveller

Subscription = SubscriptionView | str
"""A subscription, as a command gave it, or its id."""

# The types of the fixtures, for tests that are typed.
TravelTo = Callable[..., list[Step]]
StandStill = Callable[[str | date | datetime], list[Step]]
Travel = Callable[..., list[Step]]
TravelToNext = Callable[[], list[Step]]
Card = Callable[[str, str], PaymentMethod]
Notices = Callable[..., list[str]]
AssertTransitions = Callable[[Subscription, Sequence[str]], None]
AssertNext = Callable[..., None]


class Story:
    """A test's own engine, and what happens to its customers.

    Dates, and text without an offset, are local to the configured zone.
    """

    def __init__(self, traveller: Traveller) -> None:
        self.traveller = traveller
        self.lifecycle = traveller.lifecycle
        self.notices = News(traveller.lifecycle)

    @property
    def zone(self) -> str:
        """The zone in which instants are read and shown."""
        return self.lifecycle.config.zone

    def card(self, account: str, script: str) -> PaymentMethod:
        """Give an account a new card of the sandbox, which is charged from now on; what is owed is tried on it at once.

        `script` is one of the sandbox's, such as `ok`, `declines` or `declines_first:2`. Raises NotFound, Refused
        (`invalid`).
        """
        method = self.lifecycle.payment_methods.add(account, script)
        self.lifecycle.relay_outbox()
        return method

    def assert_transitions(self, subscription: Subscription, events: Sequence[str]) -> None:
        """These were all its transitions so far, in order, reminders left out (rule I12)."""
        __tracebackhide__ = True
        steps = expectations.history(self.lifecycle, _id(subscription))
        if wrong := expectations.other_transitions(steps, events, self.zone):
            raise AssertionError(wrong)

    def assert_next(
        self, subscription: Subscription, event: str | None, due: str | date | datetime | None = None
    ) -> None:
        """This comes next of it, at that instant if one is given; `None`: nothing does. Reminders are left out."""
        __tracebackhide__ = True
        instant = None if due is None else self.traveller.instant(due)
        actual = expectations.next_of(self.lifecycle, _id(subscription))
        if wrong := expectations.other_next(actual, event, instant, self.zone):
            raise AssertionError(wrong)


def _id(subscription: Subscription) -> str:
    return subscription if isinstance(subscription, str) else subscription.id
