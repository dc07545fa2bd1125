"""What a state machine is here: a python-statemachine class over facts, which decides and does nothing else.

A definition subclasses `Machine` and says, on one page, its states, its transitions with guards and actions, and
what its facts demand of the future (`schedule`). Guards ask, actions compute new facts and append effects; neither
does any I/O. The initial state is UML's initial pseudostate: no stored instance ever rests in it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from statemachine import StateChart

from lifecycle.domain.refusals import refused
from lifecycle.errors import Refused

Json = dict[str, Any]
"""A JSON object as the json module reads it."""

REMINDED = "reminded"
"""The event of every reminder: a deferred transition that only tells somebody what is to come. What asks for what comes
next, for all that is deferred or for the log leaves it out unless asked (rule I12)."""

EVERYTHING = frozenset({"*"})
"""What an instance holds back that occupies its root."""

Facts = TypeVar("Facts")
Context = TypeVar("Context")
AnyGuard = TypeVar("AnyGuard", bound=Callable[..., bool])


class Effect(Protocol):
    """Something that follows from a transition besides the new facts: plain data."""

    def as_json(self) -> Json:
        """The effect as a flat JSON object; its `effect` key says which it is."""
        ...


@dataclass(frozen=True, slots=True)
class Stimulus:
    """What reaches an instance: an event with its arguments, at the nominal instant `now` (aware, UTC)."""

    event: str
    now: datetime
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision(Generic[Facts]):
    """What a step decided: the new state, the new facts, and the effects, in order."""

    state: str
    facts: Facts
    effects: tuple[Effect, ...]


class Sibling(Protocol):
    """Another instance of the same root, as a step may look at it."""

    @property
    def machine(self) -> str: ...

    @property
    def state(self) -> str: ...

    @property
    def facts(self) -> Any:
        """As its own machine uses them."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step takes place: the instance's own id, and the instances of its root that are not over, by id."""

    id: str = ""
    family: Mapping[str, Sibling] = field(default_factory=dict)


NOWHERE = Place()


class Step(Generic[Facts, Context]):
    """The slot of a resident machine: the facts in hand, the stimulus, the surroundings, the effects so far, and what
    guards have worked out that actions need too."""

    __slots__ = ("context", "effects", "facts", "memo", "place", "state", "stimulus")

    def __init__(self) -> None:
        self.state: str | None = None
        self.facts = cast(Facts, None)
        self.context = cast(Context, None)
        self.stimulus = cast(Stimulus, None)
        self.place = NOWHERE
        self.effects: list[Effect] = []
        self.memo: dict[str, Any] = {}


