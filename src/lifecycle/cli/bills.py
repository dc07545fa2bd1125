"""How money is shown to people: the lines of quotes and invoices, what they come to, and what became of charges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lifecycle.cli.directory import Directory, Owner
from lifecycle.cli.faces import distance, seats
from lifecycle.cli.output import day, facts, framed, money, printable, table, when

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    from lifecycle.app.invoices import InvoiceView
    from lifecycle.app.quotes import Quote
    from lifecycle.domain.catalog import Catalog
    from lifecycle.domain.invoicing import Line
    from lifecycle.store.money import Attempt, PaymentMethod

AMOUNTS = ("price", "amount", "total", "balance", "due", "debit", "credit")
"""Columns that are set to the right."""
REASONS = {"rest_of_cycle": "rest of a cycle", "credit_note": "credit note"}
"""What an invoice is for in people's words, where these are others."""
OWED = ("open", "uncollectible")


@dataclass(frozen=True, slots=True)
class Paper:
    """What amounts and days are written with: the names of plans, the currency and the zone."""

    catalog: Catalog
    currency: str
    zone: str

    def money(self, minor: int) -> str:
        """An amount with its currency."""
        return money(minor, self.currency)

    def days(self, start: datetime, end: datetime) -> str:
        """A period by its first and last local day, as on the invoice that customers get."""
        from lifecycle.documents.words import period
        from lifecycle.domain.calendar import local

        return period(local(start, self.zone).date(), local(end, self.zone).date())


# Lines


def lines(several: Sequence[Line], sums: Mapping[str, str], paper: Paper) -> Table:
    """The lines, each with how it is worked out, and under them what they come to; the last sum in bold."""
    from rich.text import Text

    rows: list[Sequence[str | Text]] = [*(_line(one, paper) for one in several), ("", "", "", "")]
    styles = dict.fromkeys(sums, "") | dict.fromkeys(list(sums)[-1:], "bold")
    rows += [(Text(name, styles[name]), "", "", Text(amount, styles[name])) for name, amount in sums.items()]
    return table(("what", "period", "price", "amount"), rows, right=AMOUNTS)


def _line(one: Line, paper: Paper) -> Sequence[str | Text]:
    from rich.text import Text

    from lifecycle.app.invoices import described
    from lifecycle.domain.money import format_amount

    what = Text(printable(described(one, paper.catalog)))
    if one.formula:
        what.append(f"\n  {printable(one.formula)}", style="dim")
    price = format_amount(one.unit_price, paper.currency)
    priced = "" if one.kind in ("forfeited", "to_balance", "to_refund", "tax") else f"{one.quantity} × {price}"
    return what, paper.days(one.start, one.end), priced, format_amount(one.amount, paper.currency)


def _sums(of: Quote | InvoiceView, outcome: Mapping[str, str], paper: Paper) -> dict[str, str]:
    """What leads from the lines to the outcome."""
    from_balance = (
        {"from the balance": paper.money(-of.credit)} if of.credit and "to the balance" not in outcome else {}
    )
    return {"total": paper.money(of.total), **from_balance, **outcome}


# A quote


def quote(of: Quote, owner: Owner, paper: Paper, now: datetime, confirmation: str) -> Panel:
    """What would be done and what it costs, what is lost by it, and how it is confirmed."""
    from rich.text import Text

    due = {"due now": paper.money(of.due_now)}
    parts: list[RenderableType] = [
        lines(of.lines, _sums(of, due, paper), paper) if of.lines else Text(f"due now  {due['due now']}", style="bold"),
        "",
        facts(_consequences(of, paper, now)),
    ]
    if of.warnings:
        parts += ["", *(Text(printable(one), style="yellow") for one in of.warnings)]
    return framed(f"{owner.title}: quote", *parts, "", facts(_confirming(of, paper, now, confirmation)))


def _consequences(of: Quote, paper: Paper, now: datetime) -> dict[str, str | None]:
    coming = of.next_invoice
    amounts = {
        "unused": of.unused,
        "forfeited": of.forfeited,
        "to the balance": of.to_balance,
        "refunded": of.to_refund,
    }
    carried = {"carried over": of.credits_carried, "lost": of.credits_lost}
    begins = of.state == "quoted" and of.effective_at <= now
    effective = "now" if begins else f"{when(of.effective_at, paper.zone)}{_ahead(of.effective_at, now)}"
    return {
        "command": of.command,
        "plan": f"{of.plan}, {of.interval}, {seats(of.seats)}",
        **{name: paper.money(amount) if amount else None for name, amount in amounts.items()},
        "credits": ", ".join(f"{number} {word}" for word, number in carried.items() if number) or None,
        "trial": f"{of.trial_given_up} days are given up" if of.trial_given_up else None,
        "effective": effective,
        "next invoice": f"{paper.money(coming.total)} on {when(coming.date, paper.zone)}" if coming else "none",
    }


