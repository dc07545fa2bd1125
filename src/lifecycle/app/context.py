"""What the parts of the API share: the configuration, the database, the clock and the engine, put together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TypeVar
from weakref import WeakSet

from sqlalchemy import Connection
from sqlalchemy import Engine as SqlEngine

from lifecycle.app.gateway import tax_function
from lifecycle.app.handlers import Handle, Handlers
from lifecycle.config import Config
from lifecycle.config.model import NO_MAIL
from lifecycle.domain import rights
from lifecycle.domain.account import Account, Expiry
from lifecycle.domain.invoicing import TaxFunction
from lifecycle.domain.reminding import card_reminder
from lifecycle.domain.rights import Right, Role
from lifecycle.domain.surroundings import TEST_SERIES, Purse, Series, Surroundings
from lifecycle.engine.clock import Clock, VirtualClock
from lifecycle.engine.committed import Listener
from lifecycle.engine.engine import HOLD, HOLD_ROWS, Engine
from lifecycle.engine.ids import Ids
from lifecycle.engine.records import InstanceRecord, Subscriber
from lifecycle.engine.registry import Registry, load_machines
from lifecycle.engine.work import Work
from lifecycle.errors import Refused
from lifecycle.gateways.protocol import Gateway
from lifecycle.gateways.sandbox import SandboxGateway
from lifecycle.store import clocks, members, migrate, queries
from lifecycle.store.accounts import actor_id, add_actor, owners_of
from lifecycle.store.connections import Connections
from lifecycle.store.host import HostConnection
from lifecycle.store.money import balances
from lifecycle.store.subscribers import subscribe, subscribers
from lifecycle.store.transaction import SqlStore, SqlTransaction

OURS = (
    "subscription",
    "invoice",
    "order",
    "credit_note",
    "refund",
    "adjustment",
    "account",
    "member",
    "invitation",
    "wallet",
)
"""The machines whose steps know an account and its money."""
SqlWork = Work[SqlTransaction]
Drive = Callable[[str, Sequence[str] | None], int]
Result = TypeVar("Result")

BATCH_ON_A_CLOCK = 50
"""How many roots fire together at most while a named clock is advanced: a daemon waits for the same lock meanwhile."""

KNOWN_ACTORS = frozenset({"operator", "scheduler", "system"})


class RowClock:
    """A named clock, as its row says at each look; it is not to be asked in a transaction of its database."""

    def __init__(self, database: Connections, name: str) -> None:
        self._database = database
        self._name = name

    def now(self) -> datetime:
        """Where it stands. Raises NotFound."""
        with self._database.reading() as connection:
            return clocks.time_of(connection, self._name)


class Context:
    """One engine over one database. Nothing is opened before the engine is used for the first time."""

    def __init__(  # noqa: PLR0917  # what it is for is to hold these
        self,
        config: Config,
        clock: Clock,
        ids: Ids,
        database: Connections,
        listeners: Sequence[Listener],
        gateway: Callable[[], Gateway],
        sandbox: Callable[[Clock], SandboxGateway],
    ) -> None:
        self.config = config
        self.clock = clock
        self.ids = ids
        self.database = database
        self._listeners = listeners
        self._gateway = gateway
        self.sandbox = sandbox
        self._making = threading.RLock()
        self._registry: Registry | None = None
        self._engine: Engine[SqlTransaction] | None = None
        self._known: WeakSet[SqlEngine] = WeakSet()
        self.handlers = Handlers(config.handlers)
        self._tax_function: list[TaxFunction | None] | None = None
        self.drive: Drive | None = None
        """Delivers what a root sends to the gateway, and says how much it tried; None where nobody does."""

    @property
    def registry(self) -> Registry:
        """The configured machines. Raises DefinitionError."""
        with self._making:
            if self._registry is None:
                self._registry = load_machines(self.config.machines, self.config.steps)
            return self._registry

    @property
    def engine(self) -> Engine[SqlTransaction]:
        """The engine, on a database whose schema and contents it knows. Raises SchemaError, DefinitionError."""
        with self._making:
            if self._engine is None:
                self._check(self.database)
                self.handlers.check(self.registry)
                self._announce(self.handlers.subscribers)
                self._engine = self._engine_on(self.database, self._listeners)
            return self._engine

    @property
    def gateway(self) -> Gateway:
        """Who takes payments. Raises LifecycleError and DefinitionError for one that can't be had."""
        return self._gateway()

    def handle(self, events: Sequence[str], name: str | None, handle: Handle) -> None:
        """Have a function of the host's told of these. Raises DefinitionError for a name that is taken."""
        added = self.handlers.add(events, name, handle)
        with self._making:
            if self._engine is not None:
                self._announce([added])

    def _announce(self, ours: Sequence[Subscriber]) -> None:
        """Have every process on the database tell our handlers."""
        if not ours:
            return
        with self.database.reading() as connection:
            known = {one.name: one for one in subscribers(connection)}
        for one in ours:
            if known.get(one.name) != one:
                with self.database.writing() as connection:
                    subscribe(connection, one)

    def within(self, host: HostConnection, listener: Listener) -> Context:
        """The same in a host's transaction, where `listener` hears what was done. Raises as `engine` does."""
        if host.engine not in self._known:
            self._check(host)  # without a lock: other tasks of an event loop go on meanwhile, in this very thread
            with self._making:
                self._known.add(host.engine)
        inside = copy(self)
        inside.database, inside.drive = host, None
        inside._engine = inside._engine_on(host, [listener])  # whose steps know that they are within it
        return inside

    def rehearsing(self, database: Connections, clock: Clock, gateway: Gateway) -> Context:
        """The same on a copy that is only tried out: with this clock and gateway, and nobody listens."""
        tried = copy(self)
        tried.config = replace(self.config, mail=NO_MAIL)
        tried.handlers = Handlers(())
        tried.clock, tried.ids, tried.database = clock, Ids(clock), database
        tried._listeners, tried._gateway = (), lambda: gateway
        tried._engine, tried.drive = None, None
        return tried

    def on(self, clock: str | None) -> Context:
        """The same for what is on a named clock: its time, and the sandbox for its money. Without a name: this one."""
        return self if clock is None else self._by(RowClock(self.database, clock))

    def travelling(self, name: str, clock: VirtualClock, listeners: Sequence[Listener] = ()) -> Context:
        """The same for who advances a named clock: an engine by `clock` that fires what is on it and nothing else, and
        tells these `listeners` too."""
        there = self._by(clock)
        heard, batch = [*self._listeners, *listeners], min(self.config.batch, BATCH_ON_A_CLOCK)
        there._engine = there._engine_on(self.database, heard, SqlStore(self.database, name), batch)
        return there

    def now(self, connection: Connection, clock: str | None) -> datetime:
        """What time it is for what is on this named clock; without a name by the real one."""
        return self.clock.now() if clock is None else clocks.time_of(connection, clock)

    def _by(self, clock: Clock) -> Context:
        self.ready()
        there = copy(self)
        there.clock, there._gateway = clock, partial(self.sandbox, clock)
        return there

    def after_fork(self) -> None:
        """In a child process: nobody listens yet, and no thread holds anything."""
        self._making, self._engine, self._known = threading.RLock(), None, WeakSet()

    def _check(self, database: Connections) -> None:
        migrate.check(database)
        with database.reading() as connection:
            self.registry.check_stored(queries.stored_definitions(connection))

    def _engine_on(
        self,
        database: Connections,
        listeners: Sequence[Listener],
        store: SqlStore | None = None,
        batch: int | None = None,
    ) -> Engine[SqlTransaction]:
        return Engine(
            store or SqlStore(database),
            self.registry,
            self.clock,
            self.ids,
            surround=dict.fromkeys(OURS, self._surround),
            batch=batch or self.config.batch,
            hold=HOLD if database.is_sqlite else HOLD_ROWS,
            listeners=listeners,
            within_host=isinstance(database, HostConnection),
            notices=self.config.mail.is_used,
            subscribers=lambda: self.handlers.subscribers,
        )

    def ready(self) -> None:
        """Make sure that the engine can run on this database. Raises SchemaError, DefinitionError."""
        _ = self.engine

    @contextmanager
    def actor(self, transaction: SqlTransaction, name: str) -> Iterator[str]:
        """The id under which an actor is logged. The name stays apart from the log (rule A2), and a new one is kept
        only if the block does not raise: a refusal leaves nothing behind (rule B2)."""
        known = name if name in KNOWN_ACTORS else actor_id(transaction.connection, name)
        identifier = known or self.ids.new("act")
        yield identifier
        if known is None:
            add_actor(transaction.connection, identifier, name)

    def see_right(self, connection: Connection, account_id: str, name: str, right: Right) -> None:
        """See that this actor may do that to an account (rule B11). Raises Refused (`not_admin`, `not_operator`)."""
        rights.see(self._role(connection, account_id, name), right)

    def _role(self, connection: Connection, account_id: str, name: str) -> Role:
        if not rights.is_person(name):
            return "system" if name in rights.SYSTEM else "operator"
        found = members.find_member(connection, account_id, name)
        if found is None or found.live_email is None:
            return "stranger"
        return "administrator" if found.administers else "member"

    def carry_out(self, job: Callable[[Work[SqlTransaction]], Result], root_id: str | None = None) -> Result:
        """Do `job` in a transaction, then deliver what it has handed over: charges that somebody waits for.

        Where a charge without an answer stands in the way on `root_id`, that is driven first, once (rule B4).
        """
        try:
            return self._once(job)
        except Refused as refusal:
            driven = refusal.code == "order_in_progress" and root_id is not None and self._drive(root_id)
            if not driven:
                raise
        return self._once(job)

    def _once(self, job: Callable[[Work[SqlTransaction]], Result]) -> Result:
        last: list[Work[SqlTransaction]] = []

        def kept(work: Work[SqlTransaction]) -> Result:
            last[:] = [work]
            return job(work)

        result = self.engine.attempt(kept)
        handed: dict[str, list[str]] = {}
        for message in last[0].handed:
            handed.setdefault(message.root_id, []).append(message.id)
        for root_id, messages in handed.items():
            self._drive(root_id, messages)
        return result

    def _drive(self, root_id: str, messages: Sequence[str] | None = None) -> bool:
        return self.drive is not None and self.drive(root_id, messages) > 0

    def surroundings(self, transaction: SqlTransaction, account: Account) -> Surroundings:
        """What a step may know that concerns this account."""
        catalog, invoices = self.config.catalog, self.config.invoices
        [purse] = self._purses(transaction, [account])
        series = TEST_SERIES if account.clock else Series(invoices.series, invoices.credit_notes)
        within_host = isinstance(self.database, HostConnection)
        return Surroundings(
            catalog,
            account,
            purse=purse,
            tax=self._tax(),
            series=series,
            within_host=within_host,
            expiry=self.expiry(account),
        )

    def _surround(self, transaction: SqlTransaction, instances: Sequence[InstanceRecord]) -> Mapping[str, object]:
        owners = owners_of(transaction.connection, instances)
        accounts = {account.id: account for account in owners.values()}
        self._purses(transaction, list(accounts.values()))
        around = {account.id: self.surroundings(transaction, account) for account in accounts.values()}
        return {instance: around[account.id] for instance, account in owners.items()}

    def _purses(self, transaction: SqlTransaction, accounts: Sequence[Account]) -> list[Purse]:
        """The balances, each of which is locked unless it is empty: who draws on one sees what is there."""
        purses: dict[str, Purse] = transaction.memo.setdefault("purses", {})
        new = {account.id: account for account in accounts if account.id not in purses}
        if new:
            there = {account for account, _ in balances(transaction.connection, new)}
            transaction.lock(sorted(there))
            found = balances(transaction.connection, there) if there else {}
            purses.update({id: Purse(found.get((id, account.currency), 0)) for id, account in new.items()})
        return [purses[account.id] for account in accounts]

    def expiry(self, account: Account) -> Expiry | None:
        """When this account is to be told that its card expires."""
        ahead = self.config.card_notice
        if account.card_year is None or account.card_month is None or not (ahead.days or ahead.seconds):
            return None
        told_at = card_reminder(account.card_year, account.card_month, account.zone, ahead)
        return Expiry(f"{account.payment_method} {account.card_year}-{account.card_month:02}", told_at)

    def _tax(self) -> TaxFunction | None:
        with self._making:
            if self._tax_function is None:
                self._tax_function = [tax_function(self.config)]
            return self._tax_function[0]
