"""Whether the attempts to move money are those that invoices and refunds tell of, and money was kept once (E2, E3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import and_, func, or_, select

from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.verify import invoice, notes
from lifecycle.verify.reading import columns, read
from lifecycle.verify.records import Attempt, Instance, Unreadable
from lifecycle.verify.report import Finding

ANSWERED = frozenset({"succeeded", "declined"})
UNANSWERED = frozenset({"asked", "unknown"})
KINDS = {invoice.KIND: "charge", notes.REFUND: "refund"}


def wrong_with(instances: Mapping[str, Instance], attempts: Sequence[Attempt]) -> Iterator[Finding]:
    """All attempts of a root. Raises KeyError, TypeError or ValueError for facts that can't be read."""
    by_instance: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_instance[attempt.instance_id].append(attempt)
        if not _fits(attempt, instances.get(attempt.instance_id)):
            told = f"The attempt {attempt.key} is not one of it: {attempt.status}, {attempt.amount}."
            yield Finding("attempt", _root(instances, attempt), attempt.instance_id, None, told)
    given_back = {
        (one.facts["charge"], one.facts["amount"])
        for one in instances.values()
        if one.machine == notes.REFUND and "charge" in one.facts
    }
    for one in instances.values():
        if one.machine == invoice.KIND:
            for code, told in _charged(one, by_instance[one.id], given_back):
                yield Finding(code, one.root_id, one.id, None, told)
        elif one.machine == notes.REFUND:
            for told in _refunded(one, by_instance[one.id]):
                yield Finding("refund", one.root_id, one.id, None, told)


def _fits(attempt: Attempt, one: Instance | None) -> bool:
    """Whether an attempt is of its instance: key, kind, account, currency and amount, and a status that it can have."""
    if one is None or KINDS.get(one.machine) != attempt.kind:
        return False
    name, _, number = attempt.key.rpartition(":")
    known = attempt.status in (ANSWERED if attempt.answered_at else UNANSWERED)
    owned = (attempt.account_id, attempt.currency) == (one.owner_id, one.facts["currency"])
    if name != one.id or not number.isdecimal() or str(int(number)) != number or not known or not owned:
        return False
    if attempt.kind == "refund":
        return int(number) >= 1 and 0 < attempt.amount <= one.facts["amount"]
    return 1 <= int(number) <= one.facts.get("attempt", 0) and attempt.amount == invoice.due(one.facts)


def _charged(one: Instance, attempts: Sequence[Attempt], given_back: set[tuple[str, int]]) -> Iterator[tuple[str, str]]:
    """Money that was taken is kept once where the invoice is paid, and not at all where it is not."""
    facts = one.facts
    kept = [each for each in attempts if each.status == "succeeded" and (each.key, each.amount) not in given_back]
    wanted = int(one.state == "paid" and invoice.due(facts) > 0)
    if len(kept) > wanted:
        yield "paid_twice", f"It is {one.state}, and keeps the money of {', '.join(each.key for each in kept)}."
    elif len(kept) < wanted:
        yield "paid_unproved", "It is paid, and no attempt has succeeded."
    statuses = {each.key: each.status for each in attempts}
    last, charge = facts.get("attempt", 0), facts.get("charge")
    for number in range(1, last):
        if statuses.get(f"{one.id}:{number}") in (None, "asked"):
            yield "attempt", f"Attempt {number} was followed by another, and has no outcome."
    now = statuses.get(f"{one.id}:{last}")
    if charge == "declined" and facts.get("decline") != invoice.CARDLESS and now != "declined":
        yield "attempt", f"It was declined, and its attempt {last} is {now}."
    if charge == "unknown" and now != "unknown":
        yield "attempt", f"Nobody knows what became of it, and its attempt {last} is {now}."


def _refunded(one: Instance, attempts: Sequence[Attempt]) -> Iterator[str]:
    """What a refund says went back is what the gateway gave back for it, all parts of it answered."""
    back = sum(each.amount for each in attempts if each.status == "succeeded")
    over = one.state == "refunded"
    if sum(each.amount for each in attempts) > one.facts["amount"]:
        yield "Its parts come to more than it."
    if over and (back != one.facts.get("refunded") or any(each.status not in ANSWERED for each in attempts)):
        yield f"{one.facts.get('refunded')} went back, it says; the attempts that succeeded come to {back}."


def _root(instances: Mapping[str, Instance], attempt: Attempt) -> str:
    one = instances.get(attempt.instance_id)
    return attempt.instance_id if one is None else one.root_id


def wrong_across(database: Database) -> Iterator[Finding]:
    """Refunds of more than was charged, or of nothing; attempts of nothing that is there. A refund may be of a charge
    on another root."""
    table, known = schema.attempts, schema.instances
    charge, refund = table.alias("charge"), table.alias("refund")
    paid = and_(charge.c.key == refund.c.of, charge.c.kind == "charge", charge.c.status == "succeeded")
    same = and_(charge.c.account_id == refund.c.account_id, charge.c.currency == refund.c.currency)
    back = func.sum(refund.c.amount)
    too_much = (
        select(refund.c.of, func.min(refund.c.instance_id), back, charge.c.amount)
        .outerjoin_from(refund, charge, paid & same)
        .where(refund.c.kind == "refund", refund.c.status != "declined")
        .group_by(refund.c.of, charge.c.amount)
        .having(or_(charge.c.amount.is_(None), back > charge.c.amount))
    )
    with database.reading() as connection:
        for of, instance_id, amount, taken in connection.execute(too_much):
            told = f"{amount} of {taken or 0} that {of} took is given back."
            yield Finding("refund", str(instance_id), str(instance_id), None, told)
        lost = columns(connection, Attempt).outerjoin_from(table, known, known.c.id == table.c.instance_id)
        for raw in connection.execute(lost.where(known.c.id.is_(None))):
            try:
                one = read(Attempt, raw)
            except Unreadable as error:
                yield Finding("unreadable", str(raw[2]), None, None, str(error))
                continue
            yield Finding(
                "orphan", one.instance_id, one.instance_id, None, f"The attempt {one.key} is of nothing there."
            )
