"""An account: the customer organisation that outlives its subscriptions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Expiry:
    """When an account is to be told that a card expires; `card` is a name of the card and its last month."""

    card: str
    told_at: datetime


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays. `reference` is the host's own name for it; `payment_method` the id of the default one, if any, which is
    good to the end of `card_month` of `card_year`; `clock` the named clock that it is on, for tests; `language` what it
    is written to in (None: the configured one)."""

    id: str
    reference: str
    name: str
    email: str
    currency: str
    zone: str
    payment_method: str | None = None
    card_year: int | None = None
    card_month: int | None = None
    closed: bool = False
    address: str = ""
    tax_id: str = ""
    clock: str | None = None
    language: str | None = None
