"""Charges in one go, with a gateway that takes many: the outcomes of different roots are taken down together.

Only what is asked for the first time goes this way. What is left over, or a batch that fails, the cashier does one by
one, and looks up first whatever may have been asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from lifecycle.app.cashier import Asked, Cashier, asked_for, key_of
from lifecycle.app.context import Context
from lifecycle.domain import invoice as invoices
from lifecycle.engine.outbox import Message
from lifecycle.engine.work import Work
from lifecycle.gateways.protocol import Charge, Outcome
from lifecycle.store import money
from lifecycle.store.transaction import SqlTransaction

TakeMany = Callable[[Sequence[Charge], Callable[[int], None]], Sequence[Outcome | Exception]]
"""A gateway's `charge_many`: what becomes of each, in order; it tells the place of each before it decides it."""
Decided = Callable[[Message], None]
Wanted = list[tuple[Message, Asked]]


class Batches:
    """Charges that are asked for, and answered, together."""

    def __init__(self, context: Context, cashier: Cashier, take: TakeMany) -> None:
        self._context = context
        self._cashier = cashier
        self._take = take

    def charge(self, messages: Sequence[Message], decided: Decided) -> Collection[str]:
        """Charge what is asked for the first time, and take the outcomes down; the ids of those for which that was
        done. `decided` hears of each message before something is decided about it."""
        wanted = self._wanted(messages)
        if len(wanted) < 2:
            return ()
        answers = self._take([asked.charge for _, asked in wanted], lambda place: decided(wanted[place][0]))
        answered = [
            (message, asked, outcome)
            for (message, asked), outcome in zip(wanted, answers, strict=True)
            if isinstance(outcome, Outcome)
        ]
        if not answered:
            return ()

        def job(work: Work[SqlTransaction]) -> None:
            work.lock([message.root_id for message, _, _ in answered])
            connection = work.transaction.connection
            known = money.attempts_by_key(connection, [asked.charge.key for _, asked, _ in answered])
            made = []
            for message, asked, outcome in answered:
                decided(message)
                if asked.charge.key in known and known[asked.charge.key].status in ("succeeded", "declined"):
                    continue
                made.append(self._cashier.answered(work, asked, outcome))
                _, held = work.find(asked.charge.invoice)
                self._cashier.follow(work, asked, outcome, held.facts)
            if work.failures:  # each of them is to be tried again from its own instant
                raise next(iter(work.failures.values()))
            money.put_attempts(connection, made)

        self._context.engine.attempt(job)
        return {message.id for message, _, _ in answered}

    def _wanted(self, messages: Sequence[Message]) -> Wanted:
        """Those that can be asked for at once: a card is there, the invoice waits for this, and no attempt at it is
        known whose outcome is not."""
        told = [message for message in messages if message.payload["method"] is not None]
        ids = {message.payload["invoice"] for message in told}
        with self._context.database.reading() as connection:
            facts = money.invoices_by_id(connection, ids)
            methods = money.methods_by_id(connection, {message.payload["method"] for message in told})
            keys = [key_of(message.payload["invoice"], message.payload["attempt"]) for message in told]
            tried = {one.instance_id for one in money.attempts_by_key(connection, keys).values()}
            tried |= money.unclear(connection, ids)
        wanted: Wanted = []
        for message in told:
            payload = message.payload
            stored, method = facts.get(payload["invoice"]), methods.get(payload["method"])
            if stored is not None and method is not None and payload["invoice"] not in tried:
                account_id, found = stored
                asked = asked_for(payload, invoices.load(found), account_id, method, None)
                if asked.is_open:
                    wanted.append((message, asked))
        return wanted
