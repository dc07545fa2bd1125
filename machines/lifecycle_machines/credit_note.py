"""The credit note's state machine: what is given back without an invoice to set it against (rules I7, I8, I19)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from statemachine import State

from lifecycle.domain.effects import Number, Post, Start
from lifecycle.domain.invoicing import line, sum_of
from lifecycle.domain.machine import Effect, Json, Machine
from lifecycle.domain.surroundings import Surroundings
from lifecycle_machines.shapes import CreditNoteShape


class CreditNoteMachine(Machine[Json, Surroundings]):
    """Issued at once; inside a host's transaction it is a draft until a moment later. It never changes.

    Facts: `account`, `subscription`, `currency`, `zone`, `at`, `lines`, `total` (positive), `to` (balance or refund).
    """

    kind = "credit_note"
    prefix = "cn"
    shape = CreditNoteShape
    deferred = ("issued",)
    alone = ("issued",)

    new = State(initial=True)
    draft = State()
    issued = State(final=True)

    new.to(draft, event="issued", cond="must_wait", on="draft_it")
    new.to(issued, event="issued", cond="not must_wait", on="issue")
    draft.to(issued, event="issued", on="issue")

    @classmethod
    def schedule(cls, state: str, facts: Json) -> Mapping[str, datetime]:
        """A draft is issued at once, in a transaction of its own."""
        return {"issued": datetime.fromisoformat(facts["at"])} if state == "draft" else {}

    def must_wait(self) -> bool:
        """The transaction is a part of a host's, where nothing is numbered (rule E4)."""
        return self.context.within_host

    def draft_it(self) -> None:
        """Written as it is."""
        self.become(self._in_hand())

    def issue(self) -> None:
        """Numbered, and the money on its way: to the balance, or back to where it came from."""
        facts = self._in_hand()
        lines, amount, to = [line(one) for one in facts["lines"]], facts["total"], facts["to"]
        books = {
            "revenue": -sum_of(lines, "plan", "seats", "tokens", "unused"),
            "tax": -sum_of(lines, "tax"),
            "balance" if to == "balance" else "refunds": -amount,
        }
        back: dict[str, Any] = {name: facts[name] for name in ("account", "currency")}
        refund: list[Effect] = []
        if to == "refund":
            refund = [Start("refund", "asked", {**back, "amount": amount, "cause": self.instance_id})]
        post = Post(facts["account"], facts["currency"], books)
        self.become(facts, Number(self.context.series.credit_notes), post, *refund)

    def _in_hand(self) -> Json:
        facts: Json | None = self.model.facts
        return dict(self.arguments) if facts is None else facts
