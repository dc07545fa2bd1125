"""One way to break each promise about tokens and closed accounts, and the codes that it is found under."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, delete, update

from lifecycle.store import schema

LEDGER, INSTANCES = schema.ledger, schema.instances
Damage = Callable[[Connection], None]


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


DAMAGE: dict[str, tuple[Damage, set[str]]] = {
    "one use less": (_facts("wallet", used=29), {"facts"}),
    "nothing used": (_facts("wallet", used=0), {"facts", "wallet"}),
    "a name in the wallet": (_facts("wallet", name="Ann"), {"facts", "wallet"}),
    "a name in the account": (_facts("account", name="Ann"), {"facts", "account"}),
    "a purchase that is gone": (_lose_the_purchase, {"posting_missing", "tokens"}),
}
