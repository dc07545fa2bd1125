"""What follows from a transition besides the new facts, as plain data for those who act on it after the decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lifecycle.domain.machine import Json

Reason = Literal["purchase", "renewal", "change", "rest_of_cycle"]
"""What an invoice is for."""


@dataclass(frozen=True, slots=True)
class Notice:
    """An occasion on which the customer is told something, by the kinds of rule G2."""

    kind: str

    def as_json(self) -> Json:
        """`{"effect": "notice", "kind": …}`."""
        return {"effect": "notice", "kind": self.kind}


@dataclass(frozen=True, slots=True)
class Send:
    """A message to one of the host's destinations, by the outbox: written with the transition, delivered after it.

    `kind` is for the destination to tell its messages apart. The `payload` stands in the log, under its hashes, and
    can't be erased: it holds ids and amounts, never a name or an address (rule A2). `handed`: whoever commits it will
    deliver it, and relays look at it only after the length of a lease.
    """

    destination: str
    kind: str
    payload: Json
    handed: bool = False

    def as_json(self) -> Json:
        """`{"effect": "send", "destination": …, "kind": …, "payload": {…}}`, and `"handed": true` where it is."""
        sent = {"effect": "send", "destination": self.destination, "kind": self.kind, "payload": self.payload}
        return sent | {"handed": True} if self.handed else sent


@dataclass(frozen=True, slots=True)
class Assign:
    """Seats of the root for these members, by their ids, in this order."""

    members: Sequence[str]

    def as_json(self) -> Json:
        """`{"effect": "assign", "members": […]}`."""
        return {"effect": "assign", "members": list(self.members)}


@dataclass(frozen=True, slots=True)
class Unassign:
    """Seats of the root that these members leave."""

    members: Sequence[str]

    def as_json(self) -> Json:
        """`{"effect": "unassign", "members": […]}`."""
        return {"effect": "unassign", "members": list(self.members)}


# What concerns other instances of the same root, in the same transaction


@dataclass(frozen=True, slots=True)
class Start:
    """A new instance of `machine` on the same root, by its creating `event`; left out where no such machine runs."""

    machine: str
    event: str
    arguments: Json

    def as_json(self) -> Json:
        """`{"effect": "start", "machine": …, "event": …}`; what it was told stands in its own row."""
        return {"effect": "start", "machine": self.machine, "event": self.event}


@dataclass(frozen=True, slots=True)
class Tell:
    """An event for another instance of the root, or for the instance itself."""

    instance: str
    event: str
    arguments: Json = field(default_factory=dict)

    def as_json(self) -> Json:
        """`{"effect": "tell", "instance": …, "event": …}`."""
        return {"effect": "tell", "instance": self.instance, "event": self.event}


@dataclass(frozen=True, slots=True)
class Apply:
    """A decision that was made at the instant `at` and has waited since: it takes effect as it was made (rule B9).

    `instance` is made if it is not there. `facts` and `effects` are in their JSON form. `actor` decided it, with the
    reason of that id.
    """

    instance: str
    machine: str
    event: str
    arguments: Json
    at: datetime
    state: str
    facts: Json
    effects: Sequence[Json]
    actor: str
    reason_id: str | None = None

    def as_json(self) -> Json:
        """`{"effect": "apply", "instance": …, "event": …}`."""
        return {"effect": "apply", "instance": self.instance, "event": self.event}


@dataclass(frozen=True, slots=True)
class Written:
    """An effect of an earlier decision, in its JSON form."""

    effect: Json

    def as_json(self) -> Json:
        """As it is."""
        return self.effect


# Money


@dataclass(frozen=True, slots=True)
class Bill:
    """A stretch of a paid cycle, from `start` to `end`, that is to be invoiced; `cycle` numbers never restart.

    It starts an invoice with the facts that are its `arguments`.
    """

    reason: Reason
    cycle: int
    start: datetime
    end: datetime
    total: int = 0
    arguments: Json = field(default_factory=dict)

    machine = "invoice"
    event = "opened"

    def as_json(self) -> Json:
        """`{"effect": "bill", …}` with instants in ISO 8601."""
        return {
            "effect": "bill",
            "reason": self.reason,
            "cycle": self.cycle,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "total": self.total,
        }


@dataclass(frozen=True, slots=True)
class Number:
    """The next number of a series, without a gap: the engine writes it into the facts as `number`, and the instant as
    `issued_at`, last of all in its transaction (rule E4)."""

    series: str

    def as_json(self) -> Json:
        """`{"effect": "number", "series": …}`."""
        return {"effect": "number", "series": self.series}


@dataclass(frozen=True, slots=True)
class Post:
    """A posting to the ledger (rule E7): amounts in minor units or credits by the books of an account; debits are
    positive. `unit` is a currency, or `credits`. Raises ValueError unless it sums to 0."""

    account: str
    unit: str
    entries: Mapping[str, int]

    def __post_init__(self) -> None:
        if sum(self.entries.values()):
            raise ValueError(f"A posting sums to zero, and this does not: {dict(self.entries)}")

    def as_json(self) -> Json:
        """`{"effect": "post", "account": …, "unit": …, "entries": {book: amount}}`, without books that stay."""
        entries = {book: amount for book, amount in self.entries.items() if amount}
        return {"effect": "post", "account": self.account, "unit": self.unit, "entries": entries}
