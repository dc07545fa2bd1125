"""A forecast changes nothing and reaches nobody: no row, no gateway, no hook, no line of the log (G3, X90, X91)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from lifecycle import Lifecycle, NotFound, Refused
from lifecycle.store import schema
from tests.money import till as tills
from tests.money.foretelling import brief, comes_true, everything
from tests.money.shop import Shop


class Wary:
    """A gateway that fails the test whatever is asked of it."""

    def __getattr__(self, name: str) -> NoReturn:
        pytest.fail(f"The gateway was asked for {name}.")


@contextmanager
def beside(shop: Shop, folder: Path) -> Iterator[Lifecycle]:
    """Another process on the same database, with a gateway that must not be asked."""
    tills.AT_WORK.append(Wary())  # type: ignore[arg-type]  # it is none
    other = Lifecycle.from_config(folder / "config.yaml", clock=shop.clock, environ={})
    yield other
    other.close()
    tills.AT_WORK.pop()


def crowded(shop: Shop) -> str:
    """All at once: a renewal that is owed, an end to come, a balance, a charge without an answer, and a month without a
    daemon; the id of the subscription that owes."""
    owes = shop.bought("ann", "basic", "declines_after:1")
    shop.lifecycle.subscriptions.cancel(shop.bought("bob", "back"), when="2026-07-20", by="bob")
    shop.lifecycle.balances.credit("bob", 1000, reason="a present")
    eve = shop.bought("eve", "basic")
    shop.on("2026-07-02 09:00")
    shop.line.is_down = True
    shop.change(eve, "pro")
    shop.down_until("2026-08-03 09:00")
    return owes


@pytest.mark.parametrize("declines", [False, True])
def test_no_row_is_changed_and_nobody_is_asked(shop: Shop, tmp_path: Path, declines: bool) -> None:
    """Every table is as before, and so is the gateway's ledger; no hook hears of it, no line is logged."""
    owes = crowded(shop)
    before, asked = everything(shop), list(shop.line.charges)
    with beside(shop, tmp_path) as other, capture_logs() as lines:
        heard: list[str] = []
        other.on("subscription.*")(lambda step: heard.append(step.event))
        everybody = other.forecast(until="+2 months", declines=declines)
        one = other.forecast(owes, until="+2 months", declines=declines)
        assert (heard, lines) == ([], [])
    assert {step.event for step in one.steps} > {"cycle_starts", "opened"}
    assert len(everybody.steps) > len(one.steps)
    assert everything(shop) == before
    assert shop.line.charges == asked


@pytest.mark.sampled
def test_nothing_happens_to_what_is_held(shop: Shop) -> None:
    """Ann is on hold, and the forecast says so; one for bob alone does not speak of her (X92)."""
    ann, bob = shop.bought("ann", "basic"), shop.bought("bob", "basic")
    shop.lifecycle.operations.hold(ann, reason="they dispute it")
    forecast = comes_true(shop, "2026-07-02")
    assert {one.root_id for one in forecast.steps} == {bob}
    assert [(one.root_id, one.status) for one in forecast.still] == [(ann, "held")]
    assert forecast.assumptions[-1] == f"What is held or quarantined stays so, and nothing fires on it: {ann}."
    assert shop.lifecycle.forecast(bob, until="2026-07-03").still == ()


@pytest.mark.sampled
def test_what_would_fail_is_told(shop: Shop) -> None:
    """Facts that nobody can read: ann's renewal fails five times, and would be kept aside; bob's go on, in the forecast
    and in life (X11, X92)."""
    ann, _ = shop.bought("ann", "basic"), shop.bought("bob", "basic")
    table = schema.instances
    with shop.lifecycle.database.writing() as connection:
        connection.execute(update(table).where(table.c.id == ann).values(facts={"plan": "basic"}))
    forecast = comes_true(shop, "2026-08-02")
    assert [(one.root_id, one.status) for one in forecast.still] == [(ann, "quarantined")]
    assert {one.root_id for one in shop.lifecycle.operations.quarantined()} == {ann}
    assert [line for line in brief(forecast) if "charged" in line] == ["07-01 charged 50.00", "08-01 charged 50.00"]


@pytest.mark.sampled
def test_what_is_over_has_no_future(shop: Shop) -> None:
    """An ended subscription is asked about, and nothing happens to it any more."""
    ann = shop.bought("ann", "basic")
    shop.lifecycle.subscriptions.change(ann, plan="team", by="ann")
    shop.lifecycle.subscriptions.cancel(ann, when="now", by="ann")
    for forecast in (
        shop.lifecycle.forecast(ann, until="+1 year"),
        shop.lifecycle.forecast(account="ann", until="+1 year"),
        shop.lifecycle.forecast(until="+1 year"),
    ):
        assert (forecast.steps, forecast.invoices, forecast.totals, forecast.still) == ((), (), (), ())


def test_who_is_not_there_and_what_has_passed(shop: Shop) -> None:
    """Nothing to forecast."""
    shop.account("ann")
    for named in ({"account": "bob"}, {"subscription": "sub_1"}):
        with pytest.raises(NotFound):
            shop.lifecycle.forecast(**named, until="+1d")  # type: ignore[arg-type]  # one of the two
    with pytest.raises(Refused) as refused:
        shop.lifecycle.forecast(account="ann", until="2026-06-01")  # it is nine in the morning
    assert refused.value.code == "invalid"


def test_who_waits_hears_how_far_it_is(shop: Shop) -> None:
    """From nothing to all, and the forecast is the same as that of who does not listen."""
    shop.bought("ann", "basic")
    heard: list[tuple[int, int]] = []
    forecast = shop.lifecycle.forecast(until="2026-09-02", progress=lambda done, of: heard.append((done, of)))
    assert (heard[0], heard[-1]) == ((0, 101), (101, 101))
    assert brief(forecast) == brief(shop.lifecycle.forecast(until="2026-09-02"))
