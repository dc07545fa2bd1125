"""What the engine asks of a store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol, TypeVar, runtime_checkable

from lifecycle.domain.machine import Effect
from lifecycle.engine.records import (
    AnswerRecord,
    Changes,
    DeferralRecord,
    InstanceRecord,
    OutboxRecord,
    RootRecord,
    Subscriber,
)
from lifecycle.errors import LifecycleError


class WriteFailed(LifecycleError):
    """A statement failed for what it was to write; the transaction is lost, the database is well."""

    code = "write_failed"


class LiveKeyTaken(WriteFailed):
    """Another live instance of the machine has that live key."""


class Transaction(Protocol):
    """One transaction that may write. Everything it locks stays locked until it ends."""

    def claim(self, now: datetime, limit: int, newest: int = 0) -> list[RootRecord]:
        """Lock up to `limit` roots that are to be looked at by `now` and that nobody else holds, the earliest, and as
        many as `newest` of them the latest; in order."""
        ...

    def lock(self, root_ids: Sequence[str]) -> list[RootRecord]:
        """Lock these roots, in order of their ids, waiting for whoever holds them."""
        ...

    def look(self, root_ids: Sequence[str]) -> list[RootRecord]:
        """Read these roots without locking them."""
        ...

    def root_of(self, instance_id: str) -> str | None:
        """The root of an instance."""
        ...

    def instances(self, root_ids: Sequence[str], apart: Collection[str]) -> list[InstanceRecord]:
        """The instances of these roots that are not over, and those by which the roots are named; but not those of the
        machines that are `apart`."""
        ...

    def instance(self, instance_id: str) -> InstanceRecord | None:
        """One instance, over or not."""
        ...

    def deferrals(self, root_ids: Sequence[str]) -> list[DeferralRecord]:
        """All live deferrals of these roots."""
        ...

    def time_of(self, clock: str) -> datetime:
        """The instant at which a named clock stands. Raises NotFound."""
        ...

    def answer(self, scope: str, key: str) -> AnswerRecord | None:
        """What was answered to an idempotency key, however long ago."""
        ...

    def subscribers(self) -> Sequence[Subscriber]:
        """Everybody who wants to be told of transitions."""
        ...

    def write(self, changes: Changes) -> None:
        """Write it all. Raises WriteFailed."""
        ...


Tx_co = TypeVar("Tx_co", bound=Transaction, covariant=True)


class Store(Protocol[Tx_co]):
    """Gives transactions: committed when the block ends, rolled back when it raises."""

    def begin(self) -> AbstractContextManager[Tx_co]: ...

    def look(self) -> AbstractContextManager[Tx_co]:
        """A transaction that only reads, and sees one moment."""
        ...

    def next_wake_at(self) -> datetime | None:
        """When the earliest root is to be looked at; None where nothing is deferred."""
        ...

    def looks(self) -> tuple[datetime | None, datetime | None]:
        """The same, and when the earliest message is to be looked at, whether its destination is served or not."""
        ...


class OutboxStore(Protocol):
    """The messages on their way out; each call is a short transaction of its own."""

    def claim(
        self,
        destinations: Collection[str],
        now: datetime,
        lease_until: datetime,
        limit: int,
        *,
        new_until: datetime | None = None,
    ) -> list[OutboxRecord]:
        """Lease up to `limit` messages to these destinations that are to be looked at by `now` and that nobody else
        has, the longest waiting first; per root and destination only the earliest that is not finished. Also those
        that nobody has taken out yet and that are sent by `new_until`: a traveller's, of the time ahead."""
        ...

    def claim_next(
        self, root_id: str, destination: str, now: datetime, lease_until: datetime, messages: Collection[str] | None
    ) -> OutboxRecord | None:
        """Lease the earliest message of a root to a destination that is not finished, whenever it is to be tried again:
        if it is one of `messages`, or without them if it was not handed to somebody who is about to deliver it."""
        ...

    def settle(self, record: OutboxRecord) -> bool:
        """Write what became of a leased message. False, and nothing is written, where the lease of this fence has
        passed to somebody else, or the message is no longer leased."""
        ...

    def settle_all(self, records: Sequence[OutboxRecord]) -> Collection[str]:
        """The same for several, in one transaction; the ids of those that were written."""
        ...


@runtime_checkable
class Heeding(Protocol):
    """Surroundings that change with what is decided in their transaction, such as a balance that is drawn on."""

    def heed(self, effects: Sequence[Effect]) -> None:
        """This has been decided."""
        ...

    def forget(self, effects: Sequence[Effect]) -> None:
        """It has not, after all."""
        ...


Surround = Callable[[Tx_co, Sequence[InstanceRecord]], Mapping[str, object]]
"""What the steps of these instances may know besides their facts, by instance id; given by the host of a machine."""
