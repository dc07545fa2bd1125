"""Whom a notice is for, and what is personal in it: read when it is written, and kept nowhere else (rule A2)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from lifecycle.config import Config
from lifecycle.domain.account import Account
from lifecycle.domain.machine import Json
from lifecycle.engine.outbox import Undeliverable
from lifecycle.notices.contents import Personal
from lifecycle.notices.kinds import kind_of
from lifecycle.notices.mail import Person
from lifecycle.store import accounts, invitations, members, money
from lifecycle.store.members import Member
from lifecycle.store.money import PaymentMethod


@dataclass(frozen=True, slots=True)
class Addressed:
    """Who gets a mail, their language and their zone. `account` is None for who runs the installation; `member` is the
    person whom it is for, where that is not whoever administers the account."""

    to: Person
    language: str
    zone: str
    account: Account | None = None
    member: Member | None = None


def addressed(connection: Connection, config: Config, kind: str, payload: Json) -> Addressed:
    """Who gets it. Raises Undeliverable where nobody is left or named."""
    if payload["account"] is None:
        address = config.mail.operator or config.seller.email
        if not address:
            raise Undeliverable("Nobody is named who runs the installation: set `mail.operator`, or `seller.email`.")
        return Addressed(Person(address), config.language, config.zone)
    account = accounts.find_account(connection, payload["account"])
    if account is None or not account.email:
        raise Undeliverable("The account has been erased: there is nobody to send it to.")
    language, zone = account.language or config.language, account.zone
    if kind_of(kind, payload["machine"]).to != "member":
        return Addressed(Person(account.email), language, zone, account)
    member = members.find_member(connection, account.id, payload["instance"])
    if member is None or member.live_email is None:
        raise Undeliverable("The member is not of the account any more.")
    return Addressed(Person(member.email, _name(member)), language, zone, account, member)


def personal(connection: Connection, kind: str, payload: Json, to: Addressed) -> Personal:
    """What is personal in it, but for a token."""
    owner = to.account
    if owner is None:
        return Personal()
    card = _card(connection, kind, payload, owner)
    return Personal(
        account_id=owner.id,
        reference=owner.reference,
        account_name=owner.name,
        member_name=_name(to.member) if to.member else "",
        code=_code(connection, payload),
        number=_number(connection, payload),
        card=card.card if card else "",
        card_expires=(card.exp_year, card.exp_month) if card else None,
    )


def _name(member: Member) -> str:
    return " ".join(part for part in (member.first_name, member.last_name) if part)


def _card(connection: Connection, kind: str, payload: Json, owner: Account) -> PaymentMethod | None:
    """The card that was charged; of what is told about the account's card, its default one."""
    charged = payload["facts"].get("method") if payload["machine"] == "invoice" else None
    method = owner.payment_method if kind == "card_expiring" else charged
    return money.payment_method(connection, method) if method else None


def _code(connection: Connection, payload: Json) -> str:
    if payload["machine"] != "invitation":
        return ""
    found = invitations.find_invitation(connection, payload["instance"], "")
    return found.code if found else ""


def _number(connection: Connection, payload: Json) -> str:
    if payload["machine"] != "invoice":
        return ""
    found = money.document(connection, payload["instance"])
    return (found.number if found else None) or ""
