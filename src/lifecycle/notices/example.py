"""Made-up messages, one for each occasion, for those who want to see what is written."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from lifecycle.domain import invoice, subscription
from lifecycle.domain.calendar import Interval
from lifecycle.domain.catalog import Terms
from lifecycle.domain.change import Change
from lifecycle.domain.invoicing import Line
from lifecycle.domain.machine import Json
from lifecycle.domain.subscription import Subscription
from lifecycle.notices.contents import Personal
from lifecycle.notices.kinds import kind_of

AT = datetime(2026, 6, 1, 9, tzinfo=UTC)
"""The nominal instant of what is made up."""
END = datetime(2026, 7, 1, 9, tzinfo=UTC)
TERMS = Terms("USD", 10000, 2000, 3, 1, 50, 100)
MONTH = Interval.parse("month")
PERSONAL = Personal(
    account_id="acct_example",
    reference="acme",
    account_name="Acme Ltd",
    member_name="Ann Example",
    code="JOIN-US-2026",
    card="Visa •••• 4242",
    card_expires=(2026, 7),
    number="INV-000042",
    token="a-token-for-one-use",  # noqa: S106  # it opens nothing
    token_expires=AT + timedelta(days=3),
)
_SUBSCRIPTION = Subscription(
    account="acct_example",
    zone="UTC",
    family="main",
    plan="team",
    interval=MONTH,
    seats=5,
    terms=TERMS,
    phase="paid",
    anchor=AT,
    elapsed=0,
    cycle=1,
    period_start=AT,
    period_end=END,
    boundary=END,
)


def payload(kind: str) -> Json:
    """What a message of this kind would tell."""
    machine = kind_of(kind, "subscription").machine
    facts, arguments = _facts(kind, machine), {"tokens": 1000} if kind == "tokens_bought" else {}
    return {
        "machine": machine,
        "version": 1,
        "instance": f"{machine}_example",
        "root": "example",
        "number": 1,
        "account": "acct_example",
        "event": "example",
        "from": None,
        "to": "example",
        "cause": "command",
        "at": AT.isoformat(),
        "arguments": arguments,
        "facts": facts,
    }


def _facts(kind: str, machine: str) -> Json:
    if machine == "subscription":
        return subscription.dump(_subscription(kind))
    if machine == "invoice":
        return invoice.dump(_invoice(failed=kind == "payment_failed"))
    return {"used": 3, "limit": 10} if machine == "invitation" else {}


def _subscription(kind: str) -> Subscription:
    if kind in ("trial_started", "trial_ending"):
        return replace(_SUBSCRIPTION, phase="trial", cycle=0, trial_end=END)
    if kind in ("cancellation_scheduled", "ended"):
        return replace(_SUBSCRIPTION, ends_at=END if kind != "ended" else AT)
    if kind == "change_scheduled":
        change = Change(END, Terms("USD", 100000, 20000, 3, 1, 50, 100), interval=Interval.parse("year"), seats=8)
        return replace(_SUBSCRIPTION, pending=change)
    return _SUBSCRIPTION


def _invoice(*, failed: bool) -> invoice.Invoice:
    facts = invoice.invoice(
        [Line("plan", 10000, AT, END), Line("seats", 4000, AT, END, quantity=2, unit_price=2000)],
        account="acct_example",
        subscription="sub_example",
        plan="team",
        zone="UTC",
        reason="renewal",
        cycle=2,
        currency="USD",
        start=AT,
        end=END,
        at=AT,
        credit=1000,
    )
    return replace(facts, failed_at=AT, retry_at=AT + timedelta(days=3)) if failed else facts
