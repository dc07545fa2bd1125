"""Invitations: codes with which people take seats of a subscription themselves (rules A9, F4).

A code is generated, with 150 bits, or chosen; it is compared without regard to case, spaces and dashes, and is given
out once and never again. It stands apart from the log, and is looked up by a digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from secrets import randbits
from typing import Unpack

from lifecycle.app import arguments
from lifecycle.app.arguments import When, invalid
from lifecycle.app.context import Context, SqlWork
from lifecycle.app.members import Members
from lifecycle.app.people import MemberView, Who, person
from lifecycle.app.seating import Seating, open_account
from lifecycle.app.subjects import Subjects
from lifecycle.app.subscriptions import Judged, Said
from lifecycle.domain.machine import Json, Stimulus
from lifecycle.domain.people import Person
from lifecycle.domain.refusals import refused
from lifecycle.engine.commands import Answer, Beginning
from lifecycle.engine.hand import Because
from lifecycle.engine.keys import fingerprint
from lifecycle.errors import NotFound
from lifecycle.store import accounts
from lifecycle.store import invitations as store
from lifecycle.store import members as members_store
from lifecycle.store.invitations import Invitation

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without letters that look like digits."""
GROUPS, LETTERS = 5, 6
SHORTEST, LONGEST = 4, 64


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An invitation as it stands. `state`: `open`, `used_up`, `revoked`, `expired`; without a `limit` it is that of the
    seats, without `expires_at` it does not expire."""

    id: str
    code: str
    account_id: str
    subscription: str
    state: str
    used: int
    limit: int | None
    expires_at: datetime | None


class Invitations:
    """Commands raise Refused with a stable code, and NotFound; an invitation is named by its id or its code."""

    def __init__(self, context: Context, members: Members) -> None:
        self._context = context
        self._members = members
        self._subjects = Subjects(context)
        self._seating = Seating(context)

    # For administrators

    def open(
        self,
        subscription: str,
        *,
        code: str | None = None,
        limit: int | None = None,
        expires: When | None = None,
        **said: Unpack[Judged],
    ) -> InvitationView:
        """A code for seats of a subscription, chosen or generated; `expires`: an instant or date, or so long from now
        (`+14d`). Refused `invalid`, `code_taken`, `date_in_past`, `ended`."""
        chosen = _shown() if code is None else _checked(code)
        asked: Json = {} if limit is None else {"limit": arguments.count(limit, "limit")}

        def job(work: SqlWork) -> Answer:
            connection = work.transaction.connection
            subject = self._subjects.existing(work, subscription)
            self._subjects.see_right(work, subject, said["by"])
            account = subject.around.account
            at = None if expires is None else arguments.moment(expires, account.zone, work.now())
            key = said.get("key")
            mark = fingerprint(
                subscription, "opened", {**asked, "code": code and digest(code), "expires": str(expires)}
            )
            if earlier := work.earlier(account.id, key, mark):
                return earlier
            work.make_way(subject.hand, subject.held, said.get("version"))
            open_account(account)
            if subject.held.state == "ended":
                raise refused("ended")
            if at is not None and at <= work.now():
                raise refused("date_in_past")
            if store.is_taken(connection, digest(chosen)):
                raise refused("code_taken")
            facts = {"account": account.id, **asked} | ({} if at is None else {"expires_at": at.isoformat()})
            beginning = Beginning("invitation", "opened", facts, account.id, subject.around)
            with self._context.actor(work.transaction, said["by"]) as actor:
                reason = work.keep_reason(subject.hand.root.id, said.get("reason"))
                held = work.add(subject.hand, beginning, Because("command", actor, reason))
            store.add(connection, held.record.id, account.id, chosen, digest(chosen))
            return work.answer(account.id, key, mark, work.snapshot(subject.hand, held))

        return self.get(self._context.carry_out(job, subscription).id)

    def revoke(self, invitation: str, **said: Unpack[Said]) -> InvitationView:
        """Let nobody join with it any more. Refused as what it has become where it is over."""
        known = self._found(invitation)

        def job(work: SqlWork) -> None:
            self._context.see_right(work.transaction.connection, known.account_id, said["by"], "command")
            hand, held = work.find(known.id)
            work.make_way(hand, held)
            with self._context.actor(work.transaction, said["by"]) as actor:
                because = Because("command", actor, work.keep_reason(hand.root.id, said.get("reason")))
                work.tell(known.id, "revoked", because)

        self._context.carry_out(job, known.root_id)
        return self.get(known.id)

    def get(self, invitation: str) -> InvitationView:
        """One of them. Raises NotFound."""
        return _view(self._found(invitation))

    def list(self, account: str, *, subscription: str | None = None) -> Sequence[InvitationView]:
        """Those of an account, or of one of its subscriptions, oldest first. Raises NotFound."""
        self._context.ready()
        with self._context.database.reading() as connection:
            owner = accounts.find_account(connection, account)
            if owner is None:
                raise NotFound("account", account)
            return [_view(one) for one in store.invitations(connection, owner.id, subscription)]

    # For whoever holds the code

    def join(self, code: str, email: str, *, caller: str | None = None, **who: Unpack[Who]) -> MemberView:
        """Take a seat with a code; who is no member becomes one, enabled. Who has a seat already keeps it, and nothing
        is used up.

        `caller` is whose attempts are counted (an address, a session), the e-mail address unless given. Refused
        `too_many_attempts`, `invitation_unknown`, `invitation_used_up`, `invitation_revoked`, `invitation_expired`,
        `no_free_seat`, `member_disabled`, `invalid`.
        """
        who["role"] = "member"
        joining = person(email, **who)
        asking = sha256((caller or joining.key).encode()).hexdigest()
        self._context.ready()
        self._count(asking)
        known = self._usable(code)

        def job(work: SqlWork) -> str:
            subject = self._subjects.existing(work, known.root_id)
            work.make_way(subject.hand, subject.held)
            account = subject.around.account
            work.lock([account.id])
            open_account(account)
            member = self._join(work, known, joining)
            store.give_back(work.transaction.connection, asking)
            return member

        return self._members.get(known.account_id, self._context.carry_out(job, known.root_id))

    def _join(self, work: SqlWork, known: Invitation, joining: Person) -> str:
        """Everything that a join does, under the locks of the subscription and the account; the member's id."""
        connection, subject = work.transaction.connection, self._subjects.existing(work, known.root_id)
        account = subject.around.account
        there = members_store.known(connection, account.id, [joining.key]).get(joining.key)
        if there is not None and there.state == "disabled":
            raise refused("member_disabled")
        if there is not None and members_store.seated_among(connection, known.root_id, [there.id]):
            return there.id
        hand, held = work.find(known.id)
        used = Stimulus("used", work.now())
        decision = work.foresee(hand, held, used)
        with self._context.actor(work.transaction, joining.email) as actor:
            because = Because("command", actor)
            if there is not None and there.state == "invited":
                self._seating.step(work, account, there, "enabled", {}, because)
            taken = self._seating.take_in(work, account, [joining], because, subject, event="enabled")
            work.take(hand, held, used, decision, because)
        return taken.members[0]

    def _count(self, asking: str) -> None:
        """Count an attempt, in a transaction of its own where there is one. Raises Refused (`too_many_attempts`)."""
        allowed, now = self._context.config.code_attempts, self._context.clock.now()
        with self._context.database.writing() as connection:
            made = store.count_attempt(connection, asking, now, now - allowed.within.timedelta)
        if made > allowed.attempts:
            raise refused("too_many_attempts")

    def _usable(self, code: str) -> Invitation:
        """The invitation with this code, as one look finds it: the same look whether there is one or not, so that
        nobody learns from the time that a refusal takes. Raises Refused."""
        with self._context.database.reading() as connection:
            known = store.by_digest(connection, digest(code))
            now = self._context.now(connection, known.clock if known else None)
        if known is None:
            raise refused("invitation_unknown")
        expires_at = known.facts.get("expires_at")
        if known.state == "open" and expires_at and datetime.fromisoformat(expires_at) <= now:
            raise refused("invitation_expired")
        if known.state != "open":
            raise refused(f"invitation_{known.state}")
        return known

    def _found(self, name: str) -> Invitation:
        self._context.ready()
        with self._context.database.reading() as connection:
            found = store.find(connection, name, digest(name))
        if found is None:
            raise NotFound("invitation", name)
        return found


def digest(code: str) -> str:
    """What a code is looked up by: case, spaces and dashes make no difference."""
    return sha256(_plain(code).encode()).hexdigest()


def _plain(code: str) -> str:
    return "".join(letter for letter in code.casefold() if letter.isalnum())


def _checked(code: str) -> str:
    """A code that somebody has chosen."""
    if not SHORTEST <= len(_plain(code)) <= LONGEST or not code.isprintable() or len(code) > 2 * LONGEST:
        raise invalid(f"A code has {SHORTEST} to {LONGEST} letters and digits.")
    return code.strip()


def _shown() -> str:
    """A new code: five groups of six letters, which are 150 bits."""
    bits = randbits(5 * GROUPS * LETTERS)
    letters = "".join(ALPHABET[bits >> 5 * n & 31] for n in range(GROUPS * LETTERS))
    return "-".join(letters[start : start + LETTERS] for start in range(0, len(letters), LETTERS))


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
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
    )
