"""An account: the customer organisation that outlives its subscriptions."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays. `reference` is the host's own name for it; `payment_method` is a fact that the host sets."""

    id: str
    reference: str
    name: str
    email: str
    currency: str
    zone: str
    payment_method: bool = False
    closed: bool = False
    address: str = ""
    tax_id: str = ""
