"""Accounts that close, and are deleted (rule A2).

A closed account can only be read. A deleted one has nothing personal left: the log and the books stay, which hold ids
and amounts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from lifecycle.app.context import Context, SqlWork
from lifecycle.app.mailbox import SUFFIXES
from lifecycle.app.subjects import Subjects
from lifecycle.app.subscriptions import Said
from lifecycle.domain.account import Account
from lifecycle.domain.machine import Json, Stimulus
from lifecycle.domain.money import format_amount
from lifecycle.domain.people import folded
from lifecycle.domain.refusals import REFUSALS, refused
from lifecycle.domain.rights import Right
from lifecycle.engine.commands import Answer
from lifecycle.engine.hand import Because
from lifecycle.engine.keys import fingerprint
from lifecycle.errors import Refused
from lifecycle.store import accounts, erasing, members, money, queries
from lifecycle.store.database import Database

KIND = "account"


@dataclass(frozen=True, slots=True)
class Deleted:
    """An account whose personal data are gone. `customers` is what the gateway calls it, for a host to delete there
    too. `left` says what still holds bytes of it, and how they go; empty where nothing does."""

    account: str
    customers: tuple[str, ...]
    left: tuple[str, ...]


class Closing:
    """What `Accounts` offers; raises NotFound, and Refused."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._subjects = Subjects(context)

    def change(self, account: str, asked: Mapping[str, str | None], said: Said) -> None:
        """Write details of an open account, and log that."""

        def job(work: SqlWork, owner: Account, because: Because) -> None:
            connection = work.transaction.connection
            values = {name: value for name, value in asked.items() if value != getattr(owner, name)}
            if not values and not owner.closed:
                raise refused("no_change")
            self._step(work, owner, "edited", because)
            accounts.change_account(connection, owner.id, values)
            first = members.find_member(connection, owner.id, owner.email)
            email = values.get("email")
            if email is not None and first is not None:
                if members.find_member(connection, owner.id, email) not in (None, first):
                    raise refused("member_exists")
                members.change_member(connection, first.id, {"email": email, "live_email": folded(email)})
                erasing.rename_actor(connection, owner.id, owner.email, email)

        self._on(account, said, "command", job, about={"edit": dict(asked)})

    def close(self, account: str, said: Said) -> None:
        """Close an account that has nothing going on."""

        def before(work: SqlWork, owner: Account) -> None:
            going_on = money.documents(work.transaction.connection, "invoice", account_id=owner.id, states=("open",))
            self._subjects.lock_live(work, owner.id, *(one.root_id for one in going_on))

        def job(work: SqlWork, owner: Account, because: Because) -> None:
            if not owner.closed:
                self._see_that_nothing_is_left(work.transaction.connection, owner)
            self._step(work, owner, "closed", because)
            accounts.change_account(work.transaction.connection, owner.id, {"closed": True})

        self._on(account, said, "command", job, before=before, about={"close": True})

    def delete(self, account: str, said: Said) -> Deleted:
        """Erase what is personal of a closed account."""
        known: list[str] = []
        messages: list[str] = []

        def job(work: SqlWork, owner: Account, because: Because) -> None:
            connection = work.transaction.connection
            if not owner.closed:
                raise refused("not_closed")
            if _is_deleted(owner):
                return  # a second time only what is left is done
            known[:] = erasing.customers(connection, owner.id)
            self._step(work, owner, "deleted", because)
            messages[:] = erasing.erase(connection, owner.id)

        owner = self._on(account, said, "operate", job)  # without a key: it erases what keys have remembered
        self._forget_files(messages)
        return Deleted(owner.id, tuple(known), self._overwrite())

    def _on(
        self,
        account: str,
        said: Said,
        right: Right,
        job: Callable[[SqlWork, Account, Because], None],
        *,
        before: Callable[[SqlWork, Account], None] | None = None,
        about: Json | None = None,
    ) -> Account:
        """A command on an account, under its lock; `before` it others are taken. `about` is what an idempotency key is
        for."""
        key = said.get("key") if about else None

        def inside(work: SqlWork) -> Account:
            connection = work.transaction.connection
            owner = accounts.the_account(connection, account)
            work.stand_by(owner.clock)
            self._context.see_right(connection, owner.id, said["by"], right)
            mark = fingerprint(owner.id, KIND, about or {})
            if work.earlier(owner.id, key, mark):
                return owner
            if before is not None:
                before(work, owner)
            work.lock([owner.id])
            work.make_way(work.hands[owner.id], None)
            owner = accounts.the_account(connection, owner.id)
            with self._context.actor(work.transaction, said["by"]) as actor:
                because = Because("command", actor, work.keep_reason(owner.id, said.get("reason")))
                job(work, owner, because)
            work.answer(owner.id, key, mark, Answer(owner.id, "", {}, work.hands[owner.id].root.seq))
            return owner

        return self._context.carry_out(inside)

    def _step(self, work: SqlWork, owner: Account, event: str, because: Because) -> None:
        hand, around = work.hands[owner.id], self._context.surroundings(work.transaction, owner)
        held = hand.held.get(owner.id) or work.begin_at(hand, KIND, owner.id, owner.id, around)
        work.surround(owner.id, around)
        stimulus = Stimulus(event, work.now())
        work.take(hand, held, stimulus, work.foresee(hand, held, stimulus), because)

    def _see_that_nothing_is_left(self, connection: Connection, owner: Account) -> None:
        """Raises Refused, naming what there is."""
        live = queries.instances(connection, machine="subscription", owner_id=owner.id)
        _none("subscription_live", [one.id for one in live if one.state != "ended"])
        _none("order_in_progress", _going_on(connection, owner, "order", "confirmed"))
        invoices = money.documents(connection, "invoice", account_id=owner.id, states=("open",))
        _none("invoice_open", [one.number or one.id for one in invoices])
        _none("refund_pending", _going_on(connection, owner, "refund", "asked"))
        left = money.balances(connection, [owner.id])
        _none("balance_left", [f"{format_amount(amount, unit)} {unit}" for (_, unit), amount in sorted(left.items())])

    def _forget_files(self, messages: Sequence[str]) -> None:
        """Messages that the file mailbox holds."""
        folder = self._context.config.path.parent / self._context.config.mail.path
        for message in messages:
            for suffix in SUFFIXES:
                (folder / f"{message}{suffix}").unlink(missing_ok=True)

    def _overwrite(self) -> tuple[str, ...]:
        """Have SQLite write over the bytes of what is erased, in its file and its WAL; what has to be done besides."""
        database = self._context.database
        if not isinstance(database, Database):
            return ("After the commit, lifecycle account delete once more overwrites what SQLite has kept of it.",)
        if not database.is_sqlite:
            return (
                "VACUUM, the recycling of the WAL and the end of old backups remove the rest from PostgreSQL's files.",
            )
        if database.truncate_wal():
            return ()
        return ("Somebody reads the database, so that its WAL still holds it: repeat lifecycle account delete later.",)


def _is_deleted(owner: Account) -> bool:
    return not owner.email


def _going_on(connection: Connection, owner: Account, machine: str, state: str) -> list[str]:
    return [one.id for one in queries.instances(connection, machine=machine, owner_id=owner.id, state=state)]


def _none(code: str, there: Sequence[Any]) -> None:
    if there:
        sentence, instead = REFUSALS[code]
        raise Refused(code, f"{sentence} There: {', '.join(map(str, there))}.", instead=instead)
