"""What somebody wants of an instance, and what they are answered."""

from __future__ import annotations

from dataclasses import dataclass, field

from lifecycle.domain.machine import Json


@dataclass(frozen=True, slots=True)
class Command:
    """What somebody wants of an instance (rule B10). `scope` is the account whose idempotency `key` it is."""

    instance_id: str
    event: str
    actor: str
    arguments: Json = field(default_factory=dict)
    reason: str | None = None
    key: str | None = None
    scope: str = ""
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Creation:
    """A new instance of `machine`, on a root of its own, by its creating `event`. `context` is what it may know."""

    machine: str
    event: str
    actor: str
    prefix: str
    context: object = None
    owner_id: str | None = None
    arguments: Json = field(default_factory=dict)
    reason: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Beginning:
    """How an instance begins on a root that is there; `context` is what it may know."""

    machine: str
    event: str
    arguments: Json
    owner_id: str | None = None
    context: object = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An instance as a command left it: plain JSON values, to be remembered with an idempotency key.

    `version` is the number of its root's last log row; `next_…` the deferred transition that comes first, but for
    reminders; `order` the
    order under which the command is carried out, where it takes one. `clock` is the named clock that it is on.
    """

    id: str
    state: str
    facts: Json
    version: int
    status: str = "live"
    error: str | None = None
    next_event: str | None = None
    next_due_at: str | None = None
    order: str | None = None
    clock: str | None = None
