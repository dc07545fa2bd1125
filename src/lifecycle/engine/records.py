"""The engine's rows as plain data: what the store reads and writes, and nothing about how."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from lifecycle.domain.machine import Json

Status = Literal["live", "held", "quarantined"]
Cause = Literal["command", "deferral", "operator", "outcome"]
"""`outcome`: what the world outside has answered."""
OutboxStatus = Literal["waiting", "parked", "leased", "delivered", "dead", "dropped", "merged"]
"""`parked`: its destination is paused; `merged`: it reaches its addressee as a part of another message."""


@dataclass(slots=True)
class RootRecord:
    """What is locked and ordered as one (rule A12).

    `seq` and `head` are the number and hash of its last log row. `wake_at` is when the dispatcher is to look at it
    next: its earliest due instant, or later while it backs off; None where nothing is to fire. `clock` is the named
    clock by which it is judged; None: the engine's own.
    """

    id: str
    kind: str
    created_at: datetime
    seq: int = 0
    head: bytes = b""
    status: Status = "live"
    wake_at: datetime | None = None
    attempts: int = 0
    error: str | None = None
    clock: str | None = None


@dataclass(slots=True)
class InstanceRecord:
    """One instance of a machine. `owner_id` is the account; `live_key` is unique among those that have it; `closed`:
    its state is final, and it is loaded only when it is asked for."""

    id: str
    root_id: str
    machine: str
    version: int
    state: str
    facts: Json
    created_at: datetime
    owner_id: str | None = None
    live_key: str | None = None
    closed: bool = False


@dataclass(frozen=True, slots=True)
class DeferralRecord:
    """A deferred transition (rule A10); what else it needs to know, the facts tell."""

    instance_id: str
    event: str
    root_id: str
    due_at: datetime


@dataclass(slots=True)
class LogRecord:
    """One transition (rule A11). `due_at` is the nominal instant: for a command, when it was judged.

    `changes` are the top-level facts that changed, null for one that went; `effects` what followed. `hash` is
    over the row before and everything in this one, ids and amounts only: never a name or an address (rule A2).
    """

    root_id: str
    seq: int
    instance_id: str
    machine: str
    version: int
    event: str
    source: str | None
    target: str
    cause: Cause
    actor: str
    reason_id: str | None
    due_at: datetime
    fired_at: datetime
    arguments: Json
    changes: Json
    effects: list[Json]
    recorded_at: datetime | None = None
    hash: bytes = b""


@dataclass(frozen=True, slots=True)
class ReasonRecord:
    """Why somebody did something, in their words, apart from the log so that it can be erased (rule A2)."""

    id: str
    root_id: str
    text: str


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """The first answer to an idempotency key (rule B10)."""

    scope: str
    key: str
    fingerprint: str
    answer: Json
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OutboxRecord:
    """A message on its way out: the effect at `place` among those of log row `seq`; with a negative place the row
    itself, for somebody who has asked to be told.

    `wake_at` is when a relay is to look at it: to deliver it, or because its lease has run out; None once nothing is
    to be done. `attempts` failed or succeeded so far. `fence` rises with every lease and never falls. `clock` is its
    root's.
    """

    id: str
    root_id: str
    seq: int
    place: int
    instance_id: str
    destination: str
    kind: str
    payload: Json
    created_at: datetime
    wake_at: datetime | None
    status: OutboxStatus = "waiting"
    attempts: int = 0
    fence: int = 0
    finished_at: datetime | None = None
    error: str | None = None
    clock: str | None = None


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who is told of transitions by the outbox: `name` is its destination, `events` are `machine.event`,
    `machine.state`, `machine.*` or `*`. One that is `paused` is told as before, and nothing is delivered meanwhile."""

    name: str
    events: tuple[str, ...]
    paused: bool = False


@dataclass(frozen=True, slots=True)
class EntryRecord:
    """One side of a posting: the effect at `place` among those of log row `seq`. `at` is that row's nominal instant."""

    root_id: str
    seq: int
    place: int
    book: str
    account_id: str
    unit: str
    amount: int
    at: datetime


@dataclass(frozen=True, slots=True)
class NumberRecord:
    """An instance that is to have the next number of a series; `number` is 0 until it has."""

    series: str
    number: int
    instance_id: str
    issued_at: datetime


@dataclass(frozen=True, slots=True)
class SeatRecord:
    """Who sits on a root: at `place` among those to whom log row `seq` has given a seat."""

    root_id: str
    member_id: str
    seq: int = 0
    place: int = 0
    assigned_at: datetime | None = None


@dataclass(slots=True)
class Changes:
    """All that one transaction writes, together. `documents` are the arguments, changes and effects of each row of the
    `log`, in the JSON that its hash is over."""

    new_roots: list[RootRecord] = field(default_factory=list)
    roots: list[RootRecord] = field(default_factory=list)
    new_instances: list[InstanceRecord] = field(default_factory=list)
    instances: list[InstanceRecord] = field(default_factory=list)
    withdrawn: list[DeferralRecord] = field(default_factory=list)
    deferred: list[DeferralRecord] = field(default_factory=list)
    moved: list[DeferralRecord] = field(default_factory=list)
    log: list[LogRecord] = field(default_factory=list)
    documents: list[tuple[str, str, str]] = field(default_factory=list)
    reasons: list[ReasonRecord] = field(default_factory=list)
    outbox: list[OutboxRecord] = field(default_factory=list)
    ledger: list[EntryRecord] = field(default_factory=list)
    numbers: list[NumberRecord] = field(default_factory=list)
    vacated: list[SeatRecord] = field(default_factory=list)
    seats: list[SeatRecord] = field(default_factory=list)
    forgotten: list[AnswerRecord] = field(default_factory=list)
    answers: list[AnswerRecord] = field(default_factory=list)
