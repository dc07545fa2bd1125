"""Subscriptions, as hosts, operators and testers use them.

Every command says on whose behalf (`by`), and may give a `reason`, an idempotency `key`, and the `version` that it
expects. It first fires what is due on its subscription, is judged then, and either takes effect at once or is
refused and changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Required, TypedDict, Unpack

from sqlalchemy import Connection

from lifecycle.app import arguments
from lifecycle.app.arguments import When
from lifecycle.app.context import Context
from lifecycle.app.views import SubscriptionView, view
from lifecycle.domain.account import Account
from lifecycle.domain.machine import Json
from lifecycle.domain.subscription import Surroundings
from lifecycle.engine.commands import Answer, Command, Creation
from lifecycle.engine.work import Work
from lifecycle.errors import NotFound
from lifecycle.store import accounts, queries
from lifecycle.store.queries import Step
from lifecycle.store.transaction import SqlTransaction

KIND = "subscription"


class Said(TypedDict, total=False):
    """What goes with every command (rule B10)."""

    by: Required[str]
    """On whose behalf: an e-mail address or another name, `operator` or `system`."""
    reason: str | None
    """Why, in their words."""
    key: str | None
    """An idempotency key of the account: the same command with it again gets the first answer again."""


class Judged(Said, total=False):
    """What goes with a command on a subscription that is there."""

    version: int | None
    """The version that is expected; another one is refused `version_conflict`."""


class Subscriptions:
    """Commands raise Refused with a stable code, and NotFound; each answers with the subscription as it left it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    # Commands

    def create(
        self,
        account: str,
        *,
        plan: str,
        interval: str = "month",
        seats: int | None = None,
        trial: bool | None = None,
        **said: Unpack[Said],
    ) -> SubscriptionView:
        """Subscribe an account: a trial where the plan has one that the account has not had, unless `trial` is
        False; else a purchase (rule B12). `trial=True` insists on a trial."""
        asked = arguments.choice(plan, interval, seats) | ({} if trial is None else {"trial": trial})
        return view(self._context.engine.attempt(lambda work: self.open(work, account, asked, said)))

    def activate(
        self,
        subscription: str,
        *,
        plan: str | None = None,
        interval: str | None = None,
        seats: int | None = None,
        **said: Unpack[Judged],
    ) -> SubscriptionView:
        """Pay before the trial ends: the first cycle starts now."""
        asked = arguments.choice(plan, interval, seats)
        return self._command(subscription, "activate", asked, said)

    def change(
        self,
        subscription: str,
        *,
        plan: str | None = None,
        interval: str | None = None,
        seats: int | None = None,
        when: When = "next_cycle",
        **said: Unpack[Judged],
    ) -> SubscriptionView:
        """Change plan, interval or seats: `now`, at the `next_cycle`, or on a date."""
        asked = arguments.choice(plan, interval, seats)
        if when == "now":
            return self._command(subscription, "change_now", asked, said)
        at = when if when == "next_cycle" else self._instant(subscription, when)
        return self._command(subscription, "schedule_change", asked | {"at": at}, said)

    def withdraw_change(self, subscription: str, **said: Unpack[Judged]) -> SubscriptionView:
        """Undo the pending change."""
        return self._command(subscription, "withdraw_change", {}, said)

    def add_seats(
        self,
        subscription: str,
        seats: int,
        **said: Unpack[Judged],
    ) -> SubscriptionView:
        """So many more seats, now."""
        more = {"seats": arguments.count(seats, "seats")}
        return self._command(subscription, "add_seats", more, said)

    def cancel(
        self,
        subscription: str,
        *,
        when: When = "period_end",
        **said: Unpack[Judged],
    ) -> SubscriptionView:
        """End at the `period_end`, on a date, or `now`; a second time: move the date."""
        if when == "now":
            return self._command(subscription, "cancel_now", {}, said)
        at = when if when == "period_end" else self._instant(subscription, when)
        return self._command(subscription, "cancel", {"at": at}, said)

    def withdraw_cancellation(self, subscription: str, **said: Unpack[Judged]) -> SubscriptionView:
        """Change one's mind: as if the cancellation had not been asked for."""
        return self._command(subscription, "withdraw_cancellation", {}, said)

    # Reading

    def get(self, subscription: str) -> SubscriptionView:
        """A subscription as it stands; what is due but has not fired yet shows in `next`. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            found = queries.instances(connection, machine=KIND, id=subscription)
        if not found:
            raise NotFound("subscription", subscription)
        return view(found[0])

    def list(self, *, account: str | None = None, state: str | None = None) -> Sequence[SubscriptionView]:
        """Subscriptions, oldest first. Raises NotFound for an unknown account."""
        self._context.ready()
        with self._context.database.reading() as connection:
            owner = self._account(connection, account).id if account else None
            return [view(row) for row in queries.instances(connection, machine=KIND, owner_id=owner, state=state)]

    def history(self, subscription: str) -> Sequence[Step]:
        """Every transition so far, in order. Raises NotFound."""
        self.get(subscription)
        with self._context.database.reading() as connection:
            return queries.steps(connection, instance_id=subscription)

    # Inside a transaction

    def open(self, work: Work[SqlTransaction], account: str, asked: Json, said: Said) -> Answer:
        """Subscribe inside a transaction, under the locks of the account and its subscriptions."""
        transaction = work.transaction
        owner = self._account(transaction.connection, account)
        live = {owned.root_id for owned in self._owned(transaction, owner) if owned.live_key}
        work.fire(work.lock(sorted(live)), self._context.clock.now())
        transaction.lock([owner.id])
        with self._context.actor(transaction, said["by"]) as actor:
            return work.create(
                Creation(
                    machine=KIND,
                    event="subscribed",
                    actor=actor,
                    prefix="sub",
                    context=self._surroundings(work, owner),
                    owner_id=owner.id,
                    arguments=asked,
                    reason=said.get("reason"),
                    key=said.get("key"),
                )
            )

    def _surroundings(self, work: Work[SqlTransaction], owner: Account) -> Surroundings:
        """The account's plan families that are taken, and those of which it has had the trial, as they are now."""
        records = {record.root_id: (record.live_key, record.facts) for record in work.owned(owner.id)}
        stored = {owned.root_id: (owned.live_key, owned.facts) for owned in self._owned(work.transaction, owner)}
        everything = (stored | records).values()
        return Surroundings(
            self._context.config.catalog,
            accounts.find_account(work.transaction.connection, owner.id) or owner,
            frozenset(str(facts["family"]) for live_key, facts in everything if live_key),
            frozenset(str(facts["family"]) for _, facts in everything if "trial_end" in facts),
        )

    def _owned(self, transaction: SqlTransaction, owner: Account) -> Sequence[accounts.Owned]:
        return accounts.owned_by(transaction.connection, owner.id, KIND)

    def _command(self, subscription: str, event: str, asked: Json, said: Judged) -> SubscriptionView:
        def job(work: Work[SqlTransaction]) -> Answer:
            stored = queries.instances(work.transaction.connection, machine=KIND, id=subscription)
            if not stored:
                raise NotFound("subscription", subscription)
            with self._context.actor(work.transaction, said["by"]) as actor:
                return work.command(
                    Command(
                        instance_id=subscription,
                        event=event,
                        actor=actor,
                        arguments=asked,
                        reason=said.get("reason"),
                        key=said.get("key"),
                        scope=stored[0].owner_id or "",
                        expected_version=said.get("version"),
                    )
                )

        return view(self._context.engine.attempt(job))

    def _instant(self, subscription: str, when: When) -> str:
        return arguments.instant(when, self.get(subscription).zone)

    def _account(self, connection: Connection, account: str) -> Account:
        found = accounts.find_account(connection, account)
        if found is None:
            raise NotFound("account", account)
        return found
