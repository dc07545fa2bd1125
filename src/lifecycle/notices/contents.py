"""What the template of a notice sees: everything in words already, in the account's language, zone and currency.

What is personal (names, codes, cards) is given beside the payload of the message, as it is when the mail is written;
everything else comes from the payload, so that a mail tells what was true at its transition.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lifecycle.documents.words import harmless
from lifecycle.domain import invoice, subscription
from lifecycle.domain.calendar import local
from lifecycle.domain.invoice import Invoice
from lifecycle.domain.machine import Json
from lifecycle.domain.subscription import Subscription
from lifecycle.notices.speech import Speech


@dataclass(frozen=True, slots=True)
class Personal:
    """What is read when a mail is written, and kept nowhere else. `token` is for a password; `card_expires` the year
    and month."""

    account_id: str = ""
    reference: str = ""
    account_name: str = ""
    member_name: str = ""
    code: str = ""
    card: str = ""
    card_expires: tuple[int, int] | None = None
    number: str = ""
    token: str = ""
    password_link: str = ""
    token_expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change that is to come: from when, and what will hold then (None: as it is)."""

    day: str
    plan: str | None
    interval: str | None
    seats: int | None


@dataclass(frozen=True, slots=True)
class Contents:
    """The names that a template has. What does not concern an occasion is None, or empty.

    `day` is that of the transition. Of a subscription, as it is after it: `plan`, `interval`, `seats`, `price` (of one
    cycle), `period_start`, `period_end` (its last day), `renews` (when the next cycle starts, if one does),
    `trial_end`, `ends` (to the minute), `ends_day` and `change`. Of an invoice: `plan`, the period, `number`, `amount`
    (charged, if anything is), `total`, `credit` (taken from the balance), `retry` (when it is tried again) and `card`.
    `facts` and `arguments` are those of the transition, in their JSON form: the filters `day`, `moment`, `number` and
    `money(currency)` write what is in them.
    """

    speech: Speech = field(repr=False)
    kind: str
    language: str
    direction: str
    day: str
    moment: str
    seller: str
    seller_email: str
    account: str
    reference: str
    link: str
    machine: str
    instance: str
    event: str
    state: str
    facts: Mapping[str, Any]
    arguments: Mapping[str, Any]
    plan: str | None = None
    interval: str | None = None
    seats: int | None = None
    price: str | None = None
    period_start: str | None = None
    period_end: str | None = None
    renews: str | None = None
    trial_end: str | None = None
    ends: str | None = None
    ends_day: str | None = None
    change: Change | None = None
    number: str | None = None
    amount: str | None = None
    total: str | None = None
    credit: str | None = None
    retry: str | None = None
    tokens: int | None = None
    used: int | None = None
    limit: int | None = None
    code: str | None = None
    member: str | None = None
    card: str | None = None
    card_expires: str | None = None
    token: str | None = None
    password_link: str | None = None
    token_expires: str | None = None
    late: tuple[Any, ...] = field(default=())
    """In the mail that tells several occasions: each with `day`, `subject` and `body`."""


@dataclass(frozen=True, slots=True)
class House:
    """Whose mails these are: the seller, the names of plans by id, and a page of the host's with `{account}` and
    `{reference}` in its address."""

    seller: str
    seller_email: str = ""
    plans: Mapping[str, str] = field(default_factory=dict)
    link: str = ""

    def plan(self, plan: str) -> str:
        """What a plan is called, now; its id, where the catalogue has it no more."""
        return harmless(self.plans.get(plan, plan))


