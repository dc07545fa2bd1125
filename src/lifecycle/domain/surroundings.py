"""What a step may know besides the facts: the catalogue, the account, and what concerns its money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lifecycle.domain.account import Account, Expiry
from lifecycle.domain.catalog import Catalog
from lifecycle.domain.effects import Post
from lifecycle.domain.invoicing import Line, TaxFunction, taxed
from lifecycle.domain.machine import Effect


@dataclass(slots=True)
class Purse:
    """The balance of an account in its currency, as the transaction in hand has left it so far; in minor units."""

    balance: int = 0


@dataclass(frozen=True, slots=True)
class Series:
    """What the numbers of documents begin with."""

    invoices: str = "INV-"
    credit_notes: str = "CN-"


TEST_SERIES = Series("TEST-", "TEST-CN-")
"""Those of accounts on named clocks, whatever the configuration says."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a step may know besides the facts. The two sets of plan families are filled for a creation only.

    `purse` is shared by all steps of a transaction that concern the account. `within_host`: the transaction is a part
    of a host's, where nothing is numbered or charged. `administrators` is how many members of the account are enabled
    and may command, where a member is concerned, and `tokens` how many the account has left, where they are used.
    """

    catalog: Catalog
    account: Account
    live_families: frozenset[str] = frozenset()
    trial_families: frozenset[str] = frozenset()
    purse: Purse = field(default_factory=Purse)
    tax: TaxFunction | None = None
    series: Series = Series()
    within_host: bool = False
    administrators: int = 0
    tokens: int = 0
    expiry: Expiry | None = None
    """Of the card that is charged, if the account is to be told of it."""

    def taxed(self, lines: Sequence[Line]) -> list[Line]:
        """Lines with the taxes that they bear."""
        return taxed(lines, self.account, self.tax)

    def heed(self, effects: Sequence[Effect]) -> None:
        """Draw on the balance, or add to it, as was decided."""
        self._move(effects, 1)

    def forget(self, effects: Sequence[Effect]) -> None:
        """Take that back."""
        self._move(effects, -1)

    def _move(self, effects: Sequence[Effect], sign: int) -> None:
        for effect in effects:
            if isinstance(effect, Post) and effect.unit == self.account.currency:
                self.purse.balance -= sign * effect.entries.get("balance", 0)  # what the customer has is our debt
