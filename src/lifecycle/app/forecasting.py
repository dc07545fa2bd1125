"""The forecast: what would happen by a date, when, and what it would cost, as a rehearsal shows it (rule G3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from lifecycle.app import arguments
from lifecycle.app.arguments import When
from lifecycle.app.context import Context
from lifecycle.app.invoices import InvoiceView
from lifecycle.app.rehearsing import DESTINATIONS, Rehearsal
from lifecycle.domain.machine import REMINDED
from lifecycle.engine.records import LogRecord
from lifecycle.errors import NotFound
from lifecycle.store import accounts, copying, queries
from lifecycle.store.copying import Extent
from lifecycle.store.queries import Standing

SLICES = 100
"""In how many parts whoever waits hears how far it is."""

NAMED = 5
"""How many of those that stand still are named in words; all are in `Forecast.still`."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A transition that would happen, at its nominal instant, which has passed for what is late.

    `amount`, in minor units, is the total of the invoice that it opens, or what is charged or declined of it; what goes
    back by a credit note or a refund is negative. What is still to be made has an id that it will not have.
    """

    at: datetime
    root_id: str
    instance_id: str
    account_id: str | None
    machine: str
    event: str
    source: str | None
    target: str
    amount: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """What the invoices of a forecast in one currency come to, in minor units: `total` is `credit`, which the balance
    pays, and what is then `paid`, or `owed` at the end. `credited` is by credit notes."""

    currency: str
    total: int
    credit: int
    paid: int
    owed: int
    credited: int


@dataclass(frozen=True, slots=True)
class Still:
    """A root on which nothing would happen, or nothing more: `held`, `quarantined`, or `failing` and tried again."""

    root_id: str
    status: str
    error: str | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would happen from `start`, which is now, up to `end`, if `assumptions` hold.

    `steps` are in the order in which they would happen, without reminders. `invoices`, credit notes among them, are
    those that one of the steps concerns, as they would be at the end; those that are still to be opened have no
    number. Each currency has its `totals`.
    """

    start: datetime
    end: datetime
    steps: tuple[Foreseen, ...]
    invoices: tuple[InvoiceView, ...]
    totals: tuple[Sums, ...]
    still: tuple[Still, ...]
    assumptions: tuple[str, ...]


class Scope(NamedTuple):
    """What a forecast is about: only this root, or all that is copied; in the zone in which its dates are meant, and
    from where the named clock stands that it is on."""

    which: Extent
    root_id: str | None
    zone: str
    clock: str | None = None


def forecast(
    context: Context,
    until: When,
    *,
    instance: str | None = None,
    account: str | None = None,
    declines: bool = False,
    progress: Progress | None = None,
) -> Forecast:
    """What would happen to an instance, an account, or without them to all, up to `until`; nothing is changed.

    Raises NotFound, Refused (`invalid`), SchemaError and DefinitionError.
    """
    if instance is not None and account is not None:
        raise arguments.invalid("A forecast is for a subscription or for an account, not for both.")
    context.ready()
    with ExitStack() as stack:
        with context.database.reading() as connection:
            scope = _scope(context, connection, instance, account)
            now = context.now(connection, scope.clock)
            end = arguments.end(until, scope.zone, now)
            rehearsal = stack.enter_context(closing(Rehearsal(context, now, declines=declines)))
            rehearsal.take_in(connection, replace(scope.which, apart=context.registry.apart))
        rows = _played(rehearsal, now, end, progress)
        return _told(rehearsal, scope, (now, end), rows, declines=declines)


def _scope(context: Context, connection: Connection, instance: str | None, account: str | None) -> Scope:
    """What is asked for, with whatever shares a balance with it. Raises NotFound."""
    if instance is not None:
        found = queries.standings(connection, id=instance)
        if not found:
            raise NotFound("instance", instance)
        root_id, owner = found[0].root_id, accounts.find_account(connection, found[0].owner_id or "")
        which = copying.extent(connection, DESTINATIONS, roots=[root_id])
        zone, clock = (owner.zone, owner.clock) if owner else (context.config.zone, None)
        return Scope(which, root_id, zone, clock)
    if account is not None:
        owner = accounts.the_account(connection, account)
        which = copying.extent(connection, DESTINATIONS, accounts=[owner.id])
        return Scope(which, None, owner.zone, owner.clock)
    return Scope(copying.everything(connection, DESTINATIONS), None, context.config.zone)


