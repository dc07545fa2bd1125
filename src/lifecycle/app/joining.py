"""Joining by an invitation's code (rule F4): attempts, one look at the code, and then a member with a seat.

An attempt is counted before the code is looked at. What is unknown and what is over are refused by the same one look,
without a lock; only what may still be open is taken in hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, TypedDict, Unpack

from sqlalchemy import Connection

from lifecycle.app.context import Context, SqlWork
from lifecycle.app.members import Members
from lifecycle.app.orders import Subject
from lifecycle.app.people import MemberView, details, person, who
from lifecycle.app.seating import Seating, free_seats, open_account
from lifecycle.app.subjects import Subjects
from lifecycle.domain import codes
from lifecycle.domain.account import Account
from lifecycle.domain.machine import Stimulus
from lifecycle.domain.people import Person
from lifecycle.domain.refusals import refused
from lifecycle.engine.commands import Answer
from lifecycle.engine.hand import Because, Held
from lifecycle.engine.keys import fingerprint
from lifecycle.store import accounts, code_attempts
from lifecycle.store import invitations as store
from lifecycle.store import members as people
from lifecycle.store.host import HostConnection
from lifecycle.store.invitations import Looked

OVER = {"used_up": "invitation_used_up", "revoked": "invitation_revoked", "expired": "invitation_expired"}
"""How those are refused that are over."""


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


class Joins:
    """Takes in whoever holds a code; raises Refused."""

    def __init__(self, context: Context, members: Members) -> None:
        self._context = context
        self._members = members
        self._subjects = Subjects(context)
        self._seating = Seating(context)

    def join(self, code: str, email: str, **told: Unpack[Joining]) -> Joined:
        """As `Invitations.join`."""
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
            owner = accounts.the_account(connection, looked.account_id)
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
            step(work, subject, held, "used", {"member": member}, because)
        return member, not seated


def step(  # noqa: PLR0917  # what a step consists of
    work: SqlWork, subject: Subject, held: Held, event: str, told: Mapping[str, Any], because: Because
) -> None:
    """An event for an invitation of a subscription in hand. Raises Refused."""
    stimulus = Stimulus(event, work.now(), told)
    work.take(subject.hand, held, stimulus, work.foresee(subject.hand, held, stimulus), because)
