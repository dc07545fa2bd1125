"""What a forecast says held against what then happens, both without the ids that differ; and all that is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Table, select

from lifecycle import Forecast, Step
from lifecycle.app.forecasting import Foreseen
from lifecycle.app.invoices import InvoiceView
from lifecycle.gateways import sandbox_tables
from lifecycle.store import schema
from lifecycle.store.database import Database
from tests.money.shop import Shop
from tests.unit.machine_world import utc

Told = tuple[datetime, str, str, str, str | None, str]
"""When, of what, which machine's, what happened, from where, to where."""


def comes_true(shop: Shop, until: str, *, sub: str | None = None, declines: bool = False) -> Forecast:
    """The forecast for a subscription, or for all, which then comes to pass, step by step and invoice by invoice."""
    foreseen = shop.lifecycle.forecast(sub, until=utc(until), declines=declines)
    known = stored_ids(shop)
    before = everything(shop)
    happened = [step for step in shop.lifecycle.advance_to(utc(until)) if sub in (None, step.root_id)]
    assert everything(shop) != before or not happened
    assert steps(foreseen.steps, known) == steps(happened, known)
    concerned = {step.instance_id for step in happened}
    papers = [*shop.lifecycle.invoices.list(), *shop.lifecycle.invoices.credit_notes()]
    assert invoices(foreseen.invoices) == invoices([one for one in papers if one.id in concerned])
    return foreseen


def steps(several: Sequence[Foreseen | Step], known: Mapping[str, str]) -> list[Told]:
    """Each by its nominal instant; what is new goes by the order in which it came."""
    names = dict(known)
    return [
        (
            one.at,
            names.setdefault(one.instance_id, f"new {len(names)}"),
            one.machine,
            one.event,
            one.source,
            one.target,
        )
        for one in several
    ]


def invoices(several: Sequence[InvoiceView]) -> list[tuple[object, ...]]:
    """All of each but its id and number."""
    return sorted(
        (one.start, one.kind, one.end, one.status, one.total, one.credit, one.due, one.subscription) for one in several
    )


def brief(forecast: Forecast) -> list[str]:
    """A line for each step: `07-01 cycle_starts`, `07-01 charged 100.00`."""
    return [
        f"{one.at:%m-%d} {one.event}{'' if one.amount is None else f' {one.amount / 100:.2f}'}"
        for one in forecast.steps
    ]


def stored_ids(shop: Shop) -> Mapping[str, str]:
    """The instances that are there, each by its own id."""
    with shop.lifecycle.database.reading() as connection:
        return {id: id for id in connection.scalars(select(schema.instances.c.id))}


def everything(shop: Shop) -> Mapping[str, list[tuple[object, ...]]]:
    """Every row of every table of ours, and of the gateway's ledger."""
    ours = rows(shop.lifecycle.database, schema.metadata.sorted_tables)
    return ours | rows(shop.till.database, sandbox_tables.metadata.sorted_tables)


def rows(database: Database, tables: Sequence[Table]) -> dict[str, list[tuple[object, ...]]]:
    """Every row of these tables."""
    with database.reading() as connection:
        return {table.name: sorted(map(tuple, connection.execute(select(table))), key=repr) for table in tables}
