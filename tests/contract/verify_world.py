"""A database that has seen everything: every state, changes and cancellations of all kinds, downtime, trouble."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from statemachine import State
from structlog.testing import capture_logs

from lifecycle.domain.account import Account
from lifecycle.domain.effects import Notice, Send
from lifecycle.domain.machine import Json, Machine
from lifecycle.domain.matrix import AnyMachine
from lifecycle.domain.surroundings import Surroundings
from lifecycle.engine.acts import Act, Acts
from lifecycle.engine.clock import VirtualClock
from lifecycle.engine.commands import Answer, Command, Creation
from lifecycle.engine.engine import Engine
from lifecycle.engine.ids import Ids, counting
from lifecycle.engine.records import InstanceRecord
from lifecycle.engine.registry import Registry
from lifecycle.engine.work import Work
from lifecycle.store.accounts import add_account, find_account, owners_of
from lifecycle.store.database import Database
from lifecycle.store.money import PaymentMethod, add_payment_method
from lifecycle.store.transaction import SqlStore, SqlTransaction
from lifecycle_machines.subscription import SubscriptionMachine
from tests.schema import give_schema
from tests.unit.machine_world import ACCOUNT, QUIET, at, utc


class Lease(Machine[Json, object]):
    """A host's own machine: it lapses on a date."""

    kind = "lease"
    deferred: ClassVar[tuple[str, ...]] = ("lapses",)

    new = State(initial=True)
    running = State()
    lapsed = State(final=True)

    signed = new.to(running, on="note_end")
    weighed = running.to(running, on="note_weight")
    lapses = running.to(lapsed)

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """It lapses at its end."""
        del state
        return {"lapses": datetime.fromisoformat(facts["end"])}

    def note_end(self) -> None:
        """Keep the end that was agreed."""
        self.become({"end": self.arguments["end"]})

    def note_weight(self) -> None:
        """Keep what the thing weighs, in whatever form, and tell the landlord."""
        weight = {"weight": self.arguments["weight"]}
        self.become({**self.facts, **weight}, Notice("changed"), Send("landlord", "weighed", weight))


class NewerLease(Lease):
    """The same, in its second version."""

    version = 2


class World:
    """An engine on a virtual clock over a database; an account comes to be with its first subscription.

    The machines of accounts in `troubled` meet an error whenever they look at the catalogue.
    """

    def __init__(self, url: str, start: str = "2026-01-31 10:00") -> None:
        self.database = Database(url)
        give_schema(self.database)
        self.clock = VirtualClock(utc(start))
        self.troubled: set[str] = set()
        self._ids = Ids(self.clock, counting())
        self.engine = self._engine(SubscriptionMachine, Lease)

    def close(self) -> None:
        """Close the connections."""
        self.database.dispose()

    def release(self) -> None:
        """From now on there is a second version of the lease."""
        self.engine = self._engine(SubscriptionMachine, Lease, NewerLease)

    def on(self, day: str) -> None:
        """Travel to that day; all that is due fires at its own instant."""
        self.engine.advance_to(utc(day))

    def down_until(self, day: str) -> None:
        """Nothing fires before that day; then all that has become due does."""
        self.clock.move_to(utc(day))
        self.on(day)

    def subscribe(
        self, account: str, plan: str, *, interval: str = "month", zone: str = "UTC", card: bool = True
    ) -> str:
        """Take a plan, with its trial where there is one; the subscription's id."""
        owner = self._account(replace(ACCOUNT, id=account, reference=account, zone=zone), card=card)
        return self._create(
            Creation(
                machine="subscription",
                event="subscribed",
                actor="system",
                prefix="sub",
                context=Surroundings(QUIET, owner),
                owner_id=account,
                arguments={"plan": plan, "interval": interval},
            )
        )

    def lease(self, end: str) -> str:
        """Sign a lease; its id."""
        return self._create(Creation("lease", "signed", "system", "lease", arguments={"end": at(end)}))

    def migrate(self, instance: str) -> None:
        """Bring it to the newest version of its machine."""
        self.engine.attempt(lambda work: work.migrate(instance, "operator"))

    def do(self, instance: str, event: str, *, actor: str = "act_1", reason: str = "", **arguments: object) -> None:
        """Command it now."""
        self.engine.command(Command(instance, event, actor, arguments, reason))

    def act(self, instance: str, act: Callable[[Acts[SqlTransaction], Act], Answer]) -> None:
        """Do it as an operator, now."""
        self.engine.attempt(lambda work: act(Acts(work), Act(instance, "opr_1", "Asked.")))

    def _create(self, creation: Creation) -> str:
        def job(work: Work[SqlTransaction]) -> str:
            return work.create(creation).id

        return self.engine.attempt(job)

    def _account(self, account: Account, *, card: bool) -> Account:
        with self.database.writing() as connection:
            if find_account(connection, account.id) is None:
                add_account(connection, account, self.clock.now())
                if card:
                    add_payment_method(connection, self._card(account.id))
            found = find_account(connection, account.id)
            assert found is not None
            return found

    def _card(self, account: str) -> PaymentMethod:
        return PaymentMethod(
            id=f"pm_{account}",
            account_id=account,
            customer=f"cus_{account}",
            token=f"card_{account}",
            brand="Sandbox",
            last4="4242",
            exp_month=1,
            exp_year=2028,
            default_of=account,
            added_at=self.clock.now(),
        )

    def _engine(self, *machines: type[AnyMachine]) -> Engine[SqlTransaction]:
        around = {"subscription": self._around}
        return Engine(SqlStore(self.database), Registry(machines), self.clock, self._ids, surround=around)

    def _around(self, transaction: SqlTransaction, instances: Sequence[InstanceRecord]) -> Mapping[str, object]:
        owners = owners_of(transaction.connection, instances)
        return {
            instance: None if owner.id in self.troubled else Surroundings(QUIET, owner)
            for instance, owner in owners.items()
        }


