"""Which rules hold for the machines that ship; a host's own are judged only by what holds for every machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from lifecycle.verify import account, invitation, invoice, member, notes, order, subscription
from lifecycle.verify.deferrals import Wrong, compared
from lifecycle.verify.reading import readable
from lifecycle.verify.records import Instance, Json, Row


@dataclass(frozen=True, slots=True)
class Rules:
    """Of one machine: its final states, what its facts demand, the name that is taken, what a row and what the facts
    must be."""

    final: frozenset[str]
    demanded: Callable[[str, Json], Mapping[str, datetime]]
    live_key: Callable[[str, Json], str | None]
    row: Callable[[Row, Json, Json], Wrong]
    facts: Callable[[str, Json], Wrong]


_NOTES = (notes.FINAL, notes.demanded, notes.live_key, notes.wrong_with_row)
RULES: Mapping[str, Rules] = {
    invoice.KIND: Rules(invoice.FINAL, invoice.demanded, invoice.live_key, invoice.wrong_with_row, invoice.wrong_with),
    order.KIND: Rules(order.FINAL, order.demanded, order.live_key, order.wrong_with_row, order.wrong_with),
    subscription.KIND: Rules(
        frozenset({subscription.ENDED}),
        subscription.demanded,
        subscription.live_key,
        subscription.wrong_with_row,
        subscription.wrong_with,
    ),
    account.KIND: Rules(
        account.FINAL,
        account.demanded,
        account.no_live_key,
        account.wrong_with_account_row,
        account.wrong_with_account,
    ),
    account.WALLET: Rules(
        account.NEVER,
        account.demanded,
        account.wallet_key,
        account.wrong_with_wallet_row,
        account.wrong_with_wallet,
    ),
    member.KIND: Rules(member.FINAL, member.demanded, member.live_key, member.wrong_with_row, member.wrong_with),
    invitation.KIND: Rules(
        invitation.FINAL,
        invitation.demanded,
        invitation.live_key,
        invitation.wrong_with_row,
        invitation.wrong_with,
    ),
    notes.CREDIT_NOTE: Rules(*_NOTES, notes.wrong_with_credit_note),
    notes.REFUND: Rules(*_NOTES, notes.wrong_with_refund),
    notes.ADJUSTMENT: Rules(*_NOTES, notes.wrong_with_adjustment),
}


def wrong_with_row(row: Row, before: Json, after: Json) -> Wrong:
    """Whether one transition was possible, from the facts before it to those after. Raises Unreadable."""
    if (rules := RULES.get(row.machine)) is None:
        return
    with readable(f"The facts {sorted(after)}"):
        yield from rules.row(row, before, after)
    if row.source in rules.final and row.target != row.source:
        yield "revived", f"It was over, and {row.event} led to {row.target}."


def wrong_with_instance(instance: Instance, deferrals: Mapping[str, datetime]) -> Wrong:
    """Whether what is stored agrees with itself, and has the deferrals it needs. Raises Unreadable."""
    if (rules := RULES.get(instance.machine)) is None:
        return
    state, facts = instance.state, instance.facts
    with readable(f"The facts {sorted(facts)}"):
        yield from rules.facts(state, facts)
        if instance.owner_id != facts["account"]:
            yield "owner", f"It is stored under {instance.owner_id}."
        if instance.live_key != (key := rules.live_key(state, facts)):
            yield "live_key", f"Its live key is {instance.live_key}, not {key}."
        if instance.closed != (state in rules.final):
            yield "closed", f"It is {state}, and is said to be {'over' if instance.closed else 'going on'}."
        yield from compared(rules.demanded(state, facts), deferrals)


def holds_back(instance: Instance, event: str) -> bool:
    """Whether a deferred event of another instance of its root waits for this one: for the charge of an order all do
    (rule B9), for that of an invoice what comes next of the subscription, also before it is asked for (rule C5)."""
    if instance.machine == order.KIND:
        return instance.state == "confirmed"
    waits = event in ("cycle_starts", "change_takes_effect", "end_date_arrives", "reminded")
    return instance.machine == invoice.KIND and waits and invoice.waits(instance.state, instance.facts)
