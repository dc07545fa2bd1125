"""What the verifier says of tokens and of accounts that are closed: nothing where all is well, each damage by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lifecycle import Lifecycle
from lifecycle.verify import verify
from tests.contract.verify_account_damage import DAMAGE
from tests.integration.world import travelling


@pytest.fixture
def shop(database_url: str) -> Iterator[Lifecycle]:
    """An account that has bought 100 tokens, used 30, and was closed."""
    with travelling(database_url, "2026-06-01T00:00:00+00:00") as (lifecycle, _):
        lifecycle.accounts.create("acme", email="ann@acme.test", payment_method=True)
        sub = lifecycle.subscriptions.create("acme", plan="flexible", by="operator").id
        lifecycle.subscriptions.buy_tokens(sub, 100, by="operator")
        lifecycle.tokens.use("acme", 30, by="operator")
        lifecycle.subscriptions.cancel(sub, when="now", by="operator")
        lifecycle.accounts.close("acme", by="operator")
        yield lifecycle


def found(lifecycle: Lifecycle) -> set[str]:
    """The codes of what is found."""
    return {one.code for one in verify(lifecycle.database).findings}


@pytest.mark.parametrize("name", DAMAGE)
def test_each_damage_is_found(shop: Lifecycle, name: str) -> None:
    """By the codes that say what it means (rules D11, A2)."""
    damage, codes = DAMAGE[name]
    assert found(shop) == set()
    with shop.database.writing() as connection:
        damage(connection)
    assert found(shop) >= codes
