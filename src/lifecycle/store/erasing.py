"""What is personal about an account in the database, and its erasure. The log stays: it holds ids and amounts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Select, delete, or_, select, update

from lifecycle.domain.people import folded
from lifecycle.store import schema

_ACCOUNTS, _MEMBERS, _ACTORS = schema.accounts, schema.members, schema.actors


def erase(connection: Connection, account_id: str) -> list[str]:
    """Erase names, addresses, codes, reasons, cards and answers of an account; the ids of the messages that it has
    sent, which may lie in files."""
    roots = _roots(account_id)
    people = connection.execute(
        select(_MEMBERS.c.id, _MEMBERS.c.email).where(_MEMBERS.c.account_id == account_id)
    ).all()
    acted = select(_ACTORS.c.name).join(schema.log, schema.log.c.actor == _ACTORS.c.id)
    others = connection.scalars(acted.where(schema.log.c.root_id.in_(roots), _ACTORS.c.name.contains("@")).distinct())
    _erase_actors(connection, account_id, [*others, *(name for row in people for name in (row.id, row.email))])
    ours = _MEMBERS.c.account_id == account_id
    blank = dict.fromkeys(("email", "first_name", "last_name", "position"), "")
    tokens = schema.password_tokens.c.member_id.in_(select(_MEMBERS.c.id).where(ours))
    connection.execute(delete(schema.password_tokens).where(tokens))
    connection.execute(update(_MEMBERS).where(ours).values(**blank))
    connection.execute(
        update(_MEMBERS).where(ours, _MEMBERS.c.live_email.is_not(None)).values(live_email=_MEMBERS.c.id)
    )
    codes = schema.invitations
    connection.execute(update(codes).where(codes.c.account_id == account_id).values(code="", digest=codes.c.id))
    connection.execute(delete(schema.imports).where(schema.imports.c.account_id == account_id))
    connection.execute(delete(schema.answers).where(schema.answers.c.scope == account_id))
    connection.execute(update(schema.reasons).where(schema.reasons.c.root_id.in_(roots)).values(text=""))
    methods = schema.payment_methods
    cards = {"customer": "", "token": "", "brand": "", "last4": "", "exp_month": 0, "exp_year": 0, "default_of": None}
    connection.execute(update(methods).where(methods.c.account_id == account_id).values(**cards))
    troubled = schema.roots.c.id.in_(roots) & schema.roots.c.error.is_not(None)
    connection.execute(update(schema.roots).where(troubled).values(error=""))
    outbox = schema.outbox
    connection.execute(update(outbox).where(outbox.c.root_id.in_(roots), outbox.c.error.is_not(None)).values(error=""))
    sent = select(outbox.c.id).where(outbox.c.root_id.in_(roots))
    answers = update(schema.deliveries).where(schema.deliveries.c.message_id.in_(sent))
    connection.execute(answers.values(body="", error=None))
    gone = dict.fromkeys(("name", "email", "address", "tax_id"), "") | {"reference": account_id}
    connection.execute(update(_ACCOUNTS).where(_ACCOUNTS.c.id == account_id).values(**gone))
    return list(connection.scalars(sent))


def customers(connection: Connection, account_id: str) -> list[str]:
    """What the gateway calls the account, as its payment methods have it."""
    query = select(schema.payment_methods.c.customer).where(schema.payment_methods.c.account_id == account_id)
    return sorted(filter(None, connection.scalars(query.distinct())))


def _roots(account_id: str) -> Select[tuple[str]]:
    """The roots on which something is the account's."""
    return select(schema.instances.c.root_id).where(schema.instances.c.owner_id == account_id).distinct()


def _erase_actors(connection: Connection, account_id: str, names: Sequence[str]) -> None:
    """The names under which its people have acted, but of those who are people of another account too: their id takes
    the place of the name."""
    for name in {folded(name) for name in names}:
        if not _is_elsewhere(connection, account_id, name):
            acted = update(_ACTORS).where(_ACTORS.c.id.in_(_acting(connection, name)))
            connection.execute(acted.values(name=_ACTORS.c.id))


def rename_actor(connection: Connection, account_id: str, before: str, after: str) -> None:
    """Somebody has another address: what they have done, they have done under that. Who is a person of another account
    too keeps the old one; where the new one has acted already, the old one's id takes its place."""
    if _is_elsewhere(connection, account_id, folded(before)) or folded(before) == folded(after):
        return
    ours, taken = _acting(connection, folded(before)), bool(_acting(connection, folded(after)))
    acted = update(_ACTORS).where(_ACTORS.c.id.in_(ours))
    connection.execute(acted.values(name=_ACTORS.c.id if taken or len(ours) > 1 else after))


def _acting(connection: Connection, name: str) -> list[str]:
    """The actors of a folded name, by id. SQLite folds nothing but ASCII, so that it is done here."""
    persons = select(_ACTORS.c.id, _ACTORS.c.name).where(or_(_ACTORS.c.name.contains("@"), _ACTORS.c.name == name))
    return [row.id for row in connection.execute(persons) if folded(row.name) == name]


def _is_elsewhere(connection: Connection, account_id: str, name: str) -> bool:
    """Whether somebody of that folded address is a person of another account."""
    elsewhere = select(_MEMBERS.c.id).where(_MEMBERS.c.live_email == name, _MEMBERS.c.account_id != account_id)
    return connection.scalar(elsewhere.limit(1)) is not None
