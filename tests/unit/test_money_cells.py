"""Every cell of the tables of orders, invoices, credit notes, refunds and adjustments (rules B1, H1), by hand."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from lifecycle.domain import invoice
from lifecycle.domain import order as orders
from lifecycle.domain.machine import Json, Stimulus
from lifecycle.domain.order import Order
from lifecycle.errors import Refused
from tests.unit.machine_world import ACCOUNT, utc
from tests.unit.money_world import DEFINITIONS, INTERPRETERS, Root, bought, root

NOW = utc("2026-07-02")
Column = tuple[str, str]

# In the order of the columns: a target, `!` and a refusal code, or `-` where the event does nothing.
INVOICE_COLUMNS = (
    "draft of an order",
    "draft in a host's transaction",
    "open asked",
    "open declined",
    "open unknown",
    "uncollectible",
    "paid",
    "void",
)
INVOICE = {
    "drafted": "!not_allowed | !not_allowed | !not_allowed | !not_allowed | !not_allowed | !not_allowed"
    " | !already_paid | !void",
    "opened": "open | open | - | - | - | - | - | -",
    "pay": "!not_allowed | !not_allowed | !order_in_progress | open | open | uncollectible | !already_paid | !void",
    "charged": "!not_allowed | !not_allowed | paid | paid | paid | paid | !already_paid | !void",
    "declined": "!not_allowed | !not_allowed | open | open | open | uncollectible | !already_paid | !void",
    "unknown": "!not_allowed | !not_allowed | open | open | open | uncollectible | !already_paid | !void",
    "exhausted": "!not_allowed | !not_allowed | uncollectible | uncollectible | uncollectible | !not_allowed"
    " | !already_paid | !void",
    "voided": "void | void | !not_allowed | !not_allowed | !not_allowed | !not_allowed | !already_paid | !void",
    "retry_due": "- | - | open | open | open | - | - | -",
}
ORDER_COLUMNS = (
    "quoted",
    "quoted for nothing",
    "confirmed",
    "unknown",
    "completed",
    "declined",
    "expired",
    "returned",
)
ORDER = {
    "quoted": "!not_allowed | !not_allowed | !not_allowed | !not_allowed"
    " | !completed | !declined | !quote_expired | !returned",
    "confirmed": "confirmed | completed | !not_allowed | !not_allowed"
    " | !completed | !declined | !quote_expired | !returned",
    "completed": "!not_allowed | !not_allowed | completed | !not_allowed"
    " | !completed | !declined | !quote_expired | !returned",
    "declined": "!not_allowed | !not_allowed | declined | !not_allowed"
    " | !completed | !declined | !quote_expired | !returned",
    "unknown": "!not_allowed | !not_allowed | unknown | !not_allowed"
    " | !completed | !declined | !quote_expired | !returned",
    "found": "!not_allowed | !not_allowed | !not_allowed | returned"
    " | !completed | !declined | !quote_expired | !returned",
    "expired": "expired | expired | - | - | - | - | - | -",
}
REST = {
    "credit_note": (("draft", "issued"), {"issued": "issued | -"}),
    "refund": (("asked", "refunded"), {"asked": "!not_allowed | !refunded", "refunded": "refunded | !refunded"}),
    "adjustment": (("made",), {"credited": "!made", "written_off": "!made", "paid_out": "!made"}),
}
TABLES = {"invoice": (INVOICE_COLUMNS, INVOICE), "order": (ORDER_COLUMNS, ORDER), **REST}
CELLS = [
    (machine, event, column, cells.split(" | ")[place])
    for machine, (columns, rows) in TABLES.items()
    for event, cells in rows.items()
    for place, column in enumerate(columns)
]


# ------------------------------------------------------------------------------------- how to get into each state


def declined_in_july() -> Root:
    """Basic since 1 June, whose renewal on 1 July was declined."""
    here = bought("basic", "2026-06-01")
    here.travel("2026-07-01", None)
    here.answer("declined")
    return here


def asked_in_july() -> Root:
    """Basic since 1 June, whose renewal on 1 July is being charged."""
    here = bought("basic", "2026-06-01")
    here.travel("2026-07-01", None)
    return here


def buying() -> Root:
    """A first purchase that is being charged."""
    here = root()
    here.command("subscribed", "2026-06-01", plan="team", interval="month")
    return here


def in_host() -> Root:
    """Basic since 1 June, whose July began in a host's transaction."""
    here = bought("basic", "2026-06-01")
    here.around = replace(here.around, within_host=True)
    here.until(utc("2026-07-01"))
    here.around = replace(here.around, within_host=False)
    return here


def quoted(due: int) -> Root:
    """An order over so much that can be confirmed."""
    here, bill = root(), buying().newest("order").facts.bill
    facts = Order(ACCOUNT.id, "sub_1", "add_seats", {}, "USD", due, 0, {}, bill=bill if due else None)
    facts = replace(facts, quoted_at=NOW, expires_at=utc("2026-07-03"))
    here.begin("order", "quoted", NOW, orders.dump(facts))
    return here


def answered(here: Root, *outcomes: str) -> Root:
    """The same after these answers of the gateway."""
    for outcome in outcomes:
        here.answer(outcome)
    return here


