"""A tester beside a shop: clocks are allowed, the gateway is the host's own, and the real time is 1 June 2026, nine."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from lifecycle import Lifecycle
from lifecycle.app.gateway import sandbox_url
from lifecycle.engine.clock import SystemClock, VirtualClock
from lifecycle.gateways.sandbox import SandboxGateway
from lifecycle.store import schema
from lifecycle.store.queries import Step
from lifecycle.verify import verify
from tests.money.shop import Shop

ALLOWED = {"LIFECYCLE_CLOCKS__ALLOWED": "true"}
Told = tuple[str, str, str, str]


class Desk:
    """Where a tester works: a `Lifecycle` of another process on the shop's database; `real` is the shop's clock."""

    def __init__(self, shop: Shop, folder: Path, environ: dict[str, str] | None = None) -> None:
        self.shop = shop
        self.real: VirtualClock = shop.clock
        self.lifecycle = Lifecycle.from_config(
            folder / "config.yaml", clock=self.real, environ={**ALLOWED, **(environ or {})}
        )
        self.clocks = self.lifecycle.clocks
        url = self.lifecycle.database.url.render_as_string(hide_password=False)
        self.sandbox = SandboxGateway(sandbox_url(url), SystemClock())

    def close(self) -> None:
        """Close the connections."""
        self.lifecycle.close()
        self.sandbox.close()

    def account(self, name: str, clock: str | None = "qa", card: str | None = "ok") -> str:
        """An account on a clock, with this card; its id."""
        self.lifecycle.accounts.create(name, email=f"{name}@example.com", clock=clock)
        if card is not None:
            self.lifecycle.payment_methods.add(name, card)
        return self.lifecycle.accounts.get(name).id

    def bought(self, name: str, plan: str = "basic", clock: str | None = "qa", card: str = "ok") -> str:
        """A new account on a clock takes a plan by the month; the subscription's id."""
        self.account(name, clock, card)
        return self.lifecycle.subscriptions.create(name, plan=plan, trial=False, by="host").id

    def told(self, account: str) -> list[Told]:
        """What happened to an account, nominally: when, of what, what, to which state."""
        owner = self.lifecycle.accounts.get(account).id
        return [told(step) for step in self.lifecycle.log(account=owner)]

    def charged(self, account: str) -> list[str]:
        """The charges of an account as the sandbox has them: `06-01 50.00`, or `07-01 card_declined`."""
        rows = self.sandbox.ledger(self.lifecycle.accounts.get(account).id)
        return [f"{row.at:%m-%d} {row.reason or f'{row.amount / 100:.2f}'}" for row in rows if row.kind == "charge"]

    def rows(self) -> dict[str, int]:
        """How many rows each table has, those of testers' names left out."""
        with self.lifecycle.database.reading() as connection:
            tables = [one for one in schema.metadata.sorted_tables if one is not schema.actors]
            return {one.name: len(connection.execute(select(one)).all()) for one in tables}

    def wrong(self, at: datetime | None = None) -> list[str]:
        """The codes of what the verifier finds, the shop's gateway asked too."""
        now = at or self.real.now()
        findings = verify(self.lifecycle.database, now=now, charges=self.shop.till.ledger()).findings
        return [finding.code for finding in findings]


def told(step: Step) -> Told:
    """What happened, nominally."""
    return f"{step.at:%Y-%m-%d %H:%M:%S}", step.machine, step.event, step.target
