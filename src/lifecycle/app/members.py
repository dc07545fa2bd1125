"""Members: the people of an account, who sits where, and who may use what.

An account begins with one, its first administrator. A member is named by their id or their e-mail address. Who they are
is stored apart from the log, which holds ids (rule A2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from secrets import token_urlsafe
from typing import Unpack

from sqlalchemy import Connection

from lifecycle.app.context import SqlWork
from lifecycle.app.lists import Lists, found_member
from lifecycle.app.orders import Subject
from lifecycle.app.people import (
    Access,
    Beneficiary,
    Edited,
    MemberView,
    PasswordToken,
    details,
    digest,
    known,
    person,
    view,
    who,
)
from lifecycle.app.subscriptions import Judged
from lifecycle.domain.account import Account
from lifecycle.domain.machine import Json
from lifecycle.domain.people import folded
from lifecycle.domain.refusals import refused
from lifecycle.engine.commands import Answer
from lifecycle.engine.hand import Because
from lifecycle.engine.ports import WriteFailed
from lifecycle.errors import NotFound
from lifecycle.store import accounts, queries
from lifecycle.store import members as store
from lifecycle.store.erasing import rename_actor
from lifecycle.store.members import Member


class Members(Lists):
    """Commands raise Refused with a stable code, and NotFound; a refusal changes nothing."""

    # Reading

    def list(self, account: str, *, removed: bool = False) -> Sequence[MemberView]:
        """Those of an account, in the order in which they were added. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            owner = accounts.the_account(connection, account)
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
            found = found_member(store.find_member(connection, owner, member), member)
            seated = store.seated_among(connection, subscription, [found.id])
        if standing.denied is not None:
            return Access(access=False, denied=standing.denied)
        denied = found.state if found.state != "enabled" else None if seated else "not_assigned"
        return Access(denied is None, denied)

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
            store.keep_token(work.transaction.connection, digest(token), found.id, expires_at)
            made[:] = [PasswordToken(token, found.id, expires_at)]

        self._of(account, member, "members.resend_password_email", {}, job, {**said, "key": None})
        return made[0]

    def redeem(self, token: str) -> MemberView:
        """Use a token for a password, once: somebody who was invited is enabled by it. Refused `token_unknown` for one
        that is unknown, used or expired."""

        def job(work: SqlWork) -> tuple[str, str]:
            connection = work.transaction.connection
            owner = accounts.the_account(connection, whose(connection)[0].account_id)
            work.stand_by(owner.clock)
            self._lock(work, owner)
            found, expires_at = whose(connection)  # again, under the lock
            if expires_at <= work.now() or found.state not in ("invited", "enabled"):
                raise refused("token_unknown")
            store.forget_tokens(connection, found.id)
            if found.state == "invited":
                with self._context.actor(work.transaction, found.id) as actor:
                    self._seating.step(work, owner, found, "enabled", {}, Because("command", actor))
            return owner.id, found.id

        def whose(connection: Connection) -> tuple[Member, datetime]:
            found = store.whose_token(connection, digest(token))
            if found is None:
                raise refused("token_unknown")
            return found

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


def _present(member: Member | None, name: str) -> Member:
    """One who was not removed."""
    found = found_member(member, name)
    if found.live_email is None:
        raise refused("removed")
    return found
