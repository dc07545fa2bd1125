"""A host's handlers: functions that the outbox tells of transitions, at least once each, whatever process made them.

A handler has a name, by which it is a destination of its own: what it is told waits, is tried again, and can be looked
at like every other message. Hooks are for what may be lost; a handler is for what must not be. What it is given bears
an id that is the same at each repeat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from inspect import iscoroutinefunction
from typing import Any, TypeVar

from lifecycle.app.hooks import check_name
from lifecycle.config.model import HandlerSpec
from lifecycle.engine.outbox import Deliver, Message
from lifecycle.engine.records import Subscriber
from lifecycle.engine.registry import Registry
from lifecycle.engine.telling import EVERYTHING
from lifecycle.errors import DefinitionError

PREFIX = "handler:"


@dataclass(frozen=True, slots=True)
class Transition:
    """What a handler is told. `id` is the same at each repeat; `number` is that of the row in its root's log; `source`
    is None for a beginning; `at` the nominal instant; `facts` are those of the instance after it, in their JSON form.

    `attempt` counts from 1; `again`: it may have been told before.
    """

    id: str
    at: datetime
    machine: str
    event: str
    source: str | None
    target: str
    instance: str
    root: str
    number: int
    account: str | None
    cause: str
    arguments: Mapping[str, Any]
    facts: Mapping[str, Any]
    attempt: int
    again: bool


Handle = Callable[[Transition], object] | Callable[[Transition], Awaitable[object]]
"""A handler: it returns once it is done (what it returns is dropped), or raises, as a destination's function does."""
AnyHandle = TypeVar("AnyHandle", bound=Handle)


class Handlers:
    """The handlers of this process, by the names of their destinations."""

    def __init__(self, specs: Sequence[HandlerSpec]) -> None:
        self._events = {PREFIX + spec.name: spec.on for spec in specs}
        self._functions: dict[str, Deliver] = {PREFIX + spec.name: _Loaded(spec) for spec in specs}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._functions)

    @property
    def functions(self) -> Mapping[str, Deliver]:
        """What each destination is served with."""
        return self._functions

    @property
    def subscribers(self) -> list[Subscriber]:
        """What each wants to be told of."""
        return [Subscriber(name, tuple(events)) for name, events in self._events.items()]

    def add(self, events: Sequence[str], name: str | None, handle: Handle) -> Subscriber:
        """Have a function told of these. Raises DefinitionError for a name that is taken."""
        destination = PREFIX + (name or f"{handle.__module__}:{handle.__qualname__}")
        if destination in self._functions:
            raise DefinitionError(f"There is a handler {destination.removeprefix(PREFIX)!r} already; give it a name.")
        self._events[destination] = tuple(events)
        self._functions[destination] = _calling(handle)
        return Subscriber(destination, tuple(events))

    def check(self, registry: Registry) -> None:
        """Raise LifecycleError (`hook_unknown`) where one waits for what is not there."""
        for events in self._events.values():
            check_events(events, registry)


def check_events(events: Sequence[str], registry: Registry) -> None:
    """Raise LifecycleError (`hook_unknown`) unless something is called so, or all of it is meant."""
    for event in events:
        if event != EVERYTHING:
            check_name(event, registry)


class _Loaded:
    """The function of a dotted path, imported when it is first called for."""

    def __init__(self, spec: HandlerSpec) -> None:
        self._spec = spec
        self._function: Deliver | None = None

    def __call__(self, message: Message) -> None:
        """Deliver. Raises DefinitionError for one that can't be had."""
        if self._function is None:
            self._function = _calling(load_handler(self._spec))
        self._function(message)


def load_handler(spec: HandlerSpec) -> Handle:
    """The function of a dotted path. Raises DefinitionError."""
    module, _, name = spec.run.partition(":")
    try:
        handle: Handle = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise DefinitionError(f"The handler {spec.name!r} can't be loaded from {spec.run!r}: {error}.") from error
    if not callable(handle):
        raise DefinitionError(f"The handler {spec.name!r} can't be called: {spec.run!r} is not a function.")
    return handle


def _calling(handle: Handle) -> Deliver:
    """Call it with what a message tells; a coroutine function in an event loop of its own."""
    if iscoroutinefunction(handle):

        def deliver(message: Message) -> None:
            asyncio.run(handle(transition_of(message)))

        return deliver
    return lambda message: handle(transition_of(message))


def transition_of(message: Message) -> Transition:
    """What a message tells of."""
    told = message.payload
    return Transition(
        id=message.id,
        at=datetime.fromisoformat(told["at"]),
        machine=told["machine"],
        event=told["event"],
        source=told["from"],
        target=told["to"],
        instance=told["instance"],
        root=told["root"],
        number=told["number"],
        account=told["account"],
        cause=told["cause"],
        arguments=told["arguments"],
        facts=told["facts"],
        attempt=message.attempt,
        again=message.again,
    )
