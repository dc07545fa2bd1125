"""People taken in inside a transaction: new members of an account, and seats of a subscription for them.

The caller has the account's root in hand, and before it that of the subscription, if there is one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from lifecycle.app.context import Context, SqlWork
from lifecycle.app.orders import Subject
from lifecycle.app.views import OrderView
from lifecycle.domain.account import Account
from lifecycle.domain.machine import Json, Stimulus
from lifecycle.domain.order import Order
from lifecycle.domain.people import Person
from lifecycle.domain.refusals import refused
from lifecycle.domain.subscription import Subscription
from lifecycle.engine.commands import Beginning
from lifecycle.engine.hand import Because
from lifecycle.errors import Refused
from lifecycle.store import accounts
from lifecycle.store import members as store
from lifecycle.store.members import Member

AT_ONCE = 1000
"""How many members a row of the log names at most."""
MEMBER = "member"
SYSTEM = Because("command", "system")
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What came of a list of people: their ids, in its order, and how many of them were new to the account, and got a
    seat. `order` is the one for the seats that were missing while its charge has no answer: until then nobody is in."""

    members: tuple[str, ...]
    added: int
    assigned: int
    order: OrderView | None = None


class NoFreeSeat(Refused):
    """More people than seats (code `no_free_seat`); `missing` says how many seats more it takes."""

    def __init__(self, missing: int) -> None:
        more = "1 more seat is" if missing == 1 else f"{missing} more seats are"
        super().__init__(
            "no_free_seat",
            f"There are not enough free seats: {more} needed.",
            instead="Add seats first, or have them added with grow.",
        )
        self.missing = missing


class Seating:
    """Takes people in, and gives and takes seats; raises Refused."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def take_in(  # noqa: PLR0917  # who, where, and on whose behalf
        self,
        work: SqlWork,
        account: Account,
        people: Sequence[Person],
        because: Because,
        subject: Subject | None = None,
        event: Literal["invited", "enabled"] = "invited",
        progress: Progress = lambda _done, _total: None,
    ) -> TakenIn:
        """Make members of those who are none, and assign a seat to those who have none; harmless when repeated."""
        connection = work.transaction.connection
        by_key = {person.key: person for person in people}
        there = store.known(connection, account.id, by_key)
        new = [person for key, person in by_key.items() if key not in there]
        added = self._add(work, account, new, because, event, progress)
        ids = {key: one.id for key, one in there.items()} | added
        members = tuple(ids[key] for key in by_key)
        assigned = 0 if subject is None else self.assign(work, subject, members, because)
        return TakenIn(members, len(added), assigned)

    def suffices(self, work: SqlWork, order_id: str, subject: Subject) -> bool:
        """Whether there will be a seat for each of the people that wait for an order: somebody may have been given one
        that was free when it was quoted."""
        connection = work.transaction.connection
        people = [Person(**one) for one in store.waiting(connection, order_id)]
        if not people:
            return True
        bought: Order = subject.hand.held[order_id].facts
        there = store.known(connection, subject.owner_id, [one.key for one in people])
        seated = store.seated_among(connection, subject.held.record.id, [one.id for one in there.values()])
        more: int = bought.arguments["seats"]
        return len(people) - len(seated) <= free_seats(subject) + more

    def complete(self, work: SqlWork, order_id: str) -> None:
        """Take in the people that wait for an order, where it has just been completed: in the same transaction."""
        _, order = work.find(order_id)
        if order.state != "completed" or not (people := store.take_import(work.transaction.connection, order_id)):
            return
        facts: Order = order.facts
        hand, held = work.find(facts.subscription)
        work.lock([facts.account])
        account = accounts.the_account(work.transaction.connection, facts.account)
        subject = Subject(hand, held, self._context.surroundings(work.transaction, account), account.id)
        because = Because("command", facts.actor or "system", facts.reason_id)
        self.take_in(work, account, [Person(**one) for one in people], because, subject)

    def _add(  # noqa: PLR0917  # as `take_in`
        self,
        work: SqlWork,
        account: Account,
        people: Sequence[Person],
        because: Because,
        event: str,
        progress: Progress,
    ) -> dict[str, str]:
        """The ids of new members, by their folded addresses."""
        hand, now, added = work.hands[account.id], work.now(), dict[str, str]()
        for role in ("admin", "member"):
            alike = [person for person in people if person.role == role]
            beginning = Beginning(MEMBER, event, {"account": account.id, "role": role}, account.id)
            for start in range(0, len(alike), AT_ONCE):
                some = alike[start : start + AT_ONCE]
                ids = work.add_alike(hand, beginning, len(some), because)
                rows = [
                    Member(
                        id, account.id, one.email, one.key, one.first_name, one.last_name, one.position, one.role, now
                    )
                    for id, one in zip(ids, some, strict=True)
                ]
                store.add_members(work.transaction.connection, rows)
                added.update((row.live_email or "", row.id) for row in rows)
                progress(len(added), len(people))
        return added

    def assign(self, work: SqlWork, subject: Subject, members: Sequence[str], because: Because) -> int:
        """A seat for each of these members who has none; how many got one. Refused `no_free_seat`."""
        seated = store.seated_among(work.transaction.connection, subject.held.record.id, members)
        standing = [one for one in members if one not in seated]
        missing = len(standing) - free_seats(subject)
        if missing > 0 and subject.held.state != "ended":
            raise NoFreeSeat(missing)
        for start in range(0, len(standing), AT_ONCE):
            self._tell(work, subject, "seats_assigned", {"members": standing[start : start + AT_ONCE]}, because)
        return len(standing)

    def unassign(self, work: SqlWork, subject: Subject, members: Collection[str], because: Because) -> None:
        """Take their seats from members who have one."""
        self._tell(work, subject, "seats_unassigned", {"members": list(members)}, because)

    def _tell(self, work: SqlWork, subject: Subject, event: str, arguments: Json, because: Because) -> None:
        stimulus = Stimulus(event, work.now(), arguments)
        decision = work.foresee(subject.hand, subject.held, stimulus)
        work.take(subject.hand, subject.held, stimulus, decision, because)

    def step(  # noqa: PLR0917  # what a step consists of
        self, work: SqlWork, account: Account, member: Member, event: str, arguments: Json, because: Because
    ) -> None:
        """An event for a member; with their first, an account's first administrator gets the instance that they have
        done without."""
        hand, transaction = work.hands[account.id], work.transaction
        around: Any = self._context.surroundings(transaction, account)
        around = replace(around, administrators=store.administrators(transaction.connection, account.id))
        if member.id in hand.held or transaction.root_of(member.id) is not None:
            _, held = work.find(member.id)
        else:
            held = work.begin_at(hand, MEMBER, member.id, account.id, around)
            begins = Stimulus("enabled", work.now(), {"account": account.id, "role": member.role})
            work.take(hand, held, begins, work.foresee(hand, held, begins), SYSTEM)
        work.surround(member.id, around)
        stimulus = Stimulus(event, work.now(), arguments)
        work.take(hand, held, stimulus, work.foresee(hand, held, stimulus), because)


def free_seats(subject: Subject) -> int:
    """How many people more can be assigned."""
    facts: Subscription = subject.held.facts
    return facts.free_seats


def open_account(account: Account) -> None:
    """Raises Refused (`account_closed`)."""
    if account.closed:
        raise refused("account_closed")
