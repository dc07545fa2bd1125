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
from lifecycle.app.context import Context, SqlWork
from lifecycle.app.orders import Asked, Orders
from lifecycle.app.standing import StandingView, standing
from lifecycle.app.subjects import KIND, Subjects
from lifecycle.app.views import OrderView, SubscriptionView, order_view, view
from lifecycle.domain import invoice, order
from lifecycle.domain.machine import Json
from lifecycle.engine.commands import Answer
from lifecycle.engine.keys import fingerprint
from lifecycle.errors import NotFound
from lifecycle.store import accounts, money, queries
from lifecycle.store.queries import Step, StoredInstance


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
        self._orders = Orders(context)
        self._subjects = Subjects(context)

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
        return self._subjects.settled(self._context.carry_out(lambda work: self.open(work, account, asked, said)))

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
        return self._command(
            subscription, *self._subjects.change_asked(subscription, plan, interval, seats, when), said
        )

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

    def buy_tokens(self, subscription: str, tokens: int, **said: Unpack[Judged]) -> SubscriptionView:
        """A pack of so many tokens, for the account. Refused `tokens_not_sold` where the plan sells no such pack."""
        return self._command(subscription, "buy_tokens", {"tokens": arguments.count(tokens, "tokens")}, said)

    def cancel(
        self,
        subscription: str,
        *,
        when: When = "period_end",
        **said: Unpack[Judged],
    ) -> SubscriptionView:
        """End at the `period_end`, on a date, or `now`; a second time: move the date."""
        return self._command(subscription, *self._subjects.cancel_asked(subscription, when), said)

    def withdraw_cancellation(self, subscription: str, **said: Unpack[Judged]) -> SubscriptionView:
        """Change one's mind: as if the cancellation had not been asked for."""
        return self._command(subscription, "withdraw_cancellation", {}, said)

    # Reading

    def get(self, subscription: str) -> SubscriptionView:
        """A subscription as it stands; what is due but has not fired yet shows in `next`, and what is being charged in
        `order`. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            found = self._found(connection, subscription)
            return view(found, order=self._being_charged(connection, found))

    def list(self, *, account: str | None = None, state: str | None = None) -> Sequence[SubscriptionView]:
        """Subscriptions, oldest first. Raises NotFound for an unknown account."""
        self._context.ready()
        with self._context.database.reading() as connection:
            owner = accounts.the_account(connection, account).id if account else None
            return [view(row) for row in queries.instances(connection, machine=KIND, owner_id=owner, state=state)]

    def standing(self, subscription: str) -> StandingView:
        """Whether something is past due, and whether the subscription gives access. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            found = self._found(connection, subscription)
            account = accounts.the_account(connection, found.owner_id or "")
            open_ones = money.documents(connection, "invoice", root_id=found.root_id, states=("open",))
            now = self._context.now(connection, found.clock)
        owed = [invoice.load(one.facts) for one in open_ones]
        grace = self._context.config.catalog.policies_of(found.facts["plan"]).dunning.grace
        return standing(found.state, account.closed, owed, grace, found.facts["zone"], now)

    def history(self, subscription: str, *, reminders: bool = False) -> Sequence[Step]:
        """Every transition so far, in order; `reminders`: with those. Raises NotFound."""
        self.get(subscription)
        with self._context.database.reading() as connection:
            return queries.steps(connection, instance_id=subscription, reminders=reminders)

    def use_credits(self, subscription: str, credits: int, **said: Unpack[Judged]) -> SubscriptionView:
        """Take so many of the credits that the plan has granted. Refused `credits_exhausted` where fewer are left."""
        return self._command(subscription, "use_credits", {"credits": arguments.count(credits, "credits")}, said)

    # Inside a transaction

    def open(self, work: SqlWork, account: str, asked: Json, said: Said) -> Answer:
        """Subscribe inside a transaction, under the locks of the account and its subscriptions."""
        subject = self._subjects.beginning(work, account)
        self._subjects.see_right(work, subject, said["by"])
        key, mark = said.get("key"), fingerprint(KIND, "subscribed", asked)
        if earlier := work.earlier(subject.owner_id, key, mark):
            return earlier
        self._subjects.see_that_none_is_bought(subject, asked["plan"])
        with self._context.actor(work.transaction, said["by"]) as actor:
            command = Asked("subscribed", actor, asked, said.get("reason"))
            return work.answer(subject.owner_id, key, mark, self._orders.carry_out(work, subject, command))

    def _command(self, subscription: str, event: str, asked: Json, said: Judged) -> SubscriptionView:
        def job(work: SqlWork) -> Answer:
            subject = self._subjects.existing(work, subscription)
            self._subjects.see_right(work, subject, said["by"])
            owner, key, mark = subject.owner_id, said.get("key"), fingerprint(subscription, event, asked)
            if earlier := work.earlier(owner, key, mark):
                return earlier
            work.make_way(subject.hand, subject.held, said.get("version"))
            with self._context.actor(work.transaction, said["by"]) as actor:
                command = Asked(event, actor, asked, said.get("reason"))
                return work.answer(owner, key, mark, self._orders.carry_out(work, subject, command))

        return self._subjects.settled(self._context.carry_out(job, subscription))

    def _found(self, connection: Connection, subscription: str) -> StoredInstance:
        found = queries.instances(connection, machine=KIND, id=subscription)
        if not found:
            raise NotFound("subscription", subscription)
        return found[0]

    def _being_charged(self, connection: Connection, of: StoredInstance) -> OrderView | None:
        """The order on it that waits for its charge."""
        waiting = queries.instances(connection, machine="order", owner_id=of.owner_id, state="confirmed")
        return next(
            (order_view(one.id, one.state, order.load(one.facts)) for one in waiting if one.root_id == of.root_id), None
        )
