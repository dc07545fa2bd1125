"""What invoices, credit notes, refunds and adjustments must have posted, from what they say of themselves (rule E7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from lifecycle.verify import invoice, lines, notes
from lifecycle.verify.records import Instance, Json

Books = Mapping[str, int]
"""Sums by book, in minor units; debits are positive."""


def wrong_with(instance: Instance, posted: Counter[tuple[str, str]]) -> Iterator[str]:
    """Whether one of them has posted what it must. Raises KeyError or TypeError for facts that can't be read."""
    expected = _EXPECTED.get(instance.machine)
    if expected is None:
        return
    unit = instance.facts["currency"]
    is_ = {book: amount for book, amount in posted.items() if amount}
    possible = [
        {(book, unit): amount for book, amount in books.items() if amount}
        for books in expected(instance.state, instance.facts)
    ]
    if is_ not in possible:
        told = ", ".join(f"{book} {amount} {of}" for (book, of), amount in sorted(is_.items()))
        yield f"It is {instance.state}, and has posted {told or 'nothing'}."


def of_root(instances: Iterable[Instance]) -> Counter[tuple[str, str]]:
    """What is owed, given up, set aside and to be refunded, as the instances of a root have it, by book and unit; rows
    that were moved out do not matter. The refunds are left out where there is none."""
    sums: Counter[tuple[str, str]] = Counter()
    for one in instances:
        facts, state = one.facts, one.state
        if one.machine == invoice.KIND:
            unit = facts["currency"]
            sums["receivable", unit] += invoice.due(facts) if state == "open" else 0
            sums["bad_debt", unit] += invoice.due(facts) if state == "uncollectible" else 0
            sums["reserved", unit] -= facts.get("credit", 0) if state == "draft" else 0
        elif one.machine == notes.REFUND:
            sums["refunds", facts["currency"]] -= facts["amount"] if state == "asked" else 0
    return sums


def _of_invoice(state: str, facts: Json) -> Iterator[Books]:
    credit, due = facts.get("credit", 0), invoice.due(facts)
    if state == "draft":
        yield {"balance": credit, "reserved": -credit}
    elif state == "void":
        yield {}
    else:
        owed = {"open": "receivable", "uncollectible": "bad_debt", "paid": "cash"}[state]
        yield {
            owed: due,
            "revenue": -lines.total(facts["lines"], *lines.SOLD),
            "forfeited": -lines.total(facts["lines"], "forfeited"),
            "balance": credit - lines.total(facts["lines"], "to_balance"),
            "refunds": -lines.total(facts["lines"], "to_refund"),
            "tax": -lines.total(facts["lines"], "tax"),
        }


def _of_credit_note(state: str, facts: Json) -> Iterator[Books]:
    to = "balance" if facts["to"] == "balance" else "refunds"
    sold, tax = lines.total(facts["lines"], *lines.SOLD), lines.total(facts["lines"], "tax")
    yield {"revenue": -sold, "tax": -tax, to: -facts["total"]} if state == "issued" else {}


def _of_refund(state: str, facts: Json) -> Iterator[Books]:
    """Of money that was found, the taking of it is posted here too."""
    amount, back = facts["amount"], facts.get("refunded", 0)
    over = state == "refunded"
    yield {"refunds": amount, "cash": -back, "balance": back - amount} if over else {}
    yield {"cash": amount - back, "balance": back - amount} if over else {"refunds": -amount, "cash": amount}


def _of_adjustment(_state: str, facts: Json) -> Iterator[Books]:
    amount = facts["amount"]
    yield {"goodwill": amount, "balance": -amount}
    yield {"balance": amount, "written_off": -amount}
    yield {"balance": amount, "refunds": -amount}


_EXPECTED: Mapping[str, Callable[[str, Json], Iterator[Books]]] = {
    invoice.KIND: _of_invoice,
    notes.CREDIT_NOTE: _of_credit_note,
    notes.REFUND: _of_refund,
    notes.ADJUSTMENT: _of_adjustment,
}