def contents(kind: str, payload: Json, personal: Personal, house: House, speech: Speech) -> Contents:
    """What is to be told of a message. Raises ValueError and KeyError for a payload that is none."""
    at = datetime.fromisoformat(payload["at"])
    told = _TOLD.get(payload["machine"], _nothing)(payload["facts"], house, speech)
    tokens = payload["arguments"].get("tokens")
    return Contents(
        speech=speech,
        kind=kind,
        language=speech.of_texts,
        direction=speech.direction,
        day=speech.day(at),
        moment=speech.moment(at),
        seller=harmless(house.seller),
        seller_email=harmless(house.seller_email),
        account=harmless(personal.account_name),
        reference=harmless(personal.reference),
        link=linked(house.link, account=personal.account_id, reference=personal.reference),
        machine=payload["machine"],
        instance=payload["instance"],
        event=payload["event"],
        state=payload["to"],
        facts=payload["facts"],
        arguments=payload["arguments"],
        number=harmless(personal.number) or None,
        tokens=tokens if isinstance(tokens, int) else None,
        code=harmless(personal.code) or None,
        member=harmless(personal.member_name) or None,
        card=harmless(personal.card) or None,
        card_expires=speech.month(*personal.card_expires) if personal.card_expires else None,
        token=personal.token or None,
        password_link=linked(personal.password_link, token=personal.token) or None,
        token_expires=speech.moment(personal.token_expires) if personal.token_expires else None,
        **told,
    )


def linked(link: str, **values: str) -> str:
    """An address with these values in the places of their names in braces, so that they can't leave their places."""
    from urllib.parse import quote  # noqa: PLC0415  # where there is a link

    for name, value in values.items():
        link = link.replace(f"{{{name}}}", quote(value, safe=""))
    return link


def _subscription(stored: Json, house: House, speech: Speech) -> Json:
    facts = subscription.load(stored)
    return {
        "plan": house.plan(facts.plan),
        "interval": speech.interval(facts.interval),
        "seats": facts.seats,
        "price": speech.money(facts.price, facts.terms.currency),
        "period_start": speech.day(facts.period_start),
        "period_end": _last_day(facts.period_start, facts.period_end, speech),
        "renews": speech.day(facts.boundary) if facts.ends_at is None or facts.boundary < facts.ends_at else None,
        "trial_end": None if facts.trial_end is None else speech.day(facts.trial_end),
        "ends": None if facts.ends_at is None else speech.moment(facts.ends_at),
        "ends_day": None if facts.ends_at is None else speech.day(facts.ends_at),
        "change": _change(facts, house, speech),
    }


def _change(facts: Subscription, house: House, speech: Speech) -> Change | None:
    if facts.pending is None:
        return None
    then = facts.changed()
    return Change(
        day=speech.day(facts.pending.due_at),
        plan=house.plan(then.plan) if then.plan != facts.plan else None,
        interval=speech.interval(then.interval) if then.interval != facts.interval else None,
        seats=then.seats if then.seats != facts.seats else None,
    )


def _invoice(stored: Json, house: House, speech: Speech) -> Json:
    facts = invoice.load(stored)
    return {
        "plan": house.plan(facts.plan),
        "period_start": speech.day(facts.start),
        "period_end": _last_day(facts.start, facts.end, speech),
        "amount": speech.money(facts.due, facts.currency) if facts.due else None,
        "total": speech.money(facts.total, facts.currency),
        "credit": speech.money(facts.credit, facts.currency) if facts.credit else None,
        "retry": _retry(facts, speech),
    }


def _last_day(start: datetime, end: datetime, speech: Speech) -> str:
    """The last day that a period covers, as an invoice has it."""
    first, after = (local(when, speech.zone).date() for when in (start, end))
    return speech.day(max(first, after - timedelta(days=1)))


def _retry(facts: Invoice, speech: Speech) -> str | None:
    return None if facts.retry_at is None else speech.day(facts.retry_at)


def _invitation(stored: Json, _house: House, _speech: Speech) -> Json:
    return {"used": stored.get("used"), "limit": stored.get("limit")}


def _nothing(_stored: Json, _house: House, _speech: Speech) -> Json:
    return {}


_TOLD: Mapping[str, Callable[[Json, House, Speech], Json]] = {
    "subscription": _subscription,
    "invoice": _invoice,
    "invitation": _invitation,
}
