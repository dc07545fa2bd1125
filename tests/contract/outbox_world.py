"""An engine whose couriers send, relays on its clock, and desks that take what is delivered."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from lifecycle.engine.commands import Answer, Creation
from lifecycle.engine.outbox import Deliver, Message
from lifecycle.engine.relay import Relay, Terms
from lifecycle.store.outbox import SqlOutbox
from tests.contract.world import Row, World

COURIER = "tests.contract.hosts.courier_machine:CourierMachine"
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
TERMS = Terms(lease=MINUTE, attempts=4, first_retry=10 * SECOND, longest_retry=30 * SECOND)


class Desk:
    """A destination: notes what it takes, and answers each message in turn with what it was given to raise."""

    def __init__(self, *answers: Exception | None, then: Callable[[], object] = lambda: None) -> None:
        self.taken: list[Message] = []
        self._answers = iter(answers)
        self._then = then

    def __call__(self, message: Message) -> None:
        self.taken.append(message)
        self._then()
        if answer := next(self._answers, None):
            raise answer

    @property
    def kinds(self) -> list[str]:
        """The kinds of the messages it has taken, in order."""
        return [message.kind for message in self.taken]


class Post(World):
    """A world of couriers. It is 1 January 2026, and stays so until somebody waits."""

    def __init__(self, url: str) -> None:
        super().__init__(url, machines=[COURIER])
        self.outbox = SqlOutbox(self.database)

    def hire(self, **arguments: object) -> Answer:
        """A courier."""
        return self.create(Creation("courier", "hired", "usr_1", "cou", None, None, arguments))

    def order(self, courier: Answer, *messages: tuple[str, str]) -> list[str]:
        """Have the courier send these (destination, kind) in one transition; the ids of the messages, in order."""
        before = {row["id"] for row in self.rows("outbox")}
        self.send(courier, "sends", messages=[list(message) for message in messages])
        return [row["id"] for row in self.rows("outbox") if row["id"] not in before]

    def relay(self, chance: float = 1.0, terms: Terms = TERMS, **destinations: Deliver) -> Relay:
        """A relay for these destinations; of each delay it takes the longest."""
        return Relay(self.outbox, self.clock, destinations, terms, lambda: chance)

    def message(self, identifier: str) -> Row:
        """The row of a message."""
        [row] = self.rows("outbox", id=identifier)
        return row

    def statuses(self, identifiers: list[str]) -> list[str]:
        """The statuses of these messages."""
        return [self.message(identifier)["status"] for identifier in identifiers]

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.move_to(self.clock.now() + seconds * SECOND)
