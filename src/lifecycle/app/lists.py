"""Lists of people: previewed whole, then taken in whole or not at all, with the seats that they need (rules F2, F3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Unpack

from lifecycle.app.context import Context, SqlWork
from lifecycle.app.csv_files import ImportFailed, RowError
from lifecycle.app.orders import Asked, Orders, Subject
from lifecycle.app.people import (
    Added,
    Listed,
    MemberView,
    People,
    Preview,
    details,
    listed,
    person,
    view,
    who,
)
from lifecycle.app.quotes import Quotes
from lifecycle.app.seating import NoFreeSeat, Progress, Seating, TakenIn, free_seats, open_account
from lifecycle.app.subjects import Subjects
from lifecycle.app.subscriptions import Judged, Said, Subscriptions
from lifecycle.domain.account import Account
from lifecycle.domain.machine import Json
from lifecycle.domain.people import Person
from lifecycle.domain.refusals import refused
from lifecycle.domain.subscription import Subscription
from lifecycle.engine.commands import Answer
from lifecycle.engine.hand import Because
from lifecycle.engine.keys import fingerprint
from lifecycle.errors import NotFound
from lifecycle.store import accounts
from lifecycle.store import members as store
from lifecycle.store.members import Member


class Lists:
    """What `Members` does with lists, and how its commands are carried out."""

    def __init__(self, context: Context, subscriptions: Subscriptions, quotes: Quotes) -> None:
        self._context = context
        self._subscriptions = subscriptions
        self._quotes = quotes
        self._subjects = Subjects(context)
        self._orders = Orders(context)
        self._seating = Seating(context)

    def get(self, account: str, member: str) -> MemberView:
        """One of them, by id or address; by id also one who was removed. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            owner = accounts.the_account(connection, account)
            found = found_member(store.find_member(connection, owner.id, member), member)
            return view(found, store.seats_of(connection, found.id))

    # Taking in

    def add(self, account: str, email: str, *, subscription: str | None = None, **told: Unpack[Added]) -> MemberView:
        """One person: to the account, and to a seat of a subscription. Harmless when repeated. Refused `invalid`,
        `no_free_seat`."""
        said: Said = {"by": told["by"], "reason": told.get("reason"), "key": told.get("key")}
        taken = self.add_all(account, [person(email, **who(told))], subscription=subscription, **said)
        return self.get(account, taken.members[0])

    def add_all(
        self,
        account: str,
        people: People,
        *,
        subscription: str | None = None,
        grow: bool = False,
        progress: Progress = lambda _done, _total: None,
        **said: Unpack[Said],
    ) -> TakenIn:
        """All of a list, or of a file, or nobody: to the account, and to seats of a subscription. Harmless when
        repeated. `grow`: seats that are missing are bought with them, in one order. Raises ImportFailed with every row
        that is wrong; refused `no_free_seat`, and with `grow` as `add_seats` is."""
        told = _whole(listed(people), people)
        about = {"people": [details(one) for one in told.people], "subscription": subscription, "grow": grow}

        def job(work: SqlWork, owner: Account, subject: Subject | None, because: Because) -> Answer:
            need = self._need(work, owner, subject, told.people)
            answered: Json = {"added": need.new, "assigned": need.wanted}
            if grow and subject is not None and need.missing:
                seats = _more(subject, need.missing)
                bought = self._orders.carry_out(work, subject, Asked("add_seats", because.actor, seats))
                if bought.order is not None and subject.hand.held[bought.order].state != "completed":
                    kept = [details(one) for one in told.people]
                    store.keep_import(work.transaction.connection, bought.order, owner.id, kept)
                    return replace(bought, facts=answered)
            taken = self._seating.take_in(work, owner, told.people, because, subject, progress=progress)
            answered |= {"members": list(taken.members)}
            return Answer(owner.id, "", answered, work.hands[owner.id].root.seq)

        answer = self._command(account, "members.add", about, job, said, subscription=subscription)
        added, assigned = answer.facts["added"], answer.facts["assigned"]
        if answer.order is None:
            return TakenIn(tuple(answer.facts["members"]), added, assigned)
        return self._bought(account, told, answer, TakenIn((), added, assigned))

    def _bought(self, account: str, told: Listed, answer: Answer, taken: TakenIn) -> TakenIn:
        """Everybody with the seats that were missing; nobody yet, while the charge has no answer. Raises Refused
        (`payment_declined`)."""
        if (order := self._subjects.order_of(answer)) is not None:
            return TakenIn((), 0, 0, order)
        with self._context.database.reading() as connection:
            owner = accounts.the_account(connection, account)
            there = store.known(connection, owner.id, [one.key for one in told.people])
        ids = (there[one.key].id for one in told.people if one.key in there)
        return replace(taken, members=tuple(ids))

    def _need(self, work: SqlWork, owner: Account, subject: Subject | None, people: Sequence[Person]) -> _Need:
        connection = work.transaction.connection
        there = store.known(connection, owner.id, [one.key for one in people])
        if subject is None:
            return _Need(there, len(people) - len(there), 0, 0)
        seated = store.seated_among(connection, subject.held.record.id, [one.id for one in there.values()])
        return _Need(there, len(people) - len(there), len(people) - len(seated), free_seats(subject))

    def preview(
        self,
        account: str,
        people: People,
        *,
        subscription: str | None = None,
        grow: bool = False,
        **said: Unpack[Said],
    ) -> Preview:
        """What a list, or a file, would do; nobody is taken in. `grow`: where seats are missing, with a quote for them,
        which is confirmed like any other. Refused as the command would be, but for `no_free_seat`; rows that are wrong
        are told, and raise nothing."""
        return self._preview(account, listed(people), subscription, said, grow=grow)

    def _preview(self, account: str, told: Listed, subscription: str | None, said: Said, *, grow: bool) -> Preview:
        seen: list[Preview] = []

        def job(work: SqlWork, owner: Account, subject: Subject | None, because: Because) -> Answer:
            need, quote = self._need(work, owner, subject, told.people), None
            if subject is not None and subject.held.state == "ended":
                raise refused("ended")
            if grow and subject is not None and need.missing and not told.wrong:
                quote = self._grow(work, subject, owner, told.people, need.missing, because)
            seen[:] = [Preview(told.judged(need.there), need.new, need.wanted, need.free, need.missing)]
            return Answer(owner.id, "", {"quote": quote}, 0)

        unkeyed: Said = {"by": said["by"], "reason": said.get("reason")}
        quote = self._command(account, "members.preview", {}, job, unkeyed, subscription=subscription).facts["quote"]
        return seen[0] if quote is None else replace(seen[0], quote=self._quotes.get(quote))

    def _grow(  # noqa: PLR0917  # what is to be bought, and for whom
        self, work: SqlWork, subject: Subject, owner: Account, people: Sequence[Person], missing: int, because: Because
    ) -> str:
        """The quote for the seats that are missing, with the people kept until it is confirmed."""
        quoted = self._orders.quote(work, subject, Asked("add_seats", because.actor, _more(subject, missing)))
        kept = [details(one) for one in people]
        store.keep_import(work.transaction.connection, quoted.record.id, owner.id, kept)
        return quoted.record.id

    # What commands share

    def _command(  # about what, and what is to be done
        self,
        account: str,
        name: str,
        about: Json,
        job: Callable[[SqlWork, Account, Subject | None, Because], Answer],
        said: Said | Judged,
        *,
        subscription: str | None = None,
        before: Callable[[SqlWork, Account], None] | None = None,
    ) -> Answer:
        """A command on the people of an account, under the locks of the subscription, if there is one, and then of the
        account. The expected `version` is that of the subscription, or without one that of the account."""

        def inside(work: SqlWork) -> Answer:
            connection = work.transaction.connection
            owner = accounts.the_account(connection, account)
            work.stand_by(owner.clock)
            self._context.see_right(connection, owner.id, said["by"], "command")
            subject = None if subscription is None else self._subject(work, owner, subscription)
            key, mark = said.get("key"), fingerprint(owner.id, name, about)
            if earlier := work.earlier(owner.id, key, mark):
                return earlier
            expected: int | None = said.get("version")  # type: ignore[assignment]  # of what is judged
            if subject is not None:
                work.make_way(subject.hand, subject.held, expected)
            if before is not None:
                before(work, owner)
            owner = self._lock(work, owner, None if subject else expected)
            open_account(owner)
            with self._context.actor(work.transaction, said["by"]) as actor:
                because = Because("command", actor, work.keep_reason(owner.id, said.get("reason")))
                return work.answer(owner.id, key, mark, job(work, owner, subject, because))

        return self._context.carry_out(inside, subscription)

    def _subject(self, work: SqlWork, owner: Account, subscription: str) -> Subject:
        subject = self._subjects.existing(work, subscription)
        if subject.owner_id != owner.id:
            raise NotFound("subscription", subscription)
        return subject

    def _lock(self, work: SqlWork, owner: Account, expected: int | None = None) -> Account:
        """Take the account in hand; the account as it is then."""
        work.lock([owner.id])
        work.make_way(work.hands[owner.id], None, expected)
        return accounts.the_account(work.transaction.connection, owner.id)


@dataclass(frozen=True, slots=True)
class _Need:
    """Who of a list is there, how many are new, how many want a seat, and how many seats are free for them."""

    there: Mapping[str, Member]
    new: int
    wanted: int
    free: int

    @property
    def missing(self) -> int:
        """The seats that are missing."""
        return max(0, self.wanted - self.free)


def _more(subject: Subject, missing: int) -> Json:
    """So many more seats, where that helps: while fewer are to come, that number counts. Raises NoFreeSeat."""
    facts: Subscription = subject.held.facts
    if replace(facts, seats=facts.seats + missing).free_seats < facts.free_seats + missing:
        raise NoFreeSeat(missing)
    return {"seats": missing}


def _whole(told: Listed, people: People) -> Listed:
    """A list without a row that is wrong. Raises ImportFailed."""
    if told.wrong:
        source = people if isinstance(people, Path) else Path("list")
        raise ImportFailed(source, tuple(RowError(row.line, row.code, row.message) for row in told.wrong))
    return told


def found_member(member: Member | None, name: str) -> Member:
    """The member of that name. Raises NotFound."""
    if member is None:
        raise NotFound("member", name)
    return member
