"""Money: amounts in text and in minor units, for currencies of 0, 2, 3 and 4 decimals."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iso4217 import Currency

from lifecycle.domain.money import exponent, format_amount, parse_amount
from tests.conftest import examples

PRICED = sorted(c.code for c in Currency if c.exponent is not None)
UNPRICED = ["XAU", "XAG", "XXX", "XTS", "XDR"]
LARGEST = 999_999_999_999_999


@pytest.mark.parametrize(
    ("currency", "digits"), [("EUR", 2), ("USD", 2), ("JPY", 0), ("KWD", 3), ("CLF", 4), ("UGX", 0), ("HUF", 2)]
)
def test_a_currency_has_the_decimals_of_iso_4217(currency: str, digits: int) -> None:
    """Those of the standard, not those that people print (rule E1)."""
    assert exponent(currency) == digits


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "Euro", "€", " EUR", "ZZZ", "eur_"])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    """Only the code itself, in capitals (rule E1)."""
    with pytest.raises(ValueError, match="is not a currency: write an ISO 4217 code such as EUR"):
        exponent(currency)


@pytest.mark.parametrize("currency", UNPRICED)
def test_what_has_no_minor_units_has_no_prices(currency: str) -> None:
    """Gold, silver, drawing rights and the codes for tests are in ISO 4217, but no invoice can be in them."""
    with pytest.raises(ValueError, match="has no minor units"):
        exponent(currency)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("50", "EUR", 5000),
        ("50.00", "EUR", 5000),
        ("-3.5", "EUR", -350),
        ("-0.05", "EUR", -5),
        ("0", "EUR", 0),
        ("-0.00", "EUR", 0),
        ("0050.10", "EUR", 5010),
        ("50", "JPY", 50),
        ("1.234", "KWD", 1234),
        ("1.2", "KWD", 1200),
        ("0.0001", "CLF", 1),
        ("9999999999999.99", "EUR", LARGEST),
        ("-999999999999999", "JPY", -LARGEST),
    ],
)
def test_an_amount_is_read_into_minor_units(text: str, currency: str, minor: int) -> None:
    """Missing decimals are zeros (rule E1)."""
    assert parse_amount(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", ".5", "5.", "+5", "--5", "- 5", " 5", "5 ", "5\n", "5.0.0", "1,50", "1 000", "50 EUR"),
        *("1_000", "1e3", "1e300000", "0x1F", "NaN", "Infinity"),  # what int or Decimal would take
        *("\u0665\u0660", "\uff15", "\u00b2"),  # Arabic and wide digits, a square
        16 * "9",
        pytest.param(100_000 * "9", id="a hundred thousand digits"),
    ],
)
def test_what_is_no_amount_is_refused_with_examples(text: str) -> None:
    """Only ASCII digits, one point, one minus; a text of any length is judged at once (rule E1)."""
    with pytest.raises(ValueError, match="is not an amount: write digits with a point, such as"):
        parse_amount(text, "EUR")


@pytest.mark.parametrize(
    ("text", "currency", "digits"),
    [("1.005", "EUR", 2), ("50.000", "EUR", 2), ("50.0", "JPY", 0), ("1.2345", "KWD", 3)],
)
def test_more_decimals_than_the_currency_has_are_refused(text: str, currency: str, digits: int) -> None:
    """Nothing is rounded, not even a zero (rule E1)."""
    with pytest.raises(ValueError, match=f"too many decimals: {currency} has {digits}"):
        parse_amount(text, currency)


@pytest.mark.parametrize(("text", "currency"), [("10000000000000", "EUR"), ("-100000000000", "CLF")])
def test_an_amount_has_at_most_15_digits_of_minor_units(text: str, currency: str) -> None:
    """10^15 minor units are one too many (rule E1)."""
    with pytest.raises(ValueError, match="is too large: an amount has at most 15 digits"):
        parse_amount(text, currency)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (5000, "EUR", "50.00"),
        (-5, "EUR", "-0.05"),
        (0, "EUR", "0.00"),
        (-123456, "EUR", "-1234.56"),
        (50, "JPY", "50"),
        (-50, "JPY", "-50"),
        (1234, "KWD", "1.234"),
        (1, "CLF", "0.0001"),
        (10**17 + 1, "EUR", "1000000000000000.01"),
    ],
)
def test_minor_units_are_written_with_all_decimals(minor: int, currency: str, text: str) -> None:
    """A sum of any size is written exactly (rule E1)."""
    assert format_amount(minor, currency) == text


@pytest.mark.parametrize("currency", ["ZZZ", "XAU"])
def test_no_amount_is_read_or_written_without_a_currency(currency: str) -> None:
    """The currency is judged first (rule E1)."""
    with pytest.raises(ValueError, match=currency):
        parse_amount("50", currency)
    with pytest.raises(ValueError, match=currency):
        format_amount(50, currency)


@settings(max_examples=examples(500))
@given(minor=st.integers(-LARGEST, LARGEST), currency=st.sampled_from(PRICED))
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    """For every currency with minor units, at any size (rule E1)."""
    assert parse_amount(format_amount(minor, currency), currency) == minor


@settings(max_examples=examples(500))
@given(text=st.text(max_size=20))
def test_a_text_is_an_amount_or_a_value_error(text: str) -> None:
    """Nothing else is ever raised, and what is read is written in digits only (rule E1)."""
    try:
        minor = parse_amount(text, "EUR")
    except ValueError:
        return
    assert set(format_amount(minor, "EUR")) <= set("-.0123456789")


def test_the_table_of_currencies_is_read_when_it_is_needed() -> None:
    """Importing money does not load iso4217, which takes longer than many a command."""
    code = "import sys, lifecycle.domain.money; sys.exit('iso4217' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
