"""What a change, a cycle or a cancellation costs: the lines of an invoice, each with its formula. Pure.

Amounts are whole minor units. The lines stand in one order (rule I6): plan, seats, tokens, unused (negative), what
becomes of an excess (positive, so that a nil invoice adds up), tax.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from lifecycle.domain.account import Account
from lifecycle.domain.catalog import Terms
from lifecycle.domain.machine import Json
from lifecycle.domain.money import format_amount
from lifecycle.domain.policies import Excess, Proration
from lifecycle.domain.proration import Share, between, left
from lifecycle.domain.subscription import Subscription

LineKind = Literal["plan", "seats", "tokens", "unused", "forfeited", "to_balance", "to_refund", "tax"]
_EXCESS: Mapping[Excess, LineKind] = {"forfeit": "forfeited", "balance": "to_balance", "refund": "to_refund"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line, from `start` to `end`. `formula` is how a person would check the amount; `text` says what it is of."""

    kind: LineKind
    amount: int
    start: datetime
    end: datetime
    quantity: int = 1
    unit_price: int = 0
    formula: str = ""
    text: str = ""

    def as_json(self) -> Json:
        """The flat form that `line` reads back."""
        return {
            "kind": self.kind,
            "amount": self.amount,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "quantity": self.quantity,
            "unit_price": self.unit_price,
            "formula": self.formula,
            "text": self.text,
        }


def line(stored: Json) -> Line:
    """The line that `as_json` wrote."""
    start, end = datetime.fromisoformat(stored["start"]), datetime.fromisoformat(stored["end"])
    return Line(**{**stored, "start": start, "end": end})


@dataclass(frozen=True, slots=True)
class Tax:
    """A line that a host's tax function adds: what it is called, and its amount in minor units."""

    text: str
    amount: int
    formula: str = ""


TaxFunction = Callable[[Account, Sequence[Line]], Iterable[Tax]]
"""Says which taxes lines bear: those of what is sold, and, negative, those of what is given back. What becomes of an
excess is worked out after it, with the taxes."""


def total(lines: Iterable[Line]) -> int:
    """What lines come to."""
    return sum(one.amount for one in lines)


def sum_of(lines: Iterable[Line], *kinds: LineKind) -> int:
    """What the lines of these kinds come to."""
    return total(one for one in lines if one.kind in kinds)


@dataclass(frozen=True, slots=True)
class Unpaid:
    """An invoice of the running cycle of which `due` is still to pay."""

    lines: Sequence[Line]
    due: int


@dataclass(frozen=True, slots=True)
class Count:
    """How a change is counted: shares at the instant `at`, by a policy, unpaid time as unpaid, with taxes."""

    at: datetime
    policy: Proration
    unpaid: Sequence[Unpaid] = ()
    taxed: Callable[[Sequence[Line]], list[Line]] = list


# A cycle


def cycle(facts: Subscription, policy: Proration) -> list[Line]:
    """The running period of a subscription: whole, or up to a known end date."""
    return _priced(facts, between(facts.period, facts.period_start, facts.period_end, policy), facts.period_start)


def rest_of_cycle(before: Subscription, after: Subscription, policy: Proration) -> list[Line]:
    """What a cycle that was cut short has grown by (rule I17)."""
    share = between(after.period, before.period_end, after.period_end, policy)
    return _priced(after, share, before.period_end)


# A change


def inside_cycle(
    before: Subscription, changed: Subscription, now: datetime, count: Count
) -> tuple[Subscription, list[Line]]:
    """A change inside a paid cycle, at `now`: the facts after it, and its lines with their taxes.

    Another plan starts a new period and anchor, or keeps the running period, by the policy; another interval always
    starts one (rules D4, D6), the number of seats never (rules I4, I20).
    """
    if not starts_period(before, changed, count.policy):
        return changed, keep(before, changed, count)
    after = changed.reopened(now)
    return after, reset(before, after, count)


def starts_period(before: Subscription, changed: Subscription, policy: Proration) -> bool:
    """Whether such a change inside a paid cycle starts a new one."""
    if (changed.plan, changed.interval) == (before.plan, before.interval):
        return False
    return changed.interval != before.interval or policy.period == "reset"


def reset(before: Subscription, after: Subscription, count: Count) -> list[Line]:
    """A change that starts a new period: all of the new, less what is unused of the old (rule D5)."""
    lines = [*cycle(after, count.policy), *unused(before, count)]
    return _adding_up(lines, count, count.policy.excess, after.period_end)


def keep(before: Subscription, after: Subscription, count: Count) -> list[Line]:
    """A change inside the running period: its unused share at the new price, less the same at the old (rule D6).

    On the same plan and interval it is about the seats alone (rules I4, I20). What comes out negative is forfeited
    by a line where the policy says so, else it is left negative: a credit note (rule I7).
    """
    share = left(before.period, count.at, count.policy)
    if (before.plan, before.interval) == (after.plan, after.interval):
        lines = _seats_alone(before, after, share, count)
    else:
        lines = [*_priced(after, share, count.at), *unused(before, count)]
    if count.policy.excess == "forfeit":
        return _adding_up(lines, count, "forfeit", after.period_end)
    return count.taxed(lines)


