"""The demo's year: the story played to a real engine, with its scheduler running and a clock that is moved.

The scheduler's threads are those of the daemon; only the clock is virtual. It is moved to each instant at which
something is due, and the scheduler is woken there and waited for, as it would wake by itself on a real clock. What the
outbox holds is delivered by hand.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lifecycle.app.lifecycle import Lifecycle
from lifecycle.demo.folder import Folder
from lifecycle.demo.story import DAY, Act, Arrival, Customer, Story
from lifecycle.engine.clock import VirtualClock
from lifecycle.errors import LifecycleError, Refused
from lifecycle.scheduler.dispatcher import Dispatcher

PATIENCE = 60.0
"""How many seconds the scheduler may take to fire what is due before the demo gives up."""


@dataclass(frozen=True, slots=True)
class Moment:
    """How far the year has come; `news` is what has just happened to the daemon, if anything."""

    at: datetime
    news: str = ""


class Year:
    """Plays a story, once; `commands` is how many commands were given so far, `refusals` those that were refused."""

    def __init__(self, lifecycle: Lifecycle, clock: VirtualClock, folder: Folder, story: Story) -> None:
        self.commands = 0
        self.refusals: list[Refused] = []
        self._lifecycle = lifecycle
        self._clock = clock
        self._folder = folder
        self._story = story
        self._to_come = list(story.happenings)
        self._lines = {row["account"]: row for row in _rows(folder)}
        self._daemon: Dispatcher | None = None

    def live(self) -> Iterator[Moment]:
        """From the story's start to its end, day by day, with the daemon down for a while."""
        stopped, restarted = (min(instant, self._story.end) for instant in self._story.outage)
        yield from self._with_daemon(stopped)
        yield Moment(stopped, "The daemon is stopped for a week. Customers go on.")
        yield from self._until(restarted)
        overdue = len(self._lifecycle.due(until=restarted, reminders=True))
        news = f"The daemon is back: {overdue} transitions are overdue, and fire now, in order."
        yield Moment(restarted, news)
        yield from self._with_daemon(self._story.end)

    def _with_daemon(self, end: datetime) -> Iterator[Moment]:
        with self._lifecycle.start() as self._daemon:
            self._look(self._daemon)
            yield from self._until(end)
        self._daemon = None

    def _until(self, end: datetime) -> Iterator[Moment]:
        while self._clock.now() < end:
            tonight = min(self._midnight() + DAY, end)
            while self._to_come and self._to_come[0].at <= tonight:
                happening = self._to_come.pop(0)
                self._travel(happening.at)
                self._play(happening)
            self._travel(tonight)
            yield Moment(tonight)

    def _midnight(self) -> datetime:
        return self._clock.now().replace(hour=0, minute=0, second=0, microsecond=0)

    # Time

    def _travel(self, instant: datetime) -> None:
        """Move on, from one due instant to the next where the daemon runs, and past them where it does not."""
        while self._daemon and (due := self._lifecycle.due(until=instant, limit=1, reminders=True)):
            self._clock.move_to(due[0].due_at)
            self._look(self._daemon)
        self._clock.move_to(instant)

    def _look(self, daemon: Dispatcher) -> None:
        """Wake the scheduler, wait until it has fired what is due, and deliver what that has sent, charges too. Raises
        LifecycleError where it can't."""
        daemon.wakeup()
        daemon.idle(PATIENCE)
        self._lifecycle.relay_outbox()
        for left in self._lifecycle.due(until=self._clock.now(), limit=1, reminders=True):
            raise LifecycleError(f"{left.event} of {left.instance_id} did not fire: {left.error}", code="demo_stuck")

    # What happens

    def _play(self, happening: Arrival | Act) -> None:
        self.commands += 1
        try:
            if isinstance(happening, Arrival):
                self._import(happening)
            else:
                self._command(happening)
        except Refused as refusal:
            self.refusals.append(refusal)

    def _import(self, arrival: Arrival) -> None:
        rows = [self._lines[account] for account in arrival.accounts]
        with self._folder.arrivals.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        self._lifecycle.import_customers(self._folder.arrivals, by="operator")
        self._folder.arrivals.unlink()

    def _command(self, act: Act) -> None:
        """A person of the account gives a command, about the subscription that the account has or had last."""
        account = self._lifecycle.accounts.get(act.account)
        if act.do == "card":
            self._lifecycle.payment_methods.add(account.id, str(act.arguments["named"]))
            return
        commands = self._lifecycle.subscriptions
        subject = account.id if act.do == "create" else commands.list(account=account.id)[-1].id
        getattr(commands, act.do)(subject, by=account.email, **act.arguments)


def read_customers(folder: Folder) -> list[Customer]:
    """What the plot must know of the customers, in the order of the file."""
    return [
        Customer(row["account"], row["zone"], row["plan"], has_card=row["payment_method"] == "yes")
        for row in _rows(folder)
    ]


def _rows(folder: Folder) -> Iterator[Mapping[str, str]]:
    with folder.customers.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
