"""Money: whole minor units of an ISO 4217 currency, read from text and written as text.

Promises: integers only, so nothing is ever rounded here; currencies of 0, 3 and 4 decimals work like those
of 2. What ``format_amount`` writes, ``parse_amount`` reads back, up to 15 digits.
"""

from __future__ import annotations

import re
from functools import cache

_AMOUNT = re.compile(r"(-?[0-9]{1,15})(?:\.([0-9]{1,15}))?")
_LIMIT = 10**15


@cache
def exponent(currency: str) -> int:
    """The number of decimals of a currency: EUR 2, JPY 0, KWD 3.

    Raises ValueError for a code that ISO 4217 does not list, in capitals, or lists without minor units (XAU).
    """
    from iso4217 import Currency  # noqa: PLC0415 - it parses an XML table: 30 ms, only where money is used

    try:
        digits = Currency(currency).exponent
    except ValueError as error:
        raise ValueError(f"{currency!r} is not a currency: write an ISO 4217 code such as EUR.") from error
    if digits is None:
        raise ValueError(f"{currency!r} has no minor units, so nothing can be priced in it.")
    return digits


def parse_amount(text: str, currency: str) -> int:
    """Read ``50``, ``50.00`` or ``-3.5`` as minor units of ``currency``: 5000, 5000 and -350 for EUR.

    Raises ValueError for any other form, for more decimals than the currency has, for more than 15 digits of
    minor units, and for an unknown currency.
    """
    digits = exponent(currency)
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not an amount: write digits with a point, such as 50 or -3.50.")
    whole, decimals = match[1], match[2] or ""
    if len(decimals) > digits:
        raise ValueError(f"{text!r} has too many decimals: {currency} has {digits}.")
    minor = int(whole + decimals.ljust(digits, "0"))
    if abs(minor) >= _LIMIT:
        raise ValueError(f"{text!r} is too large: an amount has at most 15 digits, decimals included.")
    return minor


def format_amount(minor: int, currency: str) -> str:
    """Write minor units with all decimals of ``currency``: ``50.00``, ``-0.05``, JPY ``50``, KWD ``1.234``.

    Raises ValueError for an unknown currency.
    """
    digits = exponent(currency)
    sign = "-" if minor < 0 else ""
    whole, part = divmod(abs(minor), 10**digits)
    return f"{sign}{whole}.{part:0{digits}}" if digits else f"{sign}{whole}"
