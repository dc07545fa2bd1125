"""`verify` works out every line of an invoice again, by its own arithmetic (D4, E8, I6)."""

from __future__ import annotations

import pytest

from lifecycle.verify import lines
from tests.unit.machine_world import at

pytestmark = pytest.mark.sampled

Line = dict[str, object]


def line(kind: str, amount: object, formula: str = "", *, quantity: int = 1, price: int | None = None) -> Line:
    """A line of June 2026."""
    period = {"start": at("2026-06-01"), "end": at("2026-07-01")}
    price = int(float(str(amount))) if price is None else price
    said = {"kind": kind, "amount": amount, "quantity": quantity, "unit_price": price, "formula": formula}
    return period | said | {"text": "team"}


RIGHT = [
    line("plan", 10000),
    line("plan", 5000, "100.00 × 15/30 days = 50.00", price=10000),
    line("plan", 1, "0.01 × 1/2 days = 0.01", price=1),  # half up
    line("plan", 0, "0.01 × 1/30 days = 0.00", price=1),
    line("seats", 4000, "2 × 20.00 = 40.00", quantity=2, price=2000),
    line("seats", 2000, "2 × 20.00 × 15/30 days = 20.00", quantity=2, price=2000),
    line("seats", 25, "50 × 1/2 days = 25", price=50),  # yen
    line("tokens", 900),
    line("unused", -2500, "50.00 × 15/30 days unused = 25.00", price=5000),
    line("unused", -1000, "50.00 × 15/30 days unused = 25.00, of which 10.00 was settled", price=5000),
    line("unused", -1, "0.03 × 1295999/2592000 seconds unused = 0.01", price=3),
    line("tax", -19, "19 % of -1.00"),
]


@pytest.mark.parametrize("one", RIGHT)
def test_a_line_that_adds_up(one: Line) -> None:
    """A whole price, a share, several seats, half a cent up, currencies without decimals, what was settled."""
    assert list(lines.wrong_with([one])) == []


WRONG = [
    line("plan", 5001, "100.00 × 15/30 days = 50.00", price=10000),
    line("plan", 5001, "100.00 × 15/30 days = 50.01", price=10000),
    line("plan", 5000, "100.00 × 15/30 days = 50.00", price=9000),
    line("plan", 5000, "100.00 × 15/30 days unused = 50.00", price=10000),
    line("plan", 0, "0.01 × 1/2 days = 0.00", price=1),
    line("plan", 10000, price=9000),
    line("plan", -10000),
    line("plan", 10000.0),
    line("plan", 20000, "100.00 × 60/30 days = 200.00", price=10000),
    line("plan", 1000, "100.00 × 3/30 days = 10.0", price=10000),
    line("plan", 0, "100.00 × 0/0 days = 0.00", price=10000),
    line("seats", 4000, "3 × 20.00 = 40.00", quantity=2, price=2000),
    line("seats", 4000, quantity=2, price=2000),
    line("seats", 4000, "twice", quantity=2, price=2000),
    line("unused", -5000),
    line("unused", 2500, "50.00 × 15/30 days unused = 25.00", price=5000),
    line("unused", -2500, "50.00 × 15/30 days = 25.00", price=5000),
    line("unused", -3000, "50.00 × 15/30 days unused = 25.00, of which 30.00 was settled", price=5000),
    line("tax", 19, price=20),
    line("tax", 38, quantity=2, price=19),
    line("plan", 10000) | {"end": at("2026-05-01")},
]


@pytest.mark.parametrize("one", WRONG)
def test_a_line_that_does_not(one: Line) -> None:
    """Another amount, another result, other operands, another sign, more than the whole, an end before the start."""
    assert len(list(lines.wrong_with([one]))) == 1


def test_the_order_of_lines() -> None:
    """Plan, seats, tokens, unused, what becomes of the excess, tax; and there is at least one."""
    plan, tax = line("plan", 10000), line("tax", 1900)
    seats = line("seats", 4000, "2 × 20.00 = 40.00", quantity=2, price=2000)
    assert list(lines.wrong_with([plan, seats, tax])) == []
    assert len(list(lines.wrong_with([seats, plan, tax]))) == 1
    assert len(list(lines.wrong_with([tax, plan]))) == 1
    assert len(list(lines.wrong_with([]))) == 1


def test_what_becomes_of_the_excess() -> None:
    """200 → 50: 50.00 less 100.00, and 50.00 forfeited, is nothing; the tax stands beside it (rule I6)."""
    plan = line("plan", 5000)
    unused = line("unused", -10000, "200.00 × 15/30 days unused = 100.00", price=20000)
    for kind in ("forfeited", "to_balance", "to_refund"):
        assert list(lines.wrong_with([plan, unused, line(kind, 5000), line("tax", 3)])) == []
        assert len(list(lines.wrong_with([plan, unused, line(kind, 4999)]))) == 1
    twice = [plan, unused, line("forfeited", 2500), line("to_refund", 2500)]
    assert len(list(lines.wrong_with(twice))) == 1


def test_what_cannot_be_read() -> None:
    """A line of a kind that nobody knows."""
    with pytest.raises(KeyError):
        list(lines.wrong_with([line("gift", 1)]))
