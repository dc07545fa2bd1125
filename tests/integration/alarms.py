"""A machine of the tests' own, as small as one gets: an alarm that rings some times, and then is silent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from queue import SimpleQueue

from sqlalchemy import select
from statemachine import State

from lifecycle.domain.machine import Json, Machine
from lifecycle.engine.clock import Clock, SystemClock
from lifecycle.engine.commands import Command, Creation
from lifecycle.engine.engine import Engine
from lifecycle.engine.ids import Ids
from lifecycle.engine.ports import Surround
from lifecycle.engine.registry import Registry
from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.store.transaction import SqlStore, SqlTransaction

AlarmEngine = Engine[SqlTransaction]


class Alarm(Machine[Json, None]):
    """Rings at `at` and then every `seconds`, `times` in all; a broken one raises when it is to ring, or hangs."""

    kind = "alarm"
    deferred = ("rings",)

    new = State(initial=True)
    ticking = State()
    silent = State(final=True)

    wound = new.to(ticking, on="take_facts")
    moved = ticking.to(ticking, on="take_facts")
    rings = ticking.to(ticking, cond="more", on="ring") | ticking.to(silent, cond="not more", on="ring")

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """It rings when the facts say."""
        del state
        return {"rings": datetime.fromisoformat(facts["at"])}

    def more(self) -> bool:
        """Whether this is not the last time."""
        return bool(self.facts["times"] > 1)

    def take_facts(self) -> None:
        """The command's arguments over what is known."""
        self.become({"times": 1, "seconds": 0, "broken": False} | (self.facts or {}) | dict(self.arguments))

    def ring(self) -> None:
        """Once less, and later."""
        facts = self.facts
        if facts["broken"] == "hangs":
            threading.Event().wait()
        if facts["broken"]:
            raise RuntimeError("the spring is broken")
        at = datetime.fromisoformat(facts["at"]) + timedelta(seconds=facts["seconds"])
        self.become(facts | {"at": at.isoformat(), "times": facts["times"] - 1})


def alarm_engine(
    url: str, *, clock: Clock | None = None, batch: int = 500, surround: Surround[SqlTransaction] | None = None
) -> AlarmEngine:
    """An engine that runs alarms on a database; `surround` hears which alarms a transaction takes in hand."""
    clock = clock or SystemClock()
    surrounds = {"alarm": surround} if surround else {}
    return Engine(SqlStore(Database(url)), Registry([Alarm]), clock, Ids(clock), surround=surrounds, batch=batch)


def wind(engine: AlarmEngine, at: datetime, *, alarms: int = 1, **facts: object) -> list[str]:
    """Make alarms that ring at `at`, in one transaction; their ids."""
    arguments = {"at": at.isoformat(), **facts}
    with engine.work() as work:
        creations = [Creation("alarm", "wound", "tester", "alarm", arguments=arguments) for _ in range(alarms)]
        return [work.create(creation).id for creation in creations]


def move(engine: AlarmEngine, alarm: str, at: datetime) -> None:
    """Have an alarm ring at `at` instead."""
    engine.command(Command(alarm, "moved", "tester", {"at": at.isoformat()}))


def database_of(engine: Engine[SqlTransaction]) -> Database:
    """What an engine runs on."""
    assert isinstance(engine.store, SqlStore)
    assert isinstance(engine.store.database, Database)
    return engine.store.database


def logged(engine: Engine[SqlTransaction], *columns: str) -> Sequence[tuple[object, ...]]:
    """These columns of the log, root by root, in the order of each."""
    query = select(*(schema.log.c[name] for name in columns)).order_by(schema.log.c.root_id, schema.log.c.seq)
    with database_of(engine).reading() as connection:
        return [tuple(row) for row in connection.execute(query)]


# Calendar jobs


def report(lifecycle: SimpleQueue[str]) -> None:
    """Say that it ran, to a test that stands in the place of a `Lifecycle`."""
    lifecycle.put("report")


def fail(lifecycle: object) -> None:
    """Be a job that goes wrong."""
    raise RuntimeError(f"no bell in {type(lifecycle).__name__}")


def hang(lifecycle: Callable[[object, Sequence[object]], object]) -> None:
    """Be a job that waits at a gate."""
    lifecycle(None, [None])
