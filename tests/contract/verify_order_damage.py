"""One way to break each promise about orders, attempts and what is due, and all the codes it is found under.

Each does one thing to the busy shop's database and names its victim: an account's root, a series or a unit. Rows are
sealed: the chain is whole again after it, so that what is found is found for what it means.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from lifecycle.store import schema
from tests.contract.verify_money_breaker import Breaker
from tests.unit.machine_world import at, utc

SECOND = timedelta(seconds=1)


def forget_confirmation(breaker: Breaker) -> str:
    """A declined order was never confirmed."""
    return breaker.edit(breaker.one("refused", "order"), "confirmed", confirmed_at=None)


def order_more(breaker: Breaker) -> str:
    """An order is of a dollar more than its invoice."""
    order = breaker.one("refused", "order")
    total = breaker.row_of(order, "confirmed")["changes"]["total"]
    return breaker.edit(order, "confirmed", total=total + 100)


def draft_without_order(breaker: Breaker) -> str:
    """A void invoice is of an order that is not there."""
    return breaker.edit(breaker.one("refused", "invoice"), "drafted", order="ord_x")


def confirm_later(breaker: Breaker) -> str:
    """An order says that it was confirmed a second after it took effect."""
    return breaker.edit(breaker.one("lost_reply", "order"), "confirmed", confirmed_at=at("2026-06-01 09:00:01"))


def decide_otherwise(breaker: Breaker) -> str:
    """What was decided is not what took effect."""
    row = breaker.row_of(breaker.one("lost_reply", "order"), "confirmed")
    decision = row["arguments"]["decision"]
    decision = {**decision, "facts": {**decision["facts"], "seats": 50}}
    return breaker.relog(row, arguments={**row["arguments"], "decision": decision})


def go_on_meanwhile(breaker: Breaker) -> str:
    """Something happens to a subscription whose order is being charged."""
    subscription = breaker.one("charging", "subscription")
    last = breaker.rows(subscription)[-1]
    row = breaker.row_of(subscription, "cycle_starts")
    happened = {"seq": last["seq"] + 1, "event": "use_credits", "cause": "command", "changes": {}, "effects": []}
    breaker.add(schema.log, **(row | happened | {"due_at": last["due_at"], "arguments": {}}))
    breaker.root(subscription, seq=last["seq"] + 1)
    breaker.seal(subscription)
    return subscription


def wake_the_occupied(breaker: Breaker) -> str:
    """The dispatcher looks at a root whose order is being charged."""
    subscription = breaker.one("charging", "subscription")
    breaker.root(subscription, wake_at=utc("2026-10-01 09:00"))
    return subscription


def wake_the_waiting(breaker: Breaker) -> str:
    """The dispatcher looks at a root whose renewal is being charged."""
    subscription = breaker.one("waits", "subscription")
    breaker.root(subscription, wake_at=utc("2026-10-01 09:00"))
    return subscription


def never_retry(breaker: Breaker) -> str:
    """A declined invoice is never tried again."""
    invoice = breaker.one("dunned", "invoice", "open")
    breaker.remove(schema.deferrals, instance_id=invoice)
    root = breaker.root_of(invoice)
    breaker.root(root, wake_at=utc("2026-09-24 09:00"))  # for a reminder
    return root


def retry_an_asked(breaker: Breaker) -> str:
    """An invoice that is being charged is to be tried again."""
    invoice = breaker.one("waits", "invoice", "open")
    root = breaker.root_of(invoice)
    due_at = utc("2026-11-01")
    breaker.add(schema.deferrals, instance_id=invoice, root_id=root, event="retry_due", due_at=due_at)
    return root


def expire_late(breaker: Breaker) -> str:
    """A quote lives a second longer than it says."""
    order = breaker.one("buyer", "order", "quoted")
    due_at = utc("2026-09-01 10:00:01")
    breaker.deferral(order, "expired", due_at=due_at)
    root = breaker.root_of(order)
    breaker.root(root, wake_at=due_at)
    return root


def retry_unasked(breaker: Breaker) -> str:
    """A retry fired a second before it was planned."""
    row = breaker.row_of(breaker.one("exhausts", "invoice", "uncollectible"), "retry_due")
    return breaker.relog(row, due_at=row["due_at"] - SECOND)


def expire_unasked(breaker: Breaker) -> str:
    """A quote expired a second before it said."""
    row = breaker.row_of(breaker.one("buyer", "order", "expired"), "expired")
    return breaker.relog(row, due_at=row["due_at"] - SECOND)


def close_an_open_one(breaker: Breaker) -> str:
    """An invoice that is owed is said to be over."""
    invoice = breaker.one("dunned", "invoice", "open")
    breaker.instance(invoice, closed=True)
    return breaker.root_of(invoice)


def free_a_cycle(breaker: Breaker) -> str:
    """Nothing keeps a second invoice of a cycle away."""
    invoice = str(breaker.instances("lost_reply", "invoice")[1]["id"])
    breaker.instance(invoice, live_key=None)
    return breaker.root_of(invoice)


def give_an_invoice_away(breaker: Breaker) -> str:
    """An invoice is another account's, and its attempts are not."""
    invoice = breaker.one("lost_reply", "invoice")
    breaker.instance(invoice, owner_id=breaker.id("buyer"))
    return breaker.root_of(invoice)


