"""Members: the people of an account, who sits where, and who may use what.

An account begins with one, its first administrator. A member is named by their id or their e-mail address. Who they are
is stored apart from the log, which holds ids (rule A2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Unpack

from lifecycle.app.context import Context, SqlWork
from lifecycle.app.csv_files import ImportFailed, RowError
from lifecycle.app.orders import Asked, Orders, Subject
from lifecycle.app.people import (
    Access,
    Added,
    Beneficiary,
    Edited,
    Listed,
    MemberView,
    PasswordToken,
    People,
    Preview,
    details,
    known,
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
from lifecycle.domain.people import Person, folded
from lifecycle.domain.refusals import refused
from lifecycle.engine.commands import Answer
from lifecycle.engine.hand import Because
from lifecycle.engine.keys import fingerprint
from lifecycle.engine.ports import WriteFailed
from lifecycle.errors import NotFound
from lifecycle.store import accounts, queries
from lifecycle.store import members as store
from lifecycle.store.erasing import rename_actor
from lifecycle.store.members import Member


class Members:
    """Commands raise Refused with a stable code, and NotFound; a refusal changes nothing."""

    def __init__(self, context: Context, subscriptions: Subscriptions, quotes: Quotes) -> None:
        self._context = context
        self._subscriptions = subscriptions
        self._quotes = quotes
        self._subjects = Subjects(context)
        self._orders = Orders(context)
        self._seating = Seating(context)

    # Reading

    def get(self, account: str, member: str) -> MemberView:
        """One of them, by id or address; by id also one who was removed. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            owner = self._account(connection, account)
            found = _found(store.find_member(connection, owner.id, member), member)
            return view(found, store.seats_of(connection, found.id))

    def list(self, account: str, *, removed: bool = False) -> Sequence[MemberView]:
        """Those of an account, in the order in which they were added. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            owner = self._account(connection, account)
            seats = store.all_seats(connection, owner.id)
            return [view(one, seats.get(one.id, ())) for one in store.members_of(connection, owner.id, removed=removed)]

    def beneficiaries(self, subscription: str) -> Sequence[Beneficiary]:
        """Who has a seat of a subscription, in the order in which they were assigned. Raises NotFound."""
        standing = self._subscriptions.standing(subscription)
        with self._context.database.reading() as connection:
            seated = [(one, at) for one, at in store.seated(connection, subscription) if one.state != "removed"]
        return [
            Beneficiary(view(one, (subscription,)), at, standing.access and one.state == "enabled")
            for one, at in seated
        ]

    def access(self, subscription: str, member: str) -> Access:
        """Whether a member may use a subscription: it gives access, they have a seat, and they are enabled. Raises
        NotFound."""
        standing = self._subscriptions.standing(subscription)
        with self._context.database.reading() as connection:
            owner = queries.instances(connection, machine="subscription", id=subscription)[0].owner_id or ""
            found = _found(store.find_member(connection, owner, member), member)
            seated = store.seated_among(connection, subscription, [found.id])
        if standing.denied is not None:
            return Access(access=False, denied=standing.denied)
        denied = found.state if found.state != "enabled" else None if seated else "not_assigned"
        return Access(denied is None, denied)

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
        if grow and subscription is not None:
            made = self._preview(account, told, subscription, said, grow=True)
            if made.quote is not None:
                return self._bought(account, told, made.quote.id, made, said)
        about = {"people": [details(one) for one in told.people], "subscription": subscription}

        def job(work: SqlWork, owner: Account, subject: Subject | None, because: Because) -> Answer:
            taken = self._seating.take_in(work, owner, told.people, because, subject, progress=progress)
            answered = {"members": list(taken.members), "added": taken.added, "assigned": taken.assigned}
            return Answer(owner.id, "", answered, work.hands[owner.id].root.seq)

        answer = self._command(account, "members.add", about, job, said, subscription=subscription).facts
        return TakenIn(tuple(answer["members"]), answer["added"], answer["assigned"])

    def _bought(  # as it was previewed
        self, account: str, told: Listed, quote: str, made: Preview, said: Said
    ) -> TakenIn:
        """Everybody with the seats that were missing; nobody yet, while the charge has no answer."""
        view = self._quotes.confirm(quote, **said)
        if view.order is not None:
            return TakenIn((), 0, 0, view.order)
        with self._context.database.reading() as connection:
            owner = self._account(connection, account)
            there = store.known(connection, owner.id, [one.key for one in told.people])
        return TakenIn(tuple(there[one.key].id for one in told.people), made.new, made.assigned)

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
            there = store.known(work.transaction.connection, owner.id, [one.key for one in told.people])
            free = missing = wanted = 0
            quote: str | None = None
            if subject is not None:
                ids = [one.id for one in there.values()]
                seated = store.seated_among(work.transaction.connection, subject.held.record.id, ids)
                free, wanted = free_seats(subject), len(told.people) - len(seated)
                missing = max(0, wanted - free)
                if grow and missing and not told.wrong:
                    quote = self._grow(work, subject, owner, told.people, missing, because)
            seen[:] = [Preview(told.judged(there), len(told.people) - len(there), wanted, free, missing)]
            return Answer(owner.id, "", {"quote": quote}, 0)

        unkeyed: Said = {"by": said["by"], "reason": said.get("reason")}
        quote = self._command(account, "members.preview", {}, job, unkeyed, subscription=subscription).facts["quote"]
        return seen[0] if quote is None else replace(seen[0], quote=self._quotes.get(quote))

    def _grow(  # noqa: PLR0917  # what is to be bought, and for whom
        self, work: SqlWork, subject: Subject, owner: Account, people: Sequence[Person], missing: int, because: Because
    ) -> str:
        """The quote for the seats that are missing, with the people kept until it is confirmed."""
        facts = subject.held.facts
        if replace(facts, seats=facts.seats + missing).free_seats < facts.free_seats + missing:
            raise NoFreeSeat(missing)  # fewer seats are to come, and that number counts
        quoted = self._orders.quote(work, subject, Asked("add_seats", because.actor, {"seats": missing}))
        kept = [details(one) for one in people]
        store.keep_import(work.transaction.connection, quoted.record.id, owner.id, kept)
        return quoted.record.id

    # One member

    def edit(self, account: str, member: str, **told: Unpack[Edited]) -> MemberView:
        """Change who they are, or their role. Refused `invalid`, `member_exists` for an address that somebody else has,
        `last_admin`."""
        edit = who(told)
        role = edit.pop("role", None)

        def job(work: SqlWork, owner: Account, found: Member, because: Because) -> None:
            values = details(person(**{**known(found), **edit}), role=False)
            changed = {name: value for name, value in values.items() if value != getattr(found, name)}
            if "email" in changed:
                other = store.find_member(work.transaction.connection, owner.id, changed["email"])
                if other is not None and other.id != found.id:
                    raise refused("member_exists")
                changed["live_email"] = folded(changed["email"])
            if not changed and role in (None, found.role):
                raise refused("no_change")
            if changed:
                self._seating.step(work, owner, found, "edited", {}, because)
                store.change_member(work.transaction.connection, found.id, changed)
            if "email" in changed:
                rename_actor(work.transaction.connection, owner.id, found.email, changed["email"])
            if role not in (None, found.role):
                self._seating.step(work, owner, found, "role_changed", {"role": role}, because)
                store.change_member(work.transaction.connection, found.id, {"role": role})
            accounts.follow_administrator(work.transaction.connection, owner)

        return self._of(account, member, "members.edit", {**edit, "role": role}, job, told)

    def enable(self, account: str, member: str, **said: Unpack[Judged]) -> MemberView:
        """Let them use what they have a seat of. Refused `no_change`."""
        return self._event(account, member, "enabled", said)

    def disable(self, account: str, member: str, **said: Unpack[Judged]) -> MemberView:
        """Let them use nothing; they keep their seats. Refused `no_change`, `last_admin`."""
        return self._event(account, member, "disabled", said)

    def remove(self, account: str, member: str, **said: Unpack[Judged]) -> MemberView:
        """Take them out of the account, and their seats from them; they can be added again. Refused `last_admin`."""

        def job(work: SqlWork, owner: Account, found: Member, because: Because) -> None:
            for subscription in store.seats_of(work.transaction.connection, found.id):
                if subscription not in work.hands:
                    raise WriteFailed("Somebody has just assigned a seat to them.")  # it is tried once more
                subject = self._subjects.existing(work, subscription)
                if subject.held.state != "ended":
                    self._seating.unassign(work, subject, [found.id], because)
            self._seating.step(work, owner, found, "removed", {}, because)
            store.change_member(work.transaction.connection, found.id, {"live_email": None})
            store.forget_tokens(work.transaction.connection, found.id)
            accounts.follow_administrator(work.transaction.connection, owner)

        def before(work: SqlWork, owner: Account) -> None:
            found = store.find_member(work.transaction.connection, owner.id, member)
            seats = [] if found is None else store.seats_of(work.transaction.connection, found.id)
            for hand in work.lock(sorted(seats)):
                work.make_way(hand, hand.held.get(hand.root.id))

        return self._of(account, member, "members.remove", {}, job, said, before=before)

    def resend_password_email(self, account: str, member: str, **said: Unpack[Judged]) -> PasswordToken:
        """A new token for a password, and the notice `password_email`. Refused `member_disabled`."""
        token, made = token_urlsafe(32), list[PasswordToken]()

        def job(work: SqlWork, owner: Account, found: Member, because: Because) -> None:
            self._seating.step(work, owner, found, "password_asked", {}, because)
            expires_at = self._context.config.password_token.after(work.now(), owner.zone)
            store.keep_token(work.transaction.connection, _digest(token), found.id, expires_at)
            made[:] = [PasswordToken(token, found.id, expires_at)]

        self._of(account, member, "members.resend_password_email", {}, job, {**said, "key": None})
        return made[0]

    def redeem(self, token: str) -> MemberView:
        """Use a token for a password, once: somebody who was invited is enabled by it. Refused `token_unknown` for one
        that is unknown, used or expired."""

        def job(work: SqlWork) -> tuple[str, str]:
            connection = work.transaction.connection
            found = store.whose_token(connection, _digest(token), self._context.clock.now())
            if found is None or found.state not in ("invited", "enabled"):
                raise refused("token_unknown")
            owner = self._account(connection, found.account_id)
            self._lock(work, owner)
            found = store.whose_token(connection, _digest(token), work.now())  # again, under the lock
            if found is None:
                raise refused("token_unknown")
            store.forget_tokens(connection, found.id)
            if found.state == "invited":
                with self._context.actor(work.transaction, found.id) as actor:
                    self._seating.step(work, owner, found, "enabled", {}, Because("command", actor))
            return owner.id, found.id

        return self.get(*self._context.engine.attempt(job))

    # Seats

    def assign(self, subscription: str, member: str, **said: Unpack[Judged]) -> MemberView:
        """Give a member a seat. Refused `no_free_seat`, `no_change` where they have one."""

        def job(work: SqlWork, subject: Subject, found: Member, because: Because) -> None:
            if not self._seating.assign(work, subject, [found.id], because):
                raise refused("no_change")

        return self._seat(subscription, member, "members.assign", job, said)

    def unassign(self, subscription: str, member: str, **said: Unpack[Judged]) -> MemberView:
        """Take a member's seat. Refused `no_change` where they have none."""

        def job(work: SqlWork, subject: Subject, found: Member, because: Because) -> None:
            if not store.seated_among(work.transaction.connection, subscription, [found.id]):
                raise refused("no_change")
            self._seating.unassign(work, subject, [found.id], because)

        return self._seat(subscription, member, "members.unassign", job, said)

    # What they share

    def _event(self, account: str, member: str, event: str, said: Judged) -> MemberView:
        def job(work: SqlWork, owner: Account, found: Member, because: Because) -> None:
            self._seating.step(work, owner, found, event, {}, because)

        return self._of(account, member, f"members.{event}", {}, job, said)

    def _of(  # noqa: PLR0917  # about whom, and what
        self,
        account: str,
        member: str,
        name: str,
        about: Json,
        job: Callable[[SqlWork, Account, Member, Because], None],
        said: Judged,
        before: Callable[[SqlWork, Account], None] | None = None,
    ) -> MemberView:
        def on_member(work: SqlWork, owner: Account, _: Subject | None, because: Because) -> Answer:
            found = _present(store.find_member(work.transaction.connection, owner.id, member), member)
            job(work, owner, found, because)
            return Answer(found.id, "", {}, work.hands[owner.id].root.seq)

        answer = self._command(account, name, {**about, "member": member}, on_member, said, before=before)
        return self.get(account, answer.id)

    def _seat(
        self,
        subscription: str,
        member: str,
        name: str,
        job: Callable[[SqlWork, Subject, Member, Because], None],
        said: Judged,
    ) -> MemberView:
        account = self._subscriptions.get(subscription).account_id

        def on_seat(work: SqlWork, owner: Account, subject: Subject | None, because: Because) -> Answer:
            found = _present(store.find_member(work.transaction.connection, owner.id, member), member)
            if subject is None:
                raise NotFound("subscription", subscription)
            job(work, subject, found, because)
            return Answer(found.id, "", {}, subject.hand.root.seq)

        answer = self._command(account, name, {"member": member}, on_seat, said, subscription=subscription)
        return self.get(account, answer.id)

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
            owner = self._account(connection, account)
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
        return self._account(work.transaction.connection, owner.id)

    def _account(self, connection: Any, account: str) -> Account:
        found = accounts.find_account(connection, account)
        if found is None:
            raise NotFound("account", account)
        return found


def _whole(told: Listed, people: People) -> Listed:
    """A list without a row that is wrong. Raises ImportFailed."""
    if told.wrong:
        source = people if isinstance(people, Path) else Path("list")
        raise ImportFailed(source, tuple(RowError(row.line, row.code, row.message) for row in told.wrong))
    return told


def _found(member: Member | None, name: str) -> Member:
    if member is None:
        raise NotFound("member", name)
    return member


def _present(member: Member | None, name: str) -> Member:
    """One who was not removed."""
    found = _found(member, name)
    if found.live_email is None:
        raise refused("removed")
    return found


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()
