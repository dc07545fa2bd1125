"""An engine on a virtual clock, with the subscription machine and two of a host's own; and a look past the engine.

What is written is read by statements of our own here, never by the engine: its rows as they are stored, and the hash
chain counted again with nothing but hashlib and json.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import select, text

from lifecycle.domain.catalog import SeatTerms
from lifecycle.domain.surroundings import Surroundings
from lifecycle.engine.acts import Act, Acts
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.commands import Answer, Command, Creation
from lifecycle.engine.engine import Engine
from lifecycle.engine.ids import Ids, counting
from lifecycle.engine.records import InstanceRecord, LogRecord
from lifecycle.engine.registry import load_machines
from lifecycle.errors import LifecycleError, Refused
from lifecycle.store.database import Database
from lifecycle.store.schema import metadata
from lifecycle.store.transaction import SqlStore, SqlTransaction
from tests.unit.machine_world import ACCOUNT, QUIET, TEAM, utc, with_plan

Row = Mapping[str, Any]
Perform = Callable[[Acts[SqlTransaction], Act], Answer]

SUBSCRIPTION = "lifecycle_machines.subscription:SubscriptionMachine"
CONTRACT, CONTRACT_2, CONTRACT_3 = (f"tests.contract.hosts.contract_machine:ContractMachine{n}" for n in ("", 2, 3))
BEACON = "tests.contract.hosts.beacon_machine:BeaconMachine"

START = utc("2026-01-01")
BOUNDLESS = with_plan(
    replace(TEAM, seats=SeatTerms(included=1, minimum=1, maximum=None, prices={}), policies=QUIET.policies), QUIET
)


class World:
    """One engine over a database whose schema is there; everything happens on 1 January 2026 until it travels."""

    def __init__(
        self,
        url: str,
        *,
        machines: Sequence[str] = (SUBSCRIPTION, CONTRACT, BEACON),
        batch: int = 500,
        ids: Ids | None = None,
    ) -> None:
        self.database = Database(url)
        self.clock = VirtualClock(START)
        self.ids = ids or Ids(self.clock, counting())
        self.engine: Engine[SqlTransaction] = Engine(
            SqlStore(self.database),
            load_machines(machines),
            self.clock,
            self.ids,
            surround={"subscription": _surroundings},
            batch=batch,
        )

    def close(self) -> None:
        """Close the connections."""
        self.database.dispose()

    # What happens

    def subscribe(self, account: str = "acct_1", *, key: str | None = None, **arguments: object) -> Answer:
        """A subscription, to `team` by the month unless said otherwise."""
        return self.create(
            Creation(
                "subscription",
                "subscribed",
                "usr_1",
                "sub",
                Surroundings(BOUNDLESS, replace(ACCOUNT, id=account)),
                account,
                {"plan": "team", "interval": "month", **arguments},
                key=key,
            )
        )

    def sign(self, party: str = "org_7", days: int = 30) -> Answer:
        """A contract."""
        return self.create(Creation("contract", "signed", "usr_1", "con", None, None, {"party": party, "days": days}))

    def light(self, **arguments: object) -> Answer:
        """A beacon, which beats every hour unless said otherwise."""
        return self.create(Creation("beacon", "lights", "usr_1", "bea", None, None, arguments))

    def create(self, creation: Creation) -> Answer:
        """Any instance, in a transaction of its own."""
        return self.engine.attempt(lambda work: work.create(creation))

    def send(
        self,
        instance: Answer,
        event: str,
        *,
        reason: str | None = None,
        key: str | None = None,
        version: int | None = None,
        **arguments: object,
    ) -> Answer:
        """A command on this instance, in a transaction of its own."""
        return self.engine.command(Command(instance.id, event, "usr_1", arguments, reason, key, "acct_1", version))

    def refused(
        self, instance: Answer, event: str, *, key: str | None = None, version: int | None = None, **arguments: object
    ) -> str:
        """The code with which this command is refused, or ``done``."""
        command = Command(instance.id, event, "usr_1", arguments, None, key, "acct_1", version)
        try:
            self.engine.command(command)
        except Refused as refusal:
            return refusal.code
        return "done"

    def act(self, instance: Answer, act: Perform, reason: str = "Asked.") -> Answer:
        """An operator's act on this instance, in a transaction of its own."""
        return self.engine.attempt(lambda work: act(Acts(work), Act(instance.id, "opr_1", reason)))

    def act_refused(self, instance: Answer, act: Perform) -> str:
        """The code with which this act is refused or fails, or ``done``."""
        try:
            self.act(instance, act)
        except LifecycleError as error:
            return error.code
        return "done"

    def travel(self, day: str) -> list[LogRecord]:
        """Travel to that day; all that is due fires at its own instant."""
        return self.engine.advance_to(utc(day))

    def wake(self, day: str) -> list[LogRecord]:
        """Nothing fires before that instant; then one batch does, as in a daemon that has been down."""
        self.clock.move_to(utc(day))
        return self.engine.fire_batch().transitions

    # What is stored

    def rows(self, name: str, **where: object) -> list[Row]:
        """The rows of `lifecycle_…` in order of their key, JSON as Python has it and instants in UTC."""
        table = metadata.tables[f"lifecycle_{name}"]
        query = select(table).where(*(table.c[column] == value for column, value in where.items()))
        with self.database.reading() as connection:
            return [dict(row) for row in connection.execute(query.order_by(*table.primary_key)).mappings()]

    def log(self, instance: Answer) -> list[Row]:
        """The log rows of an instance's root."""
        return self.rows("log", root_id=instance.id)

    def stored(self, instance: Answer) -> Row:
        """The row of an instance."""
        [row] = self.rows("instances", id=instance.id)
        return row

    def root(self, instance: Answer) -> Row:
        """The row of an instance's root."""
        [row] = self.rows("roots", id=instance.id)
        return row

    def deferrals(self, instance: Answer) -> dict[str, datetime]:
        """The live deferrals of an instance."""
        return {row["event"]: row["due_at"] for row in self.rows("deferrals", instance_id=instance.id)}

    def dump(self) -> dict[str, list[str]]:
        """Every row of every table, as the driver gives it."""
        with self.database.reading() as connection:
            return {
                name: sorted(str(tuple(row)) for row in connection.execute(text(f"SELECT * FROM {name}")))  # noqa: S608
                for name in metadata.tables
            }

    def alter(self, statement: str, **values: object) -> None:
        """Change something past the engine."""
        with self.database.writing() as connection:
            connection.execute(text(statement), values)


def counted_again(rows: Sequence[Row]) -> list[bytes]:
    """The hashes that these log rows of one root should have."""
    hashes = [b""]
    for row in rows:
        told = [
            row["root_id"],
            row["seq"],
            row["instance_id"],
            row["machine"],
            row["version"],
            row["event"],
            row["source"],
            row["target"],
            row["cause"],
            row["actor"],
            row["reason_id"],
            row["due_at"].isoformat(),
            row["fired_at"].isoformat(),
            row["recorded_at"].isoformat(),
            row["arguments"],
            row["changes"],
            row["effects"],
        ]
        content = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        hashes.append(sha256(hashes[-1] + content.encode()).digest())
    return hashes[1:]


def _surroundings(_transaction: SqlTransaction, instances: Sequence[InstanceRecord]) -> Mapping[str, object]:
    return {row.id: Surroundings(BOUNDLESS, replace(ACCOUNT, id=str(row.owner_id))) for row in instances}
