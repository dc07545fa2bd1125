"""`lifecycle plans`: what is sold, and under which policies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING

import typer

from lifecycle.cli import options
from lifecycle.cli.output import display, emit, facts, framed, money
from lifecycle.cli.session import configuration

if TYPE_CHECKING:
    from lifecycle.domain.catalog import Plan, Prices
    from lifecycle.domain.policies import ChangeRule


def plans(context: typer.Context, as_json: options.AsJson = False) -> None:
    """Show the plans.

    Their prices, trial, seats and credits, and the policies that are in force for each.
    """
    catalog = configuration(context).catalog
    ranked = sorted(catalog.plans.values(), key=lambda plan: (plan.family, plan.rank))
    if as_json:
        emit([_described(plan) for plan in ranked])
        return
    for plan in ranked:
        title = f"{plan.name} ({plan.id})" if plan.name != plan.id else plan.id
        display(framed(title, facts(_facts(plan))))


def _facts(plan: Plan) -> dict[str, str | None]:
    policies = plan.policies
    dunning, proration = policies.dunning, policies.proration
    retries = ", ".join(str(delay) for delay in dunning.retries) or "never"
    return {
        "family": f"{plan.family}, rank {plan.rank}",
        "prices": _prices(plan.prices),
        "trial": _trial(plan),
        "seats": _seats(plan),
        "credits": _credits(plan),
        "tokens": _tokens(plan),
        "change": "\n".join(_rules(policies.change)) or "at any time",
        "fewer seats": policies.seats_decrease,
        "cancel": f"{', '.join(policies.cancel.when)}; refund {policies.cancel.refund}",
        "proration": f"unit {proration.unit}, change day {proration.change_day}, excess {proration.excess}, "
        f"period {proration.period}",
        "dunning": f"retries after {retries}; grace {dunning.grace}; exhausted: {dunning.exhausted}",
        "notices": f"renewal {policies.renewal_notice} ahead, trial's end {policies.trial.reminder} ahead",
    }


def _trial(plan: Plan) -> str:
    if plan.trial is None:
        return "none"
    return f"{plan.trial.days} days, once per account and family; becomes paid {plan.policies.trial.converts}"


def _prices(prices: Prices) -> str:
    return "\n".join(
        f"{' or '.join(money(amount, currency) for currency, amount in amounts.items())} per {interval}"
        for interval, amounts in prices.items()
    )


def _seats(plan: Plan) -> str:
    seats = plan.seats
    if seats is None:
        return "1"
    most = "any number" if seats.maximum is None else str(seats.maximum)
    more = _prices(seats.prices).replace("\n", "; ")
    return f"{seats.included} included, {seats.minimum} to {most}; one more: {more or 'free'}"


def _credits(plan: Plan) -> str | None:
    granted = plan.credits
    if granted is None:
        return None
    return f"{granted.grant} per cycle; at a renewal {granted.at_renewal}, on an upgrade {granted.on_upgrade}"


def _tokens(plan: Plan) -> str | None:
    packs = (
        f"{number} for {' or '.join(money(amount, currency) for currency, amount in amounts.items())}"
        for number, amounts in plan.token_packs.items()
    )
    return ", ".join(packs) or None


def _rules(rules: tuple[ChangeRule, ...]) -> Iterator[str]:
    """Each rule as a sentence, in the order in which they are asked."""
    for rule in rules:
        about = f"{rule.source} → {rule.target}" if (rule.source, rule.target) != ("*", "*") else "any"
        if rule.direction:
            about += f", {rule.direction}"
        if rule.interval_from or rule.interval_to:
            about += f", {rule.interval_from or 'any'} → {rule.interval_to or 'any'}"
        verdict = f"refused {rule.refuse} {rule.message}".rstrip() if rule.refuse else " or ".join(rule.when)
        yield f"{about}: {verdict}"


def _described(value: object) -> object:
    """A plan and all its parts as JSON: intervals and durations as the configuration writes them."""
    from lifecycle.domain.calendar import Duration, Interval

    if isinstance(value, Interval | Duration):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _described(part) for key, part in value.items()}
    if isinstance(value, tuple):
        return [_described(part) for part in value]
    if is_dataclass(value):
        return {field.name: _described(getattr(value, field.name)) for field in fields(value)}
    return value
