"""Amounts as Stripe writes them: the same minor units, but for a few currencies."""

from __future__ import annotations

import pytest

from lifecycle.gateways.stripe_reading import from_stripe, to_stripe
from tests.gateways.till import refused


@pytest.mark.parametrize(
    ("amount", "currency", "there"),
    [
        (5000, "EUR", 5000),
        (500, "JPY", 500),
        (5120, "KWD", 5120),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (500, "MGA", 5),
        (1001, "HUF", 1001),
    ],
)
def test_amounts_go_there_and_come_back(amount: int, currency: str, there: int) -> None:
    """50.00 EUR, 500 JPY, 5.120 KWD, 5 ISK, 5 UGX, 5 MGA and 10.01 HUF."""
    assert to_stripe(amount, currency) == there
    assert from_stripe(there, currency.lower()) == amount


@pytest.mark.parametrize(
    ("amount", "currency", "why"),
    [
        (5124, "KWD", "Stripe can't take 5.124 KWD: amounts go by 0.010 there."),
        (550, "MGA", "Stripe can't take 5.50 MGA: amounts go by 1.00 there."),
        (0, "EUR", "0 EUR can't be moved: an amount is more than nothing."),
        (1, "euro", "'euro' is not a currency: write an ISO 4217 code such as EUR."),
    ],
)
def test_what_stripe_does_not_take_is_refused(amount: int, currency: str, why: str) -> None:
    """Nothing is rounded."""
    assert refused(lambda: to_stripe(amount, currency)) == why
