"""The shape of a scenario file: a class for each command and expectation, with its keys and their kinds."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from lifecycle.config.values import Currency, IntervalText, Section, Text, Zone, wrong
from lifecycle.domain.calendar import Interval
from lifecycle.testing.scenarios.values import (
    Amount,
    Card,
    Destination,
    Instant,
    Length,
    OrNone,
    RuleId,
    Until,
    WhenToChange,
    WhenToEnd,
)

Count = Annotated[int, Field(ge=0)]
Some = Annotated[int, Field(ge=1)]

# Commands


class Nothing(Section):
    """A command without arguments."""


class Account(Section):
    """`account:`; or only its name."""

    name: Text
    zone: Zone | None = None
    currency: Currency | None = None


class Choice(Section):
    """What is chosen of the catalogue."""

    plan: Text | None = None
    interval: IntervalText | None = None
    seats: Some | None = None

    def arguments(self) -> dict[str, Any]:
        """As the API takes them; what is not named stays as it is."""
        said: dict[str, Any] = {"plan": self.plan, "interval": self.interval, "seats": self.seats}
        return {name: str(it) if isinstance(it, Interval) else it for name, it in said.items() if it is not None}


class Subscribe(Choice):
    """`subscribe:`; `as` is the name under which `sub:` finds it."""

    account: Text | None = None
    trial: bool | None = None
    as_: Text | None = Field(default=None, alias="as")


class Change(Choice):
    """`change:`."""

    when: WhenToChange = "next_cycle"


class Cancel(Section):
    """`cancel:`."""

    when: WhenToEnd = "period_end"
    reason: Text | None = None


class Seats(Section):
    """`seats:`; without `when`, more come now, and fewer when the plan's policy says."""

    to: Some
    when: WhenToChange | None = None


class Pay(Section):
    """`pay:`, an invoice's number, or the `last`."""

    invoice: Text = "last"


class Pack(Section):
    """`tokens:`, a pack of so many."""

    pack: Some


class Use(Section):
    """`use:`, one of these."""

    credits: Some | None = None
    tokens: Some | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise wrong("credits or tokens")
        return self


class Members(Section):
    """`members:`, one of these; `grow` with the first two: seats that are missing are bought."""

    add: list[Text] | None = None
    import_: Text | None = Field(default=None, alias="import")
    remove: Text | None = None
    enable: Text | None = None
    disable: Text | None = None
    assign: Text | None = None
    unassign: Text | None = None
    grow: bool | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        acts = self.model_fields_set - {"grow"}
        if len(acts) != 1:
            raise wrong("one of add, import, remove, enable, disable, assign, unassign")
        if self.grow and not acts & {"add", "import_"}:
            raise wrong("grow with add or import", at=("grow",))
        return self


class Balance(Section):
    """`balance:`, by an operator: one of these."""

    credit: Amount | None = None
    write_off: Amount | None = None
    pay_out: Amount | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise wrong("one of credit, write_off, pay_out")
        return self


class Invite(Section):
    """`invite:`; `code` is made up unless given, and `join` finds it."""

    code: Text | None = None
    limit: Some | None = None
    expires: Until | None = None


class Join(Section):
    """`join:`, by a code, the last that was opened unless given."""

    code: Text | None = None
    email: Text


class Confirm(Section):
    """`confirm:` the last quote, perhaps so much later."""

    after: Length | None = None


class Quoted(Section):
    """The command in a `quote:`."""

    subscribe: Subscribe | None = None
    activate: Choice | None = None
    change: Change | None = None
    withdraw_change: Nothing | None = None
    cancel: Cancel | None = None
    withdraw_cancellation: Nothing | None = None
    seats: Seats | None = None
    tokens: Pack | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise wrong(f"one of {', '.join(type(self).model_fields)}")
        return self


