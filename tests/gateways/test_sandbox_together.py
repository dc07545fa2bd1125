"""The sandbox under many at once, and under processes that are killed: money moves once."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count

import pytest

from lifecycle.gateways.sandbox import SandboxGateway, Totals
from tests.contract.threads import at_once
from tests.forking import forker
from tests.gateways import charging
from tests.gateways.till import Till, word

pytestmark = pytest.mark.sampled


def test_sixteen_threads_with_one_key_make_one_payment(till: Till) -> None:
    """All of them get the same outcome, and the ledger has one row."""
    card = till.card("ok")
    outcomes = at_once(16, lambda: till.charge(card))
    assert len(set(outcomes)) == 1
    assert till.gateway.totals("acc_1") == Totals(1, 0, 5000, 0)


def test_a_card_counts_what_comes_at_once(till: Till) -> None:
    """Eight threads with keys of their own charge a card that declines after three: three of them succeed."""
    card, numbers = till.card("declines_after:3"), count()
    said = at_once(8, lambda: word(till.gateway.charge, till.asked(card, f"inv_{next(numbers)}:1")))
    assert sorted(said) == ["card_declined"] * 5 + ["succeeded"] * 3


def test_refunds_at_once_give_back_no_more_than_was_taken(till: Till) -> None:
    """Eight threads with one key give back 50.00 of 50.00, once."""
    paid = till.charge(till.card("ok")).reference
    assert len(set(at_once(8, lambda: till.refund(paid)))) == 1
    assert till.gateway.totals("acc_1").refunded == 5000


def test_the_first_use_may_be_by_several_at_once(shared_url: str) -> None:
    """Four sandboxes begin in one moment on a database without tables: they find one another's customer."""
    clock = Till("sqlite://").clock
    gateways = [SandboxGateway(shared_url, clock) for _ in range(4)]
    turns = iter(gateways)
    assert len(set(at_once(4, lambda: next(turns).customer("acc_1")))) == 1
    for gateway in gateways:
        gateway.close()


def test_a_process_killed_before_the_charge_takes_nothing(shared_url: str) -> None:
    """A look-up finds nothing, and the repeat takes the money."""
    till = Till(shared_url)
    charge = till.asked(till.card("ok"))
    with forker(charging.__name__, shared_url, till.customer, charge.method, charge.key) as process:
        assert process.ask("charge: before") == "killed"
    assert till.gateway.find_charge(charge) is None
    assert till.said(charge) == ["succeeded"]
    till.gateway.close()


def test_a_process_killed_before_it_hears_the_answer_has_taken_the_money(shared_url: str) -> None:
    """A look-up finds it, the repeat by another process gets it, and nothing is taken twice."""
    till = Till(shared_url)
    charge = till.asked(till.card("ok"))
    with forker(charging.__name__, shared_url, till.customer, charge.method, charge.key) as process:
        assert process.ask("charge: taken") == "killed"
        found = till.gateway.find_charge(charge)
        assert process.ask("none") == "done"
    assert found is not None
    assert till.gateway.charge(charge) == found
    assert till.gateway.totals("acc_1") == Totals(1, 0, 5000, 0)
    till.gateway.close()


def test_processes_with_one_key_make_one_payment(shared_url: str) -> None:
    """Three processes charge at once, twice each: one row."""
    till = Till(shared_url)
    charge = till.asked(till.card("ok"))
    with ExitStack() as stack:
        arguments = (shared_url, till.customer, charge.method, charge.key)
        processes = [stack.enter_context(forker(charging.__name__, *arguments)) for _ in range(3)]
        for process in processes:
            process.tell("none")
            process.tell("none")
        assert [process.hear() for process in processes for _ in range(2)] == ["done"] * 6
    assert till.gateway.totals("acc_1") == Totals(1, 0, 5000, 0)
    till.gateway.close()
