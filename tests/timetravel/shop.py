"""A shop that sells subscriptions on a virtual clock: what every test of time travel starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select

from lifecycle.domain.account import Account
from lifecycle.domain.surroundings import Surroundings
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.commands import Command, Creation
from lifecycle.engine.engine import Engine
from lifecycle.engine.ids import Ids, counting
from lifecycle.engine.records import InstanceRecord, LogRecord
from lifecycle.engine.registry import Registry
from lifecycle.errors import Refused
from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.store.transaction import SqlStore, SqlTransaction
from lifecycle_machines.subscription import SubscriptionMachine
from tests.unit.machine_world import ACCOUNT, QUIET

IN_MEMORY = "sqlite://"


class Shop:
    """Accounts and their subscriptions; each has a name, which is the account's id."""

    def __init__(self, url: str, start: datetime, batch: int) -> None:
        self.clock = VirtualClock(start)
        self.database = Database(url)
        with self.database.writing() as connection:
            schema.metadata.create_all(connection)
        self.engine = Engine(
            SqlStore(self.database),
            Registry([SubscriptionMachine]),
            self.clock,
            Ids(self.clock, counting()),
            surround={"subscription": self._surround},
            batch=batch,
        )
        self.ids: dict[str, str] = {}
        self._accounts: dict[str, Account] = {}

    def subscribe(self, name: str, plan: str, *, zone: str = "UTC", card: bool = True, **more: object) -> None:
        """Open an account and take a plan, now."""
        account = self._accounts[name] = replace(ACCOUNT, id=name, zone=zone, payment_method="pm_1" if card else None)
        arguments = {"plan": plan, "interval": "month", **more}
        context = Surroundings(QUIET, account)
        creation = Creation("subscription", "subscribed", "ann", "sub", context, name, arguments)
        self.ids[name] = self.engine.attempt(lambda work: work.create(creation)).id

    def command(self, name: str, event: str, **arguments: object) -> str:
        """Command it now; the state it leads to, or the code of the refusal."""
        try:
            return self.engine.command(Command(self.ids[name], event, "ann", arguments)).state
        except Refused as refused:
            return refused.code

    def catch_up(self) -> list[LogRecord]:
        """What a daemon does that comes up now: fire batch after batch until nothing is claimed."""
        happened: list[LogRecord] = []
        while (batch := self.engine.fire_batch()).claimed:
            happened.extend(batch.transitions)
        return happened

    def logged(self, *columns: str) -> Sequence[tuple[object, ...]]:
        """These columns of the log, subscription by subscription in the order in which they were made."""
        query = select(*(schema.log.c[name] for name in columns)).order_by(schema.log.c.root_id, schema.log.c.seq)
        with self.database.reading() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def _surround(
        self, _transaction: SqlTransaction, instances: Sequence[InstanceRecord]
    ) -> Mapping[str, Surroundings]:
        return {each.id: Surroundings(QUIET, self._accounts[each.facts["account"]]) for each in instances}


@contextmanager
def open_shop(start: datetime, url: str = IN_MEMORY, *, batch: int = 500) -> Iterator[Shop]:
    """A shop that opens at `start`, on a database without tables."""
    shop = Shop(url, start, batch)
    try:
        yield shop
    finally:
        shop.database.dispose()
