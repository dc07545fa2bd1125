"""A document in words, ready to be laid out: the page and the PDF both print a sheet, so they can't disagree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lifecycle.documents.model import Party, Printed, PrintedLine
from lifecycle.documents.words import day, harmless, harmless_lines, period
from lifecycle.domain.money import format_amount

TITLES = {"invoice": "Invoice", "credit_note": "Credit note"}
TEST, NOTHING_OWED = "TEST – ", "This is a test: nothing is owed, and no money was moved. "
"""What stands before the title and the statement of a test."""
MARKS = {"open": "DUE"}
"""What is stamped on an invoice, where it is not the name of its status."""
STATEMENTS = {
    "draft": "This is a draft: nothing is owed for it yet.",
    "void": "This is void: nothing is owed for it.",
    "uncollectible": "This could not be collected, and is still owed.",
}
"""What a status says by itself."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    kind: str
    description: str
    period: str
    quantity: str
    unit_price: str
    amount: str
    formula: str


@dataclass(frozen=True, slots=True)
class Sum:
    """A line under the table, its amount with the currency."""

    label: str
    amount: str
    formula: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that is printed. `outcome` is what it comes to, `statement` says so in a sentence."""

    kind: str
    title: str
    number: str
    mark: str
    statement: str
    facts: tuple[tuple[str, str], ...]
    seller: Party
    buyer: Party
    currency: str
    rows: tuple[Row, ...]
    sums: tuple[Sum, ...]
    outcome: Sum
    note: str
    footer: str


def sheet(document: Printed) -> Sheet:
    """The document in words. Raises ValueError for an unknown currency."""
    return Sheet(
        kind=document.kind,
        title=f"{TEST}{TITLES[document.kind]}" if document.is_test else TITLES[document.kind],
        number=harmless(document.number),
        mark=_mark(document),
        statement=harmless(f"{NOTHING_OWED}{_statement(document)}" if document.is_test else _statement(document)),
        facts=tuple(_facts(document)),
        seller=_party(document.seller),
        buyer=_party(document.buyer),
        currency=document.currency,
        rows=tuple(_row(line, document.currency) for line in document.lines if line.kind != "tax"),
        sums=tuple(_sums(document)),
        outcome=_outcome(document),
        note=harmless_lines(document.note),
        footer=harmless(f"Dates are local to {document.zone}."),
    )


def _party(party: Party) -> Party:
    return replace(
        party,
        name=harmless(party.name),
        address=harmless_lines(party.address),
        tax_id=harmless(party.tax_id),
        email=harmless(party.email),
    )


def _facts(document: Printed) -> Iterator[tuple[str, str]]:
    yield "Number", harmless(document.number)
    yield "Issued", day(document.issued)
    if document.reference:
        yield "Subscription", harmless(document.reference)


def _row(line: PrintedLine, currency: str) -> Row:
    return Row(
        kind=line.kind,
        description=harmless(line.description),
        period=period(line.start, line.end),
        quantity=str(line.quantity),
        unit_price=format_amount(line.unit_price, currency),
        amount=format_amount(line.amount, currency),
        formula=harmless(line.formula),
    )


def _money(document: Printed, minor: int) -> str:
    return f"{format_amount(minor, document.currency)} {document.currency}"


def _sums(document: Printed) -> Iterator[Sum]:
    """What leads from the lines to the outcome."""
    yield Sum("Subtotal", _money(document, sum(line.amount for line in document.lines if line.kind != "tax")))
    for line in document.lines:
        if line.kind == "tax":
            yield Sum(harmless(line.description), _money(document, line.amount), harmless(line.formula))
    yield Sum("Total", _money(document, document.total))
    if document.kind == "invoice" and document.credit:
        yield Sum("From your balance", _money(document, -document.credit))
    if document.kind == "credit_note" and document.credit and document.due:
        yield Sum("To your balance", _money(document, abs(document.credit)))


def _outcome(document: Printed) -> Sum:
    if document.kind == "invoice":
        paid = document.status == "paid" and document.due
        return Sum("Amount paid" if paid else "Amount due", _money(document, document.due))
    if document.due:
        return Sum("Refunded", _money(document, abs(document.due)))
    return Sum("To your balance", _money(document, abs(document.credit)))


def _mark(document: Printed) -> str:
    if document.kind == "credit_note" and document.status not in {"draft", "void"}:
        return "REFUNDED" if document.due else "CREDITED"
    return MARKS.get(document.status, harmless(document.status).upper())


def _statement(document: Printed) -> str:
    if document.status in STATEMENTS:
        return STATEMENTS[document.status]
    if document.kind == "credit_note":
        refunded = _done("Refunded", "to", document)
        return refunded if document.due else "Added to your balance."
    if document.status != "paid":
        return f"To be paid with {document.method}." if document.method else "Payment is due."
    if document.due:
        return _done("Paid", "with", document)
    return "Paid from your balance." if document.credit else "There is nothing to pay."


def _done(verb: str, by: str, document: Printed) -> str:
    """`Paid on 15 Jun 2026 with Visa •••• 4242.`, as far as it is known."""
    on = f" on {day(document.paid_on)}" if document.paid_on else ""
    return f"{verb}{on}{f' {by} {document.method}' if document.method else ''}."
