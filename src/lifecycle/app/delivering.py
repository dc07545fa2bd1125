"""How messages get to their destinations: which function serves which, one after the other or in lanes of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from inspect import iscoroutinefunction
from typing import TypeVar

from lifecycle.app.context import Context
from lifecycle.app.handlers import Handlers
from lifecycle.app.lanes import FEW, Lanes
from lifecycle.app.mailer import Mailer, post_of
from lifecycle.app.till import GATEWAY, LATE
from lifecycle.app.webhook_sender import WebhookSender
from lifecycle.app.webhook_sender import terms_of as webhook_terms
from lifecycle.config.model import OutboxSettings
from lifecycle.engine.clock import stopwatch
from lifecycle.engine.outbox import Deliver, DeliverTogether
from lifecycle.engine.relay import Relay, Relayed, Terms
from lifecycle.engine.relay_ahead import RelayAhead
from lifecycle.engine.telling import MAIL
from lifecycle.errors import DefinitionError
from lifecycle.store.outbox import SqlOutbox
from lifecycle.store.subscribers import subscribers
from lifecycle.store.webhooks import PREFIX as WEBHOOK

MONEY = frozenset({GATEWAY, LATE})
ONE = 1
"""How many mails are leased together: what is leased can't be told by another mail."""
Function = TypeVar("Function", bound=Deliver)


class Delivering:
    """The destinations that this process serves. `quiet`: without log lines."""

    def __init__(
        self, context: Context, served: Mapping[str, Deliver], handlers: Handlers, *, quiet: bool = False
    ) -> None:
        self._context = context
        self._quiet = quiet
        self._fixed: dict[str, Deliver] = dict(served)
        self._handlers = handlers
        self._webhooks = WebhookSender(context)
        mails = replace(terms_of(context.config.outbox), attempts=context.config.mail.attempts)
        self._special = {WEBHOOK: webhook_terms(context.config.webhooks), MAIL: mails}
        self.lanes = Lanes()
        self.is_hosts = False
        """Whether a function of the host's serves a destination."""

    def destination(self, name: str) -> Callable[[Function], Function]:
        """Serve a destination with the decorated function. Raises DefinitionError for one that is served already, and
        for a coroutine function."""

        def serve(function: Function) -> Function:
            if name in self._fixed:
                raise DefinitionError(f"The destination {name!r} has a function already.")
            if iscoroutinefunction(function):
                raise DefinitionError(f"The destination {name!r} needs a plain function; call asyncio.run in it.")
            self._fixed[name] = function
            self.is_hosts = True
            return function

        return serve

    def relay(self, *, within: timedelta | None = None) -> Relayed:
        """Deliver until nothing is due, or the time is up."""
        self._context.ready()
        served = dict(self._served())
        mail = served.pop(MAIL, None)
        started = stopwatch()
        done = self._relay(served).run(within)
        if mail is not None:
            left = None if within is None else within - timedelta(seconds=stopwatch() - started)
            done += self._relay({MAIL: mail}).run(left, ONE)
        return done

    def relay_in_lanes(self, *, within: timedelta | None = None) -> Relayed:
        """Begin to deliver what is due, each destination beside the others; what is done for money, which is waited
        for until nothing is due, or the time is up."""
        self._context.ready()
        served, store = self._served(), SqlOutbox(self._context.database)
        money = {name: deliver for name, deliver in served.items() if name in MONEY}
        for name in store.due_destinations(tuple(served), self._context.clock.now()):
            if name not in MONEY:
                limit = ONE if name == MAIL else FEW
                self.lanes.start(name, partial(self._relay, {name: served[name]}), limit)
            elif name == GATEWAY:
                for number in range(1, self._context.config.gateway.at_once):
                    self.lanes.start(f"{name} {number}", partial(self._relay, money))
        return self._relay(money).run(within, FEW)

    def ahead(self, together: Mapping[str, DeliverTogether]) -> RelayAhead:
        """What delivers on a journey in strides; these destinations can take several messages in one go."""
        self._context.ready()
        store, terms = SqlOutbox(self._context.database), terms_of(self._context.config.outbox)
        served, special = self._served(), self._special
        return RelayAhead(store, self._context.clock, served, terms, together=together, special=special)

    def drive(self, root_id: str, messages: Sequence[str] | None = None) -> int:
        """Deliver these messages of a root, or all that wait for the gateway but for those that were just handed to
        somebody."""
        now = dict(self._fixed)  # another thread may just look what is served
        return self._relay(now).drive(root_id, messages, None if messages else (GATEWAY,))

    def next_wake_at(self) -> datetime | None:
        """When the earliest message to a destination that is served is to be looked at; None where none waits."""
        return SqlOutbox(self._context.database).next_wake_at(tuple(self._served()))

    def _served(self) -> Mapping[str, Deliver]:
        """The function of each destination, as it is served now."""
        if self._context.config.mail.is_used and MAIL not in self._fixed:
            self._fixed[MAIL] = Mailer(self._context, post_of(self._context.config)).deliver
        return {**self._fixed, **self._handlers.functions, **self._live_webhooks()}

    def _live_webhooks(self) -> Mapping[str, Deliver]:
        """Those that are not paused now, whoever has added them."""
        with self._context.database.reading() as connection:
            known = subscribers(connection)
        names = [one.name for one in known if one.name.startswith(WEBHOOK) and not one.paused]
        return dict.fromkeys(names, self._webhooks.deliver)

    def _relay(self, served: Mapping[str, Deliver]) -> Relay:
        store, terms = SqlOutbox(self._context.database), terms_of(self._context.config.outbox)
        return Relay(store, self._context.clock, served, terms, quiet=self._quiet, special=self._special)


def terms_of(settings: OutboxSettings) -> Terms:
    """How the configuration has deliveries tried."""
    return Terms(
        lease=settings.lease.timedelta,
        attempts=settings.attempts,
        first_retry=settings.first_retry.timedelta,
        longest_retry=settings.longest_retry.timedelta,
    )
