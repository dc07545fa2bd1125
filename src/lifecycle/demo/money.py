"""The demo's year in money: what was invoiced and paid, month by month, and one invoice line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from lifecycle.app.invoices import InvoiceView
from lifecycle.demo.picture import plain
from lifecycle.domain.calendar import local
from lifecycle.domain.money import format_amount

LEGEND = "Behind: paid only after a decline. Owed: open. Lost: given up after the last retry."
BAR = 24


@dataclass
class Month:
    """The invoices that were issued in a calendar month (UTC), and what became of them; amounts in minor units."""

    name: str
    currency: str
    number: int = 0
    amounts: Counter[str] = field(default_factory=Counter)


def months(invoices: Sequence[InvoiceView]) -> Table:
    """The year by month, of invoices in one currency."""
    told: dict[str, Month] = {}
    for invoice in invoices:
        name = f"{invoice.issued_at:%b %Y}"
        month = told.setdefault(name, Month(name, invoice.currency))
        month.number += 1
        month.amounts.update({"Invoiced": invoice.total, _became(invoice): invoice.total})
    most = max((month.amounts["Invoiced"] for month in told.values()), default=1) or 1
    headings = ("Invoiced", "Paid", "Behind", "Owed", "Lost")
    table = plain("Month", ">Invoices", *(f">{name}" for name in headings), "invoiced")
    for month in told.values():
        amounts = (_amount(month.amounts[name], month.currency) for name in headings)
        bar = Bar(most, 0, month.amounts["Invoiced"], width=BAR, color="green")
        table.add_row(month.name, str(month.number), *amounts, bar)
    return table


def telling(invoices: Sequence[InvoiceView]) -> InvoiceView:
    """Of these, of which there is one, the one with the most to tell: the newest with a share of a cycle."""
    return max(invoices, key=lambda one: (any("/" in line.formula for line in one.lines), one.id))


def lines(invoice: InvoiceView) -> Table:
    """An invoice line by line, each as a person would check it."""
    table = plain("Line", "From", "To", "As a person would check it", f">{invoice.currency}")
    for line in invoice.lines:
        days = (f"{local(instant, invoice.zone):%d %b}" for instant in (line.start, line.end))
        table.add_row(line.kind, *days, Text(line.formula, "dim"), format_amount(line.amount, invoice.currency))
    table.add_row(Text("total", "bold"), "", "", invoice.status, format_amount(invoice.total, invoice.currency))
    return table


def _became(invoice: InvoiceView) -> str:
    if invoice.status == "paid":
        return "Behind" if invoice.failed_at else "Paid"
    return "Owed" if invoice.status == "open" else "Lost"


def _amount(minor: int, currency: str) -> str:
    return format_amount(minor, currency) if minor else "·"