class Step(Quoted):
    """One step: a command, an expectation, or both."""

    account: Account | None = None
    card: Card | None = None
    pay: Pay | None = None
    use: Use | None = None
    balance: Balance | None = None
    members: Members | None = None
    invite: Invite | None = None
    revoke: Text | None = None
    close_account: Nothing | None = None
    delete_account: Nothing | None = None
    join: Join | None = None
    hold: Nothing | None = None
    release: Nothing | None = None
    retry: Nothing | None = None
    fire: Nothing | None = None
    skip: Text | None = None
    down: Length | None = None
    run: Literal["scheduler"] | None = None
    travel: Destination | None = None
    quote: Quoted | None = None
    confirm: Confirm | None = None

    expect: dict[str, Any] | None = None
    refused: Text | None = None
    sub: Text | None = None
    by: Text | None = None
    reason: Text | None = None
    key: Text | None = None
    version: Count | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if len(commands := self.model_fields_set - MODIFIERS) > 1:
            raise wrong(f"one command a step, and not {', '.join(sorted(commands))}")
        if not commands and "expect" not in self.model_fields_set:
            raise wrong("a command or an expectation")
        if not commands and self.refused:
            raise wrong("a command that is refused", at=("refused",))
        if self.refused and self.expect:
            raise wrong("an expectation in a step of its own: what is refused changes nothing", at=("expect",))
        return self


MODIFIERS = frozenset({"expect", "refused", "sub", "by", "reason", "key", "version"})

# Expectations


class Pending(Section):
    """A change to come."""

    plan: Text | None = None
    interval: IntervalText | None = None
    seats: Some | None = None
    due: Instant | None = None


class Coming(Section):
    """A deferral."""

    event: Text | None = None
    due: Instant | None = None


class Period(Section):
    """`period:`."""

    start: Instant | None = None
    end: Instant | None = None


class Line(Section):
    """A line of an invoice or a quote; days are local, of the nominal period."""

    kind: Text | None = None
    amount: Amount | None = None
    from_: Instant | None = Field(default=None, alias="from")
    to: Instant | None = None
    quantity: Count | None = None
    unit_price: Amount | None = None
    formula: Text | None = None


class Invoice(Section):
    """An invoice or a credit note."""

    total: Amount | None = None
    credit: Amount | None = None
    due: Amount | None = None
    status: Text | None = None
    number: Text | None = None
    date: Instant | None = None
    retry: Annotated[Instant | None, OrNone] = None
    lines: list[Line] | None = None


class Charges(Section):
    """`charges:`, as the gateway's own ledger says."""

    succeeded: Count | None = None
    failed: Count | None = None
    total: Amount | None = None
    refunded: Amount | None = None


class Expect(Section):
    """`expect:`; only what is named is compared."""

    state: Text | None = None
    standing: Literal["good", "past_due"] | None = None
    plan: Text | None = None
    interval: IntervalText | None = None
    seats: Count | None = None
    access: bool | None = None
    period: Period | None = None
    trial_end: Annotated[Instant | None, OrNone] = None
    ends: Annotated[Instant | None, OrNone] = None
    pending: Annotated[Pending | None, OrNone] = None
    shelved: Annotated[Pending | None, OrNone] = None
    next: Annotated[Coming | None, OrNone] = None
    deferrals: list[Coming] | None = None
    log: list[Text] | None = None
    log_ends: list[Text] | None = None
    invoices: list[Invoice] | None = None
    credit_notes: list[Invoice] | None = None
    invoice: Invoice | None = None
    balance: Amount | None = None
    credits: Count | None = None
    tokens: Count | None = None
    members: list[Text] | None = None
    may_use: dict[Text, bool] | None = None
    notices: list[Text] | None = None
    charges: Charges | None = None
    refusals: dict[Text, Annotated[Text | None, OrNone]] | None = None
    order: Annotated[Text | None, OrNone] = None
    history: Literal["whole"] | None = None


class NextInvoice(Section):
    """`next_invoice:` of a quote."""

    date: Instant | None = None
    total: Amount | None = None


class ExpectQuote(Section):
    """`expect:` of a quote."""

    lines: list[Line] | None = None
    total: Amount | None = None
    credit: Amount | None = None
    due_now: Amount | None = None
    unused: Amount | None = None
    forfeited: Amount | None = None
    to_balance: Amount | None = None
    to_refund: Amount | None = None
    credits_carried: Count | None = None
    credits_lost: Count | None = None
    trial_given_up: Count | None = None
    effective_at: Instant | None = None
    expires_at: Instant | None = None
    next_invoice: Annotated[NextInvoice | None, OrNone] = None
    plan: Text | None = None
    interval: IntervalText | None = None
    seats: Count | None = None
    warnings: list[Text] | None = None


class Scenario(Section):
    """The whole file."""

    scenario: Text
    covers: list[RuleId] = Field(default_factory=list)
    zone: Zone | None = None
    start: Instant
    config: dict[str, Any] = Field(default_factory=dict)
    steps: Annotated[list[Step], Field(min_length=1)]
