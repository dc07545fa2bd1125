"""What is judged, table by table: the columns that matter, parsed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Json = dict[str, Any]
Raw = Sequence[Any]


class Unreadable(Exception):
    """A value is not of the form that it should have."""


@dataclass(frozen=True, slots=True)
class Root:
    """A root, as far as it is judged."""

    id: str
    kind: str
    seq: int
    head: bytes
    status: str
    wake_at: datetime | None
    attempts: int
    clock: str | None


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance, as far as it is judged."""

    root_id: str
    id: str
    machine: str
    version: int
    state: str
    facts: Json
    owner_id: str | None
    live_key: str | None
    closed: bool


@dataclass(frozen=True, slots=True)
class Deferral:
    """A deferred transition."""

    root_id: str
    instance_id: str
    event: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the outbox, as far as it is judged."""

    root_id: str
    seq: int
    place: int
    instance_id: str
    destination: str
    kind: str
    payload: Json
    status: str
    wake_at: datetime | None
    clock: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the log."""

    root_id: str
    seq: int
    instance_id: str
    machine: str
    version: int
    event: str
    source: str | None
    target: str
    cause: str
    actor: str
    reason_id: str | None
    due_at: datetime
    fired_at: datetime
    recorded_at: datetime
    arguments: Json
    changes: Json
    effects: list[Any]
    hash: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What stands in the place of rows that were moved out of the log."""

    root_id: str
    seq: int
    hash: bytes
    instances: Json
    last_due_at: datetime | None
    made_at: datetime
    seal: bytes


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the ledger."""

    root_id: str
    seq: int
    place: int
    book: str
    account_id: str
    unit: str
    amount: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to move money, as far as it is judged."""

    key: str
    kind: str
    instance_id: str
    account_id: str
    amount: int
    currency: str
    of: str
    status: str
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Number:
    """The number that a document has."""

    series: str
    number: int
    instance_id: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """Who a member is, as far as it is judged."""

    id: str
    account_id: str
    live_email: str | None
    role: str


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat that a member has."""

    root_id: str
    member_id: str
    seq: int
    place: int
    assigned_at: datetime


@dataclass(frozen=True, slots=True)
class Code:
    """Whose invitation a code is of, by its id; the code itself is not read."""

    id: str
    account_id: str