def revive_an_invoice(breaker: Breaker) -> str:
    """What was void is a draft again, says a row more."""
    invoice = breaker.one("refused", "invoice", "void")
    row = breaker.row_of(invoice, "voided")
    last = breaker.rows(row["root_id"])[-1]
    back = {"seq": last["seq"] + 1, "event": "drafted", "source": "void", "target": "draft", "effects": []}
    breaker.add(schema.log, **(row | back | {"changes": {"charge": "asked"}}))
    breaker.facts(invoice, charge="asked")
    breaker.instance(invoice, state="draft", closed=False)
    breaker.root(row["root_id"], seq=last["seq"] + 1)
    breaker.seal(row["root_id"])
    return str(row["root_id"])


def ask_for_more(breaker: Breaker) -> str:
    """An attempt was for a cent more than the invoice."""
    return breaker.attempt(breaker.one("refused", "invoice"), amount=10001)


def misname(breaker: Breaker) -> str:
    """An attempt has a key of another form."""
    invoice = breaker.one("lost_reply", "invoice")
    breaker.change(schema.attempts, {"key": f"{invoice}:1"}, key=f"{invoice}:01")
    return breaker.root_of(invoice)


def forget_a_decline(breaker: Breaker) -> str:
    """The decline that a second attempt has followed is gone."""
    invoice = str(breaker.instances("recovers", "invoice")[1]["id"])
    breaker.remove(schema.attempts, key=f"{invoice}:1")
    return breaker.root_of(invoice)


def attempt_nothing(breaker: Breaker) -> str:
    """An attempt is of an invoice that is not there."""
    made = breaker.read(schema.attempts, {"key": f"{breaker.one('lost_reply', 'invoice')}:1"})
    breaker.add(schema.attempts, **(made | {"key": "inv_x:1", "instance_id": "inv_x"}))
    return "inv_x"


def pay_twice(breaker: Breaker) -> str:
    """The attempt before the one that paid has succeeded too."""
    return breaker.attempt(str(breaker.instances("recovers", "invoice")[1]["id"]), status="succeeded")


def keep_the_money(breaker: Breaker) -> str:
    """A declined order's charge has succeeded."""
    return breaker.attempt(breaker.one("refused", "invoice"), status="succeeded")


def never_pay(breaker: Breaker) -> str:
    """A paid invoice was never charged."""
    invoice = breaker.one("buyer", "invoice")
    breaker.remove(schema.attempts, key=f"{invoice}:1")
    return breaker.root_of(invoice)


def give_back_less(breaker: Breaker) -> str:
    """A refund says that more went back than the gateway gave."""
    refund = breaker.one("kept", "refund")
    return breaker.attempt(refund, amount=299)


def give_back_too_much(breaker: Breaker) -> str:
    """A refund is of a charge that took less."""
    refund, charge = breaker.one("refunded", "refund"), breaker.one("refused", "invoice")
    breaker.attempt(refund, of=f"{charge}:1")
    return refund


DAMAGE: dict[Callable[[Breaker], str], set[str]] = {
    forget_confirmation: {"order_state"},
    order_more: {"order_invoice"},
    draft_without_order: {"order_invoice", "order_disturbed"},
    confirm_later: {"order_effect"},
    decide_otherwise: {"order_effect"},
    go_on_meanwhile: {"order_disturbed"},
    wake_the_occupied: {"wake_at"},
    wake_the_waiting: {"wake_at"},
    never_retry: {"deferral_missing"},
    retry_an_asked: {"deferral_unasked"},
    expire_late: {"deferral_due"},
    retry_unasked: {"not_deferred"},
    expire_unasked: {"not_deferred"},
    close_an_open_one: {"closed"},
    free_a_cycle: {"live_key"},
    give_an_invoice_away: {"owner", "attempt"},
    revive_an_invoice: {"revived", "order_invoice"},
    ask_for_more: {"attempt"},
    misname: {"attempt"},
    forget_a_decline: {"attempt"},
    attempt_nothing: {"orphan"},
    pay_twice: {"paid_twice"},
    keep_the_money: {"paid_twice"},
    never_pay: {"paid_unproved"},
    give_back_less: {"refund"},
    give_back_too_much: {"refund"},
}
