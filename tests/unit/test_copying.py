"""A copy of a frozen value with other fields is the same as the standard library's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lifecycle.domain.copying import but
from lifecycle.domain.invoice import Invoice
from lifecycle.domain.invoicing import Line

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LINE = Line("plan", 1000, NOON, NOON)
INVOICE = Invoice("acct", "sub", "team", "UTC", "renewal", 1, "USD", NOON, NOON, NOON, (LINE,), 1000)


def test_it_is_what_replace_makes() -> None:
    """With some fields, and with none; the one before stays as it was."""
    assert but(INVOICE, credit=400, charge="asked") == replace(INVOICE, credit=400, charge="asked")
    assert but(INVOICE) == INVOICE
    assert INVOICE.credit == 0


def test_a_field_that_is_not_there_is_an_error() -> None:
    """As a slip of the pen would be."""
    with pytest.raises(AttributeError):
        but(INVOICE, credits=400)
