"""The facts of each machine in their JSON form, as webhooks and handlers are told them, for the published schemas.

A key without a value is left out. When a key changes its meaning or goes, the machine's version is raised.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from lifecycle.domain.shapes import Amount, Anything, Instant, Zone


class TermsShape(TypedDict):
    """The prices of a plan as they were when they were agreed on, per cycle."""

    currency: str
    price: Amount
    seat_price: Amount
    seats_included: int
    seats_min: int
    seats_max: int | None
    credits: int


class ChangeShape(TypedDict):
    """A change that is pending."""

    due_at: Instant
    terms: TermsShape
    plan: NotRequired[str]
    interval: NotRequired[str]
    seats: NotRequired[int]


class SubscriptionShape(TypedDict):
    """A subscription."""

    account: str
    zone: Zone
    family: str
    plan: str
    interval: str
    seats: int
    terms: TermsShape
    phase: Literal["trial", "paid"]
    anchor: Instant
    elapsed: int
    cycle: int
    period_start: Instant
    period_end: Instant
    boundary: Instant
    trial_end: NotRequired[Instant]
    pending: NotRequired[ChangeShape]
    ends_at: NotRequired[Instant]
    credits: NotRequired[int]
    skipped: NotRequired[bool]
    assigned: NotRequired[int]
    remind_at: NotRequired[Instant]
    reminded: NotRequired[bool]
    card_at: NotRequired[Instant]
    card_told: NotRequired[str]


class LineShape(TypedDict):
    """A line of an invoice or a credit note."""

    kind: Literal["plan", "seats", "tokens", "unused", "tax", "forfeited", "to_balance", "to_refund"]
    amount: Amount
    start: Instant
    end: Instant
    quantity: int
    unit_price: Amount
    formula: str
    text: str


class DraftShape(TypedDict):
    """What an invoice begins with."""

    account: str
    subscription: str
    plan: str
    zone: Zone
    reason: Literal["purchase", "renewal", "change", "rest_of_cycle"]
    cycle: int
    currency: str
    start: Instant
    end: Instant
    at: Instant
    lines: list[LineShape]
    total: Amount
    notice: NotRequired[str]


class InvoiceShape(DraftShape):
    """An invoice. `number` and `issued_at` are there from its opening on."""

    credit: NotRequired[Amount]
    order: NotRequired[str]
    attempt: NotRequired[int]
    method: NotRequired[str]
    charge: NotRequired[Literal["asked", "declined", "unknown"]]
    by_hand: NotRequired[bool]
    failures: NotRequired[int]
    failed_at: NotRequired[Instant]
    decline: NotRequired[str]
    retry_at: NotRequired[Instant]
    paid_at: NotRequired[Instant]
    number: NotRequired[str]
    issued_at: NotRequired[Instant]


class NextInvoiceShape(TypedDict):
    """The invoice after the one that a quote is of."""

    date: Instant
    total: Amount


class QuoteShape(TypedDict):
    """What was shown before an order was confirmed."""

    lines: list[LineShape]
    total: Amount
    credit: Amount
    due_now: Amount
    unused: Amount
    forfeited: Amount
    to_balance: Amount
    to_refund: Amount
    credits_carried: int
    credits_lost: int
    trial_given_up: int
    effective_at: Instant
    plan: str
    interval: str
    seats: int
    next_invoice: NotRequired[NextInvoiceShape]
    warnings: list[str]


class OrderArgumentsShape(TypedDict):
    """What a command was asked with."""

    plan: NotRequired[str]
    interval: NotRequired[str]
    seats: NotRequired[int]
    tokens: NotRequired[int]
    at: NotRequired[str]
    trial: NotRequired[bool]
    priced_at: NotRequired[Instant]


class DecisionShape(TypedDict):
    """What takes effect with the charge."""

    state: str
    facts: SubscriptionShape
    effects: list[Anything]


class OrderShape(TypedDict):
    """A command that was quoted, or waits for its charge."""

    account: str
    subscription: str
    event: str
    arguments: OrderArgumentsShape
    currency: str
    total: Amount
    credit: Amount
    quote: QuoteShape
    seq: int
    quoted_at: NotRequired[Instant]
    expires_at: NotRequired[Instant]
    confirmed_at: NotRequired[Instant]
    bill: NotRequired[DraftShape]
    decision: NotRequired[DecisionShape]
    key: NotRequired[str]
    actor: NotRequired[str]
    reason_id: NotRequired[str]
    decline: NotRequired[str]


class CreditNoteShape(TypedDict):
    """What is given back of an invoice. `number` and `issued_at` are there once it is issued."""

    account: str
    subscription: str
    zone: Zone
    currency: str
    at: Instant
    lines: list[LineShape]
    total: Amount
    to: Literal["balance", "refund"]
    number: NotRequired[str]
    issued_at: NotRequired[Instant]


class RefundShape(TypedDict):
    """Money on its way back. `cause` is the id of what it is for, `charge` the key of the one that goes back."""

    account: str
    currency: str
    amount: Amount
    cause: str
    charge: NotRequired[str]
    refunded: NotRequired[Amount]


class AdjustmentShape(TypedDict):
    """What an operator has made of a balance."""

    account: str
    currency: str
    amount: Amount


class AccountShape(TypedDict):
    """An account; who it is stands elsewhere."""

    account: str


class MemberShape(TypedDict):
    """Somebody of an account; who it is stands elsewhere."""

    account: str
    role: Literal["admin", "member"]


class WalletShape(TypedDict):
    """How many tokens an account has used."""

    account: str
    used: int


class InvitationShape(TypedDict):
    """An invitation, without its code."""

    account: str
    used: int
    limit: NotRequired[int]
    expires_at: NotRequired[Instant]


class WebhookShape(TypedDict):
    """A webhook, without its secrets."""

    url: str
    events: list[str]
    description: NotRequired[str]
