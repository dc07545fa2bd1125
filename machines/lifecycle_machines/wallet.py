"""The wallet's state machine: what an account has used of the tokens that it has bought."""

from __future__ import annotations

from statemachine import State

from lifecycle.domain.effects import Post
from lifecycle.domain.machine import Json, Machine, refusing
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.shapes import WalletShape


class WalletMachine(Machine[Json, Surroundings]):
    """One for an account, from its first use on (rule D11). Facts: `account`, and how many tokens were `used`."""

    kind = "wallet"
    prefix = "wallet"
    shape = WalletShape

    new = State(initial=True)
    open = State()

    used = new.to(open, cond="tokens_enough", on="use") | open.to(open, cond="tokens_enough", on="use")

    @classmethod
    def live_key(cls, facts: Json) -> str:
        """One for an account."""
        return str(facts["account"])

    @refusing("tokens_exhausted")
    def tokens_enough(self) -> bool:
        """So many tokens are left."""
        wanted: int = self.arguments.get("tokens", 1)
        return self.context.tokens >= wanted

    def use(self) -> None:
        """Take them."""
        account, count = self.context.account.id, self.arguments.get("tokens", 1)
        before: int = self.facts["used"] if self.facts else 0
        post = Post(account, "tokens", {"tokens": -count, "tokens_used": count})
        self.become({"account": account, "used": before + count}, post)
