"""The shape of `catalog:`: plans with their prices, trials, seats, credits and tokens."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from lifecycle.config.errors import Path
from lifecycle.config.policies import PolicySettings, merged
from lifecycle.config.values import (
    Currency,
    Name,
    PackSize,
    Price,
    PricesByInterval,
    Section,
    Text,
    all_wrong,
)
from lifecycle.domain.calendar import Duration
from lifecycle.domain.catalog import Carry, Catalog, CreditTerms, Plan, SeatTerms
from lifecycle.domain.policies import ANY

_MOST_DAYS = 3650
_MOST = 10**9


class TrialSettings(Section):
    """`trial:` of a plan: its length in days of the account's zone."""

    days: int = Field(ge=1, le=_MOST_DAYS)


class SeatSettings(Section):
    """`seats:` of a plan."""

    included: int = Field(default=1, ge=0, le=_MOST)
    min: int = Field(default=1, ge=1, le=_MOST)
    max: int | None = Field(default=None, ge=1, le=_MOST)
    price: PricesByInterval = Field(default_factory=dict)

    @model_validator(mode="after")
    def _within_maximum(self) -> Self:
        if self.max is not None:
            findings: list[tuple[Path, str]] = []
            if self.min > self.max:
                findings.append((("min",), f"at most `max`, which is {self.max}"))
            if self.included > self.max:
                findings.append((("included",), f"at most `max`, which is {self.max}"))
            if findings:
                raise all_wrong(findings)
        return self


class CreditSettings(Section):
    """`credits:` of a plan."""

    grant: int = Field(ge=0, le=_MOST)
    at_renewal: Carry = "reset"
    on_upgrade: Carry = "carry_over"


class TokenSettings(Section):
    """`tokens:` of a plan: the packs it sells, by their number of tokens."""

    packs: Annotated[dict[PackSize, Price], Field(min_length=1)]


class PlanSettings(Section):
    """One plan of the catalogue."""

    name: Text | None = None
    family: Name = "main"
    rank: int = 0
    prices: Annotated[PricesByInterval, Field(min_length=1)]
    trial: TrialSettings | None = None
    seats: SeatSettings | None = None
    credits: CreditSettings | None = None
    tokens: TokenSettings | None = None
    policies: PolicySettings = PolicySettings()

    @model_validator(mode="after")
    def _every_seat_has_a_price(self) -> Self:
        """A plan that prices seats at all prices them in each of its intervals and currencies: 0 is written out."""
        seat_prices = self.seats.price if self.seats else {}
        findings: list[tuple[Path, str]] = [
            (("seats", "price", str(interval)), f"a price for {interval} in {currency}, as the plan has one")
            for interval, price in self.prices.items()
            for currency in price
            if seat_prices and currency not in seat_prices.get(interval, {})
        ]
        if findings:
            raise all_wrong(findings)
        return self

    def as_plan(self, plan_id: str, defaults: PolicySettings) -> Plan:
        """The plan of the domain, its policies merged over the defaults."""
        return Plan(
            id=plan_id,
            name=self.name or plan_id,
            prices=self.prices,
            family=self.family,
            rank=self.rank,
            trial=Duration(days=self.trial.days, seconds=0) if self.trial else None,
            seats=_seat_terms(self.seats) if self.seats else None,
            credits=CreditTerms(**dict(self.credits)) if self.credits else None,
            token_packs=self.tokens.packs if self.tokens else {},
            policies=merged(defaults, self.policies).as_policies(),
        )


class CatalogSettings(Section):
    """`catalog:` whole."""

    currency: Currency
    plans: dict[Name, PlanSettings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _rules_are_about_their_plan(self) -> Self:
        """A plan's rules judge changes from that plan only, so one from another plan would never match."""
        findings: list[tuple[Path, str]] = [
            (
                ("plans", plan_id, "policies", "change", index, "from"),
                f"{plan_id} or '*': these are its own changes",
            )
            for plan_id, plan in self.plans.items()
            for index, rule in enumerate(plan.policies.change)
            if rule.source not in (ANY, plan_id)
        ]
        if findings:
            raise all_wrong(findings)
        return self

    def as_catalog(self, defaults: PolicySettings) -> Catalog:
        """The catalogue of the domain."""
        plans = {plan_id: plan.as_plan(plan_id, defaults) for plan_id, plan in self.plans.items()}
        return Catalog(currency=self.currency, plans=plans, policies=defaults.as_policies())


def _seat_terms(seats: SeatSettings) -> SeatTerms:
    return SeatTerms(included=seats.included, minimum=seats.min, maximum=seats.max, prices=seats.price)
