"""Clients that send command after command, and note in a diary what they are told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count

from lifecycle import Lifecycle
from lifecycle.app.subscriptions import Said
from lifecycle.app.views import SubscriptionView
from lifecycle.errors import LifecycleError, Refused
from tests.torture.diary import Diary, Order

STEPS = ("add_seats", "change", "withdraw_change", "cancel", "cancel_far", "withdraw_cancellation")
PAUSE = 0.03
"""Seconds between two customers, for the sake of whoever waits for an SQLite file: it keeps no queue."""
FAR = datetime(2100, 1, 1, tzinfo=UTC)


class Client:
    """Sends commands, each on behalf of somebody who has not been seen before."""

    def __init__(self, lifecycle: Lifecycle, diary: Diary, name: str) -> None:
        self._lifecycle = lifecycle
        self._diary = diary
        self._name = name
        self._numbers = count(1)

    def command(self, subscription: str, *, key: str | None = None) -> None:
        """Put a customer through all steps, one of them with this key."""
        for step in STEPS:
            self.send(step, subscription, key if step == "cancel_far" else None)

    def open(self) -> None:
        """Open an account and subscribe it."""
        ticket = self._ticket()
        account = self._lifecycle.accounts.create(ticket, email=f"{ticket}@shop.test", payment_method=True)
        self.send("open", account.id)

    def send(self, step: str, subscription: str, key: str | None = None) -> str:
        """Send one command; `done`, or the code with which it was refused or failed."""
        ticket = self._ticket()
        order = Order(ticket, step, subscription, key or ticket)
        self._diary.send(order)
        try:
            answer = carry_out(self._lifecycle, order)
        except LifecycleError as error:
            self._diary.hear(order, code=error.code if isinstance(error, Refused) else f"failed: {error.code}")
            return error.code
        self._diary.hear(order, answer=(answer.id, answer.version))
        return "done"

    def _ticket(self) -> str:
        return f"{self._name}-{next(self._numbers)}"


def carry_out(lifecycle: Lifecycle, order: Order) -> SubscriptionView:
    """Do what an order says; the second time it is the same command with the same key. Raises LifecycleError."""
    subscriptions, where = lifecycle.subscriptions, order.subscription
    said: Said = {"by": order.ticket, "reason": order.ticket, "key": order.key}
    far = FAR + timedelta(seconds=number_of(order.ticket))
    steps: dict[str, Callable[[], SubscriptionView]] = {
        "open": lambda: subscriptions.create(where, plan="team", **said),
        "add_seats": lambda: subscriptions.add_seats(where, 1, **said),
        "change": lambda: subscriptions.change(where, interval="year", **said),
        "withdraw_change": lambda: subscriptions.withdraw_change(where, **said),
        "cancel": lambda: subscriptions.cancel(where, **said),
        "cancel_far": lambda: subscriptions.cancel(where, when=far, **said),
        "withdraw_cancellation": lambda: subscriptions.withdraw_cancellation(where, **said),
    }
    return steps[order.step]()


def number_of(ticket: str) -> int:
    """A number that hardly another ticket has, the same in every process."""
    return int.from_bytes(ticket.encode()[-8:], "big") % 1_000_000_000


@contextmanager
def at_work(job: Callable[[], None]) -> Iterator[None]:
    """Have a thread do this again and again meanwhile; raises what it raised."""
    over, failures = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            while not over.is_set():
                job()
                over.wait(PAUSE)
        except BaseException as error:  # noqa: BLE001  # told to the test below
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]