def _ahead(instant: datetime, now: datetime) -> str:
    return f" ({distance(instant, now)})" if instant > now else ""


def _confirming(of: Quote, paper: Paper, now: datetime, confirmation: str) -> dict[str, str | None]:
    until = f"{when(of.expires_at, paper.zone)} ({distance(of.expires_at, now)})"
    open_ = of.state == "quoted" and of.expires_at > now
    return {
        "quote": of.id,
        "state": None if open_ else "expired" if of.state == "quoted" else of.state,
        "stands until": until if open_ else None,
        "confirm with": confirmation if open_ else None,
    }


# Invoices


def invoices(several: Sequence[InvoiceView], directory: Directory, *, accounts: bool = True) -> Table:
    """One line for each; a draft, which has no number, by its id."""
    rows = [
        (
            one.number or one.id,
            day(one.issued_at or one.start, one.zone),
            directory.of_account(one.account_id).reference if accounts else "",
            one.clock or "",
            status(one),
            money(one.total, one.currency),
            money(one.credit, one.currency) if one.credit else "",
            money(one.due, one.currency),
            _subject(one),
            day(one.retry_at, one.zone) if one.retry_at else "",
        )
        for one in several
    ]
    columns = ("number", "date", "account", "clock", "status", "total", "balance", "due", "for", "next try")
    return table(columns, rows, right=AMOUNTS)


def status(one: InvoiceView) -> str:
    """Where it stands, and what became of the last charge."""
    if one.status not in (*OWED, "draft"):
        return one.status
    declined = f"declined {one.failures}×: {one.decline}" if one.failures else f"declined: {one.decline}"
    became = {"asked": "being charged", "declined": declined, "unknown": "no answer to the charge"}
    if one.status == "uncollectible" and one.charge is None:
        return f"{one.status}, {declined}"
    return ", ".join([one.status, *([became[one.charge]] if one.charge else [])])


def owed(one: InvoiceView) -> str:
    """What of it is to be paid, in one line."""
    retry = f"; next try {when(one.retry_at, one.zone)}" if one.retry_at else ""
    return f"{one.number or one.id}  {money(one.due, one.currency)}  {status(one)}{retry}"


def _subject(one: InvoiceView) -> str:
    reason = REASONS.get(one.reason, one.reason)
    return f"{reason}, {one.plan}"


def invoice(
    one: InvoiceView, attempts: Sequence[Attempt], methods: Sequence[PaymentMethod], owner: Owner, paper: Paper
) -> Panel:
    """An invoice or a credit note with its lines, and the attempts to charge it."""
    kind = "credit note" if one.kind == "credit_note" else "invoice"
    parts: list[RenderableType] = [
        facts(dict(_facts(one, paper))),
        "",
        lines(one.lines, _sums(one, _outcome(one, paper), paper), paper),
    ]
    if attempts:
        cards = {method.id: f"•••• {method.last4}" for method in methods}
        parts += ["", _attempts(attempts, cards, paper)]
    return framed(f"{owner.title}: {kind} {one.number or 'without a number'}", *parts)


def _outcome(one: InvoiceView, paper: Paper) -> dict[str, str]:
    if one.kind == "invoice":
        return {"paid" if one.status == "paid" else "due": paper.money(one.due)}
    return {"refunded": paper.money(one.due)} if one.due else {"to the balance": paper.money(one.credit)}


def _facts(one: InvoiceView, paper: Paper) -> Iterator[tuple[str, str | None]]:
    def at(instant: datetime | None) -> str | None:
        return when(instant, paper.zone) if instant else None

    yield "clock", one.clock
    yield "status", status(one)
    yield "for", f"{_subject(one)}, {paper.days(one.start, one.end)}"
    yield "issued", at(one.issued_at)
    yield "failed first", at(one.failed_at)
    yield "next try", at(one.retry_at)
    yield "paid", at(one.paid_at)
    yield "subscription", one.subscription
    yield "id", one.id


def _attempts(attempts: Sequence[Attempt], cards: Mapping[str, str], paper: Paper) -> Table:
    rows = [
        (
            when(one.answered_at or one.asked_at, paper.zone),
            paper.money(one.amount),
            cards.get(one.of, one.of),
            _outcome_of(one),
        )
        for one in attempts
    ]
    return table(("time", "amount", "card", "outcome"), rows, right=AMOUNTS)


def _outcome_of(attempt: Attempt) -> Text:
    """What the gateway said, and its own name of the attempt under it."""
    from rich.text import Text

    status = "no answer yet" if attempt.status == "asked" else attempt.status
    said = Text(printable(f"{status}: {attempt.reason}" if attempt.reason else status))
    if attempt.reference:
        said.append(f"\n{printable(attempt.reference)}", style="dim")
    return said
