"""What commands are about, taken in hand: subscriptions that are there, and those that are still to be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lifecycle.app import arguments
from lifecycle.app.arguments import When
from lifecycle.app.context import Context, SqlWork
from lifecycle.app.orders import Subject
from lifecycle.app.views import OrderView, SubscriptionView, order_view, view
from lifecycle.domain.account import Account
from lifecycle.domain.machine import Json
from lifecycle.domain.order import Order
from lifecycle.domain.refusals import refused
from lifecycle.domain.surroundings import Surroundings
from lifecycle.engine.commands import Answer, Creation
from lifecycle.engine.hand import Hand
from lifecycle.errors import NotFound
from lifecycle.store import accounts, queries
from lifecycle.store.transaction import SqlTransaction

KIND = "subscription"


class Subjects:
    """What `Subscriptions` and `Quotes` share: they find the subject of a command, and tell what came of it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def beginning(
        self, work: SqlWork, account: str, hand: Hand | None = None, subscription: str | None = None
    ) -> Subject:
        """A subscription of the account that is still to be made, on a root of its own, or in a `hand` that was taken
        together with the account's others. Raises NotFound.
        """
        transaction = work.transaction
        owner = accounts.the_account(transaction.connection, account)
        work.stand_by(owner.clock)
        if hand is None:
            self.lock_live(work, owner.id)
        transaction.lock([owner.id])
        # before the subscriptions that are there: what completes between the two looks is seen by both
        being_bought = self._being_bought(transaction, owner.id)
        around = self._surroundings(work, owner)
        if hand is None or subscription is None:
            creation = Creation(KIND, "subscribed", "", "sub", around, owner.id)
            begun, held = work.begin(creation)
        else:
            begun, held = hand, work.begin_at(hand, KIND, subscription, owner.id, around)
        return Subject(begun, held, around, owner.id, being_bought)

    def lock_live(self, work: SqlWork, owner_id: str, *others: str) -> None:
        """Take the account's subscriptions in hand, together with other roots, and fire what is due on them. Roots come
        before the account, which is locked with the first that has a balance: who takes one more later may wait in a
        circle."""
        live = {owned.root_id for owned in self._owned(work.transaction, owner_id) if owned.live_key}
        hands = work.lock(sorted(live.union(others)))
        work.fire([hand for hand in hands if hand.root.id in live], work.now())

    def see_right(self, work: SqlWork, subject: Subject, by: str) -> None:
        """See that who asks may command what it is about. Raises Refused (`not_admin`)."""
        self._context.see_right(work.transaction.connection, subject.owner_id, by, "command")

    def see_that_none_is_bought(self, subject: Subject, plan: str) -> None:
        """Raises Refused (`order_in_progress`) while a subscription of the plan's family is being bought."""
        known = self._context.config.catalog.plan(plan)
        if known is not None and f"{subject.owner_id}/{known.family}" in subject.being_bought:
            raise refused("order_in_progress")

    def existing(self, work: SqlWork, subscription: str) -> Subject:
        """A subscription in hand. Raises NotFound."""
        stored = queries.instances(work.transaction.connection, machine=KIND, id=subscription)
        if not stored:
            raise NotFound("subscription", subscription)
        hand, held = work.find(subscription)
        around = work.context(subscription)
        if not isinstance(around, Surroundings):  # they could not be told, which is its root's trouble
            raise refused("quarantined")
        return Subject(hand, held, around, stored[0].owner_id or "")

    def settled(self, answer: Answer) -> SubscriptionView:
        """What a command came to, once its charge has been tried (rule I1). Raises Refused (`payment_declined`)."""
        if answer.order is None:
            return view(answer)
        if (order := self.order_of(answer)) is not None:
            return view(answer, order=order)
        with self._context.engine.look() as work:
            return view(work.snapshot(*work.look(answer.id)))

    def order_of(self, answer: Answer) -> OrderView | None:
        """The order of an answer as it stands; None once it is completed. Raises Refused (`payment_declined`)."""
        with self._context.engine.look() as work:
            _, held = work.look(answer.order or "")
        facts: Order = held.facts
        if held.state == "declined":
            raise refused("payment_declined", message=f"The payment was declined: {facts.decline}.")
        return None if held.state == "completed" else order_view(held.record.id, held.state, facts)

    def change_asked(  # the fields of a choice, and when
        self, subscription: str, plan: str | None, interval: str | None, seats: int | None, when: When
    ) -> tuple[str, Json]:
        """The event and the arguments of a change."""
        asked = arguments.choice(plan, interval, seats)
        if when == "now":
            return "change_now", asked
        return "schedule_change", asked | {"at": when if when == "next_cycle" else self._instant(subscription, when)}

    def cancel_asked(self, subscription: str, when: When) -> tuple[str, Json]:
        """The event and the arguments of a cancellation."""
        if when == "now":
            return "cancel_now", {}
        return "cancel", {"at": when if when == "period_end" else self._instant(subscription, when)}

    def _instant(self, subscription: str, when: When) -> str:
        return arguments.instant(when, self._zone(subscription))

    def _zone(self, subscription: str) -> str:
        self._context.ready()
        with self._context.database.reading() as connection:
            found = queries.instances(connection, machine=KIND, id=subscription)
        if not found:
            raise NotFound("subscription", subscription)
        return str(found[0].facts["zone"])

    def _surroundings(self, work: SqlWork, owner: Account) -> Surroundings:
        """The account's plan families that are taken, and those of which it has had the trial, as they are now."""
        ours = [record for record in work.owned(owner.id) if record.machine == KIND]
        records = {record.root_id: (record.live_key, record.facts) for record in ours}
        stored = {owned.root_id: (owned.live_key, owned.facts) for owned in self._owned(work.transaction, owner.id)}
        everything = (stored | records).values()
        account = accounts.find_account(work.transaction.connection, owner.id) or owner
        return replace(
            self._context.surroundings(work.transaction, account),
            live_families=frozenset(str(facts["family"]) for live_key, facts in everything if live_key),
            trial_families=frozenset(str(facts["family"]) for _, facts in everything if "trial_end" in facts),
        )

    def _owned(self, transaction: SqlTransaction, owner_id: str) -> Sequence[accounts.Owned]:
        return accounts.owned_by(transaction.connection, owner_id, KIND)

    def _being_bought(self, transaction: SqlTransaction, owner_id: str) -> frozenset[str | None]:
        """The live keys of first purchases of the account that are being charged."""
        return frozenset(one.live_key for one in accounts.owned_by(transaction.connection, owner_id, "order"))