def given_up() -> Root:
    """A renewal of which all four attempts were declined."""
    here = bought("basic", "2026-06-01")
    here.travel("2026-07-20", "declined")
    return here


def noted(*, in_a_host: bool) -> Root:
    """A credit note of 5.00, to the balance."""
    here = root(within_host=in_a_host)
    line = {
        "kind": "unused",
        "amount": -500,
        "start": NOW.isoformat(),
        "end": NOW.isoformat(),
        "quantity": 1,
        "unit_price": 500,
        "formula": "",
        "text": "",
    }
    note = {"account": ACCOUNT.id, "currency": "USD", "at": NOW.isoformat(), "lines": [line], "total": 500}
    here.begin("credit_note", "issued", NOW, {**note, "to": "balance"})
    return here


def refunding() -> Root:
    """A refund of 5.00 that is asked for."""
    here = root()
    here.begin("refund", "asked", NOW, {"account": ACCOUNT.id, "currency": "USD", "amount": 500, "cause": "inv_1"})
    return here


def adjusted() -> Root:
    """A present of 5.00."""
    here = root()
    here.begin("adjustment", "credited", NOW, {"account": ACCOUNT.id, "currency": "USD", "amount": 500})
    return here


def expired() -> Root:
    """A quote that nobody confirmed."""
    here = quoted(2000)
    here.until(utc("2026-07-03"))
    return here


def returned() -> Root:
    """A purchase of which nothing was heard until the money was found after all."""
    here = answered(buying(), "unknown")
    here.tell("ord_1", "found", "2026-06-02", amount=10000, charge="inv_1:1")
    return here


def refunded() -> Root:
    """A refund that was given back."""
    here = refunding()
    here.give_back()
    return here


WAYS = {
    "draft of an order": buying,
    "draft in a host's transaction": in_host,
    "open asked": asked_in_july,
    "open declined": declined_in_july,
    "open unknown": lambda: answered(asked_in_july(), "unknown"),
    "uncollectible": given_up,
    "paid": lambda: answered(asked_in_july(), "charged"),
    "void": lambda: answered(buying(), "declined"),
    "quoted": lambda: quoted(2000),
    "quoted for nothing": lambda: quoted(0),
    "confirmed": buying,
    "unknown": lambda: answered(buying(), "unknown"),
    "completed": lambda: answered(buying(), "charged"),
    "declined": lambda: answered(buying(), "declined"),
    "expired": expired,
    "returned": returned,
    "draft": lambda: noted(in_a_host=True),
    "issued": lambda: noted(in_a_host=False),
    "asked": refunding,
    "refunded": refunded,
    "made": adjusted,
}
ARGUMENTS: dict[str, Json] = {
    "declined": {"reason": "card_declined"},
    "found": {"amount": 10000, "charge": "inv_1:1"},
    "refunded": {"amount": 500},
    "completed": {"amount": 10000, "charge": "inv_1:1"},
}


@pytest.mark.parametrize(("machine", "event", "column", "expected"), CELLS)
def test_a_cell_answers_as_the_table_says(machine: str, event: str, column: str, expected: str) -> None:
    """Each event in each state; a refusal changes nothing, and asking why not foretells it (rules B1, B2)."""
    here = WAYS[column]()
    here.around = replace(here.around, within_host=False)
    id, one = list(here.all(machine).items())[-1]
    assert column.startswith(one.state)
    stored, stimulus = deepcopy(one.stored), Stimulus(event, NOW, ARGUMENTS.get(event, {}))
    why_not = INTERPRETERS[machine].why_not(one.state, one.facts, stimulus, here.around)
    foretold = "" if why_not is None else {"does_nothing": "-"}.get(why_not.code, f"!{why_not.code}")
    try:
        here.take(id, machine, stimulus)
    except Refused as refused:
        answer = f"!{refused.code}"
    else:
        answer = "-" if foretold == "-" else here.instances[id].state
    assert (answer, foretold) == (expected, "" if expected in INTERPRETERS[machine].matrix.states else expected)
    here.check()
    assert DEFINITIONS[machine].dump(one.facts) == stored


@pytest.mark.parametrize("machine", list(TABLES))
def test_the_tables_are_total(machine: str) -> None:
    """Every state and every event of each class is in the tables above, and nothing else (rule B1)."""
    columns, rows = TABLES[machine]
    matrix = INTERPRETERS[machine].matrix
    assert {column.split()[0] for column in columns} == set(matrix.states)
    assert set(rows) == {*matrix.creations, *matrix.commands, *matrix.deferred}


def test_facts_survive_the_store() -> None:
    """What is not there is left out, and read as not there (rule A7)."""
    for way in WAYS.values():
        for one in way().instances.values():
            assert one.definition.load(one.stored) == one.facts
            assert one.definition.dump(one.facts) == one.stored


def test_an_invoice_is_never_of_less_than_nothing() -> None:
    """Who gives back writes a credit note (rule I7)."""
    facts = bought("basic", "2026-06-01").invoice.facts
    line = replace(facts.lines[0], amount=-1)
    with pytest.raises(ValueError, match="can't come to -1"):
        invoice.invoice([line])
