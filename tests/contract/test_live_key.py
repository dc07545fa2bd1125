"""One live instance by a name at a time, for a host's own machines too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from statemachine import State

from lifecycle.domain.machine import Json, Machine
from lifecycle.engine.commands import Answer, Command, Creation
from lifecycle.engine.engine import Engine
from lifecycle.engine.registry import Registry
from lifecycle.errors import Refused
from lifecycle.store.transaction import SqlTransaction
from tests.contract.threads import at_once
from tests.contract.world import World


class LoanMachine(Machine[Json, None]):
    """A drill is lent once at a time."""

    kind = "loan"

    shelved = State(initial=True)
    out = State()
    back = State(final=True)

    lent = shelved.to(out, on="note_thing")
    given_back = out.to(back)

    @classmethod
    def live_key(cls, facts: Json) -> str:
        """The thing."""
        return str(facts["thing"])

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """Nothing happens by itself."""
        del state, facts
        return {}

    def note_thing(self) -> None:
        """What is lent."""
        self.become({"thing": self.arguments["thing"]})


def shop(world: World) -> Engine[SqlTransaction]:
    """An engine for loans on the world's database."""
    return Engine(world.engine.store, Registry([LoanMachine]), world.clock, world.ids)


def lend(engine: Engine[SqlTransaction], thing: str) -> Answer | str:
    """The loan, or the code of the refusal."""
    try:
        return engine.attempt(
            lambda work: work.create(Creation("loan", "lent", "usr_1", "loan", arguments={"thing": thing}))
        )
    except Refused as refusal:
        return refusal.code


def test_what_is_out_can_not_be_lent_before_it_is_back(world: World) -> None:
    """The second one is refused with a code, and nothing is written of it."""
    engine = shop(world)
    first = lend(engine, "drill")
    assert isinstance(first, Answer)
    assert lend(engine, "drill") == "live_key_taken"
    assert isinstance(lend(engine, "saw"), Answer)
    assert len(world.rows("instances")) == len(world.rows("log")) == 2
    engine.command(Command(first.id, "given_back", "usr_1"))
    assert isinstance(lend(engine, "drill"), Answer)


def test_of_eight_at_the_same_moment_one_has_it(world: World) -> None:
    """The others are told the same code, on both databases."""
    engine = shop(world)
    answers = at_once(8, lambda: lend(engine, "drill"))
    assert Counter(answer if isinstance(answer, str) else "lent" for answer in answers) == {
        "lent": 1,
        "live_key_taken": 7,
    }
