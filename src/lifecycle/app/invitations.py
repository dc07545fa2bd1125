"""Invitations: codes by which people join a subscription (rules A9, F4).

The codes stand apart from the log, and are looked up by a digest alone. Attempts at them are limited, and counted
before a code is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Unpack

from sqlalchemy import Connection

from lifecycle.app import arguments
from lifecycle.app.arguments import When, invalid
from lifecycle.app.context import Context, SqlWork
from lifecycle.app.joining import Joined, Joining, Joins, step
from lifecycle.app.members import Members
from lifecycle.app.orders import Subject
from lifecycle.app.subjects import KIND as SUBSCRIPTION
from lifecycle.app.subjects import Subjects
from lifecycle.app.subscriptions import Judged, Said
from lifecycle.domain import codes
from lifecycle.domain.calendar import Duration
from lifecycle.domain.machine import Json
from lifecycle.domain.refusals import refused
from lifecycle.engine.commands import Answer, Beginning
from lifecycle.engine.hand import Because
from lifecycle.engine.keys import fingerprint
from lifecycle.errors import NotFound
from lifecycle.store import accounts, queries
from lifecycle.store import invitations as store
from lifecycle.store.invitations import Invitation

KIND = "invitation"


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


class Invitations:
    """Commands raise Refused with a stable code, and NotFound; a refusal changes nothing, but attempts are counted."""

    def __init__(self, context: Context, members: Members) -> None:
        self._context = context
        self._subjects = Subjects(context)
        self._joins = Joins(context, members)

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
            owner = None if account is None else accounts.the_account(connection, account).id
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
            step(work, subject, work.find(found.id)[1], "revoked", {}, because)
            return found.id

        about = {"invitation": found.id}
        return self.get(self._command(found.root_id, "invitations.revoke", about, job, said))

    def join(self, code: str, email: str, **told: Unpack[Joining]) -> Joined:
        """Join a subscription by a code, and have a seat at once. Harmless for somebody who has one already.

        Refused `too_many_attempts`, `invitation_unknown`, `invitation_used_up`, `invitation_revoked`,
        `invitation_expired`, `member_disabled`, `no_free_seat`, `invalid`.
        """
        return self._joins.join(code, email, **told)

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

    def _found(self, connection: Connection, name: str) -> Invitation:
        found = store.find_invitation(connection, name, codes.digest(name))
        if found is None:
            raise NotFound("invitation", name)
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
