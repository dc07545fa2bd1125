"""What the verifier says of tokens and of accounts that are closed: nothing where all is well, each damage by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update

from lifecycle import Lifecycle
from lifecycle.store import schema
from lifecycle.verify import verify
from tests.integration.world import travelling

LEDGER, INSTANCES = schema.ledger, schema.instances


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


def _facts(machine: str, **changed: Any) -> Callable[[Connection], None]:
    def damage(connection: Connection) -> None:
        ours = INSTANCES.c.machine == machine
        facts = connection.execute(INSTANCES.select().where(ours)).mappings().one()["facts"]
        connection.execute(update(INSTANCES).where(ours).values(facts={**facts, **changed}))

    return damage


def _lose_the_purchase(connection: Connection) -> None:
    connection.execute(
        delete(LEDGER).where(LEDGER.c.book.in_(("tokens", "tokens_sold")), LEDGER.c.amount.in_((100, -100)))
    )


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        (_facts("wallet", used=29), {"facts"}),
        (_facts("wallet", used=0), {"facts", "wallet"}),
        (_facts("wallet", name="Ann"), {"facts", "wallet"}),
        (_facts("account", name="Ann"), {"facts", "account"}),
        (_lose_the_purchase, {"posting_missing", "tokens"}),
    ],
    ids=["one use less", "nothing used", "a name in the wallet", "a name in the account", "a purchase that is gone"],
)
def test_each_damage_is_found(shop: Lifecycle, damage: Callable[[Connection], None], codes: set[str]) -> None:
    """By the codes that say what it means (rules D11, A2)."""
    assert found(shop) == set()
    with shop.database.writing() as connection:
        damage(connection)
    assert found(shop) >= codes
