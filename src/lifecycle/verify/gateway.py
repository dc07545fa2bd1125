"""Whether the gateway's own ledger and our attempts agree, to the minor unit (rules D2, E2, E3).

What is on a named clock is paid in the sandbox, whatever the gateway: it need not be in the gateway's ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from sqlalchemy import Connection, select

from lifecycle.store import schema
from lifecycle.store.database import Database
from lifecycle.verify.reading import columns, read
from lifecycle.verify.records import Attempt, Message, Unreadable
from lifecycle.verify.report import Finding, Level


class Moved(Protocol):
    """A charge or a refund, as the gateway has decided it."""

    @property
    def kind(self) -> str:
        """`charge` or `refund`."""
        ...

    @property
    def key(self) -> str:
        """The key under which it was asked."""
        ...

    @property
    def amount(self) -> int:
        """Minor units."""
        ...

    @property
    def currency(self) -> str:
        """ISO 4217."""
        ...

    @property
    def status(self) -> str:
        """`succeeded`, or anything else."""
        ...


class _Ours(NamedTuple):
    root_id: str
    instance_id: str
    amount: int
    currency: str


def ledger_of(gateway: object) -> Iterator[Moved] | None:
    """What a gateway says that it has moved, asked for when it is first gone through; None where it gives no ledger."""
    ledger = getattr(gateway, "ledger", None)
    return None if ledger is None else _asked(ledger)


def _asked(ledger: Callable[[], Iterable[Moved]]) -> Iterator[Moved]:
    yield from ledger()


def wrong_with(database: Database, moved: Iterable[Moved]) -> Iterator[Finding]:
    """Everything that is wrong between the two. The gateway's is read second, so that what succeeds meanwhile is only
    on its side, and is asked for once more. Memory grows with what has succeeded."""
    ours, seen = dict(_succeeded(database)), set[tuple[str, str]]()
    unheard: list[Moved] = []
    for one in moved:
        if one.status != "succeeded":
            continue
        name = (one.kind, one.key)
        mine = ours.get(name)
        root_id, instance_id = (mine.root_id, mine.instance_id) if mine else (_instance(one), _instance(one))
        if name in seen:
            told = f"The gateway has moved money under {one.key} more than once."
            yield Finding("charge_repeated", root_id, instance_id, None, told)
        elif mine is None:
            unheard.append(one)
        elif (one.amount, one.currency) != (mine.amount, mine.currency):
            told = f"Under {one.key} the gateway has moved {one.amount} {one.currency}, not {mine.amount}."
            yield Finding("charge_content", root_id, instance_id, None, told)
        seen.add(name)
    for kind, key in ours.keys() - seen:
        mine = ours[kind, key]
        told = f"The {kind} {key} has succeeded, and the gateway says nothing of it."
        yield Finding("charge_missing", mine.root_id, mine.instance_id, None, told)
    if unheard:
        with database.reading() as connection:
            for one in unheard:
                yield from _unheard(connection, one)


def _succeeded(database: Database) -> Iterator[tuple[tuple[str, str], _Ours]]:
    table, known, roots = schema.attempts, schema.instances, schema.roots
    with database.reading() as connection:
        query = columns(connection, Attempt).add_columns(known.c.root_id)
        query = query.join_from(table, known, known.c.id == table.c.instance_id)
        query = query.outerjoin(roots, roots.c.id == known.c.root_id)
        query = query.where(table.c.status == "succeeded", roots.c.clock.is_(None))
        for *raw, root_id in connection.execute(query.execution_options(yield_per=1000)):
            try:
                one = read(Attempt, raw)
            except Unreadable:
                continue  # reported with its root
            yield (one.kind, one.key), _Ours(str(root_id), one.instance_id, one.amount, one.currency)


def _unheard(connection: Connection, one: Moved) -> Iterator[Finding]:
    """What we do not know of yet, while somebody still asks for it, is a warning."""
    table, instance_id = schema.attempts, _instance(one)
    query = select(table.c.status, table.c.amount).where(table.c.key == one.key, table.c.kind == one.kind)
    if connection.execute(query).first() == ("succeeded", one.amount):
        return
    root_id = connection.scalar(select(schema.instances.c.root_id).where(schema.instances.c.id == instance_id))
    told = f"The gateway has moved {one.amount} {one.currency} under {one.key}, and nobody here has heard of it."
    level: Level = "warning" if _is_asked_for(connection, one) else "error"
    yield Finding("charge_unheard", str(root_id or instance_id), instance_id, None, told, level)


def _is_asked_for(connection: Connection, one: Moved) -> bool:
    """Whether a message that is not finished asks the gateway for this very charge or refund."""
    outbox, wanted = schema.outbox, {"refund": _instance(one)}
    if one.kind == "charge":
        number = one.key.rpartition(":")[2]
        wanted = {"invoice": _instance(one), "attempt": number}
    query = columns(connection, Message).where(outbox.c.instance_id == _instance(one), outbox.c.wake_at.is_not(None))
    for raw in connection.execute(query):
        try:
            payload = read(Message, raw).payload
        except Unreadable:
            continue  # reported with its root
        if all(str(payload.get(name)) == value for name, value in wanted.items()):
            return True
    return False


def _instance(one: Moved) -> str:
    """The invoice or the refund that a key is of."""
    return one.key.rpartition(":")[0] or one.key
