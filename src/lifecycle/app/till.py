"""What serves the gateway's destinations of the outbox, and hears what a gateway tells by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cached_property

from lifecycle.app.batches import Batches, TakeMany
from lifecycle.app.cashier import GATEWAY, LATE, Cashier
from lifecycle.app.context import Context
from lifecycle.app.payment_methods import PaymentMethods
from lifecycle.app.refunding import Refunding
from lifecycle.engine.outbox import Message, Undeliverable
from lifecycle.errors import LifecycleError
from lifecycle.store import money

__all__ = ["GATEWAY", "LATE", "Till"]


class Till:
    """One for each `Lifecycle`; the gateway is made when something is first asked of it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def deliver(self, message: Message) -> None:
        """Ask the gateway for what a message wants, and take down its answer."""
        match message.kind:
            case "charge":
                self._cashier.charge(message)
            case "look_up":
                self._cashier.look_up(message)
            case "refund":
                self._refunding.refund(message)
            case _:
                raise Undeliverable(f"The gateway knows nothing of {message.kind!r}.")

    def deliver_together(self, messages: Sequence[Message], decided: Callable[[Message], None]) -> Collection[str]:
        """As `DeliverTogether` says: charges, with a gateway that takes many in one go."""
        take = getattr(self._context.gateway, "charge_many", None)
        charges = [message for message in messages if message.kind == "charge"]
        return self._batches(take).charge(charges, decided) if take and charges else ()

    def hear(self, payload: bytes, signature: str, methods: PaymentMethods) -> bool:
        """Take in an event of the gateway; whether it was about something of ours."""
        read = getattr(self._context.gateway, "read_event", None)
        if read is None:
            raise LifecycleError("This gateway tells nothing by itself.", code="webhook_unknown")
        event = read(payload, signature)
        if event is None:
            return False
        if event.kind == "method":
            return self._add(methods, event.customer, event.method)
        return event.kind == "charge" and event.outcome is not None and self._cashier.heard(event.key, event.outcome)

    def _add(self, methods: PaymentMethods, customer: str, token: str) -> bool:
        with self._context.database.reading() as connection:
            account_id = money.account_of(connection, customer)
        if account_id is None:
            return False
        methods.add(account_id, token)
        return True

    @cached_property
    def _cashier(self) -> Cashier:
        return Cashier(self._context, self._context.gateway, self._context.config.gateway.charge_timeout.timedelta)

    def _batches(self, take: TakeMany) -> Batches:
        return Batches(self._context, self._cashier, take)

    @cached_property
    def _refunding(self) -> Refunding:
        return Refunding(self._context, self._context.gateway)