def _played(rehearsal: Rehearsal, now: datetime, end: datetime, progress: Progress | None) -> list[LogRecord]:
    """All that happens in the rehearsal; who waits for it is told how far it is."""
    if progress is None:
        return rehearsal.advance_to(end)
    rows: list[LogRecord] = []
    for part in range(SLICES + 1):  # the first is what is late
        progress(part, SLICES + 1)
        rows += rehearsal.advance_to(now + (end - now) * part / SLICES)
    progress(SLICES + 1, SLICES + 1)
    return rows


def _told(
    rehearsal: Rehearsal, scope: Scope, span: tuple[datetime, datetime], rows: Sequence[LogRecord], *, declines: bool
) -> Forecast:
    ours = [row for row in rows if scope.root_id in (None, row.root_id) and row.event != REMINDED]
    new = {row.instance_id for row in ours if row.source is None or row.event == "opened"}
    concerned = {row.instance_id for row in ours}
    listed = [*rehearsal.invoices.list(), *rehearsal.invoices.credit_notes()]
    papers = {one.id: replace(one, number=None) if one.id in new else one for one in listed if one.id in concerned}
    invoices = sorted(papers.values(), key=lambda one: (one.issued_at or one.start, one.id))
    with rehearsal.database.reading() as connection:
        standings = queries.standings(connection)
    owners = {one.id: one.owner_id for one in standings}
    still = [one for one in _still(standings) if scope.root_id in (None, one.root_id)]
    return Forecast(
        *span,
        steps=tuple(_foreseen(row, owners.get(row.instance_id), papers) for row in ours),
        invoices=tuple(invoices),
        totals=tuple(_sums(invoices)),
        still=tuple(still),
        assumptions=tuple(_assumptions(still, declines=declines)),
    )


def _foreseen(row: LogRecord, owner: str | None, papers: Mapping[str, InvoiceView]) -> Foreseen:
    amount, currency = _amount(row, papers.get(row.instance_id))
    return Foreseen(
        at=row.due_at,
        root_id=row.root_id,
        instance_id=row.instance_id,
        account_id=owner,
        machine=row.machine,
        event=row.event,
        source=row.source,
        target=row.target,
        amount=amount,
        currency=currency,
    )


def _still(standings: Sequence[Standing]) -> Iterable[Still]:
    """The roots that do nothing, or fail, each once."""
    aside = [one for one in standings if one.status != "live" or one.attempts]
    for root_id, one in {one.root_id: one for one in aside}.items():
        yield Still(root_id, "failing" if one.status == "live" else one.status, one.error)


def _amount(row: LogRecord, paper: InvoiceView | None) -> tuple[int | None, str | None]:
    """What a step is about, in minor units of a currency."""
    match row.machine, row.event:
        case "invoice", "opened" if paper:
            return paper.total, paper.currency
        case "invoice", "charged" | "declined" if paper:
            return paper.due, paper.currency
        case "credit_note", "issued" if paper:
            return -paper.total, paper.currency
        case "refund", "refunded":
            currency = next((effect["unit"] for effect in row.effects if effect.get("effect") == "post"), None)
            return -int(row.arguments["amount"]), currency
    return None, None


def _sums(papers: Sequence[InvoiceView]) -> Iterable[Sums]:
    for currency in sorted({one.currency for one in papers}):
        ours = [one for one in papers if one.currency == currency]
        invoices = [one for one in ours if one.kind == "invoice"]
        paid = sum(one.due for one in invoices if one.status == "paid")
        total, credit = sum(one.total for one in invoices), sum(one.credit for one in invoices)
        credited = sum(one.total for one in ours if one.kind == "credit_note")
        yield Sums(currency, total, credit, paid, total - credit - paid, credited)


def _assumptions(still: Sequence[Still], *, declines: bool) -> Iterable[str]:
    """What the forecast takes for granted, in words."""
    if declines:
        yield "Every charge is declined."
    else:
        yield "Every charge succeeds; without a payment method it is declined, as in life."
    yield "A charge that has no answer yet never got to the gateway."
    yield "Nobody does anything, and the configuration stays as it is."
    if kept := [one.root_id for one in still if one.status != "failing"]:
        yield f"What is held or quarantined stays so, and nothing fires on it: {_named(kept)}."


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return f"{', '.join(ids[:NAMED])}{more}"
