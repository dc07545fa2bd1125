"""Invitations: codes by which people join a subscription (rules A9, F4).

The codes stand apart from the log, and are looked up by a digest alone. Attempts at them are limited, and counted
before a code is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection

from lifecycle.app import arguments
from lifecycle.app.arguments import When, invalid
from lifecycle.app.context import Context, SqlWork
from lifecycle.app.members import Members
from lifecycle.app.orders import Subject
from lifecycle.app.people import MemberView, details, person, who
from lifecycle.app.seating import Seating, free_seats, open_account
from lifecycle.app.subjects import KIND as SUBSCRIPTION
from lifecycle.app.subjects import Subjects
from lifecycle.app.subscriptions import Judged, Said
from lifecycle.domain import codes
from lifecycle.domain.account import Account
from lifecycle.domain.calendar import Duration
from lifecycle.domain.machine import Json, Stimulus
from lifecycle.domain.people import Person
from lifecycle.domain.refusals import refused
from lifecycle.engine.commands import Answer, Beginning
from lifecycle.engine.hand import Because, Held
from lifecycle.engine.keys import fingerprint
from lifecycle.errors import NotFound
from lifecycle.store import accounts, code_attempts, queries
from lifecycle.store import invitations as store
from lifecycle.store import members as people
from lifecycle.store.host import HostConnection
from lifecycle.store.invitations import Invitation, Looked

KIND = "invitation"
OVER = {"used_up": "invitation_used_up", "revoked": "invitation_revoked", "expired": "invitation_expired"}
"""How those are refused that are over."""


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation as it stands. `state`: `open`, `used_up`, `revoked`, `expired`; without a `limit` the seats limit
    it, without `expires_at` it is open until the subscription ends."""

    id: str
    code: str
    account_id: str
    subscription: str
    state: str
    used: int
    limit: int | None
    expires_at: datetime | None
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Joined:
    """Who has joined, and what; `used` is False for somebody who had a seat already, and used nothing up."""

    member: MemberView
    subscription: str
    invitation: str
    used: bool


class Joining(TypedDict, total=False):
    """What goes with joining; all of it may be left out."""

    first_name: str
    last_name: str
    position: str
    caller: str | None
    """Whose attempts are counted: an address of the network, or whatever the host tells callers apart by; the e-mail
    address, unless given."""
    by: str | None
    """On whose behalf; the e-mail address, unless given: they act themselves."""
    reason: str | None
    key: str | None