def unused(facts: Subscription, count: Count) -> list[Line]:
    """What is unused of the running period, as far as it was settled (rules D7, I2)."""
    lines, settled = _all_unused(facts, count)
    return _capped(lines, settled, facts.terms.currency)


def _all_unused(facts: Subscription, count: Count) -> tuple[list[Line], int]:
    """What is unused of the running period, settled or not, and how much of it was settled."""
    lines = _given_back(facts, left(facts.period, count.at, count.policy), count.at)
    owed = sum(_owed(facts, one, count) for one in count.unpaid)
    return lines, 0 if facts.skipped else max(0, -total(lines) - owed)


def _owed(facts: Subscription, invoice: Unpaid, count: Count) -> int:
    """How much of the unused part of an invoice is still to pay; of what it sold, the first part counts as paid."""
    sold = [one for one in invoice.lines if one.kind in ("plan", "seats")]
    ahead = 0
    for one in sold:
        share = left(replace(facts.period, end=one.end), count.at, count.policy)
        ahead += min(one.amount, share.of(one.quantity * one.unit_price))
    gross, taxes = total(invoice.lines), sum_of(invoice.lines, "tax")
    due = Share(gross - taxes, gross).of(invoice.due) if invoice.due else 0
    return max(0, ahead - max(0, total(sold) - due))


# What lines are made of


def _priced(facts: Subscription, share: Share, start: datetime) -> list[Line]:
    terms, seats = facts.terms, facts.extra_seats
    lines = [
        _line("plan", terms, 1, terms.price, share, start, facts.period_end, text=facts.plan),
        _line("seats", terms, seats, terms.seat_price, share, start, facts.period_end, text=facts.plan),
    ]
    return [one for one in lines if one.quantity * one.unit_price and share.part]


def _given_back(facts: Subscription, share: Share, at: datetime) -> list[Line]:
    return [_negative(one, facts.terms, share) for one in _priced(facts, share, at)]


def _seats_alone(before: Subscription, after: Subscription, share: Share, count: Count) -> list[Line]:
    terms, more = after.terms, after.extra_seats - before.extra_seats
    one = _line("seats", terms, abs(more), terms.seat_price, share, count.at, after.period_end, text=after.plan)
    if not one.amount:
        return []
    if more > 0:
        return [one]
    _, settled = _all_unused(before, count)
    return _capped([_negative(one, terms, share)], settled, terms.currency)


def _line(  # noqa: PLR0917  # what a line consists of
    kind: LineKind, terms: Terms, quantity: int, price: int, share: Share, start: datetime, end: datetime, *, text: str
) -> Line:
    amount = share.of(quantity * price)
    return Line(kind, amount, start, end, quantity, price, _formula(terms, quantity, price, share, amount), text)


def _negative(one: Line, terms: Terms, share: Share) -> Line:
    formula = _formula(terms, one.quantity, one.unit_price, share, one.amount, "unused")
    return Line("unused", -one.amount, one.start, one.end, one.quantity, one.unit_price, formula, one.text)


def _formula(  # noqa: PLR0917  # the operands, the result, and a word
    terms: Terms, quantity: int, price: int, share: Share, amount: int, word: str = ""
) -> str:
    """`2 × 20.00 × 15/30 days unused = 20.00`; nothing to check where it is one whole price."""
    operands = [format_amount(price, terms.currency)]
    if quantity != 1:
        operands.insert(0, str(quantity))
    if not share.is_whole or word:
        operands.append(f"{share} {word}".rstrip())
    return f"{' × '.join(operands)} = {format_amount(amount, terms.currency)}" if len(operands) > 1 else ""


def _capped(lines: list[Line], cap: int, currency: str) -> list[Line]:
    """The lines, which are negative, as far as `cap` goes; each that is cut says so."""
    capped: list[Line] = []
    for one in lines:
        amount = min(-one.amount, cap)
        cap -= amount
        cut = "" if amount == -one.amount else f", of which {format_amount(amount, currency)} was settled"
        if amount:
            capped.append(
                Line("unused", -amount, one.start, one.end, one.quantity, one.unit_price, one.formula + cut, one.text)
            )
    return capped


def _adding_up(lines: list[Line], count: Count, excess: Excess, end: datetime) -> list[Line]:
    """The lines with their taxes, and between them what becomes of an excess."""
    with_taxes = count.taxed(lines)
    over = -total(with_taxes)
    rest = [Line(_EXCESS[excess], over, count.at, end, 1, over)] if over > 0 else []
    return [*lines, *rest, *with_taxes[len(lines) :]]


def taxed(lines: Sequence[Line], account: Account, tax: TaxFunction | None) -> list[Line]:
    """The lines with those that the host's tax function adds."""
    if tax is None or not lines:
        return list(lines)
    start, end = lines[0].start, lines[0].end
    return [
        *lines,
        *(Line("tax", one.amount, start, end, 1, one.amount, one.formula, one.text) for one in tax(account, lines)),
    ]
