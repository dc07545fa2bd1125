"""The sandbox at work on one transaction: what it remembers, what it enters, and the cards that it charges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, func, insert, select, update

from lifecycle.engine.clock import Clock
from lifecycle.engine.ids import Ids
from lifecycle.gateways.protocol import Charge, GatewayRefused, Outcome, Refund
from lifecycle.gateways.sandbox_cards import Verdict, decide
from lifecycle.gateways.sandbox_tables import cards, entries
from lifecycle.store.among import among

_Row = dict[str, Any]
REMEMBERED = timedelta(hours=24)
"""How long a repeat of a key is answered with the first outcome."""
_LAST = select(func.max(entries.c.place))
_KNOWN = select(entries).where(entries.c.kind == bindparam("kind"), among(entries.c.key)).order_by(entries.c.place)
_NEW = insert(entries)
_CARDS = select(cards.c.token, cards.c.customer, cards.c.script, cards.c.uses).where(among(cards.c.token))
_USED = update(cards).where(cards.c.token == bindparam("card")).values(uses=bindparam("used"))


class Ledger:
    """The entries of these keys: those there were, read at once, and those that are new, written at once."""

    def __init__(
        self, connection: Connection, kind: Literal["charge", "refund"], keys: Sequence[str], clock: Clock, ids: Ids
    ) -> None:
        self.new: list[_Row] = []
        self._connection = connection
        self._kind = kind
        self._clock = clock
        self._ids = ids
        self._place: int = connection.scalar(_LAST) or 0
        self._known: dict[str, list[_Row]] = {}
        for row in connection.execute(_KNOWN, {"kind": kind, "ids": list(keys)}).mappings():
            self._known.setdefault(row["key"], []).append(dict(row))

    def remembered(self, asked: Charge | Refund, content: Mapping[str, object]) -> Outcome | None:
        """The first outcome, where the key has come within a day. Raises GatewayRefused for other content."""
        before = self._known.get(asked.key)
        if not before or self._clock.now() - before[-1]["at"] >= REMEMBERED:
            return None
        if any(before[-1][name] != value for name, value in {**content, "account": asked.account}.items()):
            raise GatewayRefused(f"The key {asked.key} was sent before with other content; take another key.")
        return _outcome(before[-1])

    def enter(self, asked: Charge | Refund, *, reason: str, **values: object) -> Outcome:
        """Make the entry of what was decided."""
        before = self._known.setdefault(asked.key, [])
        row: _Row = {
            **values,
            "place": self._place + len(self.new) + 1,
            "kind": self._kind,
            "key": asked.key,
            "occurrence": len(before) + 1,
            "reference": self._ids.new("pay" if self._kind == "charge" else "ref"),
            "account": asked.account,
            "status": "declined" if reason else "succeeded",
            "reason": reason,
            "at": self._clock.now(),
        }
        before.append(row)
        self.new.append(row)
        return _outcome(row)

    def write(self) -> None:
        """Write what was entered."""
        if self.new:
            self._connection.execute(_NEW, self.new)


@dataclass(slots=True)
class _Card:
    customer: str
    script: str
    uses: int


class Drawer:
    """The cards of these tokens, read at once, and how often each was used, written at once."""

    def __init__(self, connection: Connection, tokens: Sequence[str]) -> None:
        self._connection = connection
        found = connection.execute(_CARDS, {"ids": list(tokens)})
        self._cards = {row.token: _Card(row.customer, row.script, row.uses) for row in found}
        self._used: set[str] = set()

    def decide(self, charge: Charge) -> Verdict:
        """What the charge's card does. Raises GatewayRefused where the customer has no such card."""
        card = self._cards.get(charge.method)
        if card is None or card.customer != charge.customer:
            raise GatewayRefused(f"The customer {charge.customer!r} has no card {charge.method!r} in the sandbox.")
        verdict = decide(card.script, card.uses)
        if verdict.reached:
            card.uses += 1
            self._used.add(charge.method)
        return verdict

    def write(self) -> None:
        """Write how often the cards were used."""
        if self._used:
            rows = [{"card": token, "used": self._cards[token].uses} for token in sorted(self._used)]
            self._connection.execute(_USED, rows)


def _outcome(row: _Row) -> Outcome:
    return Outcome(row["status"], row["reference"], row["amount"], row["at"], row["reason"])