class Invitations:
    """Commands raise Refused with a stable code, and NotFound; a refusal changes nothing, but attempts are counted."""

    def __init__(self, context: Context, members: Members) -> None:
        self._context = context
        self._members = members
        self._subjects = Subjects(context)
        self._seating = Seating(context)

    # Reading

    def get(self, invitation: str) -> InvitationView:
        """One, by its code or id. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            return _view(self._found(connection, invitation))

    def list(self, *, account: str | None = None, subscription: str | None = None) -> Sequence[InvitationView]:
        """Those of an account or of a subscription, oldest first. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            owner = None if account is None else self._account(connection, account).id
            if subscription and not queries.instances(connection, machine=SUBSCRIPTION, id=subscription):
                raise NotFound(SUBSCRIPTION, subscription)
            return [_view(one) for one in store.invitations(connection, account_id=owner, root_id=subscription)]

    # Commands

    def open(
        self,
        subscription: str,
        *,
        code: str | None = None,
        limit: int | None = None,
        expires: When | Duration | None = None,
        **said: Unpack[Judged],
    ) -> InvitationView:
        """A code, chosen or generated, by which so many can join until an instant, a date, or so long from now (`14d`).

        Refused `invalid`, `code_taken`, `date_in_past`, `ended`.
        """
        if code is not None and not codes.may_be_chosen(code):
            raise invalid("A code has 4 to 64 printable characters; spaces and dashes do not count as the first four.")
        if limit is not None:
            arguments.count(limit, "limit")
        given, about = code or codes.new_code(), {"limit": limit, "expires": None if expires is None else str(expires)}

        def job(work: SqlWork, subject: Subject, because: Because) -> str:
            if subject.held.state == "ended":
                raise refused("ended")
            digest, connection = codes.digest(given), work.transaction.connection
            if store.is_given_out(connection, digest):
                raise refused("code_taken")
            told: Json = {"account": subject.owner_id, "limit": limit}
            told["expires_at"] = _expiry(expires, subject.around.account.zone, work.now())
            asked = {name: value for name, value in told.items() if value is not None}
            beginning = Beginning(KIND, "opened", asked, subject.owner_id, subject.around)
            made = work.add(subject.hand, beginning, because).record.id
            store.add_code(connection, made, subject.owner_id, given, digest)
            return made

        chosen = {**about, "code": None if code is None else codes.digest(code)}
        return self.get(self._command(subscription, "invitations.open", chosen, job, said))

    def revoke(self, invitation: str, **said: Unpack[Judged]) -> InvitationView:
        """Let nobody join by it any more. Refused `invitation_used_up`, `invitation_revoked`, `invitation_expired`
        where it is over."""
        self._context.ready()
        with self._context.database.reading() as connection:
            found = self._found(connection, invitation)

        def job(work: SqlWork, subject: Subject, because: Because) -> str:
            self._step(work, subject, work.find(found.id)[1], "revoked", {}, because)
            return found.id

        about = {"invitation": found.id}
        return self.get(self._command(found.root_id, "invitations.revoke", about, job, said))

    def join(self, code: str, email: str, **told: Unpack[Joining]) -> Joined:
        """Join a subscription by a code, and have a seat at once. Harmless for somebody who has one already.

        Refused `too_many_attempts`, `invitation_unknown`, `invitation_used_up`, `invitation_revoked`,
        `invitation_expired`, `member_disabled`, `no_free_seat`, `invalid`.
        """
        joiner = replace(person(email, **who(told)), role="member")  # whatever they call themselves
        caller = sha256((told.get("caller") or joiner.key).encode()).hexdigest()
        self._count(caller)
        looked = self._look(codes.digest(code), joiner, told.get("key"))
        by, mark = told.get("by") or joiner.email, fingerprint(looked.id, "join", details(joiner))

        def job(work: SqlWork) -> Answer:
            connection, key = work.transaction.connection, told.get("key")
            self._context.see_right(connection, looked.account_id, by, "join")
            subject = self._subjects.existing(work, looked.root_id)
            if earlier := work.earlier(looked.account_id, key, mark):
                return earlier
            work.make_way(subject.hand, subject.held)
            work.lock([looked.account_id])
            work.make_way(work.hands[looked.account_id], None)
            owner = self._account(connection, looked.account_id)
            open_account(owner)
            with self._context.actor(work.transaction, by) as actor:
                because = Because("command", actor, work.keep_reason(owner.id, told.get("reason")))
                member, used = self._take_in(work, owner, subject, looked.id, joiner, because)
            answer = Answer(member, "", {"used": used}, subject.hand.root.seq)
            return work.answer(owner.id, key, mark, answer)

        answer = self._context.carry_out(job, looked.root_id)
        self._give_back(caller)
        member = self._members.get(looked.account_id, answer.id)
        return Joined(member, looked.root_id, looked.id, answer.facts["used"])

    # Joining

    def _count(self, caller: str) -> None:
        """Count an attempt, in a transaction of its own. Inside a host's it is in that, outside of the savepoint of the
        command: there a refusal does not undo it, but the host's rollback does. Refused `too_many_attempts`."""
        self._context.ready()
        limits, now = self._context.config.code_attempts, self._context.clock.now()
        within = limits.within.timedelta
        with self._counting() as connection:
            if not self._within_host:  # whose transaction would keep others waiting for the rows that go
                code_attempts.sweep(connection, now, within)
            counted = code_attempts.count(connection, caller, now, limits.attempts, within)
        if not counted:
            raise refused("too_many_attempts")

    def _give_back(self, caller: str) -> None:
        """Once the command is done, and holds no lock: who counts inside a host's transaction may wait for those."""
        with self._counting() as connection:
            code_attempts.give_back(connection, caller)

    def _counting(self) -> AbstractContextManager[Connection]:
        database = self._context.database
        return database.reading() if self._within_host else database.writing()

    @property
    def _within_host(self) -> bool:
        return isinstance(self._context.database, HostConnection)

    def _look(self, digest: str, joiner: Person, key: str | None) -> Looked:
        """The invitation, if it may still be open. What is over is refused here, without a lock and by the same one
        statement as what is unknown."""
        with self._context.database.reading() as connection:
            looked = store.look(connection, digest, joiner.key, key)
        now = self._context.clock.now()
        if looked is None:
            raise refused("invitation_unknown")
        if looked.is_answered:
            return looked
        again = looked.is_seated and looked.state == "used_up"
        if looked.state in OVER and not again:
            raise refused(OVER[looked.state])
        expires_at = looked.facts.get("expires_at")
        if not again and expires_at and datetime.fromisoformat(expires_at) <= (looked.clock_now or now):
            raise refused("invitation_expired")
        return looked

    def _take_in(  # noqa: PLR0917  # who joins what, by which code
        self, work: SqlWork, owner: Account, subject: Subject, invitation: str, joiner: Person, because: Because
    ) -> tuple[str, bool]:
        """Make somebody a member, enabled and seated, by an invitation; their id, and whether it was used for it."""
        connection, held = work.transaction.connection, work.find(invitation)[1]
        there = people.known(connection, owner.id, [joiner.key]).get(joiner.key)
        seated = there is not None and there.id in people.seated_among(connection, subject.held.record.id, [there.id])
        if not (seated and held.state == "used_up"):
            work.foresee(subject.hand, held, Stimulus("used", work.now()))
        if there is not None and there.state == "disabled":
            raise refused("member_disabled")
        if not seated and free_seats(subject) < 1:
            raise refused("no_free_seat")
        if there is not None and there.state == "invited":
            self._seating.step(work, owner, there, "enabled", {}, because)
        [member] = self._seating.take_in(work, owner, [joiner], because, subject, "enabled").members
        if not seated:
            self._step(work, subject, held, "used", {"member": member}, because)
        return member, not seated

    # What they share

    def _command(
        self,
        subscription: str,
        name: str,
        about: Json,
        job: Callable[[SqlWork, Subject, Because], str],
        said: Said | Judged,
    ) -> str:
        """A command on a subscription's invitations, under its lock; the id of the one that it was about."""

        def inside(work: SqlWork) -> Answer:
            subject = self._subjects.existing(work, subscription)
            owner, key, mark = subject.owner_id, said.get("key"), fingerprint(subscription, name, about)
            self._context.see_right(work.transaction.connection, owner, said["by"], "command")
            if earlier := work.earlier(owner, key, mark):
                return earlier
            expected: int | None = said.get("version")  # type: ignore[assignment]  # of what is judged
            work.make_way(subject.hand, subject.held, expected)
            with self._context.actor(work.transaction, said["by"]) as actor:
                because = Because("command", actor, work.keep_reason(subscription, said.get("reason")))
                answer = Answer(job(work, subject, because), "", {}, subject.hand.root.seq)
                return work.answer(owner, key, mark, answer)

        return self._context.carry_out(inside, subscription).id

    def _step(  # noqa: PLR0917  # what a step consists of
        self, work: SqlWork, subject: Subject, held: Held, event: str, told: Mapping[str, Any], because: Because
    ) -> None:
        stimulus = Stimulus(event, work.now(), told)
        work.take(subject.hand, held, stimulus, work.foresee(subject.hand, held, stimulus), because)

    def _found(self, connection: Connection, name: str) -> Invitation:
        found = store.find_invitation(connection, name, codes.digest(name))
        if found is None:
            raise NotFound("invitation", name)
        return found

    def _account(self, connection: Connection, account: str) -> Account:
        found = accounts.find_account(connection, account)
        if found is None:
            raise NotFound("account", account)
        return found


def _expiry(expires: When | Duration | None, zone: str, now: datetime) -> str | None:
    """When it expires, in ISO 8601. Raises Refused (`invalid`, `date_in_past`)."""
    if expires is None:
        return None
    at = _length(expires)
    expires_at = at.after(now, zone) if isinstance(at, Duration) else arguments.moment(at, zone, now)
    if expires_at <= now:
        raise refused("date_in_past")
    return expires_at.isoformat()


def _length(expires: When | Duration) -> When | Duration:
    """A length of time, where it is one without a plus."""
    try:
        return Duration.parse(expires) if isinstance(expires, str) else expires
    except ValueError:
        return expires


def _view(one: Invitation) -> InvitationView:
    expires_at = one.facts.get("expires_at")
    return InvitationView(
        id=one.id,
        code=one.code,
        account_id=one.account_id,
        subscription=one.root_id,
        state=one.state,
        used=one.facts["used"],
        limit=one.facts.get("limit"),
        expires_at=None if expires_at is None else datetime.fromisoformat(expires_at),
        opened_at=one.created_at,
    )
