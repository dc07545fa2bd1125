"""The shape of `policies:`, for all plans or for one, and how one plan's merge over the defaults."""

from __future__ import annotations

from typing import Annotated, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from lifecycle.config.errors import Path
from lifecycle.config.values import (
    DurationText,
    IntervalText,
    PlanOrAny,
    RefusalCode,
    Section,
    SomeTime,
    Text,
    all_wrong,
    wrong,
)
from lifecycle.domain.policies import (
    ANY,
    CancelPolicy,
    CancelRefund,
    CancelWhen,
    ChangeDay,
    ChangeRule,
    ChangeWhen,
    Direction,
    Dunning,
    Excess,
    Exhausted,
    Policies,
    Proration,
    ProrationPeriod,
    ProrationUnit,
    SeatsDecrease,
    TrialConverts,
    TrialPolicy,
)

_DEFAULT = Policies()
AnySection = TypeVar("AnySection", bound=Section)


class ProrationSettings(Section):
    """`proration:` how unused time is counted."""

    unit: ProrationUnit = _DEFAULT.proration.unit
    change_day: ChangeDay = _DEFAULT.proration.change_day
    excess: Excess = _DEFAULT.proration.excess
    period: ProrationPeriod = _DEFAULT.proration.period


class RuleIntervals(Section):
    """`interval:` of a change rule: from which to which; one left out means any."""

    source: IntervalText | None = Field(default=None, alias="from")
    target: IntervalText | None = Field(default=None, alias="to")


class RuleSettings(Section):
    """One change rule: what it matches, and either `when` or `refuse`."""

    source: PlanOrAny = Field(default=ANY, alias="from")
    target: PlanOrAny = Field(default=ANY, alias="to")
    direction: Direction | None = None
    interval: RuleIntervals = RuleIntervals()
    when: Annotated[list[ChangeWhen], Field(min_length=1)] | None = None
    refuse: RefusalCode | None = None
    message: Text | None = None

    @model_validator(mode="after")
    def _decides_one_thing(self) -> Self:
        if (self.when is None) == (self.refuse is None):
            raise wrong("either `when` (the times allowed) or `refuse` (a code), and not both")
        if self.message is not None and self.refuse is None:
            raise wrong("no message beside `when`: it belongs to `refuse`", at=("message",))
        return self

    def as_rule(self) -> ChangeRule:
        """The rule of the domain."""
        return ChangeRule(
            source=self.source,
            target=self.target,
            direction=self.direction,
            interval_from=self.interval.source,
            interval_to=self.interval.target,
            when=tuple(self.when or ()),
            refuse=self.refuse or "",
            message=self.message or "",
        )


def _each_can_match(change: list[RuleSettings]) -> list[RuleSettings]:
    rules = [rule.as_rule() for rule in change]
    findings: list[tuple[Path, str]] = []
    for later, rule in enumerate(rules):
        cover = next((earlier for earlier in range(later) if rules[earlier].covers(rule)), None)
        if cover is not None:
            findings.append(((later,), f"a rule that can match: rule [{cover}] before it matches all that it does"))
    if findings:
        raise all_wrong(findings)
    return change


class SeatsPolicySettings(Section):
    """`seats:` when fewer seats take effect."""

    decrease: SeatsDecrease = _DEFAULT.seats_decrease


class CancelSettings(Section):
    """`cancel:` when one may cancel, and what comes back."""

    when: list[CancelWhen] = Field(default_factory=lambda: list(_DEFAULT.cancel.when), min_length=1)
    refund: CancelRefund = _DEFAULT.cancel.refund


class TrialPolicySettings(Section):
    """`trial:` how it converts, and the reminder before its end."""

    converts: TrialConverts = _DEFAULT.trial.converts
    reminder: DurationText = _DEFAULT.trial.reminder


class DunningSettings(Section):
    """`dunning:` the delays between attempts, the grace, and what exhaustion does."""

    retries: list[SomeTime] = Field(default_factory=lambda: list(_DEFAULT.dunning.retries))
    grace: DurationText = _DEFAULT.dunning.grace
    exhausted: Exhausted = _DEFAULT.dunning.exhausted


class NoticeSettings(Section):
    """`notices:` how long before a renewal its notice goes."""

    renewal: DurationText = _DEFAULT.renewal_notice


class PolicySettings(Section):
    """`policies:` whole, with the product's defaults for what is left out."""

    proration: ProrationSettings = ProrationSettings()
    change: Annotated[list[RuleSettings], AfterValidator(_each_can_match)] = Field(default_factory=list)
    seats: SeatsPolicySettings = SeatsPolicySettings()
    cancel: CancelSettings = CancelSettings()
    trial: TrialPolicySettings = TrialPolicySettings()
    dunning: DunningSettings = DunningSettings()
    notices: NoticeSettings = NoticeSettings()

    def as_policies(self) -> Policies:
        """The policies of the domain."""
        return Policies(
            proration=Proration(**dict(self.proration)),
            change=tuple(rule.as_rule() for rule in self.change),
            seats_decrease=self.seats.decrease,
            cancel=CancelPolicy(when=tuple(self.cancel.when), refund=self.cancel.refund),
            trial=TrialPolicy(converts=self.trial.converts, reminder=self.trial.reminder),
            dunning=Dunning(
                retries=tuple(self.dunning.retries),
                grace=self.dunning.grace,
                exhausted=self.dunning.exhausted,
            ),
            renewal_notice=self.notices.renewal,
        )


def merged(base: AnySection, over: AnySection) -> AnySection:
    """`base` with what was written in `over`: maps merge, key by key; lists and single values replace."""
    changes: dict[str, object] = {}
    for name in over.model_fields_set:
        below, above = getattr(base, name), getattr(over, name)
        nested = isinstance(below, Section) and isinstance(above, Section)
        changes[name] = merged(below, above) if nested else above
    return base.model_copy(update=changes)