def eventful(url: str) -> tuple[World, dict[str, str]]:
    """A database on 1 August 2026, and what is in it by what is told of it."""
    world = World(url)
    with capture_logs():  # of errors that are meant to be
        named = _winter(world)
        _spring(world, named)
        _summer(world, named)
    return world, named


def _winter(world: World) -> dict[str, str]:
    return {
        "month_ends": world.subscribe("acct_paris", "team", zone="Europe/Paris"),
        "storage": world.subscribe("acct_paris", "storage"),
        "quarantined": world.subscribe("acct_troubled", "team"),
        "no_card": world.subscribe("acct_no_card", "basic", card=False),
        "ended_on_date": world.subscribe("acct_returns", "team"),
        "weekly": world.subscribe("acct_weekly", "pro", interval="week", zone="America/New_York"),
        "ended_with_period": world.subscribe("acct_weekly", "storage"),
        "changed": world.subscribe("acct_changed", "team"),
        "activated": world.subscribe("acct_activated", "basic"),
        "changed_in_trial": world.subscribe("acct_in_trial", "basic"),
        "lapsed_lease": world.lease("2026-03-01"),
        "running_lease": world.lease("2026-12-01"),
        "migrated_lease": world.lease("2026-12-01"),
    }


def _spring(world: World, named: dict[str, str]) -> None:
    world.on("2026-02-05")
    world.do(named["running_lease"], "weighed", weight=12)
    world.do(named["activated"], "activate", reason="They could not wait.")
    world.do(named["ended_on_date"], "cancel", at=at("2026-04-10"), reason="Too dear.")
    world.do(named["changed_in_trial"], "schedule_change", plan="team", at=at("2026-02-08"))
    world.on("2026-02-20")
    world.do(named["changed"], "change_now", plan="pro")
    world.on("2026-03-02")
    world.do(named["changed"], "schedule_change", plan="pro", interval="week", at="next_cycle")
    world.do(named["activated"], "schedule_change", plan="team", at=at("2026-03-20"))
    world.do(named["ended_with_period"], "cancel", at="period_end")
    world.do(named["quarantined"], "schedule_change", plan="pro", at="next_cycle")
    world.troubled = {"acct_troubled"}
    world.down_until("2026-04-05")
    world.on("2026-05-01")
    named["returned"] = world.subscribe("acct_returns", "pro")
    world.do(named["month_ends"], "add_seats", seats=2)
    world.do(named["month_ends"], "schedule_change", plan="pro", seats=1, at="next_cycle")
    world.do(named["month_ends"], "withdraw_change")
    world.do(named["month_ends"], "cancel", at="period_end")
    world.do(named["month_ends"], "withdraw_cancellation")


def _summer(world: World, named: dict[str, str]) -> None:
    world.on("2026-07-01")
    named["backing_off"] = world.subscribe("acct_backs_off", "team")
    world.do(named["backing_off"], "schedule_change", plan="pro", at="next_cycle")
    world.troubled.add("acct_backs_off")
    world.on("2026-07-20")
    for name in ("next_cycle", "on_date", "on_later_boundary", "shelved", "armed", "ended_at_once"):
        named[name] = world.subscribe(f"acct_{name}", "team", zone="Asia/Tokyo")
    for name in ("trial", "trial_changes", "trial_ending", "trial_outlived"):
        named[name] = world.subscribe(f"acct_{name}", "basic")
    world.on("2026-07-22")
    world.do(named["next_cycle"], "schedule_change", plan="pro", at="next_cycle")
    world.do(named["on_date"], "schedule_change", plan="pro", at=at("2026-09-01"))
    world.do(named["on_later_boundary"], "schedule_change", plan="pro", at=at("2026-10-20"))
    world.do(named["trial_changes"], "schedule_change", plan="team", at=at("2026-10-03"))
    for name in ("shelved", "armed"):
        world.do(named[name], "schedule_change", plan="pro", at=at("2026-09-01"))
    world.do(named["shelved"], "cancel", at=at("2026-09-01"))
    world.do(named["armed"], "cancel", at=at("2026-09-02"))
    world.do(named["trial_ending"], "cancel", at="period_end")
    world.do(named["trial_outlived"], "cancel", at=at("2026-12-24"))
    world.do(named["ended_at_once"], "cancel_now")
    world.release()
    world.migrate(named["migrated_lease"])
    world.on("2026-08-01")
