"""A shop that tells everybody everything: by mail, by a webhook, and by a handler, which all are trouble.

`open_shop` is in the past: what it leaves behind is due when the daemon starts. `live_through` lives through everything
that customers are told of, by commands, now.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from lifecycle import Lifecycle, SystemClock, Transition, VirtualClock
from lifecycle.app.subscriptions import Said
from lifecycle.engine.clock import Clock

PROJECT = Path(__file__).parents[2]
SEEN = frozenset(
    {
        "subscribed",
        "trial_started",
        "trial_converted",
        "changed",
        "change_scheduled",
        "change_withdrawn",
        "cancellation_scheduled",
        "cancellation_withdrawn",
        "renewed",
        "payment_failed",
        "payment_recovered",
        "ended",
        "seats_changed",
        "tokens_bought",
        "member_invited",
        "invitation_used",
        "password_email",
    }
)
"""The occasions of the stories; reminders, and changes that fail, depend on how far the daemon comes."""


@dataclass(frozen=True, slots=True)
class Where:
    """Where everything is: the database, the receivers' ports, and the folder of what is kept."""

    url: str
    smtp: int
    http: int
    folder: Path

    @property
    def heard(self) -> Path:
        """The handler's book."""
        return self.folder / "heard"

    def as_line(self) -> str:
        """For a process that is told in one line."""
        return json.dumps([self.url, self.smtp, self.http, str(self.folder)])

    @classmethod
    def of(cls, line: str) -> Where:
        """From its line."""
        url, smtp, http, folder = json.loads(line)
        return cls(url, smtp, http, Path(folder))


@contextmanager
def lifecycle_on(where: Where, clock: Clock | None = None) -> Iterator[Lifecycle]:
    """The project's configuration; deliveries are given up soon and tried again soon, and attempts have no end."""
    environ = {
        "LIFECYCLE_DATABASE__URL": where.url,
        "LIFECYCLE_SCHEDULER__HEARTBEAT": "1s",
        "LIFECYCLE_JOBS": '{relay_outbox: {run: "lifecycle_jobs.relay:relay_outbox", every: 1s}}',
        "LIFECYCLE_OUTBOX": "{lease: 3s, attempts: 1000, first_retry: 1s, longest_retry: 1s}",
        "LIFECYCLE_MAIL__USE": "smtp",
        "LIFECYCLE_MAIL__FROM": "shop@shop.test",
        "LIFECYCLE_MAIL__SMTP": f"{{host: 127.0.0.1, port: {where.smtp}, tls: none, timeout: 1s}}",
        "LIFECYCLE_WEBHOOKS": "{http: true, allow: [127.0.0.0/8], timeout: 1s, attempts: 1000, first_retry: 1s, "
        "longest_retry: 1s}",
    }
    lifecycle = Lifecycle.from_config(PROJECT / "config.yaml", clock=clock, environ=environ)
    lifecycle.handler("*", name="crm")(_noting(where.heard))
    try:
        yield lifecycle
    finally:
        lifecycle.close()


def _noting(path: Path) -> Callable[[Transition], None]:
    """A handler that notes what it hears, and fails every third time, before that or after."""
    calls = iter(range(1_000_000))

    def note(transition: Transition) -> None:
        turn = next(calls) % 6
        if turn == 2:
            raise OSError("the CRM is away")
        file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        os.write(file, f"{json.dumps({'id': transition.id, 'digest': transition.event})}\n".encode())
        os.close(file)
        if turn == 5:
            raise OSError("the CRM has gone away")

    return note


def open_shop(where: Where, customers: int) -> None:
    """Customers of forty days ago: of three, one pays, one has a card that is good only once, and one tries and never
    gives a card."""
    with lifecycle_on(where, clock := VirtualClock(SystemClock().now() - timedelta(days=40))) as lifecycle:
        lifecycle.webhooks.add(f"http://127.0.0.1:{where.http}/hook", by="operator")
        for number in range(customers):
            name = f"old-{number}"
            lifecycle.accounts.create(name, email=f"{name}@shop.test")
            if number % 3 < 2:
                lifecycle.payment_methods.add(name, ("ok", "declines_after:1")[number % 3])
                lifecycle.subscriptions.create(name, plan="basic", trial=False, by="system")
            else:
                lifecycle.subscriptions.create(name, plan="basic", by="system")
        clock.move_to(clock.now() + timedelta(hours=1))


def live_through(lifecycle: Lifecycle, name: str) -> None:
    """One customer's story, with all that people are told of at once."""
    said: Said = {"by": "system"}
    lifecycle.accounts.create(name, email=f"{name}@shop.test", payment_method=True)
    subscriptions = lifecycle.subscriptions
    one = subscriptions.create(name, plan="basic", **said).id
    subscriptions.activate(one, **said)
    subscriptions.change(one, plan="team", when="now", **said)
    subscriptions.change(one, plan="basic", when="next_cycle", **said)
    subscriptions.withdraw_change(one, **said)
    subscriptions.add_seats(one, 1, **said)
    subscriptions.cancel(one, **said)
    subscriptions.withdraw_cancellation(one, **said)
    lifecycle.members.add(name, f"bob-{name}@shop.test", subscription=one, **said)
    lifecycle.members.resend_password_email(name, f"bob-{name}@shop.test", **said)
    lifecycle.invitations.open(one, code=f"code-{name}", **said)
    lifecycle.invitations.join(f"code-{name}", f"cy-{name}@shop.test")
    subscriptions.cancel(one, when="now", **said)
    other = subscriptions.create(name, plan="flexible", trial=False, **said).id
    subscriptions.buy_tokens(other, 100, **said)
