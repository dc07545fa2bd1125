"""What a printed invoice or credit note holds. All of it is given: no amount is worked out from another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal


@dataclass(frozen=True, slots=True)
class Party:
    """Who sells or buys, as they call themselves; the lines of `address` are kept."""

    name: str
    address: str = ""
    tax_id: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """One line, with amounts in minor units.

    `kind` is plan, seats, tokens, unused, forfeited, to_balance, to_refund or tax. `start` and `end` are local days,
    and `end` is the first that is no longer covered. `formula` tells how a share came about; it may be empty.
    """

    kind: str
    description: str
    start: date | None
    end: date | None
    quantity: int
    unit_price: int
    amount: int
    formula: str


@dataclass(frozen=True, slots=True)
class Printed:
    """One invoice or credit note, with amounts in minor units of `currency` and days local to `zone`.

    Of an invoice `credit` was taken from the balance, and `due` is what is left of `total`. Of a credit note `credit`
    goes to the balance, and `due` is refunded, whatever their signs. `method` is what pays, or gets the refund, for
    people: `Visa •••• 4242`. `reference` is the subscription. `is_test`: nobody owes anything, and it says so.
    """

    kind: Literal["invoice", "credit_note"]
    number: str
    status: str
    issued: date
    currency: str
    zone: str
    seller: Party
    buyer: Party
    lines: tuple[PrintedLine, ...]
    total: int
    credit: int
    due: int
    paid_on: date | None = None
    method: str = ""
    reference: str = ""
    note: str = ""
    is_test: bool = False