class Machine(StateChart[Step[Facts, Context]], Generic[Facts, Context]):
    """The base of every definition; facts are JSON objects unless `load` and `dump` say otherwise."""

    allow_event_without_transition = False
    catch_errors_as_events = False
    atomic_configuration_update = True

    kind: ClassVar[str]
    """The name under which instances are stored, in the log and on the command line."""
    prefix: ClassVar[str] = "one"
    """What the ids of instances begin with that another machine starts."""
    version: ClassVar[int] = 1
    """Stored with every instance; raise it when states or the meaning of facts change."""
    migrations: ClassVar[Mapping[int, Mapping[str, str]]] = {}
    """For each older version, the states that have another name now: old to new."""
    deferred: ClassVar[tuple[str, ...]] = ()
    """The events that fire by themselves, in the order in which they fire at one and the same instant."""
    alone: ClassVar[tuple[str, ...]] = ()
    """Those of them that never fire inside a host's transaction."""
    final_codes: ClassVar[Mapping[str, str]] = {}
    """The code with which a final state refuses commands, where it is not the state's name."""
    apart: ClassVar[bool] = False
    """Whether instances are loaded one by one, when they are asked for, and not with their root: for machines of which
    a root has thousands. They defer nothing, and nobody has them for siblings."""
    shape: ClassVar[type | None] = None
    """A TypedDict of the facts in their JSON form, from which the schema of what webhooks are sent is made."""
    keeps_key: ClassVar[bool] = False
    """Whether an instance holds its `live_key` for good."""

    @classmethod
    def load(cls, stored: Json) -> Facts:
        """The facts as the machine uses them, from their JSON form."""
        return cast(Facts, stored)

    @classmethod
    def dump(cls, facts: Facts) -> Json:
        """The facts' JSON form; a key without a value is left out."""
        return cast(Json, facts)

    @classmethod
    def fresh(cls, facts: Facts) -> Facts:
        """The facts for a step to work on, which may fail half-way: a copy, unless facts are frozen."""
        return deepcopy(facts)

    @classmethod
    def schedule(cls, state: str, facts: Facts) -> Mapping[str, datetime]:
        """The deferred transitions these facts demand: event to due instant. Pure; not asked in a final state."""
        del state, facts
        return {}

    @classmethod
    def skip(cls, state: str, facts: Facts, event: str, context: Context | None) -> Decision[Facts] | None:
        """State and facts after the deferred `event` was passed over without its effect, at an operator's wish; None
        where that can't be. Pure; something must be left to happen, unless it was a reminder. `context` is None where
        asking for it failed."""
        del state, facts, event, context
        return None

    @classmethod
    def migrate(cls, version: int, state: str, stored: Json) -> Decision[Facts]:
        """State and facts of an instance stored by an older `version`, as this one has them."""
        return Decision(cls.migrations.get(version, {}).get(state, state), cls.load(stored), ())

    @classmethod
    def live_key(cls, facts: Facts) -> str | None:
        """A name that at most one live instance may hold at a time; None where any number may."""
        del facts
        return None

    @classmethod
    def holds_back(cls, state: str, facts: Facts) -> Collection[str]:
        """The deferred events of other instances of its root that wait as long as it stands so. `EVERYTHING`: all of
        them, and commands are refused `order_in_progress`."""
        del state, facts
        return ()

    @property
    def facts(self) -> Facts:
        """The facts in hand."""
        return self.model.facts

    @property
    def context(self) -> Context:
        """What the step may know besides the facts: the catalogue, the account."""
        return self.model.context

    @property
    def now(self) -> datetime:
        """The nominal instant of the step in hand."""
        return self.model.stimulus.now

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The arguments of the event in hand."""
        return self.model.stimulus.arguments

    @property
    def instance_id(self) -> str:
        """The id of the instance in hand."""
        return self.model.place.id

    def siblings(self, machine: str) -> Iterator[tuple[str, Sibling]]:
        """The instances of that machine on the same root which are not over, with their ids."""
        return (
            (id, one)
            for id, one in self.model.place.family.items()
            if one.machine == machine and id != self.instance_id
        )

    def refusal(self, code: str) -> Refused:
        """The refusal to answer with where the guard of this code stands in the way."""
        return refused(code, event=self.model.stimulus.event, state=self.model.state)

    def become(self, facts: Facts, *effects: Effect) -> None:
        """Replace the facts in hand, and append effects."""
        self.model.facts = facts
        self.model.effects.extend(effects)


def refusing(code: str) -> Callable[[AnyGuard], AnyGuard]:
    """Mark a guard as a reason to refuse: where it is what stands in the way, the refusal has this code."""

    def mark(guard: AnyGuard) -> AnyGuard:
        guard.code = code  # type: ignore[attr-defined]  # functions take attributes
        return guard

    return mark


_always: dict[str, Callable[[], bool]] = {}


def refuse(code: str) -> Callable[[], bool]:
    """A guard that always refuses, with `code`: for a cell of the table that is nothing but a refusal."""
    if code not in _always:

        def never() -> bool:
            return False

        # python-statemachine keys callbacks by these names, so each code needs its own
        never.__name__ = never.__qualname__ = f"refuse_{code}"
        _always[code] = refusing(code)(never)
    return _always[code]
