"""Travelling through what fails: one root's trouble ends nobody else's journey (X11, G4)."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from lifecycle.store import schema
from tests.money.shop import Shop


@pytest.mark.sampled
def test_a_journey_goes_on_where_one_fails(shop: Shop) -> None:
    """Ann's facts can't be read on 1 July, and five tries later she is kept aside; bob renews then and on 1 August."""
    ann = shop.bought("ann", "basic")
    shop.bought("bob", "basic")
    table = schema.instances
    with shop.lifecycle.database.writing() as connection:
        connection.execute(update(table).where(table.c.id == ann).values(facts={"plan": "basic"}))
    shop.on("2026-08-02")
    assert shop.charged("bob") == ["06-01 50.00", "07-01 50.00", "08-01 50.00"]
    assert {one.root_id for one in shop.lifecycle.operations.quarantined()} == {ann}
