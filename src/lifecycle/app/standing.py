"""The standing of a subscription, which follows from its invoices, and whether it gives access (rules E6, I22)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lifecycle.domain.calendar import Duration
from lifecycle.domain.invoice import Invoice

Denial = Literal["new", "ended", "account_closed", "past_due"]
"""Why there is no access; `new`: it is still being bought."""


@dataclass(frozen=True, slots=True)
class StandingView:
    """Instants are aware and in UTC.

    `past_due_since` is the first failure of the oldest unpaid invoice. `access_until` is when the grace ends, or has
    ended; without anything past due it is None. `denied` says why there is no access.
    """

    standing: Literal["good", "past_due"]
    past_due_since: datetime | None
    access: bool
    access_until: datetime | None
    denied: Denial | None = None


def standing(  # noqa: PLR0917  # what it follows from
    state: str, closed: bool, owed: Sequence[Invoice], grace: Duration, zone: str, now: datetime
) -> StandingView:
    """From the subscription's state, whether its account is closed, and its open invoices, oldest first.

    Grace counts calendar days in `zone`, and access ends with it.
    """
    since = next((one.failed_at for one in owed if one.failed_at), None)
    until = None if since is None else grace.after(since, zone)
    denied: Denial | None = None
    if state in ("new", "ended"):
        denied = "new" if state == "new" else "ended"
    elif closed:
        denied = "account_closed"
    elif until is not None and until <= now:
        denied = "past_due"
    return StandingView("good" if since is None else "past_due", since, denied is None, until, denied)
